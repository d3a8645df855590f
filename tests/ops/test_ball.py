import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.errors import DataError
from anaglyph.ops import coordinates
from anaglyph.ops.ball import ball_query
from reference.ball import slow_ball


def cloud(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@settings(deadline=None, max_examples=40)
@given(
    b=st.integers(1, 3),
    m=st.integers(1, 5),
    n=st.integers(1, 30),
    count=st.integers(1, 8),
    radius=st.sampled_from([0.3, 1.0, 5.0]),
    seed=st.integers(0, 2**16),
    is_lattice=st.booleans(),
)
def test_the_rows_equal_the_slow_loop(b, m, n, count, radius, seed, is_lattice):
    query, reference = cloud(b, m, 3, seed=seed), cloud(b, n, 3, seed=seed + 1)
    if is_lattice:
        query, reference = (query * 2).round(), (reference * 2).round()
    found = ball_query(query, reference, radius, count, backend="torch")
    assert torch.equal(found, slow_ball(query, reference, radius, count))


def test_lowest_rows_win_over_nearer_ones_and_the_first_fills_the_rest():
    reference = torch.tensor([[[9.0, 0, 0], [0.9, 0, 0], [0.1, 0, 0], [0, 0, 0]]])
    query = torch.zeros(1, 1, 3)
    assert ball_query(query, reference, 1.0, 2).tolist() == [[[1, 2]]]
    assert ball_query(query, reference, 1.0, 5).tolist() == [[[1, 2, 3, 1, 1]]]


def test_an_empty_ball_holds_the_nearest_valid_point_not_row_0():
    reference = torch.tensor([[[9.0, 0, 0], [4.0, 0, 0], [5.0, 0, 0]]])
    query = torch.zeros(1, 1, 3)
    assert ball_query(query, reference, 1.0, 2).tolist() == [[[1, 1]]]
    valid = torch.tensor([[True, False, True]])
    assert ball_query(query, reference, 1.0, 2, valid=valid).tolist() == [[[2, 2]]]


def test_a_large_ball_without_small_blocks_equals_one_with_them(monkeypatch):
    points = cloud(2, 90, 3)
    whole = ball_query(points, points, 0.8, 9, backend="torch")
    monkeypatch.setitem(coordinates._BLOCK, "cpu", 100)
    assert torch.equal(ball_query(points, points, 0.8, 9, backend="torch"), whole)
    assert torch.equal(whole, slow_ball(points, points, 0.8, 9))


@pytest.mark.parametrize(
    ("radius", "count", "message"),
    [
        (0.0, 1, "radius must be > 0 and finite, got 0.0"),
        (float("nan"), 1, "radius must be > 0 and finite, got nan"),
        (float("inf"), 1, "radius must be > 0 and finite, got inf"),
        (1.0, 0, "count must be >= 1, got 0"),
    ],
)
def test_options_that_cannot_be_meant_are_refused_by_name(radius, count, message):
    with pytest.raises(ValueError, match=message):
        ball_query(torch.zeros(1, 1, 3), torch.zeros(1, 1, 3), radius, count)


def test_a_count_that_is_no_whole_number_is_refused_by_name():
    with pytest.raises(TypeError, match=r"count must be a whole number, got 3.0 \(float\)"):
        ball_query(torch.zeros(1, 1, 3), torch.zeros(1, 1, 3), 1.0, 3.0)


def test_shapes_that_do_not_fit_are_refused_by_name():
    with pytest.raises(ValueError, match=r"got \(1, 1, 3\) on cpu and \(2, 1, 3\) on cpu"):
        ball_query(torch.zeros(1, 1, 3), torch.zeros(2, 1, 3), 1.0, 1)
    with pytest.raises(ValueError, match=r"query must be \(B, N, 3\), got \(1, 1, 6\); pass points"):
        ball_query(torch.zeros(1, 1, 6), torch.zeros(1, 1, 6), 1.0, 1)


def test_broken_points_are_refused_by_name():
    broken = torch.tensor([[[0.0, 0, float("nan")]]])
    with pytest.raises(DataError, match="cloud 0 of reference has 1 points with numbers that are not finite"):
        ball_query(torch.zeros(1, 1, 3), broken, 1.0, 1)
    with pytest.raises(DataError, match="cloud 0 of query"):
        ball_query(broken, torch.zeros(1, 1, 3), 1.0, 1)
    with pytest.raises(DataError, match="reference holds a cloud without points"):
        ball_query(torch.zeros(1, 1, 3), torch.zeros(1, 0, 3), 1.0, 1)
