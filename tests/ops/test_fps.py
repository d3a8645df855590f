import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.errors import DataError
from anaglyph.ops.fps import farthest_points, random_starts
from anaglyph.ops.gather import gather_points
from reference.farthest import slow_farthest


def random(seed=0):
    return torch.Generator().manual_seed(seed)


def cloud(*shape, seed=0):
    return torch.randn(*shape, generator=random(seed))


@settings(deadline=None, max_examples=40)
@given(
    b=st.integers(1, 3),
    n=st.integers(1, 25),
    count=st.integers(1, 30),
    seed=st.integers(0, 2**16),
    is_lattice=st.booleans(),
    skip=st.sampled_from([None, 0.0, 1.0]),
)
def test_the_choice_equals_the_slow_loop_also_on_lattices_full_of_ties(b, n, count, seed, is_lattice, skip):
    points = cloud(b, n, 3, seed=seed)
    points = (points * 2).round() if is_lattice else points
    found = farthest_points(points, count, skip_near_origin=skip, shortage="repeat", backend="torch")
    assert torch.equal(found, slow_farthest(points, count, skip=skip))


def test_the_corners_of_a_square_come_before_its_middle():
    points = torch.tensor([[[0.0, 0, 0], [0.5, 0.5, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]]])
    assert farthest_points(points, 5).tolist() == [[0, 4, 2, 3, 1]]


def test_points_near_the_origin_are_skipped_but_the_start_may_be_one():
    points = torch.tensor([[[0.01, 0, 0], [0.02, 0, 0], [1.0, 0, 0], [0, 2.0, 0]]])
    assert farthest_points(points, 3, skip_near_origin=1e-3).tolist() == [[0, 3, 2]]
    with pytest.raises(DataError, match="has 3 points, fewer than the 4 points asked for"):
        farthest_points(points, 4, skip_near_origin=1e-3)
    found = farthest_points(points, 4, skip_near_origin=1e-3, shortage="repeat")
    assert torch.equal(found, slow_farthest(points, 4, skip=1e-3))


@pytest.mark.parametrize("start", [0, 3, "farthest"])
def test_padding_anywhere_does_not_change_the_choice(start):
    points = cloud(1, 20, 3)
    padded = torch.full((1, 27, 3), float("nan"))
    rows = torch.tensor([1, 2, 4, *range(6, 23)])
    padded[:, rows] = points
    valid = torch.zeros(1, 27, dtype=torch.bool)
    valid[:, rows] = True
    dense = farthest_points(points, 30, start=start, shortage="repeat")
    assert torch.equal(farthest_points(padded, 30, valid=valid, start=start, shortage="repeat"), rows[dense])


def test_the_farthest_start_does_not_depend_on_the_order_of_the_points():
    points = cloud(4, 50, 3)
    order = torch.randperm(50, generator=random())
    first, second = (
        gather_points(p, farthest_points(p, 10, start="farthest")) for p in (points, points[:, order])
    )
    assert torch.equal(first, second)
    distance = (points - points.mean(dim=1, keepdim=True)).norm(dim=2)
    assert torch.equal(farthest_points(points, 1, start="farthest")[:, 0], distance.argmax(dim=1))


def test_starts_drawn_from_a_generator_repeat_and_reach_every_valid_row_evenly():
    valid = torch.tensor([[False, True, True, False, True]]).expand(6000, -1)
    starts = random_starts(6000, 5, generator=random(), valid=valid)
    assert torch.equal(starts, random_starts(6000, 5, generator=random(), valid=valid))
    counts = starts.bincount(minlength=5)
    assert counts[[0, 3]].tolist() == [0, 0]
    assert counts[[1, 2, 4]].min() > 1800
    every = random_starts(4000, 4, generator=random()).bincount(minlength=4)
    assert every.shape == (4,)
    assert every.min() > 850


def test_a_given_start_is_the_first_choice():
    starts = random_starts(3, 40, generator=random(1))
    found = farthest_points(cloud(3, 40, 3), 5, start=starts)
    assert torch.equal(found[:, 0], starts)


def test_double_precision_separates_what_single_precision_cannot():
    points = torch.tensor([[[0, 0, 0], [1, 0, 0], [1 + 1e-12, 0, 0]]], dtype=torch.float64)
    assert farthest_points(points, 2).tolist() == [[0, 2]]
    assert farthest_points(points.float(), 2).tolist() == [[0, 1]]


@pytest.mark.parametrize(
    ("points", "options", "message"),
    [
        (torch.zeros(1, 3, 3), {"count": 0}, "count must be >= 1, got 0"),
        (torch.zeros(1, 3, 4), {}, r"points must be \(B, N, 3\), got \(1, 3, 4\)"),
        (torch.zeros(1, 3, 3, dtype=torch.int64), {}, "floating"),
        (torch.zeros(1, 3, 3), {"start": 3}, "between 0 and 2 for these clouds, got 3"),
        (torch.zeros(1, 3, 3), {"start": "middle"}, "'farthest', got 'middle'"),
        (torch.zeros(1, 3, 3), {"start": torch.tensor([5])}, r"between 0 and 2, got \[5\]"),
        (torch.zeros(1, 3, 3), {"start": torch.tensor([0.0])}, r"int64 \(1,\), got torch.float32"),
        (torch.zeros(1, 3, 3), {"skip_near_origin": -1.0}, "skip_near_origin must be >= 0"),
        (torch.zeros(1, 3, 3), {"valid": torch.ones(1, 3)}, "valid must be bool"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(points, options, message):
    with pytest.raises(ValueError, match=message):
        farthest_points(points, **{"count": 1, **options})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 3.0}, r"count must be a whole number, got 3.0 \(float\)"),
        ({"count": True}, r"count must be a whole number, got True \(bool\)"),
        ({"start": True}, r"start must be a whole number, .* got True \(bool\)"),
        ({"start": [0, 1]}, r"start must be a whole number, an int64 tensor .* got \[0, 1\] \(list\)"),
        ({"start": 1.0}, r"got 1.0 \(float\)"),
        ({"start": None}, r"got None \(NoneType\)"),
    ],
)
def test_what_is_not_a_whole_number_is_refused_by_name(options, message):
    with pytest.raises(TypeError, match=message):
        farthest_points(torch.zeros(2, 4, 3), **{"count": 2, **options})


def test_a_start_on_a_padding_row_is_refused():
    valid = torch.tensor([[True, False, True]])
    with pytest.raises(ValueError, match="start names a padding row"):
        farthest_points(torch.zeros(1, 3, 3), 1, valid=valid, start=torch.tensor([1]))
    with pytest.raises(DataError, match="no valid point to start from"):
        random_starts(1, 3, generator=random(), valid=torch.zeros(1, 3, dtype=torch.bool))


@pytest.mark.parametrize(
    ("points", "valid", "message"),
    [
        (torch.tensor([[[0.0, 0, 0], [0, float("nan"), 0]]]), None, "cloud 0 of points has 1 .* in row 1"),
        (torch.tensor([[[0.0, 0, float("inf")]]]), None, "not finite"),
        (torch.full((1, 2, 3), 1e20), None, "has 2 points .* beyond 5e[+]18"),
        (torch.zeros(2, 0, 3), None, "points holds a cloud without points"),
        (torch.zeros(1, 2, 3), torch.zeros(1, 2, dtype=torch.bool), "a cloud without points"),
        (torch.zeros(1, 2, 3), torch.tensor([[True, False]]), "1 points, fewer than the 2 points asked for"),
    ],
)
def test_clouds_that_cannot_be_sampled_are_refused_by_name(points, valid, message):
    with pytest.raises(DataError, match=message):
        farthest_points(points, 2, valid=valid)
