import numpy as np
import pytest
import torch

from anaglyph.nn.patch_embed import PatchEmbed, position_mlp
from anaglyph.nn.pointwise import Pointwise, joint_linear
from reference.point_transformer import arrays, slow_patch_tokens


def parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


def lived_in(module, seed=0):
    """Running statistics and normalisations that are not those of a fresh module."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in module.state_dict().items():
        if value.is_floating_point() and "conv" in name and name.split(".")[1] == "1":
            value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
    return module


@pytest.mark.parametrize(("in_channels", "channels", "count"), [(3, 384, 494_464), (6, 256, 429_184)])
def test_parameter_counts_are_those_of_the_dossiers(in_channels, channels, count):
    with torch.device("meta"):
        assert parameters(PatchEmbed(in_channels, channels)) == count
        assert parameters(position_mlp(384)) == 50_048


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("channels", [3, 6])
def test_tokens_equal_the_loops(channels, training):
    torch.manual_seed(0)
    network = lived_in(PatchEmbed(channels, 5, widths=(4, 6, 7))).train(training)
    weights = arrays(network.state_dict())
    patches = torch.randn(2, 3, 4, channels)
    slow = slow_patch_tokens(weights, patches.flatten(0, 1).double().numpy(), training=training)
    wanted = torch.from_numpy(np.array(slow)).float().view(2, 3, 5)
    torch.testing.assert_close(network(patches), wanted, rtol=1e-4, atol=1e-5)


def test_training_moves_the_running_statistics_to_those_of_all_points():
    torch.manual_seed(0)
    network = PatchEmbed(3, 5, widths=(4, 6, 7))
    patches = torch.randn(2, 3, 4, 3)
    network(patches)
    first = patches.flatten(0, 2) @ network.first_conv[0].weight[:, :, 0].T + network.first_conv[0].bias
    torch.testing.assert_close(network.first_conv[1].running_mean, 0.1 * first.mean(dim=0))
    assert network.second_conv[1].num_batches_tracked == 1


def test_points_within_a_patch_have_no_order():
    torch.manual_seed(0)
    network = PatchEmbed(3, 5, widths=(4, 6, 7)).eval()
    patches = torch.randn(1, 2, 8, 3)
    torch.testing.assert_close(network(patches), network(patches.flip(2)))


def test_repeated_points_change_nothing_in_eval_mode():
    torch.manual_seed(0)
    network = lived_in(PatchEmbed(3, 5, widths=(4, 6, 7))).eval()
    patches = torch.randn(1, 2, 4, 3)
    longer = torch.cat([patches, patches[:, :, :1].expand(-1, -1, 3, -1)], dim=2)
    torch.testing.assert_close(network(longer), network(patches))


def test_patches_of_other_channels_are_refused():
    with pytest.raises(ValueError, match=r"patches must be \(B, G, K, 6\), got \(1, 2, 4, 3\)"):
        PatchEmbed(6, 5)(torch.zeros(1, 2, 4, 3))
    with pytest.raises(ValueError, match="must be >= 1"):
        PatchEmbed(3, 5, widths=(4, 0, 7))


def test_a_pointwise_layer_equals_a_convolution_of_size_one():
    torch.manual_seed(0)
    layer, other = Pointwise(3, 5), torch.nn.Conv1d(3, 5, 1)
    other.load_state_dict(layer.state_dict())
    rows = torch.randn(2, 7, 3)
    torch.testing.assert_close(layer(rows), other(rows.transpose(1, 2)).transpose(1, 2))


@pytest.mark.parametrize("bias", [None, torch.arange(4.0)])
def test_a_joint_layer_equals_the_layer_on_what_is_joined(bias):
    torch.manual_seed(0)
    first, second, weight = torch.randn(2, 1, 3), torch.randn(2, 6, 5), torch.randn(4, 8)
    joined = torch.cat([first.expand(-1, 6, -1), second], dim=2)
    wanted = joined @ weight.T + (0 if bias is None else bias)
    torch.testing.assert_close(joint_linear(first, second, weight, bias), wanted)
    turned = torch.cat([second, first.expand(-1, 6, -1)], dim=2) @ weight.T
    torch.testing.assert_close(joint_linear(second, first, weight, None), turned)
