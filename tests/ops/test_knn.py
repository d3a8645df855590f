import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.ops.knn import k_nearest
from reference.neighbours import slow_k_nearest


def cloud(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@settings(deadline=None, max_examples=40)
@given(
    b=st.integers(1, 3),
    m=st.integers(1, 5),
    n=st.integers(1, 40),
    k=st.integers(1, 8),
    seed=st.integers(0, 2**16),
    lattice=st.booleans(),
    block=st.sampled_from([1, 50, None]),
)
def test_neighbours_equal_the_double_loop_also_on_lattices_full_of_ties(b, m, n, k, seed, lattice, block):
    query, reference = cloud(b, m, 3, seed=seed), cloud(b, n, 3, seed=seed + 1)
    if lattice:
        query, reference = (query * 2).round(), (reference * 2).round()
    found = k_nearest(query, reference, k, block=block)
    assert torch.equal(found, slow_k_nearest(query, reference, k))


def test_neighbours_in_a_large_cloud_equal_sorting_every_distance():
    points = cloud(2, 700, 3)
    everything = torch.cdist(points.double(), points.double()).argsort(dim=2, stable=True)
    assert torch.equal(k_nearest(points, points, 20), everything[:, :, :20])


def test_a_point_is_its_own_nearest_neighbour():
    points = cloud(2, 50, 3)
    assert torch.equal(k_nearest(points, points, 4)[..., 0], torch.arange(50).expand(2, -1))


def test_more_neighbours_than_points_gives_all_points():
    points = cloud(1, 3, 3)
    assert torch.equal(k_nearest(points, points, 20).sort(dim=2).values, torch.arange(3).expand(1, 3, 3))


def test_identical_points_are_taken_in_the_order_of_their_index():
    points = torch.ones(1, 100, 3)
    assert torch.equal(k_nearest(points, points, 7), torch.arange(7).expand(1, 100, 7))


@pytest.mark.parametrize("padding", [0, 150])
def test_a_cloud_far_from_the_origin_keeps_its_neighbours(padding):
    points = (cloud(1, 200, 3) * 64).round() / 64
    valid = torch.arange(200)[None] >= padding
    far = (points + 1000).masked_fill(~valid[..., None], 0.0)
    assert torch.equal(
        k_nearest(far, far, 5, valid=valid)[:, padding:],
        k_nearest(points[:, padding:], points[:, padding:], 5) + padding,
    )


def test_padding_is_never_a_neighbour_and_missing_ones_repeat_the_nearest():
    points = cloud(2, 30, 3)
    valid = torch.ones(2, 30, dtype=torch.bool)
    valid[0, 10:] = False
    valid[1, :27] = False  # 3 points left for 5 neighbours
    points[~valid] = float("nan")
    found = k_nearest(points.nan_to_num(), points, 5, valid=valid)
    assert torch.equal(found, slow_k_nearest(points.nan_to_num(), points, 5, valid))


def test_autocast_does_not_lower_the_precision_of_distances():
    points = cloud(1, 400, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = k_nearest(points, points, 10)
    assert torch.equal(found, k_nearest(points, points, 10))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.zeros(1, 2, 3), torch.zeros(1, 2, 3), 0), "neighbours must be >= 1, got 0"),
        ((torch.zeros(1, 2, 3), torch.zeros(2, 2, 3), 1), r"got \(1, 2, 3\) and \(2, 2, 3\)"),
        ((torch.zeros(1, 2, 3), torch.zeros(1, 0, 3), 1), "no points"),
    ],
)
def test_what_cannot_be_searched_is_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        k_nearest(*arguments)
