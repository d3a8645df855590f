"""How the kernels of this folder are compiled: by numba (extra `fast`), without the GIL, cached on disk.

A kernel works on a range of clouds or of queries, so that Python threads can share the work. numba's own
parallel loops are not used: their OpenMP layer dies in forked data workers, the other is not thread safe.

numba compares a cached kernel with its own file only, while kernels call those of other files here. So the
name under which a kernel is cached holds a digest of all of them: after any edit or update it is a new one.
"""

from __future__ import annotations

import functools
import hashlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

logger = logging.getLogger(__name__)

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile for exact arithmetic: every float32 operation rounded as written, none of them fused."""
    return _compile(function, {})


def loose_kernel(function: Function) -> Function:
    """Compile for finite numbers whose sums may be reordered; minima and maxima stay exact."""
    return _compile(function, {"fastmath": {"nnan", "nsz", "reassoc"}})


def digest_of(folder: Path) -> str:
    """16 hexadecimal digits that change with any Python file of a folder."""
    files = sorted(folder.glob("*.py"))
    lines = (f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n" for file in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


@functools.cache
def _sources() -> str:
    return digest_of(Path(__file__).parent)


def _compile(function: Function, options: dict[str, Any]) -> Function:
    function.__qualname__ = f"{function.__qualname__}-{_sources()}"  # names the files of the cache
    compiled: Function
    try:
        compiled = numba.njit(nogil=True, cache=True, **options)(function)
    except RuntimeError:
        _say_uncached()
        compiled = numba.njit(nogil=True, **options)(function)
    return compiled


@functools.cache
def _say_uncached() -> None:
    """Once in a process."""
    logger.warning(
        "no folder to keep compiled kernels in: the first call of a point operation takes seconds in every "
        "process; set NUMBA_CACHE_DIR to a folder that can be written, or use backend='torch'"
    )
