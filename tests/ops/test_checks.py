import numpy as np
import pytest
import torch

from anaglyph.errors import DataError
from anaglyph.ops.checks import require_count, require_enough, require_points


def cloud(**changes):
    points = torch.rand(2, 4, 6)
    for place, value in changes.get("at", {}).items():
        points[place] = value
    return points


def test_a_proper_batch_passes():
    require_points(cloud(), None, channels=6, colours=True)
    require_points(cloud(), torch.ones(2, 4, dtype=torch.bool), channels=6, colours=True)


@pytest.mark.parametrize(
    ("points", "valid", "message"),
    [
        (torch.zeros(2, 4, 3), None, r"must be \(B, N, 6\), got \(2, 4, 3\).*in_channels=3"),
        (torch.zeros(4, 6), None, r"got \(4, 6\)"),
        (torch.zeros(2, 4, 6), torch.ones(2, 4), "valid must be bool"),
        (torch.zeros(2, 4, 6), torch.ones(2, 3, dtype=torch.bool), r"valid must be bool \(2, 4\)"),
    ],
)
def test_a_shape_that_does_not_fit_is_a_programming_error(points, valid, message):
    with pytest.raises(ValueError, match=message):
        require_points(points, valid, channels=6)


def test_a_list_of_clouds_of_several_sizes_is_told_how_to_become_one_tensor():
    with pytest.raises(TypeError, match=r"got list; clouds of several sizes go in padded, with `valid`"):
        require_points([torch.zeros(4, 6), torch.zeros(5, 6)], None, channels=6)


@pytest.mark.parametrize(
    ("points", "valid", "message"),
    [
        (torch.zeros(2, 0, 6), None, "no points"),
        (torch.zeros(2, 4, 6), torch.tensor([[True] * 4, [False] * 4]), "cloud 1 of the batch has no valid"),
        (cloud(at={(1, 2, 0): float("nan")}), None, "cloud 1 .* 1 points that are not finite, .* row 2"),
        (cloud(at={(0, 3, 5): float("inf")}), None, "cloud 0 .* row 3"),
        (cloud(at={(0, 3, 4): 255.0}), None, "go from .* to 255; expected are 0 to 1: divide them by 255"),
        (cloud(at={(0, 3, 4): -0.5}), None, "go from -0.5 .*scale them"),
    ],
)
def test_clouds_that_nothing_can_be_computed_from_are_refused(points, valid, message):
    with pytest.raises(DataError, match=message):
        require_points(points, valid, channels=6, colours=True)


def encoder(points):
    require_points(points, None, channels=6, colours=True)
    return (2 * points).sum()


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [((1, 2, 0), float("nan"), "cloud 1 .* not finite, .* row 2"), ((0, 3, 4), 255.0, "divide them by 255")],
)
def test_a_compiled_encoder_refuses_the_same_clouds(place, value, message):
    compiled = torch.compile(encoder, backend="aot_eager")
    fine = cloud()
    assert compiled(fine) == encoder(fine)
    with pytest.raises(DataError, match=message):
        compiled(cloud(at={place: value}))


def test_a_number_of_something_is_a_whole_one():
    for value in (3, np.int64(3), torch.tensor(3)):
        assert require_count(value, "count") == 3
    for value, kind in [(3.0, "float"), (True, "bool"), ([3], "list"), ("3", "str"), (None, "NoneType")]:
        with pytest.raises(TypeError, match=rf"count must be a whole number, got .* \({kind}\)"):
            require_count(value, "count")
    with pytest.raises(ValueError, match="count must be >= 1, got 0"):
        require_count(0, "count")


def test_padding_may_hold_anything():
    points = cloud(at={(1, 3): float("nan"), (0, 3): 300.0})
    valid = torch.tensor([[True, True, True, False]] * 2)
    require_points(points, valid, channels=6, colours=True)


def test_too_few_points_are_refused_unless_repeats_are_allowed():
    require_enough(8, 8, what="groups", shortage="refuse")
    require_enough(7, 8, what="groups", shortage="repeat")
    with pytest.raises(DataError, match=r"7 points, fewer than the 8 groups .* shortage='repeat'"):
        require_enough(7, 8, what="groups", shortage="refuse")
    with pytest.raises(ValueError, match="'refuse' or 'repeat', got 'pad'"):
        require_enough(8, 8, what="groups", shortage="pad")
