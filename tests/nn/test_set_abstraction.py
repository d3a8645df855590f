import pytest
import torch

from anaglyph.errors import DataError
from anaglyph.nn.set_abstraction import GlobalAbstraction, SetAbstraction
from reference.point_networks import abstraction_edges, largest, slow_mlp, slow_set_abstraction
from reference.random_weights import shake


def block(channels, **options):
    module = SetAbstraction(channels, (5, 6, 4), centres=4, radius=0.5, neighbours=6, **options).double()
    shake(module)
    return module


def cloud(b=2, n=12, channels=2, seed=0):
    random = torch.Generator().manual_seed(seed)
    xyz = torch.rand(b, n, 3, generator=random, dtype=torch.float64)
    return xyz, torch.randn(b, n, channels, generator=random, dtype=torch.float64)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("channels", [0, 2])
def test_the_block_equals_the_loop_over_edges(training, channels):
    module = block(channels).train(training)
    xyz, features = cloud(channels=channels)
    expected = slow_set_abstraction(module, xyz, features if channels else None, training=training)
    centres, out = module(xyz, features if channels else None)
    torch.testing.assert_close(centres, expected[0])
    torch.testing.assert_close(out, expected[1])


@pytest.mark.parametrize("channels", [0, 2])
def test_training_moves_the_running_mean_by_a_tenth_of_what_the_edges_have(channels):
    module, before = block(channels), block(channels).mlp_bns[0].running_mean
    xyz, features = cloud(channels=channels)
    features = features if channels else None
    _, edges = abstraction_edges(module, xyz, features)
    module(xyz, features)
    first = module.mlp_convs[0]
    mean = first.weight.flatten(1) @ (sum(edges) / len(edges)) + first.bias
    torch.testing.assert_close(module.mlp_bns[0].running_mean, 0.9 * before + 0.1 * mean)


def test_a_mask_equals_leaving_the_rows_out_in_training_too():
    xyz, features = cloud()
    padded = [torch.cat([x, torch.full_like(x[:, :5], 0.4)], dim=1) for x in (xyz, features)]
    valid = (torch.arange(17) < 12).expand(2, -1)
    plain, masked = block(2), block(2)
    for mine, other in zip(masked(*padded, valid), plain(xyz, features), strict=True):
        torch.testing.assert_close(mine, other)
    torch.testing.assert_close(masked.state_dict(), plain.state_dict())


def test_gradients_agree_with_finite_differences():
    module = SetAbstraction(2, (3, 2), centres=2, radius=0.8, neighbours=3).double().eval()
    shake(module)
    xyz, features = cloud(b=1, n=5)
    inputs = (xyz.requires_grad_(), features.requires_grad_())
    assert torch.autograd.gradcheck(lambda *x: module(*x)[1], inputs)


def test_a_single_layer_is_enough():
    module = SetAbstraction(2, (3,), centres=4, radius=0.5, neighbours=6).double()
    shake(module)
    xyz, features = cloud()
    expected = slow_set_abstraction(module, xyz, features, training=True)[1]
    torch.testing.assert_close(module(xyz, features)[1], expected)


def test_fewer_points_than_centres_are_refused_or_repeated():
    xyz, features = cloud(n=3)
    with pytest.raises(DataError, match="3 points, fewer than the 4 "):
        block(2)(xyz, features)
    centres, _ = block(2, shortage="repeat")(xyz, features)
    assert centres.shape == (2, 4, 3)


def test_the_first_centre_can_be_the_first_point():
    xyz, features = cloud()
    assert torch.equal(block(2, start="first")(xyz, features)[0][:, 0], xyz[:, 0])
    with pytest.raises(ValueError, match="'farthest' or 'first', got 'middle'"):
        block(2, start="middle")(xyz, features)


@pytest.mark.parametrize("training", [True, False])
def test_the_last_block_reads_positions_as_they_are_and_then_features(training):
    module = GlobalAbstraction(2, (5, 4)).double().train(training)
    shake(module)
    xyz, features = cloud(n=3)
    rows = [torch.cat([xyz[b, n], features[b, n]]) for b in range(2) for n in range(3)]
    layers = list(zip(module.mlp_convs, module.mlp_bns, strict=True))
    rows = slow_mlp(rows, layers, training=training)
    torch.testing.assert_close(module(xyz, features), torch.stack([largest(rows[:3]), largest(rows[3:])]))
