"""JSON annotations of data sets: read with messages that name the file, the record and the field."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from anaglyph.errors import DataError


def read_json(path: Path, *, obtain: str) -> Any:
    """The value in a JSON file; DataError, with where to get it, when there is none."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise DataError(f"there is no file '{path}'. {obtain}") from error
    except OSError as error:
        raise DataError(f"cannot read '{path}': {error.strerror}. Check the path.") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"'{path}' is no JSON, or is cut off ({error}). {obtain}") from error


def rows_of(value: Any, name: str, *, where: Path) -> list[Mapping[str, Any]]:
    """The list of mappings `name` in a mapping, or a list of mappings itself where `name` is empty."""
    rows = value.get(name) if name and isinstance(value, Mapping) else value
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        what = f"'{name}' of '{where}'" if name else f"'{where}'"
        raise DataError(f"{what} must be a list of records; is this the right file?")
    return rows


def text_of(record: Mapping[str, Any], field: str, *, where: str) -> str:
    """A text field; DataError naming the record."""
    value = record.get(field)
    if not isinstance(value, str) or not value:
        raise DataError(f"{where} has {field}={value!r}; it must be a text.")
    return value


def path_of(record: Mapping[str, Any], field: str, *, where: str) -> str:
    """A path within the data set's folder; DataError naming the record for one that could leave it."""
    value = text_of(record, field, where=where)
    parts = value.split("/")
    if value.startswith("/") or "\\" in value or ":" in parts[0] or ".." in parts or not value.isprintable():
        raise DataError(f"{where} has {field}={ascii(value)[:120]}; it must be a path within the data set.")
    return value


def number_of(record: Mapping[str, Any], field: str, *, where: str) -> float:
    """A finite number; DataError naming the record."""
    value = record.get(field)
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise DataError(f"{where} has {field}={value!r}; it must be a finite number.")
    return float(value)


def numbers_of(value: Any, count: int) -> tuple[float, ...] | None:
    """`count` finite numbers from a list, None where it is something else."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != count:
        return None
    good = all(isinstance(each, int | float) and math.isfinite(each) for each in value)
    return tuple(float(each) for each in value) if good else None


def one_word(*parts: str) -> str:
    """An id from parts joined by '/': white space becomes '_', and '/' within a part '-'."""
    return "/".join("_".join(part.replace("/", "-").split()) for part in parts)
