import pytest
import torch

from anaglyph.encoders.classifier import classifier
from anaglyph.encoders.point_bert import ULIP, ULIP2_COLOURED, point_bert, point_bert_colored
from anaglyph.encoders.point_mae import MODELNET_1K, point_mae
from anaglyph.encoders.point_transformer import PointTransformer
from anaglyph.errors import DataError
from reference import point_transformer_keys as keys
from reference.point_transformer import arrays, slow_embedding, slow_tokens

TINY = {"width": 8, "depth": 2, "heads": 2, "groups": 4, "group_size": 5}


def cloud(b=2, n=30, channels=3, seed=0):
    points = torch.randn(b, n, channels, generator=torch.Generator().manual_seed(seed))
    points[..., 3:] = points[..., 3:].sigmoid()
    return points


def tiny(build=point_mae, **options):
    torch.manual_seed(0)
    network = build(**TINY | options)
    for module in network.modules():  # far from a fresh network: wide weights, used statistics
        if isinstance(module, torch.nn.Linear | torch.nn.Conv1d):
            torch.nn.init.kaiming_normal_(module.weight)
        if hasattr(module, "running_var"):
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 1.5)
    return network.eval()


CASES = [
    (point_bert, {}, keys.ulip(), 21_858_816),
    (point_bert, {"head_classes": 40}, keys.point_bert(40), 22_065_960),
    (point_bert_colored, {}, keys.ulip2_coloured(), 32_499_072),
    (point_mae, {}, keys.trunk() | keys.learned("cls"), 21_825_024 + 768),
    (point_mae, {"head_classes": 40}, keys.point_mae(40), 22_099_752),
    (point_mae, {"head_classes": 40, "head": "linear"}, keys.point_mae_linear(40), 21_825_792 + 40 * 769),
]


@pytest.mark.parametrize(("build", "options", "names", "count"), CASES)
def test_names_shapes_and_counts_are_those_of_the_official_files(build, options, names, count):
    with torch.device("meta"):
        network = build(**options)
    assert {name: tuple(value.shape) for name, value in network.state_dict().items()} == names
    assert sum(parameter.numel() for parameter in network.parameters()) == count
    assert network.embed_dim == 768


def test_ulips_file_has_160_entries():
    assert len(keys.ulip()) == 160


@pytest.mark.parametrize(
    ("build", "channels"),
    [(point_mae, 3), (point_bert, 3), (point_bert_colored, 6)],
    ids=lambda x: getattr(x, "__name__", str(x)),
)
def test_embeddings_equal_the_loops(build, channels):
    small = {"patch_channels": 6} if build is not point_mae else {}
    network = tiny(build, start="first", **small)
    points = cloud(channels=channels)
    weights = arrays(network.state_dict())
    options = {"groups": 4, "size": 5, "heads": 2}
    wanted = [slow_embedding(weights, points[b].tolist(), **options).tolist() for b in range(2)]
    torch.testing.assert_close(network(points), torch.tensor(wanted), rtol=1e-3, atol=1e-4)


def test_features_are_the_normalised_tokens_of_the_named_blocks():
    network = tiny(start="first")
    points = cloud(1)
    slow = slow_tokens(arrays(network.state_dict()), points[0].tolist(), groups=4, size=5, heads=2)
    for found, wanted in zip(network.features(points, blocks=(1, 2)), slow, strict=True):
        wanted = torch.tensor([token.tolist() for token in wanted])
        torch.testing.assert_close(found[0], wanted, rtol=1e-3, atol=1e-4)
    assert torch.equal(network.features(points, blocks=(2,))[0], network.tokens(points))


def test_features_are_read_after_each_third_of_the_blocks_unless_they_are_named():
    network = tiny(depth=6)
    points = cloud(1)
    for found, wanted in zip(
        network.features(points), network.features(points, blocks=(2, 4, 6)), strict=True
    ):
        assert torch.equal(found, wanted)
    assert len(network.features(points)) == 3
    with pytest.raises(ValueError, match="depth must be a multiple of 3, got 2"):
        tiny(depth=2).features(points)


def test_the_embedding_is_the_class_token_and_the_maximum_over_patches():
    network = tiny()
    tokens = network.tokens(cloud())
    assert tokens.shape == (2, 5, 8)
    embedding = network(cloud())
    assert torch.equal(embedding[:, :8], tokens[:, 0])
    assert torch.equal(embedding[:, 8:], tokens[:, 1:].max(dim=1).values)


@pytest.mark.parametrize("head", ["mlp3", "light", "linear"])
def test_logits_need_a_classifier_and_read_the_embedding(head):
    network = tiny(head_classes=5, head=head)
    scores = network.logits(cloud())
    assert scores.shape == (2, 5)
    torch.testing.assert_close(scores, network.cls_head_finetune(network(cloud())))
    with pytest.raises(ValueError, match="build it with head_classes"):
        tiny().logits(cloud())


def test_the_light_head_is_linear_relu_linear_in_eval_mode():
    head = classifier("light", 6, 3).eval()
    x = torch.randn(4, 6)
    hidden = (x @ head[0].weight.T + head[0].bias).clamp(min=0)
    torch.testing.assert_close(head(x), hidden @ head[3].weight.T + head[3].bias)


def test_weights_do_not_depend_on_the_number_of_patches():
    network, other = tiny(), PointTransformer(**TINY | {"groups": 9, "group_size": 3})
    other.load_state_dict(network.state_dict())
    assert other(cloud()).shape == (2, 16)


def test_fresh_weights_are_small_and_tokens_are_not_zero():
    torch.manual_seed(0)
    network = point_mae(width=64, depth=1, heads=2)
    assert network.blocks.blocks[0].mlp.fc1.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert network.cls_token.std().item() == pytest.approx(0.02, rel=0.3)
    assert network.cls_pos.any()
    assert not network.encoder.first_conv[0].bias.any()


def test_the_official_start_depends_on_the_order_and_ours_does_not():
    points = cloud()
    shuffled = points.flip(1)
    first, farthest = tiny(start="first"), tiny()
    assert (first(points) - first(shuffled)).abs().max() > 1e-2
    torch.testing.assert_close(farthest(points), farthest(shuffled), rtol=1e-4, atol=1e-5)


def test_too_few_points_are_refused_unless_they_may_be_repeated():
    with pytest.raises(DataError, match="has 3 points, fewer than the 4"):
        tiny()(cloud(n=3))
    repeated = tiny(shortage="repeat")(cloud(n=3))
    assert repeated.shape == (2, 16)
    assert torch.isfinite(repeated).all()
    valid = torch.arange(8).expand(2, -1) < 3
    padded = torch.cat([cloud(n=3), torch.full((2, 5, 3), float("nan"))], dim=1)
    torch.testing.assert_close(tiny(shortage="repeat")(padded, valid), repeated)


def test_colours_from_0_to_255_are_refused():
    points = cloud(channels=6)
    points[..., 3:] *= 255
    with pytest.raises(DataError, match="divide them by 255"):
        tiny(point_bert_colored)(points)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_points_that_are_no_numbers_are_refused_by_row(bad):
    points = cloud()
    points[1, 7, 2] = bad
    with pytest.raises(DataError, match="cloud 1 of the batch has 1 points that are not finite"):
        tiny()(points)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 10, "heads": 4}, "got width 10 and 4 heads"),
        ({"groups": 0}, "groups and group_size must be >= 1, got 0 and 5"),
        ({"in_channels": 2}, "in_channels must be >= 3, got 2"),
        ({"in_channels": 3, "colours": True}, "in_channels must be >= 6, got 3"),
        ({"drop_path": 1.0}, "drop_path must be in"),
        ({"head_classes": 5, "head": "mlp2"}, "head must be one of mlp3, light, linear, got 'mlp2'"),
        ({"head_classes": 0}, "head_classes must be >= 1"),
        ({"start": "random"}, "start must be 'farthest' or 'first'"),
        ({"shortage": "pad"}, "shortage must be 'refuse' or 'repeat', got 'pad'"),
        ({"depth": 0}, "depth must be >= 1"),
        ({"patch_channels": 0}, "widths must be >= 1, got 3, 0"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        PointTransformer(**TINY | options)


def test_conventions_say_how_clouds_are_prepared():
    assert (ULIP.points, ULIP.up, ULIP.channels, ULIP.scale) == (8192, "y", 3, "unit_sphere")
    assert (ULIP2_COLOURED.points, ULIP2_COLOURED.channels, ULIP2_COLOURED.missing_colour) == (10_000, 6, 0.4)
    assert (MODELNET_1K.points, MODELNET_1K.sampling) == (1024, "farthest")


def test_a_gradient_reaches_every_parameter():
    network = tiny(drop_path=0.0, head_classes=5, head="light")
    points = cloud()
    (network.logits(points) * torch.randn(2, 5)).sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name
