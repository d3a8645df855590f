import pytest
import torch
from torch import nn

from anaglyph.nn.batchnorm import BatchNorm
from anaglyph.nn.normed_linear import layer_lists, normed_linear, normed_linear_of_clouds
from anaglyph.nn.padding import at_least_float32, cleared, scatter_rows
from reference.point_networks import slow_normed
from reference.random_weights import shake

KINDS = [nn.Linear(3, 4), nn.Conv1d(3, 4, 1), nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 1, bias=False)]


def rows(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("layer", KINDS, ids=lambda layer: f"{type(layer).__name__} {layer.bias is not None}")
@pytest.mark.parametrize("training", [True, False])
def test_layer_and_normalisation_equal_their_equations(layer, training):
    layer, norm = layer.double(), BatchNorm(4).double().train(training)
    shake(layer)
    shake(norm)
    x = rows(2, 5, 3)
    expected = torch.stack(slow_normed(list(x.flatten(0, 1)), layer, norm, training=training))
    torch.testing.assert_close(normed_linear(x, layer, norm).flatten(0, 1), expected)


class Doubled(nn.Module):
    def forward(self, weight):
        return 2 * weight


def test_layers_are_read_so_that_parametrisations_count_and_hooks_do_not_run():
    layer, norm = nn.Linear(3, 4).double(), BatchNorm(4).double().eval()
    layer.register_forward_hook(lambda *given: pytest.fail("a layer was called"))
    nn.init.zeros_(layer.bias)
    before = normed_linear(rows(5, 3), layer, norm)
    nn.utils.parametrize.register_parametrization(layer, "weight", Doubled())
    torch.testing.assert_close(normed_linear(rows(5, 3), layer, norm), 2 * before)


@pytest.mark.parametrize("training", [True, False])
def test_what_is_known_of_a_cloud_stands_before_the_features_of_its_points(training):
    layer, norm = nn.Conv1d(5, 4, 1).double(), BatchNorm(4).double().train(training)
    shake(layer)
    shake(norm)
    whole, points, cloud = rows(3, 2), rows(6, 3), torch.tensor([0, 0, 1, 2, 2, 2])
    joined = [torch.cat([whole[b], point]) for b, point in zip(cloud, points, strict=True)]
    expected = torch.stack(slow_normed(joined, layer, norm, training=training))
    torch.testing.assert_close(normed_linear_of_clouds(whole, points, cloud, (layer, norm)), expected)


def test_gradients_reach_the_normalisation_in_eval_mode():
    layer, norm = nn.Linear(3, 4), BatchNorm(4).eval()
    normed_linear(rows(5, 3).float(), layer, norm).square().sum().backward()
    for parameter in (*layer.parameters(), *norm.parameters()):
        assert parameter.grad.abs().max() > 0


def test_widths_need_an_input_and_an_output():
    for widths in ((3,), (3, 0)):
        with pytest.raises(ValueError, match="widths must name input and output"):
            layer_lists(widths)


def test_padding_rows_are_cleared_even_of_nan_and_filled_with_zeros():
    valid = torch.tensor([[True, False], [True, True]])
    points = torch.tensor([[[1.0], [float("nan")]], [[2.0], [3.0]]])
    assert cleared(points, valid).flatten().tolist() == [1.0, 0.0, 2.0, 3.0]
    assert scatter_rows(torch.tensor([[1.0], [2.0], [3.0]]), valid).flatten().tolist() == [1.0, 0.0, 2.0, 3.0]


def test_half_precision_is_lifted_and_double_kept():
    kinds = [at_least_float32(torch.zeros(1, dtype=kind)).dtype for kind in (torch.bfloat16, torch.float64)]
    assert kinds == [torch.float32, torch.float64]
