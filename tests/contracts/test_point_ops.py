"""Every back-end of every point operation against the slow references: exact, whatever the cloud.

Triton runs on a GPU, or in its interpreter on the CPU, which has to be chosen before Triton is imported:
this file runs itself once more in a process of its own, with TRITON_INTERPRET=1 set.
"""

import importlib.util
import os
import subprocess
import sys

import pytest
import torch

from anaglyph.errors import DataError
from anaglyph.ops.backends import available_backends
from anaglyph.ops.ball import ball_query
from anaglyph.ops.chamfer import chamfer_l1, chamfer_l2
from anaglyph.ops.fps import farthest_points
from anaglyph.ops.interpolate import interpolate_three
from anaglyph.ops.knn import k_nearest
from anaglyph.ops.nearest import nearest_point
from reference.ball import slow_ball
from reference.chamfer import slow_chamfer, slow_nearest_point
from reference.farthest import slow_farthest
from reference.interpolate import slow_interpolate_three
from reference.neighbours import slow_k_nearest

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
ON_CPU = ["triton"] if INTERPRETED else ["torch", "numba", "tree"]
ON_GPU = ["torch", "triton"] if torch.cuda.is_available() and not INTERPRETED else []
PLACES = [
    *(pytest.param((name, "cpu"), id=name) for name in ON_CPU),
    *(pytest.param((name, "cuda"), id=f"{name}-cuda", marks=pytest.mark.gpu) for name in ON_GPU),
]


class Place:
    """A back-end on a device; moves tensors there and results back."""

    def __init__(self, backend, device):
        self.backend, self.device = backend, device

    def run(self, operation, *tensors, **options):
        options = {name: self._there(value) for name, value in options.items()}
        found = operation(*map(self._there, tensors), backend=self.backend, **options)
        return tuple(part.cpu() for part in found) if isinstance(found, tuple) else found.cpu()

    def _there(self, value):
        return value.to(self.device) if isinstance(value, torch.Tensor) else value


def place_for(operation, places):
    """A fixture with every back-end of `operation`; what is not installed is skipped by name."""

    @pytest.fixture(params=places)
    def place(request):
        backend, device = request.param
        if not INTERPRETED and backend not in available_backends(operation, device):
            pytest.skip(f"{backend} is not installed here")
        return Place(backend, device)

    return place


sampler = place_for("farthest_points", [place for place in PLACES if place.id != "tree"])
searcher = place_for("k_nearest", PLACES)


def random(seed):
    return torch.Generator().manual_seed(seed)


def generic(seed):
    return torch.randn(2, 37, 3, generator=random(seed))


def lattice(seed):
    """Few distinct distances: nearly every choice is between equals."""
    return torch.randint(-2, 3, (2, 45, 3), generator=random(seed)).float() / 4


def duplicates(seed):
    """Resampled with replacement, as part segmentation data is."""
    return generic(seed)[:, torch.randint(0, 9, (40,), generator=random(seed))]


def small_cluster(seed):
    """1 cm half a metre from the origin, where |a|^2 + |b|^2 - 2 ab loses two in five neighbourhoods."""
    return 0.5 + 0.01 * torch.rand(2, 41, 3, generator=random(seed))


def rooms(seed):
    """Two rooms 100 m apart, both far from the origin."""
    corner = torch.tensor([[100.0, -100.0, 100.0], [200.0, -100.0, 100.0]])
    return torch.rand(2, 40, 3, generator=random(seed)) * 3 + corner.repeat(1, 20).view(1, 40, 3)


def magnitudes(seed):
    """From 1e-15 to 1e15."""
    points = generic(seed)
    return points * 10.0 ** torch.randint(-15, 16, (2, 37, 1), generator=random(seed + 1))


def one_place(seed):
    return torch.full((2, 33, 3), 0.3 + seed)


def one_point(seed):
    return generic(seed)[:, :1]


CLOUDS = [generic, lattice, duplicates, small_cluster, rooms, magnitudes, one_place, one_point]
clouds = pytest.mark.parametrize("make", CLOUDS, ids=lambda make: make.__name__)
masked = pytest.mark.parametrize("masks", [False, True], ids=["dense", "masked"])


def mask_of(points, masks, seed=5):
    """Padding anywhere; what lies in padding rows is NaN, so that nobody looks at it unseen."""
    if not masks:
        return points, None
    valid = torch.rand(points.shape[:2], generator=random(seed)) < 0.6
    valid[:, points.shape[1] // 2] = True
    valid[0, 0] = valid[0, -1] = points.shape[1] == 1
    return points.masked_fill(~valid[..., None], float("nan")), valid


@clouds
@masked
@pytest.mark.parametrize("skip", [None, 0.3])
def test_farthest_points_equal_the_slow_loop(sampler, make, masks, skip):
    points, valid = mask_of(make(1), masks)
    options = {"valid": valid, "skip_near_origin": skip, "shortage": "repeat"}
    found = sampler.run(farthest_points, points, 11, **options)
    assert torch.equal(found, slow_farthest(points, 11, valid=valid, skip=skip))


def test_a_start_for_each_cloud_is_taken_and_the_whole_cloud_can_be_ordered(sampler):
    points, start = generic(2), torch.tensor([36, 4])
    found = sampler.run(farthest_points, points, 37, start=start)
    assert torch.equal(found, slow_farthest(points, 37, start=start))
    assert torch.equal(found.sort(dim=1).values, torch.arange(37).expand(2, -1))


@clouds
@masked
@pytest.mark.parametrize("neighbours", [5, 50] if INTERPRETED else [1, 5, 50])
def test_k_nearest_equals_sorting_every_distance(searcher, make, masks, neighbours):
    query = torch.cat([make(1)[:, :6], make(2)[:, :3]], dim=1)
    reference, valid = mask_of(make(1), masks)
    found = searcher.run(k_nearest, query, reference, neighbours, valid=valid, shortage="repeat")
    assert torch.equal(found, slow_k_nearest(query, reference, neighbours, valid))


@clouds
@masked
@pytest.mark.parametrize(("scale", "count"), [(0.5, 7), (3.0, 60), (0.05, 4)][: 1 if INTERPRETED else 3])
def test_ball_query_takes_the_lowest_rows_inside_and_the_nearest_where_there_are_none(
    searcher, make, masks, scale, count
):
    query = torch.cat([make(1)[:, :6], make(2)[:, :3]], dim=1)
    radius = scale * 0.01 if make is small_cluster else scale
    reference, valid = mask_of(make(1), masks)
    found = searcher.run(ball_query, query, reference, radius, count, valid=valid)
    assert torch.equal(found, slow_ball(query, reference, radius, count, valid))


def test_a_point_at_exactly_the_radius_is_outside(searcher):
    reference = torch.tensor([[[0.5, 0.0, 0.0], [0.0, 0.25, 0.0], [0.0, 0.0, 0.0]]])
    assert searcher.run(ball_query, torch.zeros(1, 1, 3), reference, 0.5, 3).tolist() == [[[1, 2, 1]]]


@clouds
@masked
def test_the_nearest_point_equals_the_double_loop(searcher, make, masks):
    first = torch.cat([make(1)[:, :20], make(3)], dim=1)
    second, valid = mask_of(make(1), masks)
    distance, index = searcher.run(nearest_point, first, second, second_valid=valid)
    slow_distance, slow_index = slow_nearest_point(first, second, valid)
    assert torch.equal(index, slow_index)
    assert torch.equal(distance, slow_distance)


@masked
def test_chamfer_distances_and_interpolation_stand_on_every_back_end(searcher, masks):
    (first, first_valid), (second, second_valid) = (
        mask_of(generic(seed)[:, 5 * seed :], masks, seed) for seed in (1, 2)
    )
    valid = {"first_valid": first_valid, "second_valid": second_valid}
    for fast, root in ((chamfer_l1, True), (chamfer_l2, False)):
        found = searcher.run(fast, first, second, **valid)
        expected = slow_chamfer(first, second, root=root, **valid)
        torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-6)
    features = torch.randn(2, 27, 4, generator=random(3))
    query = generic(4)[:, :6]
    found = searcher.run(interpolate_three, query, second, features, valid=second_valid)
    expected = slow_interpolate_three(query, second, features, second_valid)
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-5)


def spread(shape, seed):
    """The same numbers, every second row and the channels first: nothing contiguous."""
    wide = torch.randn(shape[0], 3, 2 * shape[1], generator=random(seed))
    return wide.transpose(1, 2)[:, ::2]


def test_tensors_that_are_not_contiguous_give_the_same(sampler):
    points = spread((2, 30), 1)
    assert torch.equal(sampler.run(farthest_points, points, 9), slow_farthest(points, 9))


def test_queries_and_references_that_are_not_contiguous_give_the_same(searcher):
    query, reference = spread((2, 7), 1), spread((2, 30), 2)
    valid = (torch.rand(60, 2, generator=random(3)) < 0.7)[::2].T
    found = searcher.run(k_nearest, query, reference, 5, valid=valid)
    assert torch.equal(found, slow_k_nearest(query, reference, 5, valid))
    found = searcher.run(ball_query, query, reference, 0.7, 5, valid=valid)
    assert torch.equal(found, slow_ball(query, reference, 0.7, 5, valid))
    _, found = searcher.run(nearest_point, query, reference, second_valid=valid)
    assert torch.equal(found, slow_nearest_point(query, reference, valid)[1])


def test_bfloat16_points_are_compared_in_float32(searcher):
    points = generic(1).bfloat16()
    query = points[:, :6]
    found = searcher.run(k_nearest, query, points, 4)
    assert torch.equal(found, slow_k_nearest(query.float(), points.float(), 4))


def test_a_larger_cloud_equals_sorting_all_distances_in_float64(searcher):
    points = torch.rand(1, 1500, 3, generator=random(1))
    query = points[:, :8]
    everything = torch.cdist(query.double(), points.double()).argsort(dim=2, stable=True)
    assert torch.equal(searcher.run(k_nearest, query, points, 20), everything[..., :20])


def crowd():
    """7,000 points, where back-ends divide space: a lattice full of ties, copies, and points anywhere.

    Triton divides nothing and its interpreter is slow: there 1,500 of them.
    """
    lattice = torch.randint(-6, 7, (1, 2500, 3), generator=random(1)).float() / 4
    anywhere = torch.randn(1, 2500, 3, generator=random(2))
    copies = anywhere[:, torch.randint(0, 40, (2000,), generator=random(3))]
    points = torch.cat([lattice, anywhere, copies], dim=1)
    return points[:, torch.randperm(7000, generator=random(4))[: 1500 if INTERPRETED else None]]


def crowd_queries(points):
    """Points of the cloud itself and others."""
    others = torch.cat([torch.randn(1, 20, 3, generator=random(5)), torch.zeros(1, 1, 3)], dim=1)
    return torch.cat([others, points[:, : 19 if INTERPRETED else 679]], dim=1)


SAMPLE = [0, 1, 20, 30]
"""Queries of `crowd_queries` that the slow loops look at."""


def test_many_points_are_sampled_as_torch_and_the_slow_loop_do(sampler):
    points, count = crowd(), 20 if INTERPRETED else 300
    found = sampler.run(farthest_points, points, count, start="farthest")
    plain = farthest_points(points, count, start="farthest", backend="torch")
    assert torch.equal(found, plain)
    assert torch.equal(plain[:, :6], slow_farthest(points, 6, start=plain[:, 0]))


@pytest.mark.parametrize("neighbours", [1, 20])
def test_neighbours_among_many_points_are_those_of_torch_and_the_slow_loop(searcher, neighbours):
    points = crowd()
    query = crowd_queries(points)
    found = searcher.run(k_nearest, query, points, neighbours)
    assert torch.equal(found, k_nearest(query, points, neighbours, backend="torch"))
    assert torch.equal(found[:, SAMPLE], slow_k_nearest(query[:, SAMPLE], points, neighbours))


@pytest.mark.parametrize("radius", [0.02, 0.26, 2.0])
def test_balls_among_many_points_are_those_of_torch_and_the_slow_loop(searcher, radius):
    points = crowd()
    query = crowd_queries(points)
    found = searcher.run(ball_query, query, points, radius, 24)
    assert torch.equal(found, ball_query(query, points, radius, 24, backend="torch"))
    assert torch.equal(found[:, SAMPLE], slow_ball(query[:, SAMPLE], points, radius, 24))


def test_the_nearest_of_many_points_is_that_of_torch_and_the_slow_loop(searcher):
    points = crowd()
    query = crowd_queries(points)
    distance, index = searcher.run(nearest_point, query, points)
    plain_distance, plain_index = nearest_point(query, points, backend="torch")
    assert torch.equal(index, plain_index)
    assert torch.equal(distance, plain_distance)
    assert torch.equal(index[:, SAMPLE], slow_nearest_point(query[:, SAMPLE], points)[1])


def test_two_samplings_agree(sampler):
    points = torch.rand(2, 200, 3, generator=random(1))
    assert torch.equal(*(sampler.run(farthest_points, points, 40) for _ in range(2)))


def test_two_searches_agree(searcher):
    points = torch.rand(2, 200, 3, generator=random(1))
    assert torch.equal(*(searcher.run(k_nearest, points[:, :6], points, 8) for _ in range(2)))
    assert torch.equal(*(searcher.run(ball_query, points[:, :6], points, 0.2, 8) for _ in range(2)))
    assert torch.equal(*(searcher.run(nearest_point, points[:, :6], points)[0] for _ in range(2)))


def test_a_batch_without_clouds_is_sampled_into_nothing(sampler):
    assert sampler.run(farthest_points, torch.zeros(0, 5, 3), 4).shape == (0, 4)


def test_a_batch_without_clouds_finds_nothing(searcher):
    nothing = torch.zeros(0, 5, 3)
    assert searcher.run(k_nearest, nothing, nothing, 2).shape == (0, 5, 2)
    assert searcher.run(ball_query, nothing, nothing, 0.1, 3).shape == (0, 5, 3)
    assert [part.shape for part in searcher.run(nearest_point, nothing, nothing)] == [(0, 5), (0, 5)]


def test_a_cloud_without_queries_gives_no_rows(searcher):
    assert searcher.run(k_nearest, torch.zeros(2, 0, 3), generic(1), 2).shape == (2, 0, 2)


def test_too_few_points_to_sample_are_refused_unless_that_is_allowed(sampler):
    points, valid = mask_of(generic(1), masks=True)
    fewest = int(valid.sum(dim=1).min())
    with pytest.raises(DataError, match=f"has {fewest} points, fewer than the {fewest + 1} points asked for"):
        sampler.run(farthest_points, points, fewest + 1, valid=valid)


def test_too_few_neighbours_are_refused_unless_that_is_allowed(searcher):
    with pytest.raises(DataError, match="37 points, fewer than the 38 neighbours asked for"):
        searcher.run(k_nearest, generic(1), generic(1), 38)


@pytest.mark.skipif(INTERPRETED, reason="this is the process of the interpreter")
@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="triton is not installed here")
def test_the_triton_kernels_pass_this_file_in_their_interpreter():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    environment = {**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
