"""Pictures that backgrounds of made photographs are cut from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import DataError
from anaglyph.io.pictures import read_picture

_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
_MOST = 400
_SIDE = 256


def find_backdrops(root: Path, folder: str) -> list[Path]:
    """Up to 400 picture files below `root / folder`, evenly over their sorted names; none for "".

    Raises:
        DataError: there is no such folder, or no picture in it.
    """
    if not folder:
        return []
    place = root / folder
    files = sorted(path for path in place.rglob("*") if path.suffix.lower() in _SUFFIXES)
    if not files:
        raise DataError(
            f"there are no pictures for backgrounds below '{place}'; name another folder or none."
        )
    return files[:: -(-len(files) // _MOST)]


def read_backdrops(files: list[Path]) -> list[NDArray[np.uint8]]:
    """(256, 256, 3) each, stretched to a square, which backgrounds bear."""
    return [np.ascontiguousarray(read_picture(path, size=_SIDE).transpose(1, 2, 0)) for path in files]
