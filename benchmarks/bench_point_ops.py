"""Point operations: ours on every back-end of the CPU against plain PyTorch and against other libraries.

    python -m benchmarks.bench_point_ops          (make bench runs it with the others)

Clouds are surfaces, spheres with bumps. Plain PyTorch is the obvious batched form (plain_point_ops.py);
ratios are its time over the other's, by wall clock and by processor time, each the least of a few runs in
one process, warmed up. Other libraries get what they take: where there is no batch, a loop over clouds.
Their trees are built within the time, as ours are.
"agrees" is the share of results equal to plain PyTorch's: rows for sampling and balls, distances (to 1e-5)
for neighbours, values (to 1e-5) for Chamfer. fpsample's kd-line form ignores the start index, so its rows
differ, as valid ones from another start. "backward" is forward and backward. Without the extra `fast`,
"auto" takes tree from `anaglyph.ops.tree.TREE_FROM_POINTS` on and torch below.

Peak MB is how far the resident set grew above its state before one more run, after freed memory was handed
back to the system (Linux: VmHWM, reset through clear_refs).
"""

from __future__ import annotations

# ruff: noqa: E402 - the allocator is set before torch is imported
from anaglyph.cli.allocator import keep_freed_memory

keep_freed_memory()

import ctypes
import importlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from anaglyph.errors import MissingExtraError
from anaglyph.ops.ball import ball_query
from anaglyph.ops.chamfer import chamfer_l2
from anaglyph.ops.fps import farthest_points
from anaglyph.ops.interpolate import interpolate_three
from anaglyph.ops.knn import k_nearest
from anaglyph.ops.voxel import voxel_subsample
from benchmarks.plain_point_ops import (
    apart_farthest,
    plain_ball,
    plain_chamfer,
    plain_farthest,
    plain_interpolate,
    plain_voxels,
)

NEIGHBOURS = 32
SIZES = ((32, 1024, 64, 0.2), (16, 8192, 512, 0.1), (1, 100_000, 2048, 0.05))
"""Clouds, points, chosen points, radius of the balls."""
PATIENCE = 0.6
"""Seconds for the repeats of one way."""
SLOW = 2.0
"""Seconds of a first run after which one more is enough."""

MEASURED = ("plain PyTorch", "ours, torch", "ours, numba", "ours, tree")
MISSING = "not installed"

Way = Callable[[], Any]


@dataclass
class Case:
    """One operation at one size, and the ways to compute it, plain PyTorch first."""

    what: str
    ways: dict[str, Way]
    agreement: Callable[[Any, Any], float] | None = None
    missing: list[str] = field(default_factory=list)


def run() -> list[dict[str, Any]]:
    """Rows: operation and size, way, ms, ratio to plain PyTorch, the same by CPU time, agreement, peak MB."""
    cases = list(all_cases())
    tables = [compare(case) for case in cases]
    for case, rows in zip(cases, tables, strict=True):  # last: memory handed back is slow to get again
        for row in rows:
            if row["way"] in MEASURED and row["ms"] != MISSING and "backward" not in case.what:
                row["peak_mb"] = _peak_megabytes(case.ways[row["way"]])
    return [row for rows in tables for row in rows]


def all_cases() -> Iterator[Case]:
    for clouds, points, chosen, radius in SIZES:
        cloud = bumpy_spheres(clouds, points, seed=0)
        centres = cloud.gather(1, plain_farthest(cloud, chosen)[..., None].expand(-1, -1, 3)).contiguous()
        name = f"{clouds} x {points:,}"
        yield sampling(f"FPS, {name} to {chosen}", cloud, chosen)
        yield neighbours(f"kNN, {name}, {chosen} queries", centres, cloud)
        yield balls(f"ball {radius}, {name}, {chosen} queries", centres, cloud, radius)
        if points <= 8192:
            other = bumpy_spheres(clouds, points, seed=1)
            yield chamfer(f"Chamfer, {name}", cloud, other)
            yield chamfer_backward(f"Chamfer backward, {name}", cloud, other)
        if points == 8192:
            yield interpolation(f"3-interpolate backward, {name} from {chosen}", cloud, centres)
        yield voxels(f"voxel {radius / 2}, {name}", cloud, radius / 2)


def bumpy_spheres(clouds: int, points: int, *, seed: int) -> Tensor:
    """(B, N, 3) points on bumpy spheres of radius 0.6 to 1."""
    random = torch.Generator().manual_seed(seed)
    normal = torch.nn.functional.normalize(torch.randn(clouds, points, 3, generator=random), dim=2)
    return normal * (0.8 + 0.2 * torch.sin(5 * normal).prod(dim=2, keepdim=True))


def sampling(what: str, cloud: Tensor, count: int) -> Case:
    arrays = cloud.numpy()
    height = 3 if cloud.shape[1] <= 2048 else 5 if cloud.shape[1] <= 20_000 else 7
    ways: dict[str, Way] = {
        "plain PyTorch": lambda: plain_farthest(cloud, count),
        "plain PyTorch, x, y, z apart": lambda: apart_farthest(cloud, count),
        "ours, torch": lambda: farthest_points(cloud, count, backend="torch"),
        "ours, numba": lambda: farthest_points(cloud, count, backend="numba"),
    }
    peers = Peers()
    if fpsample := peers.load("fpsample"):
        line, plain = fpsample.bucket_fps_kdline_sampling, fpsample.fps_sampling
        ways[f"fpsample kd-line, h = {height}"] = lambda: [
            line(a, count, height, start_idx=0) for a in arrays
        ]
        ways["fpsample plain"] = lambda: [plain(a, count, start_idx=0) for a in arrays]
    if quick := peers.load("torch_quickfps"):
        ways["torch-quickfps"] = lambda: quick.sample_idx(cloud, count, start_idx=0)
    if open3d := peers.load("open3d"):
        vectors = open3d.utility.Vector3dVector
        clouds = [open3d.geometry.PointCloud(vectors(a.astype(np.float64))) for a in arrays]
        ways["open3d (points, no rows)"] = lambda: [c.farthest_point_down_sample(count) for c in clouds]
    return Case(what, ways, same_rows, peers.missing)


def neighbours(what: str, query: Tensor, cloud: Tensor) -> Case:
    ways: dict[str, Way] = {
        "plain PyTorch": lambda: torch.cdist(query, cloud).topk(NEIGHBOURS, largest=False).indices
    }
    for backend in ("torch", "numba", "tree"):
        ways[f"ours, {backend}"] = lambda b=backend: k_nearest(query, cloud, NEIGHBOURS, backend=b)
    peers = Peers()
    ways |= peers.nearest(query, cloud, NEIGHBOURS)
    return Case(what, ways, lambda mine, plain: same_distances(mine, plain, query, cloud), peers.missing)


def balls(what: str, query: Tensor, cloud: Tensor, radius: float) -> Case:
    ways: dict[str, Way] = {"plain PyTorch": lambda: plain_ball(query, cloud, radius, NEIGHBOURS)}
    for backend in ("torch", "numba", "tree"):
        ways[f"ours, {backend}"] = lambda b=backend: ball_query(query, cloud, radius, NEIGHBOURS, backend=b)
    peers = Peers()
    pairs = list(zip(query.numpy(), cloud.numpy(), strict=True))
    threads = torch.get_num_threads()
    if spatial := peers.load("scipy.spatial"):
        ways["scipy cKDTree (lists of all)"] = lambda: [
            spatial.cKDTree(c).query_ball_point(q, radius, workers=threads, return_sorted=True)
            for q, c in pairs
        ]
    if sklearn := peers.load("sklearn.neighbors"):
        ways["scikit-learn KDTree (arrays of all)"] = lambda: [
            sklearn.KDTree(c).query_radius(q, radius) for q, c in pairs
        ]
    return Case(what, ways, same_rows, peers.missing)


def chamfer(what: str, first: Tensor, second: Tensor) -> Case:
    ways: dict[str, Way] = {"plain PyTorch": lambda: plain_chamfer(first, second)}
    for backend in ("torch", "numba", "tree"):
        ways[f"ours, {backend}"] = lambda b=backend: chamfer_l2(first, second, backend=b)
    peers = Peers()
    there, back = peers.nearest(first, second, 1), peers.nearest(second, first, 1)
    ways |= {name: lambda n=name: (there[n](), back[n]()) for name in there}
    return Case(what, ways, same_values, peers.missing)


def chamfer_backward(what: str, first: Tensor, second: Tensor) -> Case:
    def both(loss: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        leaves = first.clone().requires_grad_(), second.clone().requires_grad_()
        loss(*leaves).sum().backward()
        return torch.cat([leaf.grad.flatten() for leaf in leaves])

    ways: dict[str, Way] = {"plain PyTorch": lambda: both(plain_chamfer)}
    for backend in ("torch", "numba", "tree"):
        ways[f"ours, {backend}"] = lambda b=backend: both(lambda x, y: chamfer_l2(x, y, backend=b))
    return Case(what, ways, same_values)


def interpolation(what: str, query: Tensor, known: Tensor) -> Case:
    features = torch.randn(len(known), known.shape[1], 64, generator=torch.Generator().manual_seed(2))

    def both(function: Callable[[Tensor], Tensor]) -> Tensor:
        leaf = features.clone().requires_grad_()
        function(leaf).square().sum().backward()
        return leaf.grad

    ways: dict[str, Way] = {"plain PyTorch": lambda: both(lambda f: plain_interpolate(query, known, f))}
    for backend in ("torch", "numba", "tree"):
        ways[f"ours, {backend}"] = lambda b=backend: both(
            lambda f: interpolate_three(query, known, f, backend=b)
        )
    return Case(what, ways)


def voxels(what: str, cloud: Tensor, size: float) -> Case:
    return Case(
        what,
        {
            "plain PyTorch": lambda: plain_voxels(cloud, size),
            "ours, torch": lambda: voxel_subsample(cloud, size),
        },
    )


class Peers:
    """Other libraries, as far as they are installed; keeps the names of those that are not."""

    def __init__(self) -> None:
        self.missing: list[str] = []

    def load(self, name: str) -> Any:
        try:
            return importlib.import_module(name)
        except ImportError:
            self.missing.append(name)
            return None

    def nearest(self, query: Tensor, cloud: Tensor, count: int) -> dict[str, Way]:
        """Exact neighbour searches, one cloud after the other."""
        pairs = list(zip(query.numpy(), cloud.numpy(), strict=True))
        threads = torch.get_num_threads()
        ways: dict[str, Way] = {}
        if spatial := self.load("scipy.spatial"):
            ways["scipy cKDTree"] = lambda: [
                spatial.cKDTree(c).query(q, count, workers=threads)[1] for q, c in pairs
            ]
        if sklearn := self.load("sklearn.neighbors"):
            ways["scikit-learn KDTree"] = lambda: [sklearn.KDTree(c).query(q, count)[1] for q, c in pairs]
        if nano := self.load("pynanoflann"):
            ways["pynanoflann"] = lambda: [_nanoflann(nano, q, c, count, threads) for q, c in pairs]
        if open3d := self.load("open3d"):
            ways["open3d"] = lambda: [_open3d(open3d, q, c, count) for q, c in pairs]
        return ways


def _nanoflann(nano: Any, query: np.ndarray, cloud: np.ndarray, count: int, threads: int) -> np.ndarray:
    tree = nano.KDTree(n_neighbors=count, metric="L2", leaf_size=16)
    tree.fit(cloud)
    return tree.kneighbors(query, n_jobs=threads)[1].astype(np.int64)


def _open3d(open3d: Any, query: np.ndarray, cloud: np.ndarray, count: int) -> np.ndarray:
    search = open3d.core.nns.NearestNeighborSearch(open3d.core.Tensor.from_numpy(cloud))
    search.knn_index()
    return search.knn_search(open3d.core.Tensor.from_numpy(query), count)[0].numpy().astype(np.int64)


def same_rows(mine: Any, plain: Tensor) -> float:
    mine = _rows(mine)
    if mine is None or mine.shape != plain.shape:
        return float("nan")
    return float((mine == plain).double().mean())


def same_distances(mine: Any, plain: Tensor, query: Tensor, cloud: Tensor) -> float:
    def of(rows: Tensor) -> Tensor:
        batch = torch.arange(len(cloud))[:, None, None]
        return (cloud[batch, rows] - query[:, :, None]).norm(dim=3)

    rows = _rows(mine)
    return float(((of(rows.view_as(plain)) - of(plain)).abs() < 1e-5).double().mean())


def same_values(mine: Any, plain: Tensor) -> float:
    if not isinstance(mine, Tensor):
        return float("nan")
    return float(((mine - plain).abs() <= 1e-5 * plain.abs() + 1e-7).double().mean())


def _rows(found: Any) -> Tensor | None:
    """(B, ...) rows from whatever a library returns; None where it returns none."""
    if isinstance(found, Tensor):
        return found.long()
    if all(isinstance(part, np.ndarray) and part.dtype != object for part in found):
        return torch.from_numpy(np.stack([part.astype(np.int64) for part in found]))
    return None


def compare(case: Case) -> list[dict[str, Any]]:
    times: dict[str, tuple[float, float]] = {}
    results: dict[str, Any] = {}
    missing = list(case.missing)
    for name, way in case.ways.items():
        start = time.perf_counter()
        try:
            results[name] = way()  # also the warm-up
        except MissingExtraError:
            missing.append(name)
            continue
        times[name] = _least(way, runs=1 if time.perf_counter() - start > SLOW else 2)
    plain_wall, plain_cpu = times["plain PyTorch"]
    rows = []
    for name, (wall, cpu) in times.items():
        agrees = float("nan")
        if case.agreement is not None and name != "plain PyTorch":
            agrees = case.agreement(results[name], results["plain PyTorch"])
        rows.append(
            {
                "operation": case.what,
                "way": name,
                "ms": 1e3 * wall,
                "ratio": plain_wall / wall,
                "cpu_ms": 1e3 * cpu,
                "cpu_ratio": plain_cpu / cpu,
                "agrees": "" if np.isnan(agrees) else agrees,
                "peak_mb": "",
            }
        )
    blank = dict.fromkeys(rows[0], "")
    rows += [{**blank, "operation": case.what, "way": name, "ms": MISSING} for name in dict.fromkeys(missing)]
    return rows


def _least(way: Way, *, runs: int) -> tuple[float, float]:
    """Least wall and CPU seconds of `runs` or more, as long as patience lasts."""
    spent, times = 0.0, []
    while len(times) < runs or (spent < PATIENCE and len(times) < 25):
        start, start_cpu = time.perf_counter(), time.process_time()
        way()
        times.append((time.perf_counter() - start, time.process_time() - start_cpu))
        spent += times[-1][0]
    wall, cpu = (min(values) for values in zip(*times, strict=True))
    return wall, cpu


def _peak_megabytes(way: Way) -> float | str:
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not (status.exists() and reset.exists()):
        return ""
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    reset.write_text("5")
    before = _kilobytes(status, "VmRSS")
    way()
    return (_kilobytes(status, "VmHWM") - before) / 1e3


def _kilobytes(status: Path, name: str) -> int:
    line = next(line for line in status.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1])


def main() -> None:
    widths = (45, 36, 14, 8, 8, 8, 8, 8)
    for row in run():
        cells = (f"{value:.3g}" if isinstance(value, float) else str(value) for value in row.values())
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)))


if __name__ == "__main__":
    main()
