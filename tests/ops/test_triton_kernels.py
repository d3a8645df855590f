"""The ways through the Triton kernels that small clouds do not take; the rest is in contracts/test_point_ops.

Runs on a GPU where there is one. Without, this file runs itself once more with TRITON_INTERPRET=1, which has
to be set before Triton is imported: then the kernels run in Triton's interpreter, on tensors on the CPU.
"""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from reference.ball import slow_ball
from reference.chamfer import slow_nearest_point
from reference.farthest import slow_farthest

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
ON_GPU = pytest.param(
    "cuda",
    marks=[
        pytest.mark.gpu,
        pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device; the interpreter runs it"),
    ],
)
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="triton is not installed here"
)


@pytest.fixture(params=["cpu"] if INTERPRETED else [ON_GPU])
def device(request):
    return request.param


def random(seed):
    return torch.Generator().manual_seed(seed)


def cloud(rows, seed=0, clouds=1):
    return torch.rand(clouds, rows, 3, generator=random(seed))


def mask(points, seed=9):
    valid = torch.rand(points.shape[:2], generator=random(seed)) < 0.7
    valid[:, -1] = True
    return points.masked_fill(~valid[..., None], 0.0), valid


def sorted_rows(query, reference, neighbours, valid=None):
    """The definition, all pairs at once in NumPy: sort by (squared distance, row), take the first K."""
    dx, dy, dz = np.moveaxis(query.numpy()[:, :, None] - reference.numpy()[:, None], -1, 0)
    distance = (dx * dx + dy * dy) + dz * dz
    if valid is not None:
        distance = np.where(valid.numpy()[:, None], distance, np.inf)
    order = np.argsort(distance, axis=2, kind="stable")[..., :neighbours]
    infinite = np.isinf(np.take_along_axis(distance, order, axis=2))
    return torch.from_numpy(np.where(infinite, order[..., :1], order))


def search(device, query, reference, neighbours, valid=None):
    from anaglyph.ops.triton_kernels.knn import nearest

    valid = None if valid is None else valid.to(device)
    return nearest(query.to(device), reference.to(device), neighbours, valid).cpu()


def sample(device, points, count, *, valid=None, start=None, skip=-1.0):
    from anaglyph.ops.triton_kernels.fps import farthest

    valid = None if valid is None else valid.to(device)
    start = torch.zeros(len(points), dtype=torch.int64) if start is None else start
    return farthest(points.to(device), count, valid, start.to(device), skip).cpu()


@pytest.fixture(params=["in registers", "points read again", "tiles"])
def form(request, monkeypatch):
    """Each form of the sampler, for clouds that are far too small for the later ones."""
    from anaglyph.ops.triton_kernels import fps

    if request.param != "in registers":
        monkeypatch.setattr(fps, "_IN_REGISTERS", 16)
    if request.param == "tiles":
        monkeypatch.setattr(fps, "_DISTANCES_IN_REGISTERS", 16)
        monkeypatch.setattr(fps, "_TILE", 1024 if not INTERPRETED else 64)
    return request.param


@pytest.mark.parametrize("lattice", [False, True], ids=["generic", "ties"])
@pytest.mark.parametrize("skip", [None, 0.4])
@pytest.mark.usefixtures("form")
def test_every_form_of_the_sampler_equals_the_slow_loop(device, lattice, skip):
    points = cloud(150, clouds=2)
    points, valid = mask((points * 3).round() / 3 if lattice else points)
    start = torch.tensor([149, 149])
    found = sample(device, points, 14, valid=valid, start=start, skip=-1.0 if skip is None else skip)
    assert torch.equal(found, slow_farthest(points, 14, valid=valid, start=start, skip=skip))


@pytest.mark.usefixtures("form")
def test_when_all_points_are_chosen_the_lowest_valid_row_follows(device):
    points, valid = cloud(40), torch.arange(40)[None] % 7 == 3  # 3, 10, 17, 24, 31, 38
    found = sample(device, points, 10, valid=valid, start=torch.tensor([17]))
    assert sorted(found[0, :6].tolist()) == [3, 10, 17, 24, 31, 38]
    assert found[0, 6:].tolist() == [3] * 4


def test_one_point_of_a_cloud_is_its_start(device):
    assert sample(device, cloud(5, clouds=2), 1, start=torch.tensor([4, 2])).tolist() == [[4], [2]]


def test_among_200_points_in_one_place_the_first_rows_are_the_neighbours(device):
    reference = torch.full((1, 200, 3), 0.3)
    expected = torch.arange(32).expand(1, 3, -1)
    assert torch.equal(search(device, cloud(3), reference, 32), expected)


def test_a_query_whose_list_runs_over_does_not_disturb_those_beside_it(device):
    crowd = torch.full((1, 100, 3), 0.25)
    reference = torch.cat([cloud(90, 1), crowd, cloud(90, 2)], dim=1)
    query = torch.cat([cloud(2, 3) + 1.0, crowd[:, :1], cloud(4, 4)], dim=1)  # 7: no multiple of the block
    assert torch.equal(search(device, query, reference, 20), sorted_rows(query, reference, 20))


def test_a_list_that_runs_over_a_little_is_noticed(device):
    """40 slots hold two points of the crowd each: rows 0 to 39, and those of tile two that join them."""
    reference = cloud(1024) + 1.0
    reference[:, :40] = reference[:, 660:700] = 0.0
    query = torch.zeros(1, 1, 3)
    assert torch.equal(search(device, query, reference, 32), torch.arange(32)[None, None])


@pytest.mark.parametrize("neighbours", [1, 64, 128, 129, 170])
@pytest.mark.parametrize("masks", [False, True], ids=["dense", "masked"])
def test_every_number_of_neighbours_equals_sorting(device, neighbours, masks):
    reference, query = cloud(180), cloud(3, 5)
    reference, valid = mask(reference) if masks else (reference, None)
    expected = sorted_rows(query, reference, neighbours, valid)
    assert torch.equal(search(device, query, reference, neighbours, valid), expected)


def test_neighbours_in_more_tiles_than_there_are_bits_equal_sorting(device):
    reference = cloud(9000)
    query = reference[:, 4000:4003]
    assert torch.equal(search(device, query, reference, 8), sorted_rows(query, reference, 8))


def test_queries_in_several_launches_equal_those_in_one(device, monkeypatch):
    from anaglyph.ops.triton_kernels import knn

    monkeypatch.setattr(knn, "_LISTS", 1)
    reference, query = cloud(70, 1, clouds=2), cloud(9, 2, clouds=2)
    assert torch.equal(search(device, query, reference, 6), sorted_rows(query, reference, 6))


def depth_map(width):
    """A curved sheet seen by a depth camera, row after row of the image."""
    v, u = np.divmod(np.arange(width * width), width)
    return torch.from_numpy(np.stack([u, v, 4 * np.sin(u / 9)], axis=1)[None].astype(np.float32))


@pytest.mark.skipif(not INTERPRETED, reason="looks inside a kernel, which the interpreter alone allows")
@pytest.mark.parametrize("width", [32, 64, 128])
def test_points_in_the_order_of_a_scan_do_not_fall_back_on_the_slow_search(device, monkeypatch, width):
    from anaglyph.ops.triton_kernels import knn

    monkeypatch.setattr(knn, "_one_by_one", None)  # calling it would fail
    reference = depth_map(width)
    query = reference[:, width * width // 2 : width * width // 2 + 4]
    assert torch.equal(search(device, query, reference, 32), sorted_rows(query, reference, 32))


@pytest.mark.parametrize("count", [1, 5, 40])
def test_balls_over_several_tiles_equal_the_slow_loop(device, count):
    from anaglyph.ops.triton_kernels.ball import ball

    query, reference = cloud(5, 1), cloud(300, 2)
    reference, valid = mask(reference)
    found = ball(query.to(device), reference.to(device), 0.35, count, valid.to(device)).cpu()
    assert torch.equal(found, slow_ball(query, reference, 0.35, count, valid))


def test_an_empty_ball_is_marked_by_minus_one(device):
    from anaglyph.ops.triton_kernels.ball import ball

    query = torch.tensor([[[9.0, 9.0, 9.0], [0.0, 0.0, 0.0]]])
    found = ball(query.to(device), torch.zeros(1, 2, 3, device=device), 0.1, 3, None)
    assert found.tolist() == [[[-1, -1, -1], [0, 1, 0]]]


@pytest.mark.parametrize("wanted", [8, 1 << 16], ids=["several queries a thread", "one"])
def test_the_nearest_of_many_queries_equals_the_double_loop(device, monkeypatch, wanted):
    from anaglyph.ops.triton_kernels import nearest

    monkeypatch.setattr(nearest, "_THREADS_WANTED", wanted)
    first, second = (cloud(150, 1, clouds=2) * 4).round() / 4, (cloud(43, 2, clouds=2) * 4).round() / 4
    second, valid = mask(second)
    distance, index = nearest.nearest_one(first.to(device), second.to(device), valid.to(device))
    slow_distance, slow_index = slow_nearest_point(first, second, valid)
    assert torch.equal(index.cpu(), slow_index)
    assert torch.equal(distance.cpu(), slow_distance)


@pytest.mark.skipif(INTERPRETED, reason="there the CPU is the right place")
def test_points_on_the_cpu_are_refused_without_the_interpreter():
    from anaglyph.ops.triton_kernels.knn import nearest

    with pytest.raises(ValueError, match="run on CUDA devices, the points are on cpu"):
        nearest(cloud(3), cloud(5), 2, None)


@pytest.mark.skipif(INTERPRETED, reason="this is the process of the interpreter")
def test_these_cases_pass_in_the_interpreter():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs", __file__]
    environment = {**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "no CUDA device" not in done.stdout, "the cases were skipped"
