"""Triton kernels of the point operations on a GPU, against the pure-torch back-end and against their floors.

A floor is the larger of two times: bytes that must be read and written once at the bandwidth of a large copy
measured in the same run, and 9 float32 operations for each pair (3 differences, 3 squares, 2 sums, 1
comparison) at one operation per lane and clock at the highest clock of the device. Times are CUDA events
around 20 calls of the kernel's function, layout of the points included, the best of 5.
docs/explanation/gpu-kernels.md counts the floors. Without a CUDA device nothing is measured, and the
table says so.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from anaglyph.ops.backends import find_kernel
from anaglyph.ops.fps import farthest_points
from anaglyph.ops.knn import k_nearest
from anaglyph.ops.nearest import nearest_point

SHAPES = ((32, 1024, 64, 32), (16, 8192, 512, 32), (1, 100_000, 2048, 32))
"""Clouds, points, samples or queries, neighbours."""
PAIR = 9
CALLS, REPEATS = 20, 5


def run() -> list[dict[str, Any]]:
    """Rows: operation, shape, ms of ours, ms of torch, their ratio, ms of the floor, ours over the floor."""
    if not torch.cuda.is_available():
        return [{"operation": "none", "note": "no CUDA device on this machine; nothing was measured"}]
    bandwidth, operations = copy_bandwidth(), operations_per_second()
    rows = [sampling(*shape[:3]) for shape in SHAPES]
    searches = [*SHAPES, (32, 1024, 1024, 20)]
    rows += [neighbours(*shape, bandwidth=bandwidth, operations=operations) for shape in searches]
    rows += [
        chamfer(*shape, bandwidth=bandwidth, operations=operations) for shape in ((32, 1024), (16, 8192))
    ]
    return rows


def sampling(clouds: int, points: int, count: int) -> dict[str, Any]:
    """Farthest points: the whole public operation, since the loop of the torch back-end lives in Python."""
    cloud = surface(clouds, points)
    ours = milliseconds(lambda: farthest_points(cloud, count, backend="triton"), calls=3)
    theirs = milliseconds(lambda: farthest_points(cloud, count, backend="torch"), calls=1)
    return row("farthest points", f"{clouds} x {points} to {count}", ours, theirs, None)


def neighbours(
    clouds: int, points: int, queries: int, count: int, *, bandwidth: float, operations: float
) -> dict[str, Any]:
    """k nearest neighbours: the kernel, and the torch back-end as it is."""
    cloud = surface(clouds, points)
    query = cloud[:, :queries].contiguous()
    kernel = triton_kernel("k_nearest", query, cloud)
    ours = milliseconds(lambda: kernel(query, cloud, count, None))
    theirs = milliseconds(lambda: k_nearest(query, cloud, count, backend="torch"), calls=1)
    moved = 12 * (cloud[..., 0].numel() + query[..., 0].numel()) + 8 * count * query[..., 0].numel()
    floor = max(moved / bandwidth, PAIR * clouds * queries * points / operations)
    return row("k nearest", f"{clouds} x {points}, {queries} queries, {count}", ours, theirs, 1e3 * floor)


def chamfer(clouds: int, points: int, *, bandwidth: float, operations: float) -> dict[str, Any]:
    """The two searches of a Chamfer distance, without its means."""
    first, second = surface(clouds, points), surface(clouds, points, seed=1)
    kernel = triton_kernel("nearest_point", first, second)

    def both(search: Callable[[Tensor, Tensor], Any]) -> Callable[[], None]:
        def call() -> None:
            search(first, second)
            search(second, first)

        return call

    ours = milliseconds(both(lambda a, b: kernel(a, b, None)))
    theirs = milliseconds(both(lambda a, b: nearest_point(a, b, backend="torch")), calls=1)
    moved = 2 * (12 + 12 + 4 + 8) * clouds * points
    floor = max(moved / bandwidth, 2 * PAIR * clouds * points**2 / operations)
    return row("Chamfer, both searches", f"{clouds} x {points}", ours, theirs, 1e3 * floor)


def row(what: str, shape: str, ours: float, theirs: float, floor: float | None) -> dict[str, Any]:
    return {
        "operation": what,
        "shape": shape,
        "triton_ms": ours,
        "torch_ms": theirs,
        "ratio": theirs / ours,
        "floor_ms": "-" if floor is None else floor,
        "over_floor": "-" if floor is None else ours / floor,
        "device": torch.cuda.get_device_name(),
    }


def surface(clouds: int, points: int, *, seed: int = 0) -> Tensor:
    """Clouds on the unit sphere."""
    cloud = torch.randn(clouds, points, 3, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(cloud, dim=2).cuda()


def triton_kernel(operation: Any, query: Tensor, reference: Tensor) -> Callable[..., Any]:
    kernel = find_kernel(operation, query, reference, "triton")
    if kernel is None:
        raise ValueError(f"no Triton kernel for {operation}")
    return kernel


def milliseconds(call: Callable[[], object], *, calls: int = CALLS) -> float:
    """Time of one call on the device, the best of the repeats; the first call compiles and does not count."""
    call()
    torch.cuda.synchronize()
    best = float("inf")
    for _ in range(REPEATS):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        for _ in range(calls):
            call()
        end.record()
        end.synchronize()
        best = min(best, begin.elapsed_time(end) / calls)
    return best


def copy_bandwidth() -> float:
    """Bytes per second, read and written, of a copy of 512 MB."""
    source = torch.empty(1 << 29, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    return 2e3 * source.numel() / milliseconds(lambda: target.copy_(source))


def operations_per_second() -> float:
    """float32 operations that are not fused: multiprocessors x lanes x highest clock."""
    properties = torch.cuda.get_device_properties(0)
    lanes = 64 if (properties.major, properties.minor) in ((7, 0), (7, 5), (8, 0)) else 128
    query = ["nvidia-smi", "--query-gpu=clocks.max.sm", "--format=csv,noheader,nounits", "--id=0"]
    megahertz = float(subprocess.run(query, capture_output=True, text=True, check=True).stdout)
    return properties.multi_processor_count * lanes * megahertz * 1e6


if __name__ == "__main__":
    for line in run():
        print(line)
