import pytest
import torch

from anaglyph.nn.feature_propagation import FeaturePropagation
from reference.point_networks import slow_feature_propagation
from reference.random_weights import shake


def problem():
    random = torch.Generator().manual_seed(0)
    kind = {"generator": random, "dtype": torch.float64}
    module = FeaturePropagation(2, 3, (5, 4)).double()
    shake(module)
    few, many = torch.rand(2, 4, 3, **kind), torch.rand(2, 6, 3, **kind)
    return module, (many, torch.randn(2, 6, 2, **kind), few, torch.randn(2, 4, 3, **kind))


@pytest.mark.parametrize("training", [True, False])
def test_the_module_equals_the_loop_over_points(training):
    module, clouds = problem()
    module.train(training)
    expected = slow_feature_propagation(module, *clouds, training=training)
    torch.testing.assert_close(module(*clouds), expected)


def test_padding_among_the_many_enters_nothing_and_comes_back_as_zero():
    module, (xyz, own, far_xyz, far) = problem()
    other, _ = problem()
    valid = (torch.arange(9) < 6).expand(2, -1)
    padded = [torch.cat([x, torch.full_like(x[:, :3], 5.0)], dim=1) for x in (xyz, own)]
    out = module(*padded, far_xyz, far, valid)
    torch.testing.assert_close(out[:, :6], other(xyz, own, far_xyz, far))
    assert not out[:, 6:].any()
    torch.testing.assert_close(module.state_dict(), other.state_dict())


def test_features_of_the_few_get_a_gradient():
    module, clouds = problem()
    for cloud in clouds:
        cloud.requires_grad_()
    module(*clouds).sum().backward()
    assert clouds[1].grad.abs().max() > 0
    assert clouds[3].grad.abs().max() > 0
