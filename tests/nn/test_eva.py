import pytest
import torch

from anaglyph.nn.eva import EvaBlock, EvaTower
from reference.eva import slow_eva_block
from reference.random_weights import shake

FORMS = [("fused", "swiglu_fused"), ("split", "swiglu_split"), ("fused", "gelu")]


def block(attention, mlp, *, width=6, heads=2, hidden=5):
    return EvaBlock(width, heads=heads, hidden=hidden, attention=attention, mlp=mlp)


def tower(*, depth=3, drop_path=0.0):
    torch.manual_seed(0)
    return EvaTower(8, depth=depth, heads=2, hidden=6, attention="fused", mlp="gelu", drop_path=drop_path)


@pytest.mark.parametrize(("attention", "mlp"), FORMS)
def test_a_block_equals_the_loops_over_tokens_and_heads(attention, mlp):
    made = block(attention, mlp).eval()
    state = shake(made)
    tokens = torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(1))
    found = made(tokens)
    for cloud, result in zip(tokens, found, strict=True):
        expected = slow_eva_block(list(cloud.double().numpy()), state, "", heads=2)
        for token, right in zip(result, expected, strict=True):
            torch.testing.assert_close(token.double(), torch.from_numpy(right), rtol=1e-4, atol=1e-5)


def test_names_and_shapes_are_those_of_timm():
    norms = {f"norm{i}.{part}": (6,) for i in (1, 2) for part in ("weight", "bias")}
    fused = {"attn.qkv.weight": (18, 6), "attn.q_bias": (6,), "attn.v_bias": (6,)}
    split = {
        "attn.q_proj.weight": (6, 6),
        "attn.q_proj.bias": (6,),
        "attn.k_proj.weight": (6, 6),
        "attn.v_proj.weight": (6, 6),
        "attn.v_proj.bias": (6,),
    }
    out = {"attn.proj.weight": (6, 6), "attn.proj.bias": (6,), "mlp.fc2.weight": (6, 5), "mlp.fc2.bias": (6,)}
    packed = {"mlp.fc1.weight": (10, 6), "mlp.fc1.bias": (10,)}
    plain = {"mlp.fc1.weight": (5, 6), "mlp.fc1.bias": (5,)}
    scaled = {
        "mlp.fc1_g.weight": (5, 6),
        "mlp.fc1_g.bias": (5,),
        "mlp.fc1_x.weight": (5, 6),
        "mlp.fc1_x.bias": (5,),
        "mlp.norm.weight": (5,),
        "mlp.norm.bias": (5,),
    }
    expected = [fused | packed, split | scaled, fused | plain]
    for (attention, mlp), own in zip(FORMS, expected, strict=True):
        found = {name: tuple(value.shape) for name, value in block(attention, mlp).state_dict().items()}
        assert found == norms | out | own, (attention, mlp)


def test_drop_path_leaves_whole_samples_alone_or_scales_what_a_branch_adds():
    made = tower(depth=2, drop_path=0.5)  # rates 0 and 0.5
    first, last = made.blocks
    assert (first.drop_path.rate, last.drop_path.rate) == (0.0, 0.5)
    torch.nn.init.zeros_(last.mlp.fc2.weight)
    torch.nn.init.zeros_(last.mlp.fc2.bias)  # so that attention alone adds something
    x = torch.randn(64, 3, 8, generator=torch.Generator().manual_seed(0))
    added = last.eval()(x) - x
    torch.manual_seed(1)
    change = last.train()(x) - x
    dropped = (change == 0).flatten(1).all(dim=1)
    assert 10 < int(dropped.sum()) < 54
    torch.testing.assert_close(change[~dropped], 2 * added[~dropped], rtol=1e-4, atol=1e-5)


def test_what_a_block_adds_at_the_start_shrinks_with_its_depth():
    made = tower(depth=3)
    sizes = [float(block.mlp.fc2.weight.detach().abs().max()) for block in made.blocks]
    limits = [1 / 6**0.5 / (2 * layer) ** 0.5 for layer in (1, 2, 3)]  # torch draws within 1 / sqrt(6)
    assert all(0.7 * limit < size <= limit for size, limit in zip(sizes, limits, strict=True))


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(ValueError, match="width 8 and 3 heads"):
        EvaTower(8, depth=1, heads=3, hidden=4, attention="fused", mlp="gelu")
