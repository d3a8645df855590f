"""How fast the packaged model embeds shapes, pictures and words, one at a time and 32 at a time.

    python -m benchmarks bench_mini

Clouds of 1,024 coloured points, pictures of 96 pixels, texts of four words, all made up; reading files and
drawing views is not in it. Times are the smallest of five, in milliseconds an item.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from anaglyph.encoders.spaces.open import open_space
from anaglyph.randomness import torch_generator

REPEATS = 5
WORDS = "a small red chair"


def run() -> list[dict[str, Any]]:
    """Rows: what, items at a time, milliseconds an item, items per second."""
    space = open_space("mini", root=Path(), device="cuda" if torch.cuda.is_available() else "cpu")
    generator = torch_generator(0, "bench_mini")
    clouds = torch.rand(32, 1024, 6, generator=generator) - torch.tensor([0.5] * 3 + [0.0] * 3)
    pictures = torch.rand(32, 3, 96, 96, generator=generator)
    texts = [WORDS] * 32
    asked: list[tuple[str, Callable[[int], object]]] = [
        ("shapes", lambda count: space.shapes(clouds[:count])),
        ("pictures", lambda count: space.pictures(pictures[:count])),
        ("words", lambda count: space.texts(texts[:count])),
    ]
    rows = []
    for what, embed in asked:
        for count in (1, 32):
            seconds = fastest(lambda embed=embed, count=count: embed(count)) / count  # type: ignore[misc]
            rows.append({"what": what, "at a time": count, "ms": 1e3 * seconds, "per second": 1 / seconds})
    return rows


def fastest(embed: Callable[[], object]) -> float:
    """Seconds of the fastest of several calls, after one that is not timed."""
    embed()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        embed()
        times.append(time.perf_counter() - start)
    return min(times)
