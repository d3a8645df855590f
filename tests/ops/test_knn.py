import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.errors import DataError
from anaglyph.ops.knn import k_nearest
from reference.neighbours import slow_k_nearest


def cloud(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("channels", [2, 3, 5])
@settings(deadline=None, max_examples=30)
@given(
    b=st.integers(1, 3),
    m=st.integers(1, 5),
    n=st.integers(1, 40),
    k=st.integers(1, 8),
    seed=st.integers(0, 2**16),
    is_lattice=st.booleans(),
    block=st.sampled_from([1, 50, None]),
)
def test_neighbours_equal_the_double_loop_also_on_lattices_full_of_ties(
    channels, b, m, n, k, seed, is_lattice, block
):
    query, reference = cloud(b, m, channels, seed=seed), cloud(b, n, channels, seed=seed + 1)
    if is_lattice:
        query, reference = (query * 2).round(), (reference * 2).round()
    found = k_nearest(query, reference, k, shortage="repeat", backend="torch", block=block)
    assert torch.equal(found, slow_k_nearest(query, reference, k))


@pytest.mark.parametrize(("neighbours", "channels"), [(1, 3), (4, 3), (20, 3), (300, 3), (4, 8), (20, 8)])
def test_neighbours_in_a_large_cloud_equal_sorting_every_distance(neighbours, channels):
    points = cloud(2, 700, channels)
    # In space the definition in float32 decides, among features whatever is nearest in truth.
    exact = points if channels == 3 else points.double()
    square = (exact[:, :, None] - exact[:, None]).square()
    distance = square[..., 0]
    for channel in range(1, channels):
        distance = distance + square[..., channel]
    everything = distance.argsort(dim=2, stable=True)
    assert torch.equal(k_nearest(points, points, neighbours, backend="torch"), everything[:, :, :neighbours])


def test_a_large_lattice_gives_the_lowest_rows_among_equals():
    points = torch.randint(0, 5, (1, 1500, 3), generator=torch.Generator().manual_seed(0)).float()
    distance = torch.cdist(points.double(), points.double()).square().round()
    expected = distance.argsort(dim=2, stable=True)[..., :9]
    assert torch.equal(k_nearest(points, points, 9, backend="torch"), expected)


@pytest.mark.parametrize("channels", [3, 4])
def test_a_point_is_its_own_nearest_neighbour(channels):
    points = cloud(2, 50, channels)
    assert torch.equal(k_nearest(points, points, 4)[..., 0], torch.arange(50).expand(2, -1))


@pytest.mark.parametrize("channels", [3, 4])
def test_more_neighbours_than_points_are_refused_or_repeat_the_nearest(channels):
    points = cloud(1, 3, channels)
    with pytest.raises(DataError, match="has 3 points, fewer than the 20 neighbours asked for"):
        k_nearest(points, points, 20)
    with pytest.raises(ValueError, match="shortage must be 'refuse' or 'repeat', got 'clamp'"):
        k_nearest(points, points, 20, shortage="clamp")
    found = k_nearest(points, points, 20, shortage="repeat", backend="torch")
    assert found.shape == (1, 3, 20)
    assert torch.equal(found[..., :3].sort(dim=2).values, torch.arange(3).expand(1, 3, 3))
    assert (found[..., 3:] == found[..., :1]).all()


@pytest.mark.parametrize("channels", [3, 4])
def test_identical_points_are_taken_in_the_order_of_their_index(channels):
    points = torch.ones(1, 100, channels)
    assert torch.equal(k_nearest(points, points, 7), torch.arange(7).expand(1, 100, 7))


@pytest.mark.parametrize("padding", [0, 150])
@pytest.mark.parametrize("channels", [3, 4])
def test_a_cloud_far_from_the_origin_keeps_its_neighbours(padding, channels):
    points = (cloud(1, 200, channels) * 64).round() / 64
    valid = torch.arange(200)[None] >= padding
    far = (points + 1000).masked_fill(~valid[..., None], 0.0)
    assert torch.equal(
        k_nearest(far, far, 5, valid=valid)[:, padding:],
        k_nearest(points[:, padding:], points[:, padding:], 5) + padding,
    )


def test_a_small_cluster_beside_a_far_one_keeps_its_neighbours():
    """A common origin does not help here: products lose what differences keep."""
    cluster = cloud(1, 60, 3) * 1e-3
    both = torch.cat([cluster, cloud(1, 60, 3, seed=1) + 500.0], dim=1)
    near = k_nearest(both, both, 8, backend="torch")[:, :60]
    assert torch.equal(near, slow_k_nearest(cluster, cluster, 8))


@pytest.mark.parametrize("channels", [3, 4])
def test_padding_is_never_a_neighbour_and_missing_ones_repeat_the_nearest(channels):
    points = cloud(2, 30, channels)
    valid = torch.ones(2, 30, dtype=torch.bool)
    valid[0, 10:] = False
    valid[1, :27] = False  # 3 points left for 5 neighbours
    points[~valid] = float("nan")
    query = points.nan_to_num()
    with pytest.raises(DataError, match="has 3 points, fewer than the 5 neighbours"):
        k_nearest(query, points, 5, valid=valid)
    found = k_nearest(query, points, 5, valid=valid, shortage="repeat", backend="torch")
    assert torch.equal(found, slow_k_nearest(query, points, 5, valid))


def test_a_cloud_asked_about_itself_may_hold_anything_in_its_padding():
    points = cloud(1, 12, 3)
    valid = torch.arange(12)[None] < 9
    broken = points.masked_fill(~valid[..., None], float("nan"))
    found = k_nearest(broken, broken, 4, valid=valid)
    assert torch.equal(found[:, :9], slow_k_nearest(points[:, :9], points[:, :9], 4))
    assert found.max() < 9


def test_autocast_does_not_lower_the_precision_of_distances():
    for channels in (3, 16):
        points = cloud(1, 400, channels)
        expected = torch.cdist(points.double(), points.double()).argsort(dim=2)[..., :10]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = k_nearest(points, points, 10, backend="torch")
        assert torch.equal(found, expected)


def test_double_precision_separates_what_single_precision_cannot():
    reference = torch.tensor([[[1 + 1e-12, 0, 0], [1, 0, 0]]], dtype=torch.float64)
    query = torch.zeros(1, 1, 3, dtype=torch.float64)
    assert k_nearest(query, reference, 1).item() == 1
    assert k_nearest(query.float(), reference.float(), 1).item() == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.zeros(1, 2, 3), torch.zeros(1, 2, 3), 0), "neighbours must be >= 1, got 0"),
        ((torch.zeros(1, 2, 3), torch.zeros(2, 2, 3), 1), r"got \(1, 2, 3\) on cpu and \(2, 2, 3\) on cpu"),
        ((torch.zeros(1, 2, 3), torch.zeros(1, 2, 4), 1), r"got \(1, 2, 3\) on cpu and \(1, 2, 4\)"),
        ((torch.zeros(2, 3), torch.zeros(1, 2, 3), 1), r"query must be floating \(B, N, C\)"),
        ((torch.zeros(1, 2, 3), torch.zeros(1, 2, 3).long(), 1), "reference must be floating"),
    ],
)
def test_what_cannot_be_searched_is_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        k_nearest(*arguments)


def test_neighbours_that_are_no_whole_number_are_refused_by_name():
    with pytest.raises(TypeError, match=r"neighbours must be a whole number, got 3.5 \(float\)"):
        k_nearest(torch.zeros(1, 9, 3), torch.zeros(1, 9, 3), 3.5)


@pytest.mark.parametrize("channels", [3, 4])
def test_broken_clouds_are_refused_by_name(channels):
    fine = torch.zeros(1, 2, channels)
    broken = fine.clone()
    broken[0, 1, 2] = float("nan")
    with pytest.raises(DataError, match="cloud 0 of query has 1 points with numbers that are not finite"):
        k_nearest(broken, fine, 1)
    with pytest.raises(DataError, match="cloud 0 of reference"):
        k_nearest(fine, broken, 1)
    with pytest.raises(DataError, match="reference holds a cloud without points"):
        k_nearest(fine, fine[:, :0], 1)
    with pytest.raises(DataError, match="reference holds a cloud without points"):
        k_nearest(fine, fine, 1, valid=torch.zeros(1, 2, dtype=torch.bool))
