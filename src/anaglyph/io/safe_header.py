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
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WeightsError(
            f"'{path}' is not a safetensors file: its header is not JSON ({error})."
        ) from error
    if not isinstance(header, dict):
        raise WeightsError(f"'{path}' is not a safetensors file: its header is not a JSON object.")
    if len(header) > MAX_TENSORS + 1:
        raise WeightsError(f"'{path}' holds {len(header)} tensors; at most {MAX_TENSORS} are read.")
    return header
