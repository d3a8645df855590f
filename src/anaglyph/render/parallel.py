"""Cameras shared between threads, while every operation of torch stays on the thread that calls it.

Rendering is thousands of short operations. Split between threads by torch itself, each of them would wait for
the slowest, which on a busy machine costs many times what it gains.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from anaglyph.ops.fast.threads import spread

Task = TypeVar("Task")


def for_each(work: Callable[[Task], None], tasks: Sequence[Task], *, device: torch.device) -> None:
    """`work` of every task, on the CPU on as many threads as torch uses."""
    if device.type != "cpu":
        for task in tasks:
            work(task)
        return
    threads = torch.get_num_threads()

    def alone(task: Task) -> None:
        torch.set_num_threads(1)  # holds for the calling thread, and for threads yet to come
        work(task)

    try:
        spread(alone, tasks, nanoseconds=float("inf"))
    finally:
        torch.set_num_threads(threads)
