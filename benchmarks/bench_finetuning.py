"""ModelNet40's training resampling, and a step of fine-tuning, against plain PyTorch.

    python -m benchmarks bench_finetuning

Resampling: 32 clouds of 8,192 points covered by 1,200 farthest ones, a random 1,024 of these handed out
(`data.labelled_clouds`, with the sampler that is installed), against the published loop in batched PyTorch
(plain_point_ops.py). Step: forward, backward and AdamW on 8 clouds of 1,024 points, the paper's network of
22.1 million numbers, by `methods.finetune` in full and with a linear head on a still trunk, against all of
the same network with torch's own loss: what a trunk that need not be learned saves. All run in turn in one
process; times are the smallest, ratio is plain's over ours.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from anaglyph.data.labelled_clouds import LabelledClouds, LabelledSpec
from anaglyph.data.transforms.points import PointAugmentation
from anaglyph.encoders.catalog import create_encoder
from anaglyph.methods.base import Method
from anaglyph.methods.catalog import create_method
from anaglyph.randomness import numpy_generator, seeded, torch_generator
from anaglyph.types import Batch
from benchmarks.plain_point_ops import apart_farthest, plain_farthest

CLOUDS, STORED, COVER, POINTS = 32, 8192, 1200, 1024
STEP_CLOUDS, CLASSES = 8, 40
REPEATS = 3


def run() -> list[dict[str, Any]]:
    """Rows: what, way, ms, ratio to plain PyTorch."""
    return [*resampling(), *steps()]


def resampling() -> list[dict[str, Any]]:
    """The hot spot of ModelNet40 fine-tuning."""
    points = numpy_generator("bench", "clouds").normal(size=(CLOUDS, STORED, 3)).astype(np.float32)
    data = LabelledClouds(
        keys=tuple(map(str, range(CLOUDS))),
        class_names=("one",),
        labels=np.zeros(CLOUDS, dtype=np.int64),
        points=points,
        spec=LabelledSpec(points=POINTS, augmentation=PointAugmentation()),
    )
    given = torch.from_numpy(points)
    draw = torch_generator("bench", "subset")

    def plain(sampler: Callable[[Tensor, int], Tensor]) -> Tensor:
        rows = sampler(given, COVER)
        part = torch.rand(CLOUDS, COVER, generator=draw).argsort(dim=1)[:, :POINTS]
        return given.gather(1, rows.gather(1, part)[..., None].expand(-1, -1, 3))

    ways: dict[str, Callable[[], Any]] = {
        "plain PyTorch": lambda: plain(plain_farthest),
        "plain PyTorch, planes apart": lambda: plain(apart_farthest),
        "ours": lambda: data.batch(range(CLOUDS), epoch=0),
    }
    return rows_of(f"{CLOUDS} x {STORED} -> {COVER} -> {POINTS} points", ways)


def steps() -> list[dict[str, Any]]:
    """One optimiser step of the paper's network."""
    points = torch.randn(STEP_CLOUDS, POINTS, 3, generator=torch_generator("bench", "step"))
    labels = torch.arange(STEP_CLOUDS) % CLASSES
    batch = Batch(
        keys=tuple(map(str, range(STEP_CLOUDS))),
        indices=torch.arange(STEP_CLOUDS),
        points=points,
        labels=labels,
    )
    full, linear = network("full"), network("linear")
    same = network("full")
    everything = torch.optim.AdamW(same.parameters(), lr=1e-5)

    def plain() -> None:
        """All of the graph, whatever learns, and torch's own loss."""
        everything.zero_grad()
        F.cross_entropy(same.logits(batch), labels).backward()  # type: ignore[operator]
        everything.step()

    ways: dict[str, Callable[[], Any]] = {
        "plain PyTorch": plain,
        "ours, full": stepper(full, batch),
        "ours, linear": stepper(linear, batch),
    }
    return rows_of(f"step, {STEP_CLOUDS} clouds of {POINTS} points", ways)


def network(mode: str) -> Method:
    """The paper's."""
    with seeded("bench", "finetune"):
        config = {"classes": [str(n) for n in range(CLASSES)], "mode": mode}
        config |= {} if mode == "full" else {"learned_tokens": False, "still_trunk": True}
        method = create_method(
            "finetune", config, encoders={"shape": create_encoder("point_mae")}, objects=STEP_CLOUDS
        )
    return method.train()


def stepper(method: Method, batch: Batch) -> Callable[[], None]:
    """An optimiser step on what learns."""
    optimiser = torch.optim.AdamW(method.param_groups(), lr=1e-5)

    def step() -> None:
        optimiser.zero_grad()
        method.training_step(batch).loss.backward()
        optimiser.step()

    return step


def rows_of(what: str, ways: dict[str, Callable[[], Any]]) -> list[dict[str, Any]]:
    """Every way in turn, `REPEATS` times after one that warms up."""
    best = dict.fromkeys(ways, float("inf"))
    for repeat in range(REPEATS + 1):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            if repeat:
                best[name] = min(best[name], time.perf_counter() - began)
    base = best["plain PyTorch"]
    return [
        {"what": what, "way": name, "ms": 1000 * each, "ratio": base / each} for name, each in best.items()
    ]
