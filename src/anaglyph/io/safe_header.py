"""The header of a safetensors file, checked before anything is loaded from it.

The format's library verifies offsets and overlaps; these limits keep a hostile header from costing
memory or time first (`SECURITY.md`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from anaglyph.errors import WeightsError

MAX_HEADER_BYTES = 16 << 20
MAX_TENSORS = 20_000
MAX_NESTING = 50
"""Lists and mappings in one another; whoever walks a header may call itself as often."""


def read_safe_header(path: Path) -> dict[str, Any]:
    """Header of a safetensors file: tensor name -> {dtype, shape, data_offsets}, and `__metadata__`.

    Raises:
        WeightsError: the file is absent, truncated, not safetensors, or beyond the limits.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > size - 8:
                raise WeightsError(
                    f"'{path}' is truncated or no safetensors file: {size} bytes, header of {length}. "
                    f"Copy or write it again."
                )
            if length > MAX_HEADER_BYTES:
                raise WeightsError(
                    f"'{path}' has a header of {length} bytes; at most {MAX_HEADER_BYTES} are read."
                )
            text = file.read(length)
    except OSError as error:
        raise WeightsError(f"cannot read '{path}': {error.strerror}. Check the path.") from error
    return _parsed(text, what=f"'{path}'")


def check_safe_bytes(data: bytes, *, what: str, most: int = MAX_HEADER_BYTES) -> dict[str, Any]:
    """The header of a safetensors file in memory, `most` bytes of it at most; `what` names the file.

    Raises:
        WeightsError: truncated, not safetensors, or beyond the limits.
    """
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > len(data) - 8 or length > most:
        raise WeightsError(
            f"{what} is truncated or no safetensors file: {len(data)} bytes, header of {length}, "
            f"at most {most}."
        )
    return _parsed(data[8 : 8 + length], what=what)


def _parsed(text: bytes, *, what: str) -> dict[str, Any]:
    try:
        header = parse_json(text, what=f"{what}: the header")
    except ValueError as error:
        raise WeightsError(f"{what} is not a safetensors file: its header is not JSON ({error}).") from error
    if not isinstance(header, dict):
        raise WeightsError(f"{what} is not a safetensors file: its header is not a JSON object.")
    if len(header) > MAX_TENSORS + 1:
        raise WeightsError(f"{what} holds {len(header)} tensors; at most {MAX_TENSORS} are read.")
    return header


def parse_json(text: str | bytes, *, what: str) -> Any:
    """JSON of bounded depth.

    Raises:
        ValueError: not JSON.
        WeightsError: deeper than `MAX_NESTING`; `what` names the place.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        level: list[Any] = [text]
    else:
        level = [value]
        for _ in range(MAX_NESTING):
            if not level:
                break
            level = [
                child
                for item in level
                if isinstance(item, dict | list)
                for child in (item.values() if isinstance(item, dict) else item)
            ]
    if level:
        raise WeightsError(f"{what} nests more than {MAX_NESTING} deep. Write the file again.")
    return value
