import numpy as np
import pytest
import torch
from torch import nn

from anaglyph.nn.transformer import (
    Attention,
    Block,
    CrossAttention,
    DropPath,
    PositionedBlocks,
    drop_path_rates,
    start_small,
)
from reference.point_transformer import arrays, cross_attention, self_attention, slow_block


def tokens(b=2, t=5, d=8, seed=0):
    return torch.randn(b, t, d, generator=torch.Generator().manual_seed(seed))


def as_tensor(vectors):
    return torch.from_numpy(np.array(vectors)).float()


@pytest.mark.parametrize("bias", [False, True])
def test_a_block_equals_the_loops(bias):
    torch.manual_seed(0)
    block = Block(8, 2, bias=bias)
    nn.init.normal_(block.norm1.weight)
    nn.init.normal_(block.norm2.bias)
    x = tokens()
    weights = arrays(block.state_dict())
    wanted = torch.stack([as_tensor(slow_block(weights, list(cloud.double().numpy()), 2)) for cloud in x])
    torch.testing.assert_close(block(x), wanted, rtol=1e-4, atol=1e-5)


def test_attentions_equal_the_loops():
    torch.manual_seed(0)
    own, across = Attention(6, 3), CrossAttention(6, 3, bias=True)
    x, seen = tokens(1, 4, 6), tokens(1, 7, 6, seed=1)
    rows, read = list(x[0].double().numpy()), list(seen[0].double().numpy())
    wanted = as_tensor(self_attention(arrays(nn.ModuleDict({"a": own}).state_dict()), "a", rows, 3))
    torch.testing.assert_close(own(x)[0], wanted, rtol=1e-4, atol=1e-5)
    wanted = as_tensor(cross_attention(arrays(nn.ModuleDict({"a": across}).state_dict()), "a", rows, read, 3))
    torch.testing.assert_close(across(x, seen)[0], wanted, rtol=1e-4, atol=1e-5)


def test_equal_tokens_read_their_common_value():
    attention = Attention(4, 2)
    x = tokens(1, 1, 4).expand(1, 6, 4)
    value = x[0, 0] @ attention.qkv.weight[8:].T
    torch.testing.assert_close(attention(x)[0, 3], attention.proj(value))


def test_a_block_of_384_channels_has_the_parameters_of_the_dossier():
    with torch.device("meta"):
        block = Block(384, 6)
    assert sum(parameter.numel() for parameter in block.parameters()) == 1_773_312
    assert block.attn.qkv.bias is None


def test_positions_are_added_before_every_block():
    class Double(nn.Module):
        def forward(self, x):
            return 2 * x

    blocks = PositionedBlocks([Double(), Double(), Double()])
    x, positions = torch.full((1, 1, 1), 5.0), torch.full((1, 1, 1), 1.0)
    assert blocks(x, positions).item() == ((5 + 1) * 2 + 1) * 4 + 2
    first, last = blocks.outputs(x, positions, after=(1, 3))
    assert (first.item(), last.item()) == (12, 54)
    assert [output.item() for output in blocks.outputs(x, positions, after=(2,))] == [26]


@pytest.mark.parametrize("after", [(), (0,), (1, 4)])
def test_blocks_that_are_not_there_are_refused(after):
    blocks = PositionedBlocks([nn.Identity() for _ in range(3)])
    with pytest.raises(ValueError, match="blocks are 1 to 3"):
        blocks.outputs(tokens(), tokens(), after=after)


def test_drop_path_drops_whole_samples_and_keeps_the_expectation():
    torch.manual_seed(0)
    drop = DropPath(0.25)
    out = drop(torch.ones(4000, 3, 2))
    dropped = (out == 0).flatten(1)
    assert torch.equal(dropped.any(dim=1), dropped.all(dim=1))
    torch.testing.assert_close(out[~dropped.any(dim=1)].unique(), torch.tensor([1 / 0.75]))
    assert out.mean().item() == pytest.approx(1.0, abs=4 * (0.25 / 0.75 / 4000) ** 0.5)


def test_drop_path_is_still_in_eval_mode_and_at_rate_zero():
    x = tokens()
    assert torch.equal(DropPath(0.9).eval()(x), x)
    assert torch.equal(DropPath(0.0)(x), x)
    with pytest.raises(ValueError, match=r"must be in \[0, 1\), got 1"):
        DropPath(1.0)


def test_drop_path_rates_rise_evenly_from_zero():
    assert drop_path_rates(0.1, 3) == pytest.approx([0, 0.05, 0.1])
    assert drop_path_rates(0.2, 1) == [0]


def test_a_small_start_draws_weights_of_deviation_002_and_no_biases():
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(100, 100)
            self.convolution = nn.Conv1d(100, 100, 1)
            self.norm = nn.LayerNorm(100)
            self.cls_token = nn.Parameter(torch.zeros(1, 1, 10_000))
            self.scale = nn.Parameter(torch.zeros(3))

    torch.manual_seed(0)
    network = Network()
    nn.init.normal_(network.norm.weight)
    start_small(network)
    for weight in (network.layer.weight, network.convolution.weight, network.cls_token):
        assert weight.std().item() == pytest.approx(0.02, rel=0.05)
        assert weight.mean().item() == pytest.approx(0.0, abs=1e-3)
    assert not network.layer.bias.any()
    assert not network.convolution.bias.any()
    assert not network.scale.any()
    assert torch.equal(network.norm.weight, torch.ones(100))


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="got width 10 and 4 heads"):
        Attention(10, 4)
