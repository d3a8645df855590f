import torch

from anaglyph.nn.mlp import MLP, PointMLP, max_over_points, mean_over_points


def padded(points=5, padding=3):
    x = torch.randn(2, points, 3, generator=torch.Generator().manual_seed(0))
    valid = (torch.arange(points + padding) < points).expand(2, -1)
    return x, torch.cat([x, torch.full((2, padding, 3), float("nan"))], dim=1), valid


def test_padding_enters_neither_result_nor_statistics_of_a_point_mlp():
    x, long, valid = padded()
    one, other = PointMLP((3, 8, 4)), PointMLP((3, 8, 4))
    other.load_state_dict(one.state_dict())
    torch.testing.assert_close(other(long, valid)[:, :5], one(x))
    torch.testing.assert_close(one.state_dict(), other.state_dict())


def test_pools_over_a_mask_equal_pools_over_the_points_left():
    x, long, valid = padded()
    long = long.nan_to_num(nan=9.0)
    torch.testing.assert_close(max_over_points(long, valid), x.max(dim=1).values)
    torch.testing.assert_close(mean_over_points(long, valid), x.mean(dim=1))


def test_an_mlp_ends_without_an_activation():
    layers = [type(layer).__name__ for layer in MLP((3, 8, 8, 2))]
    assert layers == ["Linear", "ReLU", "Linear", "ReLU", "Linear"]
