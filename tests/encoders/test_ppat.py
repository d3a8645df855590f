import pytest
import torch

from anaglyph.encoders.concatenated import batch_of_offsets
from anaglyph.encoders.ppat import OPENSHAPE, OPENSHAPE_Y_UP, PPAT
from anaglyph.errors import DataError
from reference.ppat import slow_ppat
from reference.random_weights import shake

TINY = {
    "embed_dim": 5,
    "depth": 2,
    "width": 12,
    "heads": 2,
    "hidden": 7,
    "patch_channels": 6,
    "groups": 4,
    "group_size": 3,
    "radius": 0.5,
}
TABLE = {  # depth, D, MLP, S and the parameters of dossier MixCon3D, 2.1
    1: (6, 256, 1024, 96, 5_100_768),
    2: (6, 512, 1024, 128, 13_346_880),
    3: (12, 512, 1024, 128, 25_954_368),
    4: (12, 512, 1536, 256, 32_326_080),
    5: (12, 768, 2304, 256, 72_070_336),
    6: (24, 768, 3072, 256, 171_262_144),
}


def tiny(**more):
    torch.manual_seed(0)
    return PPAT(**(TINY | more)).eval()


def clouds(b=2, n=20, seed=0):
    generator = torch.Generator().manual_seed(seed)
    xyz = 0.4 * torch.randn(b, n, 3, generator=generator)
    return torch.cat([xyz, torch.rand(b, n, 3, generator=generator)], dim=2)


def official_layout(depth, width, hidden, patch):
    """Table 3.1 of the dossier, its numbers for other scalings filled in."""
    heads = width // 64
    layout = {"ppat.cls_token": (width,), "proj.weight": (1280, width), "proj.bias": (1280,)}
    for i, (before, after) in enumerate([(9, 64), (64, 64), (64, patch)]):
        layout[f"ppat.sa.mlp_convs.{i}.weight"] = (after, before, 1, 1)
        layout[f"ppat.sa.mlp_convs.{i}.bias"] = (after,)
        for part in ("weight", "bias", "running_mean", "running_var"):
            layout[f"ppat.sa.mlp_bns.{i}.{part}"] = (after,)
        layout[f"ppat.sa.mlp_bns.{i}.num_batches_tracked"] = ()
    layout |= {"ppat.lift.0.weight": (width, patch + 3, 1), "ppat.lift.0.bias": (width,)}
    layout |= {"ppat.lift.2.weight": (width,), "ppat.lift.2.bias": (width,)}
    for layer in range(depth):
        at = f"ppat.transformer.layers.{layer}"
        layout |= {
            f"{at}.0.norm.weight": (width,),
            f"{at}.0.norm.bias": (width,),
            f"{at}.0.fn.to_qkv.weight": (3 * 64 * heads, width),
            f"{at}.0.fn.to_out.0.weight": (width, 64 * heads),
            f"{at}.0.fn.to_out.0.bias": (width,),
            f"{at}.1.norm.weight": (width,),
            f"{at}.1.norm.bias": (width,),
            f"{at}.1.fn.net.0.weight": (hidden, width),
            f"{at}.1.fn.net.0.bias": (hidden,),
            f"{at}.1.fn.net.3.weight": (width, hidden),
            f"{at}.1.fn.net.3.bias": (width,),
        }
    return layout


@pytest.mark.parametrize("scaling", TABLE)
def test_names_shapes_and_parameter_counts_are_the_official_ones(scaling):
    *numbers, count = TABLE[scaling]
    with torch.device("meta"):
        encoder = PPAT(scaling=scaling)
    found = {name: tuple(value.shape) for name, value in encoder.state_dict().items()}
    assert found == official_layout(*numbers)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == count


def test_groups_radius_and_neighbours_are_those_of_the_table():
    expected = {1: (64, 0.4, 256), 2: (64, 0.4, 256), 3: (128, 0.35, 128), 4: (384, 0.2, 64)}
    expected |= {5: (512, 0.2, 64), 6: (512, 0.2, 64)}
    for scaling, numbers in expected.items():
        with torch.device("meta"):
            patches = PPAT(scaling=scaling).ppat.sa
        assert (patches.centres, patches.radius, patches.neighbours) == numbers


def test_the_embedding_equals_the_loops_over_points_and_tokens():
    encoder = tiny()
    state = shake(encoder)
    points = clouds()
    found = encoder(points).detach().double()
    for cloud, row in zip(points, found, strict=True):
        expected = slow_ppat(
            cloud.double().numpy(), state, depth=2, heads=2, groups=4, group_size=3, radius=0.5
        )
        torch.testing.assert_close(row, torch.from_numpy(expected), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("layout", ["index", "offsets"])
def test_concatenated_clouds_give_the_embeddings_of_the_dense_ones(layout):
    encoder = tiny()
    parts = [clouds(1, n, seed=n)[0] for n in (9, 20, 13)]
    offsets = torch.tensor([0, 9, 29, 42])
    batch = torch.tensor([0] * 9 + [1] * 20 + [2] * 13)
    if layout == "offsets":
        batch = batch_of_offsets(offsets)
    found = encoder.concatenated(torch.cat(parts), batch)
    expected = torch.cat([encoder(part[None]) for part in parts])
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    same_sizes = clouds(3, 11)
    index = torch.arange(3).repeat_interleave(11)
    assert torch.equal(encoder.concatenated(same_sizes.flatten(0, 1), index), encoder(same_sizes))


def test_tokens_begin_with_the_one_that_becomes_the_embedding():
    encoder = tiny()
    tokens = encoder.tokens(clouds())
    assert tokens.shape == (2, 1 + 4, 12)
    torch.testing.assert_close(encoder.proj(tokens[:, 0]), encoder(clouds()))


def test_patch_dropout_takes_patches_away_in_training_alone():
    encoder = tiny(patch_dropout=3)
    assert encoder.tokens(clouds()).shape[1] == 1 + 4
    assert encoder.train().tokens(clouds()).shape[1] == 1 + 1
    assert encoder.eval().tokens(clouds()).shape[1] == 1 + 4
    assert PPAT(**(TINY | {"patch_dropout": 1})).tokens(clouds()).shape[1] == 1 + 3  # as built, in training
    with pytest.raises(ValueError, match=r"patch_dropout must be in 0\.\.3"):
        tiny(patch_dropout=4)


def test_the_first_row_can_be_the_first_centre():
    encoder = tiny(start="first", groups=1)
    points = clouds(1)
    turned = points.roll(1, dims=1)
    rows = []
    encoder.ppat.lift.register_forward_pre_hook(lambda module, inputs: rows.append(inputs[0][0, 0, :3]))
    encoder(points)
    encoder(turned)
    assert torch.equal(rows[0], points[0, 0, :3])
    assert torch.equal(rows[1], points[0, -1, :3])


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


def test_clouds_without_colours_need_an_encoder_built_for_them():
    encoder = tiny(in_channels=3, colours=False)
    assert encoder(200 * clouds()[..., :3]).shape == (2, 5)
    with pytest.raises(ValueError, match=r"\(B, N, 3\), got \(2, 20, 6\)"):
        encoder(clouds())


def test_logits_need_a_classifier_and_read_the_embedding():
    encoder = tiny(head_classes=3)
    torch.testing.assert_close(encoder.logits(clouds()), encoder.head(encoder(clouds())))
    with pytest.raises(ValueError, match="build it with head_classes"):
        tiny().logits(clouds())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scaling": 7}, "scaling must be one of 1, 2, 3, 4, 5, 6, got 7"),
        ({"in_channels": 3}, "in_channels must be >= 6, got 3; points without colours want colours=False"),
        ({"in_channels": 2, "colours": False}, "in_channels must be >= 3, got 2"),
        ({"depth": 0}, "depth must be >= 1"),
        ({"radius": 0.0}, "radius must be > 0"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        PPAT(**(TINY | options))


def test_openshape_swaps_y_and_z_and_its_other_variants_do_not():
    assert OPENSHAPE.axes == ("x", "z", "y")
    assert (OPENSHAPE.up, OPENSHAPE_Y_UP.up) == ("z", "y")
    assert (OPENSHAPE.points, OPENSHAPE.channels, OPENSHAPE.missing_colour) == (10_000, 6, 0.4)
