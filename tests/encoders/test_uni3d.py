import math

import pytest
import torch

from anaglyph.encoders.uni3d import SIZES, UNI3D, Uni3D, unused_layout
from anaglyph.errors import DataError
from reference.eva import slow_uni3d
from reference.random_weights import shake

TINY = {
    "embed_dim": 5,
    "groups": 4,
    "group_size": 3,
    "patch_channels": 6,
    "width": 8,
    "depth": 2,
    "heads": 2,
    "hidden": 6,
}
COUNTS = {  # used at inference: as printed by the dossier (3.3), and to the unit as counted here; whole file
    "ti": ("6.2", 6_221_824, "6.38"),
    "s": ("22.5", 22_498_432, "22.8"),
    "b": ("87.0", 86_951_296, "89.0"),
    "l": ("304.7", 304_671_552, "307.4"),
    "g": ("1012.9", 1_012_864_128, "1017.4"),
}
WIDTHS = {"ti": 192, "s": 384, "b": 768, "l": 1024, "g": 1408}
DEPTHS = {"ti": 12, "s": 12, "b": 12, "l": 24, "g": 40}


def tiny(size="b", **more):
    torch.manual_seed(0)
    return Uni3D(size=size, **(TINY | more)).eval()


def clouds(b=2, n=20, seed=0):
    generator = torch.Generator().manual_seed(seed)
    xyz = 0.4 * torch.randn(b, n, 3, generator=generator)
    return torch.cat([xyz, torch.rand(b, n, 3, generator=generator)], dim=2)


def official_layout(size):
    """Table 3.3 of the dossier, `point_encoder.` left out, with the blocks as timm names them."""
    width = WIDTHS[size]
    layout = {
        "encoder2trans.weight": (width, 512),
        "encoder2trans.bias": (width,),
        "trans2embed.weight": (1024, width),
        "trans2embed.bias": (1024,),
        "cls_token": (1, 1, width),
        "cls_pos": (1, 1, width),
        "pos_embed.0.weight": (128, 3),
        "pos_embed.0.bias": (128,),
        "pos_embed.2.weight": (width, 128),
        "pos_embed.2.bias": (width,),
        "visual.fc_norm.weight": (width,),
        "visual.fc_norm.bias": (width,),
    }
    for name, widths in {"first": (6, 128, 256), "second": (512, 512, 512)}.items():
        before, between, after = widths
        layout |= {
            f"encoder.{name}_conv.0.weight": (between, before, 1),
            f"encoder.{name}_conv.0.bias": (between,),
            f"encoder.{name}_conv.3.weight": (after, between, 1),
            f"encoder.{name}_conv.3.bias": (after,),
            f"encoder.{name}_conv.1.num_batches_tracked": (),
        }
        for part in ("weight", "bias", "running_mean", "running_var"):
            layout[f"encoder.{name}_conv.1.{part}"] = (between,)
    for layer in range(DEPTHS[size]):
        layout |= {f"visual.blocks.{layer}.{key}": shape for key, shape in block_layout(size, width).items()}
    return layout


def block_layout(size, width):
    layout = {f"norm{i}.{part}": (width,) for i in (1, 2) for part in ("weight", "bias")}
    layout |= {"attn.proj.weight": (width, width), "attn.proj.bias": (width,), "mlp.fc2.bias": (width,)}
    if size in ("b", "l"):
        for name in "qkv":
            layout[f"attn.{name}_proj.weight"] = (width, width)
        layout |= {"attn.q_proj.bias": (width,), "attn.v_proj.bias": (width,)}
        hidden = {"b": 2048, "l": 2730}[size]
        for name in ("fc1_g", "fc1_x"):
            layout |= {f"mlp.{name}.weight": (hidden, width), f"mlp.{name}.bias": (hidden,)}
        layout |= {"mlp.norm.weight": (hidden,), "mlp.norm.bias": (hidden,)}
    else:
        layout |= {"attn.qkv.weight": (3 * width, width), "attn.q_bias": (width,), "attn.v_bias": (width,)}
        inner, hidden = {"ti": (1024, 512), "s": (2048, 1024), "g": (6144, 6144)}[size]
        layout |= {"mlp.fc1.weight": (inner, width), "mlp.fc1.bias": (inner,)}
    return layout | {"mlp.fc2.weight": (width, hidden)}


@pytest.mark.parametrize("size", COUNTS)
def test_names_shapes_and_parameter_counts_are_the_official_ones(size):
    with torch.device("meta"):
        encoder = Uni3D(size=size)
    found = {name: tuple(value.shape) for name, value in encoder.state_dict().items()}
    assert found == official_layout(size)
    printed, used, whole = COUNTS[size]
    assert sum(parameter.numel() for parameter in encoder.parameters()) == used
    assert f"{used / 1e6:.1f}" == printed
    unused = sum(math.prod(shape) for shape in unused_layout(size).values())
    digits = len(whole.partition(".")[2])
    assert f"{(used + unused + 1) / 1e6:.{digits}f}" == whole  # the one is logit_scale


def test_what_official_files_hold_for_pictures_is_listed():
    assert unused_layout("b") == {
        "visual.cls_token": (1, 1, 768),
        "visual.pos_embed": (1, 32 * 32 + 1, 768),
        "visual.patch_embed.proj.weight": (768, 3, 14, 14),
        "visual.patch_embed.proj.bias": (768,),
        "visual.head.weight": (1000, 768),
        "visual.head.bias": (1000,),
    }
    assert "visual.head.weight" not in unused_layout("ti")
    assert unused_layout("g")["visual.pos_embed"] == (1, 40 * 40 + 1, 1408)


def test_heads_are_those_of_the_picture_models():
    assert {size: form.heads for size, form in SIZES.items()} == {"ti": 3, "s": 6, "b": 12, "l": 16, "g": 16}


@pytest.mark.parametrize("size", ["ti", "b", "g"])
def test_the_embedding_equals_the_loops_over_points_and_tokens(size):
    encoder = tiny(size)
    state = shake(encoder)
    points = clouds(1, 12)
    expected = slow_uni3d(points[0].double().numpy(), state, depth=2, heads=2, groups=4, group_size=3)
    torch.testing.assert_close(encoder(points)[0].double(), torch.from_numpy(expected), rtol=1e-4, atol=1e-4)


def test_tokens_begin_with_the_one_that_becomes_the_embedding():
    encoder = tiny()
    tokens = encoder.tokens(clouds())
    assert tokens.shape == (2, 1 + 4, 8)
    torch.testing.assert_close(encoder.trans2embed(tokens[:, 0]), encoder(clouds()))


def test_token_dropout_leaves_out_patches_of_each_cloud_in_training_alone():
    encoder = tiny(token_dropout=0.5)
    seen = []
    encoder.visual.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    twice = clouds(1).expand(8, -1, -1)
    encoder(twice)
    torch.manual_seed(3)
    encoder.visual.train()
    encoder.training = True  # the patch network stays in eval mode, so that tokens can be compared
    encoder(twice)
    all_of_them, kept = seen
    assert (all_of_them.shape[1], kept.shape[1]) == (1 + 4, 1 + 2)
    torch.testing.assert_close(kept[:, 0], all_of_them[:, 0])
    distance = torch.cdist(kept[:, 1:], all_of_them[:, 1:])
    nearest = distance.min(dim=2)
    assert nearest.values.max() < 1e-3
    choices = {tuple(sorted(row)) for row in nearest.indices.tolist()}
    assert len(choices) > 1  # every cloud draws its own
    assert all(first != second for first, second in choices)
    with pytest.raises(ValueError, match="token_dropout must be in"):
        tiny(token_dropout=1.0)


def test_points_near_the_origin_can_be_skipped_as_in_the_official_kernels():
    points = torch.zeros(1, 5, 6)
    points[0, :, 0] = torch.tensor([1.0, 0.99, 0.98, 0.0, 0.97])  # row 3 is the farthest from row 0
    chosen = {}
    for skip in (None, 1e-3):
        encoder = tiny(groups=2, group_size=1, start="first", skip_near_origin=skip)
        encoder.pos_embed.register_forward_pre_hook(
            lambda module, inputs, skip=skip: chosen.update({skip: inputs[0][0, :, 0].tolist()})
        )
        encoder(points)
    assert chosen[None] == pytest.approx([1.0, 0.0])
    assert chosen[1e-3] == pytest.approx([1.0, 0.97])


def test_few_points_are_refused_or_repeated_as_asked():
    with pytest.raises(DataError, match="3 points"):
        tiny()(clouds(2, 3))
    assert torch.isfinite(tiny(shortage="repeat")(clouds(2, 3))).all()


@pytest.mark.parametrize(("channel", "value"), [(3, 200.0), (5, -0.5), (4, 1.5)])
def test_colours_outside_0_to_1_are_refused(channel, value):
    points = clouds()
    points[1, 2, channel] = value
    with pytest.raises(DataError, match="colours go from"):
        tiny()(points)


def test_logits_need_a_classifier_and_read_the_embedding():
    encoder = tiny(head_classes=3)
    torch.testing.assert_close(encoder.logits(clouds()), encoder.head(encoder(clouds())))
    with pytest.raises(ValueError, match="build it with head_classes"):
        tiny().logits(clouds())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": "h"}, "size must be one of ti, s, b, l, g, got 'h'"),
        ({"in_channels": 3}, "in_channels must be >= 6, got 3; points without colours want colours=False"),
        ({"in_channels": 2, "colours": False}, "in_channels must be >= 3, got 2"),
        ({"width": 0}, "width must be >= 1"),
        ({"depth": 0}, "depth must be >= 1"),
        ({"heads": 3}, "width 8 and 3 heads"),
        ({"drop_path": 1.0}, "drop_path must be in"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        tiny(**options)


def test_uni3d_has_y_up_and_swaps_nothing():
    assert (UNI3D.axes, UNI3D.up, UNI3D.points) == (("x", "y", "z"), "y", 10_000)
    assert (UNI3D.channels, UNI3D.missing_colour) == (6, 0.4)
