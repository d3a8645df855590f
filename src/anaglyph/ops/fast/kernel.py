"""How the kernels of this folder are compiled: by numba (extra `fast`), without the GIL, cached on disk.

A kernel works on a range of clouds or of queries, so that Python threads can share the work. numba's own
parallel loops are not used: their OpenMP layer dies in forked data workers, the other is not thread safe.
numba looks at the file of a kernel alone to see whether its cache is stale: after an edit of `lanes.py` or
`buckets.py` touch the files that use them, or delete `__pycache__`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile for exact arithmetic: every float32 operation rounded as written, none of them fused."""
    return _compile(function, {})


def loose_kernel(function: Function) -> Function:
    """Compile for finite numbers whose sums may be reordered; minima and maxima stay exact."""
    return _compile(function, {"fastmath": {"nnan", "nsz", "reassoc"}})


def _compile(function: Function, options: dict[str, Any]) -> Function:
    compiled: Function
    try:
        compiled = numba.njit(nogil=True, cache=True, **options)(function)
    except RuntimeError:  # no folder to write a cache to; the kernel is then compiled in every process
        compiled = numba.njit(nogil=True, **options)(function)
    return compiled
