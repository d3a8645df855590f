"""captions.csv: which models a folder has, what they look like in words, and where they belong.

    file,caption,category,split
    chairs/oak.glb,an oak chair with armrests,chair,train
    chairs/oak.glb,a wooden seat,chair,train

Only `file` and `caption` are needed. Several lines of one file are several captions; an empty caption says
that there is none. What a line says of `category` and `split` must be the same in all lines of a file.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from anaglyph.data.datasets.annotation_files import one_word, path_of
from anaglyph.data.datasets.bad_records import listed
from anaglyph.data.source import SPLITS, Split
from anaglyph.errors import DataError, unknown_name
from anaglyph.geometry.load import SUPPORTED

_COLUMNS = ("file", "caption")
_LONGEST_FIELD = 20_000
MANY = 1_000_000
"""Lines at most."""


@dataclass(frozen=True, kw_only=True)
class CaptionedModel:
    """One model."""

    key: str
    """Its path below the folder, white space as '_'."""
    path: Path
    captions: tuple[str, ...]
    category: str
    """Empty where the table has no such column."""
    split: Split | None
    """None where the table does not say."""


def read_captions(table: Path, folder: Path, *, obtain: str) -> list[CaptionedModel]:
    """The models of a table, in the order of their first lines.

    Raises:
        DataError: no table, missing columns, a line that is damaged or contradicts another one, a file that
            is not there, of no known format or outside the folder; the line is named.
    """
    found: dict[str, CaptionedModel] = {}
    for number, row in _rows(table, obtain=obtain):
        where = f"'{table}' line {number}"
        model = _model(row, folder, where=where)
        known = found.setdefault(model.path.as_posix(), replace(model, captions=()))
        if replace(known, captions=()) != replace(model, captions=()):
            raise DataError(
                f"{where} says category '{model.category}' and split '{model.split}' of '{model.key}', an "
                f"earlier line '{known.category}' and '{known.split}'. Make them the same."
            )
        found[model.path.as_posix()] = replace(known, captions=(*known.captions, *model.captions))
    if not found:
        raise DataError(f"'{table}' has no lines; give every model one. {obtain}")
    absent = [
        model.path.relative_to(folder).as_posix() for model in found.values() if not model.path.is_file()
    ]
    if absent:
        raise DataError(
            f"'{table}' names {len(absent)} files that are not in '{folder}': {listed(absent)}. Add them, or "
            f"take their lines out."
        )
    return list(found.values())


def _rows(table: Path, *, obtain: str) -> list[tuple[int, Mapping[str, str | None]]]:
    """Line numbers and fields."""
    rows: list[tuple[int, Mapping[str, str | None]]] = []
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:  # spreadsheets write a byte order mark
            reader = csv.DictReader(file, strict=True)
            missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise DataError(
                    f"'{table}' has the columns {', '.join(reader.fieldnames or ()) or 'none'}; it needs "
                    f"{' and '.join(missing)}. Separate them by commas."
                )
            for row in reader:
                rows.append((reader.line_num, row))
                if len(rows) > MANY:
                    raise DataError(f"'{table}' has more than {MANY:,} lines; split it into several folders.")
    except FileNotFoundError as error:
        raise DataError(f"there is no file '{table}'. {obtain}") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"cannot read '{table}' after line {rows[-1][0] if rows else 1}: {error}. Save it as UTF-8 text "
            f"with commas, a text that holds commas or quotes in double quotes."
        ) from error
    return rows


def _model(row: Mapping[str, str | None], folder: Path, *, where: str) -> CaptionedModel:
    texts = {name: value for name, value in row.items() if name is not None}
    if None in row or any(value is None for value in texts.values()):
        raise DataError(
            f"{where} has {'more' if None in row else 'fewer'} fields than the first line has columns; a "
            f"text that holds a comma needs double quotes around it."
        )
    if any(len(value or "") > _LONGEST_FIELD for value in texts.values()):
        raise DataError(f"{where} has a field of more than {_LONGEST_FIELD} characters; is a quote missing?")
    place = path_of(texts, "file", where=where)
    if Path(place).suffix.lower() not in SUPPORTED:
        raise DataError(f"{where} names '{place}', which is none of {', '.join(sorted(SUPPORTED))}.")
    caption = " ".join((texts["caption"] or "").split())
    category = _category(texts, where=where)
    split = (texts.get("split") or "").strip()
    if split and split not in SPLITS:
        raise DataError(f"{where}: {unknown_name('split', split, SPLITS)}")
    return CaptionedModel(
        key=one_word(*place.split("/")),
        path=folder / place,
        captions=(caption,) if caption else (),
        category=category,
        split=split or None,
    )


def _category(row: Mapping[str, str | None], *, where: str) -> str:
    if "category" not in row:
        return ""
    category = " ".join((row["category"] or "").split())
    if not category:
        raise DataError(f"{where} has no category; fill it in, or take the column out of the table.")
    return category
