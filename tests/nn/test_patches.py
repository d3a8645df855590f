import pytest
import torch

from anaglyph.errors import DataError
from anaglyph.nn.patches import PatchOptions
from reference.point_transformer import slow_patches

LINE = torch.tensor([[[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0], [10, 0, 0]]])


def cloud(b=2, n=40, channels=3, seed=0):
    return torch.randn(b, n, channels, generator=torch.Generator().manual_seed(seed))


def cut_patches(points, groups, size, *, valid=None, **options):
    return PatchOptions(groups=groups, group_size=size, **options).cut(points, valid)


def test_patches_of_a_line_are_those_drawn_by_hand():
    centres, near = cut_patches(LINE, 3, 2, start="first")
    assert centres[0, :, 0].tolist() == [0, 10, 3]
    assert near[0, :, :, 0].tolist() == [[0, 1], [0, -7], [0, -1]]
    assert near.shape == (1, 3, 2, 3)


def test_by_default_the_first_centre_is_the_point_farthest_from_the_mean():
    centres, _ = cut_patches(LINE, 2, 2)
    assert centres[0, :, 0].tolist() == [10, 0]


@pytest.mark.parametrize("channels", [3, 6])
def test_patches_equal_the_loops(channels):
    points = cloud(channels=channels)
    found = cut_patches(points, 5, 7, start="first")
    for b in range(2):
        centres, patches = slow_patches(points[b].tolist(), 5, 7)
        torch.testing.assert_close(found.centres[b].tolist(), [c.tolist() for c in centres])
        wanted = [[point.tolist() for point in patch] for patch in patches]
        torch.testing.assert_close(found.neighbourhoods[b].tolist(), wanted, rtol=1e-5, atol=1e-6)


def test_other_channels_come_as_they_are():
    points = cloud(1, 20, 6)
    _, near = cut_patches(points, 4, 20)  # every patch holds the whole cloud
    for patch in near[0]:
        torch.testing.assert_close(patch[:, 3:].sort(dim=0).values, points[0, :, 3:].sort(dim=0).values)


def test_centres_near_the_origin_are_skipped_when_asked():
    points = torch.tensor([[[3.0, 0, 0], [0.03, 0, 0], [3, 0.2, 0]]])
    assert cut_patches(points, 2, 1, start="first").centres[0, 1, 0] == pytest.approx(0.03)
    skipped = cut_patches(points, 2, 1, start="first", skip_near_origin=1e-3)
    assert skipped.centres[0, 1].tolist() == pytest.approx([3, 0.2, 0])


@pytest.mark.parametrize("start", ["first", "farthest"])
@pytest.mark.parametrize("left", [40, 3])
def test_padding_changes_no_patch(start, left):
    points = cloud(2, left, 6)
    shifted = torch.cat([torch.full((2, 4, 6), float("nan")), points], dim=1)
    valid = (torch.arange(left + 4) >= 4).expand(2, -1)
    plain = cut_patches(points, 6, 5, start=start, shortage="repeat")
    padded = cut_patches(shifted, 6, 5, start=start, shortage="repeat", valid=valid)
    torch.testing.assert_close(tuple(padded), tuple(plain), rtol=0, atol=0)


def test_order_of_points_changes_no_set_of_patches():
    points = cloud(1)
    shuffled = points[:, torch.randperm(40, generator=torch.Generator().manual_seed(1))]
    one, other = cut_patches(points, 6, 5), cut_patches(shuffled, 6, 5)
    torch.testing.assert_close(one.centres, other.centres, rtol=0, atol=0)
    torch.testing.assert_close(one.neighbourhoods, other.neighbourhoods, rtol=0, atol=0)


@pytest.mark.parametrize(("groups", "size"), [(6, 2), (2, 6)])
def test_too_few_points_are_refused_or_repeated(groups, size):
    with pytest.raises(DataError, match="has 5 points, fewer than the 6"):
        cut_patches(LINE, groups, size)
    near = cut_patches(LINE, groups, size, shortage="repeat").neighbourhoods
    assert near.shape == (1, groups, size, 3)
    assert set(near[0, :, 0, 0].tolist()) == {0}  # the nearest of a centre is the centre, first in its patch


def test_too_few_valid_points_are_refused():
    valid = torch.tensor([[True, True, False, False, True]])
    with pytest.raises(DataError, match="has 3 points"):
        cut_patches(LINE, 4, 2, valid=valid)


def test_patches_are_float32_under_autocast():
    points = cloud() + 100
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = cut_patches(points, 5, 7)
    torch.testing.assert_close(tuple(low), tuple(cut_patches(points, 5, 7)), rtol=0, atol=0)


def test_float64_points_are_cut_in_float64():
    points = cloud().double()
    found = cut_patches(points, 5, 7)
    assert (found.centres.dtype, found.neighbourhoods.dtype) == (torch.float64, torch.float64)
    assert all(
        torch.equal(centre, points[0][(points[0] == centre).all(dim=1)][0]) for centre in found.centres[0]
    )
    torch.testing.assert_close(found.neighbourhoods.float(), cut_patches(points.float(), 5, 7).neighbourhoods)


def test_gradients_reach_the_points():
    points = LINE.clone().requires_grad_()
    _, near = cut_patches(points, 1, 2, start="first")
    near[0, 0, 1, 0].backward()  # x of point 1 minus x of point 0
    assert points.grad[0, :, 0].tolist() == [-1, 1, 0, 0, 0]


def test_a_start_or_a_shape_that_is_not_meant_is_refused():
    with pytest.raises(ValueError, match="must be 'farthest' or 'first', got 'random'"):
        cut_patches(LINE, 2, 2, start="random")
    with pytest.raises(ValueError, match=r"points must be \(B, N, 3 \+ C\), got \(1, 5, 2\)"):
        cut_patches(LINE[..., :2], 2, 2)
    with pytest.raises(ValueError, match="must be 'refuse' or 'repeat', got 'pad'"):
        cut_patches(LINE, 2, 2, shortage="pad")
    with pytest.raises(ValueError, match="groups and group_size must be >= 1, got 0 and 2"):
        cut_patches(LINE, 0, 2)
