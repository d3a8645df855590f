"""float16 -> float32 faster than NumPy does it: view vectors are converted for every page of hits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SIGN, _REST = np.uint32(0x8000), np.uint32(0x7FFF)
_SCALE = np.float32(2.0**112)


def floats(halves: NDArray[np.float16]) -> NDArray[np.float32]:
    """The same finite numbers: bits put in place, then the exponent moved from one bias to the other."""
    bits = np.ascontiguousarray(halves).view(np.uint16).astype(np.uint32)
    moved = ((bits & _SIGN) << np.uint32(16)) | ((bits & _REST) << np.uint32(13))
    return np.asarray(moved.view(np.float32) * _SCALE)
