"""Sharing kernel calls between threads, which live for one operation only: nothing is left over to fork."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import torch

Task = TypeVar("Task")
Result = TypeVar("Result")

SMALL = 1_000_000
"""Estimated nanoseconds of work below which starting threads costs more than it saves."""


def spread(work: Callable[[Task], Result], tasks: Sequence[Task], *, nanoseconds: float) -> list[Result]:
    """`work` of every task, in order, on as many threads as torch uses; inline where that is as fast."""
    threads = min(torch.get_num_threads(), len(tasks))
    if threads <= 1 or nanoseconds < SMALL:
        return [work(task) for task in tasks]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, tasks))


def shares(clouds: int) -> list[slice]:
    """A batch in parts, two for every thread: kernels that return often would wait for the GIL."""
    parts = max(1, min(clouds, 2 * torch.get_num_threads()))
    return [slice(clouds * part // parts, clouds * (part + 1) // parts) for part in range(parts)]


def ranges(clouds: int, rows: int, *, least: int) -> list[tuple[int, int, int]]:
    """(cloud, first row, last row) pieces of at least `least` rows, about four for every thread."""
    pieces = max(1, min(-(-4 * torch.get_num_threads() // max(1, clouds)), rows // least))
    edges = [rows * piece // pieces for piece in range(pieces + 1)]
    return [(cloud, *edge) for cloud in range(clouds) for edge in pairwise(edges)]
