"""Samples per second and peak memory of a MixCon3D step, whole and in four parts, against plain PyTorch.

    python -m benchmarks bench_contrastive

Clouds of 10,000 coloured points, augmented as in the paper, 4 of 12 views and a text of 1280 numbers each,
all made up; PPAT of scaling 1 on a CPU, of scaling 3 on a GPU. "ours" is the engine's step on the method
`mixcon3d`, "plain" the published way on the same encoder (plain_contrast.py): in K parts it encodes all K
twice and takes the loss K times, where we encode K - 1 twice and take it once. Both run in turn in one
process on batches made beforehand, times are the smallest; ratio is plain's time over ours. Peak MB is the
most memory of a GPU, or how far the resident set grew in one step (Linux). "wait" is the share of a loop's
time that goes by before a batch is there, made in the same process (0) or by one worker (1). "compiled" has
the encoder compiled, where there is a compiler; "prepared" is what that costs once, in seconds.
"""

from __future__ import annotations

# ruff: noqa: E402 - the allocator is set before torch is imported
from anaglyph.cli.allocator import keep_freed_memory

keep_freed_memory()

import ctypes
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric

from anaglyph.data.array_records import ArrayRecords
from anaglyph.data.embedded import EmbeddedObjects
from anaglyph.data.loader import epoch_parts
from anaglyph.data.transforms.clouds import CloudPipeline
from anaglyph.encoders.catalog import create_encoder
from anaglyph.engine.accumulate import InsideMethod, accumulated_gradients, whole_gradients
from anaglyph.engine.compile import compile_encoders, require_compiler
from anaglyph.engine.optimiser import build_optimiser, gradient_norm
from anaglyph.engine.recipe import OptimiserSpec
from anaglyph.errors import ConfigError
from anaglyph.methods.base import Method
from anaglyph.methods.catalog import create_method
from anaglyph.randomness import numpy_generator, seeded
from anaglyph.types import Batch
from benchmarks.plain_contrast import PlainMixCon3D, PlainStep

WIDTH, POINTS, VIEWS = 1280, 10_000, 12
PARTS = 4
STEPS = 2
"""Timed, after one that is not; on a GPU ten times as many."""
Step = Callable[[Sequence[Batch]], None]


def run() -> list[dict[str, Any]]:
    """Rows: what, precision, parts, samples per second of ours and plain, their ratio, peaks, wait."""
    gpu = torch.cuda.is_available()
    device = torch.device("cuda" if gpu else "cpu")
    batch, scaling = (256, 3) if gpu else (16, 1)
    steps = 10 * STEPS if gpu else STEPS
    data = made_up(4 * batch)
    rows = []
    for dtype in (torch.float32, torch.bfloat16):
        for parts in (1, PARTS):
            batches = next(epoch_parts(data, parts=parts, seed=0, epoch=0, batch=batch))
            ours, plain = our_step(dtype, device, scaling), plain_step(dtype, device, scaling)
            rates = in_turn((ours, plain), batches, steps=steps, batch=batch)
            rows.append(
                {
                    "what": f"PPAT scaling {scaling}, batch {batch}",
                    "precision": str(dtype).removeprefix("torch."),
                    "parts": parts,
                    "ours": rates[0],
                    "plain": rates[1],
                    "ratio": rates[0] / rates[1],
                    "ours_peak_mb": peak_megabytes(ours, batches, device),
                    "plain_peak_mb": peak_megabytes(plain, batches, device),
                    "wait_0": waiting(ours, data, parts=parts, batch=batch, workers=0),
                    "wait_1": waiting(ours, data, parts=parts, batch=batch, workers=1),
                    "compiled": "",
                    "prepared": "",
                }
            )
    rows[0] |= compiled(
        device, scaling, next(epoch_parts(data, parts=1, seed=0, epoch=0, batch=batch)), steps
    )
    return rows


def made_up(objects: int) -> EmbeddedObjects:
    """Objects of random numbers, as large as OpenShape's."""
    random = numpy_generator("benchmark of contrast")
    return EmbeddedObjects(
        records=ArrayRecords(
            keys=tuple(map(str, range(objects))),
            points=random.random((objects, POINTS, 6), dtype=np.float32),
            images=random.standard_normal((objects, VIEWS, WIDTH), dtype=np.float32),
            texts=random.standard_normal((objects, WIDTH), dtype=np.float32),
        ),
        class_names=("one",),
        labels=np.zeros(objects, dtype=np.int64),
        clouds=CloudPipeline.mixcon3d(points=POINTS),
    )


def our_step(dtype: torch.dtype, device: torch.device, scaling: int, *, compile_it: bool = False) -> Step:
    """The engine's step, as its loop takes it."""
    with seeded("benchmark of contrast"):
        encoder = create_encoder("ppat", scaling=scaling, embed_dim=WIDTH)
        method: Method = create_method("mixcon3d", {}, encoders={"shape": encoder}, objects=1)
    if compile_it:
        compile_encoders(method)
    precision = "bf16-mixed" if dtype == torch.bfloat16 else "32-true"
    fabric = Fabric(accelerator="gpu" if device.type == "cuda" else "cpu", devices=1, precision=precision)
    wrapped = fabric.setup_module(InsideMethod(method))
    optimiser = fabric.setup_optimizers(build_optimiser(method, OptimiserSpec(lr=1e-5, weight_decay=0.01)))
    trainable = [p for p in method.parameters() if p.requires_grad]
    statistics = [b for name, b in method.student.named_buffers() if "running" in name]
    method.train()

    def step(parts: Sequence[Batch]) -> None:
        optimiser.zero_grad(set_to_none=True)
        if len(parts) == 1:
            with seeded(0):
                whole_gradients(parts[0].to(device), fabric=fabric, wrapped=wrapped)
        else:
            accumulated_gradients(
                parts,
                fabric=fabric,
                wrapped=wrapped,
                drawing=lambda part: seeded(0, part),
                statistics=statistics,
            )
        gradient_norm(trainable, clip=None)
        optimiser.step()
        with torch.no_grad():
            method.after_step()

    return step


def plain_step(dtype: torch.dtype, device: torch.device, scaling: int) -> Step:
    """The published way on the same encoder."""
    with seeded("benchmark of contrast"):
        encoder = create_encoder("ppat", scaling=scaling, embed_dim=WIDTH)
        return PlainStep(PlainMixCon3D(encoder, WIDTH).to(device).train(), dtype=dtype)


def in_turn(ways: Sequence[Step], batches: Sequence[Batch], *, steps: int, batch: int) -> list[float]:
    """Samples per second of each way, from its fastest step, after a first one that does not count."""
    times = [[seconds(way, batches) for way in ways] for _ in range(steps + 1)][1:]
    return [batch / min(column) for column in zip(*times, strict=True)]


def seconds(way: Step, batches: Sequence[Batch]) -> float:
    """Of one step; on a GPU until it is done."""
    start = time.perf_counter()
    way(batches)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def waiting(way: Step, data: EmbeddedObjects, *, parts: int, batch: int, workers: int) -> float:
    """Share of three steps' time that goes by before their batches are there; a first one is left out."""
    batches = epoch_parts(data, parts=parts, seed=0, epoch=1, batch=batch, workers=workers)
    way(next(batches))
    waited = worked = 0.0
    for _ in range(len(data) // batch - 1):
        start = time.perf_counter()
        made = next(batches)
        waited += time.perf_counter() - start
        worked += seconds(way, made)
    return waited / (waited + worked)


def compiled(device: torch.device, scaling: int, batches: Sequence[Batch], steps: int) -> dict[str, Any]:
    """Samples per second with the encoder compiled, and the seconds that took; nothing without a compiler."""
    try:
        require_compiler(device)
    except ConfigError:
        return {}
    way = our_step(torch.float32, device, scaling, compile_it=True)
    took = seconds(way, batches)
    batch = sum(map(len, batches))
    return {"compiled": in_turn([way], batches, steps=steps, batch=batch)[0], "prepared": took}


def peak_megabytes(way: Step, batches: Sequence[Batch], device: torch.device) -> float | str:
    """The most memory of a GPU in one step, or the growth of the resident set; nothing where unknown."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        way(batches)
        return torch.cuda.max_memory_allocated() / 1e6
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not (status.exists() and reset.exists()):
        return ""
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    reset.write_text("5")
    before = kilobytes(status, "VmRSS")
    way(batches)
    return (kilobytes(status, "VmHWM") - before) / 1e3


def kilobytes(status: Path, name: str) -> int:
    """A line of /proc/self/status."""
    line = next(line for line in status.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1])


if __name__ == "__main__":
    for row in run():
        print(row)
