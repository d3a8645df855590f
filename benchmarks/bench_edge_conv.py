"""EdgeConv computed per point against its literal form: one training step, forward and backward.

    python benchmarks/bench_edge_conv.py [--threads 1] [--repeats 3]

The literal form is our `form="literal"`: every edge feature, one matrix product over all of them. Both forms
run in turn in one process, so that load on the machine hits both. Times are the smallest of the repeats, by
wall clock and by processor time, on one thread by default: on a busy machine several threads mostly wait for
each other.
Memory is what the forward pass keeps for the backward pass.
"""

from __future__ import annotations

# ruff: noqa: E402 - the allocator is set before torch is imported
from anaglyph.cli.allocator import keep_freed_memory

keep_freed_memory()

import argparse
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from anaglyph.encoders.dgcnn_small import SmallDGCNN
from anaglyph.nn.edge_conv import EdgeConv
from anaglyph.ops.knn import k_nearest

BATCH, POINTS, NEIGHBOURS = 32, 1024, 20
BLOCKS = ((3, 64), (64, 64), (64, 128), (128, 256))


def run(*, repeats: int = 3) -> list[dict[str, Any]]:
    """Rows: what, ms of ours and of the literal form, their ratio, MB kept by each."""
    random = torch.Generator().manual_seed(0)
    rows = []
    for channels, width in BLOCKS:
        points = torch.randn(BATCH, POINTS, channels, generator=random)
        near = k_nearest(points, points, NEIGHBOURS)
        steps = {
            form: _step(EdgeConv(channels, width, form=form), points, near) for form in ("split", "literal")
        }
        rows.append(_compare(f"edge convolution {channels} -> {width}", steps, repeats))
    rows.append(_sum("all four, without neighbour search", rows))
    clouds = torch.randn(BATCH, POINTS, 3, generator=random)
    steps = {
        form: _step(SmallDGCNN(embed_dim=256, neighbours=NEIGHBOURS, edge_form=form), clouds)
        for form in ("split", "literal")
    }
    rows.append(_compare("whole DGCNN, D = 256, neighbour search included", steps, repeats))
    return rows


def _step(module: nn.Module, points: Tensor, *rest: Tensor) -> Callable[[], None]:
    def step() -> None:
        module.zero_grad()
        leaf = points.clone().requires_grad_()
        module(leaf, *rest).square().mean().backward()

    return step


def _compare(what: str, steps: dict[str, Callable[[], None]], repeats: int) -> dict[str, Any]:
    wall = dict.fromkeys(steps, float("inf"))
    cpu = dict.fromkeys(steps, float("inf"))
    memory = {form: _kept(step) for form, step in steps.items()}  # also the warm-up
    for _ in range(repeats):
        for form, step in steps.items():
            start, start_cpu = time.perf_counter(), time.process_time()
            step()
            wall[form] = min(wall[form], 1e3 * (time.perf_counter() - start))
            cpu[form] = min(cpu[form], 1e3 * (time.process_time() - start_cpu))
    return {
        "what": what,
        "ours_ms": wall["split"],
        "literal_ms": wall["literal"],
        "ratio": wall["literal"] / wall["split"],
        "ours_cpu_ms": cpu["split"],
        "literal_cpu_ms": cpu["literal"],
        "cpu_ratio": cpu["literal"] / cpu["split"],
        "ours_mb": memory["split"],
        "literal_mb": memory["literal"],
    }


def _sum(what: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    times = ("ours_ms", "literal_ms", "ours_cpu_ms", "literal_cpu_ms")
    total = {key: sum(row[key] for row in rows) for key in times}
    memory = {key: sum(row[key] for row in rows) for key in ("ours_mb", "literal_mb")}
    ratios = {
        "ratio": total["literal_ms"] / total["ours_ms"],
        "cpu_ratio": total["literal_cpu_ms"] / total["ours_cpu_ms"],
    }
    return {"what": what, **total, **ratios, **memory}


def _kept(step: Callable[[], None]) -> float:
    """MB of distinct tensors that the forward pass keeps for the backward pass."""
    sizes: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        step()
    return sum(sizes.values()) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(
        f"B = {BATCH}, N = {POINTS}, K = {NEIGHBOURS}, {options.threads} threads, forward + backward, float32"
    )
    print(f"{'':48} {'ours ms':>8} {'literal':>8} {'ratio':>6} {'by CPU':>7} {'ours MB':>8} {'literal':>8}")
    for row in run(repeats=options.repeats):
        print(
            f"{row['what']:48} {row['ours_ms']:8.0f} {row['literal_ms']:8.0f} {row['ratio']:6.1f} "
            f"{row['cpu_ratio']:7.1f} {row['ours_mb']:8.0f} {row['literal_mb']:8.0f}"
        )


if __name__ == "__main__":
    main()
