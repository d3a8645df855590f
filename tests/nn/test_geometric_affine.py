import pytest
import torch

from anaglyph.nn.geometric_affine import GeometricAffine, transfer
from anaglyph.nn.residual_points import NormedConv, ResidualPoints, ResidualStack
from anaglyph.ops.gather import gather_neighbours, gather_points
from reference.point_networks import leaky, slow_geometric_affine, slow_normed, slow_residual_points
from reference.random_weights import shake


def problem(channels=3):
    random = torch.Generator().manual_seed(0)
    features = torch.randn(2, 9, channels, generator=random, dtype=torch.float64)
    chosen = torch.randint(9, (2, 4), generator=random)
    return features, chosen, torch.randint(9, (2, 4, 5), generator=random)


@pytest.mark.parametrize("training", [True, False])
def test_affine_and_transfer_equal_the_literal_concatenation(training):
    features, chosen, near = problem()
    affine, layer = GeometricAffine(3).double(), NormedConv(6, 7).double().train(training)
    shake(affine)
    shake(layer, seed=1)
    literal = slow_geometric_affine(affine.affine_alpha, affine.affine_beta, features, chosen, near)
    expected = leaky(slow_normed(list(literal.flatten(0, 2)), *layer.net, training=training))
    anchors = gather_points(features, chosen)
    out = transfer(affine(gather_neighbours(features, near), anchors), anchors, layer.layer)
    torch.testing.assert_close(out.flatten(0, 2), torch.stack(expected))


def test_groups_of_one_point_have_a_finite_gradient():
    affine = GeometricAffine(3)
    grouped = torch.full((2, 4, 5, 3), 0.7, requires_grad=True)
    anchors = torch.full((2, 4, 3), 0.7, requires_grad=True)
    affine(grouped, anchors).square().sum().backward()
    assert torch.isfinite(grouped.grad).all()
    assert torch.isfinite(anchors.grad).all()


def test_the_scale_of_one_cloud_does_not_reach_another():
    features, chosen, near = problem()
    affine = GeometricAffine(3).double()
    grouped, anchors = gather_neighbours(features, near), gather_points(features, chosen)
    alone = affine(grouped[:1], anchors[:1])
    grouped[1] *= 100.0
    torch.testing.assert_close(affine(grouped, anchors)[:1], alone)


def test_differences_are_taken_in_float32_under_autocast():
    affine = GeometricAffine(1)
    anchors = torch.ones(1, 1, 1)
    grouped = 1.0 + torch.tensor([1e-4, 2e-4]).view(1, 1, 2, 1)  # one and the same number in bfloat16
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = affine(grouped, anchors)
    assert out.dtype == torch.float32
    assert out[0, 0, 1, 0] > 1.5 * out[0, 0, 0, 0] > 0


@pytest.mark.parametrize("training", [True, False])
def test_a_residual_block_equals_its_equation(training):
    block = ResidualPoints(4, 3).double().train(training)
    shake(block)
    rows = torch.randn(6, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = torch.stack(slow_residual_points(block, list(rows), training=training))
    torch.testing.assert_close(block(rows), expected)


def test_a_stack_without_blocks_changes_nothing():
    rows = torch.ones(2, 4)
    assert torch.equal(ResidualStack(4, 4, blocks=0)(rows), rows)
