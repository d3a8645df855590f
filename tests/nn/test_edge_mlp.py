import pytest
import torch

from anaglyph.nn.edge_mlp import edge_mlp
from anaglyph.nn.residual_points import NormedConv
from anaglyph.ops.knn import k_nearest
from reference.point_networks import slow_edge_mlp
from reference.random_weights import shake


def layers(training):
    made = [NormedConv(6, 5).double().train(training), NormedConv(5, 4).double().train(training)]
    for seed, layer in enumerate(made):
        shake(layer, seed=seed)
    return [layer.layer for layer in made]


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("masked", [True, False])
def test_the_layers_equal_the_loop_over_edges(count, training, masked):
    random = torch.Generator().manual_seed(0)
    points = torch.randn(2, 9, 3, generator=random, dtype=torch.float64)
    valid = torch.arange(9) < torch.tensor([[9], [6]]) if masked else None
    near = k_nearest(points, points, 4, valid=valid)
    expected = slow_edge_mlp(points, near, layers(training)[:count], training=training, valid=valid)
    torch.testing.assert_close(edge_mlp(points, near, layers(training)[:count], valid), expected)
