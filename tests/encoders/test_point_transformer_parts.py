import pytest
import torch
from torch import nn

from anaglyph.encoders.point_transformer_parts import (
    S3DIS_BLOCK,
    SHAPENET_PART,
    PointTransformerParts,
    point_transformer_scenes,
)
from anaglyph.errors import DataError
from reference import point_transformer_keys as keys
from reference.point_transformer import arrays, slow_point_scores

TINY = {"width": 8, "depth": 3, "heads": 2, "groups": 5, "group_size": 4, "hidden": 6, "classes": 7}
CATEGORY = torch.tensor([2, 0])


def cloud(b=2, n=20):
    return torch.randn(b, n, 3, generator=torch.Generator().manual_seed(0))


def tiny(*, categories=3, **options):
    torch.manual_seed(0)
    network = PointTransformerParts(categories=categories, **TINY, **options)
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv1d):
            nn.init.kaiming_normal_(module.weight)
        if hasattr(module, "running_var"):
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 1.5)
    return network.eval()


@pytest.mark.parametrize(
    ("build", "names", "count"),
    [
        (PointTransformerParts, keys.parts(), 27_063_730),
        (point_transformer_scenes, keys.scenes(), 27_020_301),
    ],
)
def test_names_shapes_and_counts_are_those_of_the_official_files(build, names, count):
    with torch.device("meta"):
        network = build()
    assert {name: tuple(value.shape) for name, value in network.state_dict().items()} == names
    assert sum(parameter.numel() for parameter in network.parameters()) == count


@pytest.mark.parametrize("categories", [3, None])
def test_scores_equal_the_loops(categories):
    network = tiny(categories=categories, start="first")
    weights = arrays(network.state_dict())
    category = None if categories is None else CATEGORY
    found = network(cloud(), category=category)
    for b in range(2):
        own = None if category is None else int(category[b])
        options = {"groups": 5, "size": 4, "heads": 2, "category": own, "categories": 3}
        wanted = torch.from_numpy(slow_point_scores(weights, cloud()[b].tolist(), **options)).float()
        torch.testing.assert_close(found[b], wanted, rtol=1e-3, atol=1e-3)


def test_the_category_changes_the_scores_of_its_cloud_alone():
    network = tiny()
    one = network(cloud(), category=torch.tensor([2, 0]))
    other = network(cloud(), category=torch.tensor([2, 1]))
    assert one.shape == (2, 20, 7)
    torch.testing.assert_close(one[0], other[0])
    assert (one[1] - other[1]).abs().max() > 1e-3


def padded():
    points = torch.cat([cloud(), torch.full((2, 4, 3), float("nan"))], dim=1)
    return points, (torch.arange(24) < 20).expand(2, -1)


def test_padding_rows_score_zero_and_change_nothing():
    points, valid = padded()
    network = tiny()
    scores = network(points, valid, CATEGORY)
    torch.testing.assert_close(scores[:, :20], network(cloud(), category=CATEGORY))
    assert not scores[:, 20:].any()


def test_padding_does_not_change_what_training_learns():
    points, valid = padded()
    plain, masked = tiny(drop_path=0.0).train(), tiny(drop_path=0.0).train()
    torch.manual_seed(1)  # the same dropout
    scores = plain(cloud(), category=CATEGORY)
    torch.manual_seed(1)
    torch.testing.assert_close(masked(points, valid, CATEGORY)[:, :20], scores, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(plain.state_dict(), masked.state_dict(), rtol=1e-4, atol=1e-5)


def test_order_of_points_is_that_of_their_scores():
    network = tiny()
    order = torch.randperm(20, generator=torch.Generator().manual_seed(1))
    scores = network(cloud(), category=CATEGORY)
    shuffled = network(cloud()[:, order], category=CATEGORY)
    torch.testing.assert_close(shuffled, scores[:, order], rtol=1e-4, atol=1e-4)


def test_a_gradient_reaches_every_parameter():
    network = tiny(drop_path=0.0)
    (network(cloud(), category=CATEGORY) * torch.randn(2, 20, 7)).sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_bfloat16_autocast_is_finite_and_near_float32():
    network = tiny()
    full = network(cloud(), category=CATEGORY)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = network(cloud(), category=CATEGORY)
    assert torch.isfinite(low).all()
    assert (low.float() - full).norm() < 0.1 * full.norm()


def test_tokens_are_read_after_each_third_of_the_blocks():
    with torch.device("meta"):
        assert PointTransformerParts().after == (4, 8, 12)
    with pytest.raises(ValueError, match="depth must be a multiple of 3, got 4"):
        PointTransformerParts(**TINY | {"depth": 4})


@pytest.mark.parametrize(
    ("categories", "category", "message"),
    [
        (3, None, "needs the category of every cloud"),
        (None, CATEGORY, "takes no category"),
        (3, torch.tensor([1]), r"category must be int64 \(2,\), got torch.int64 \(1,\)"),
        (3, torch.tensor([1.0, 2.0]), "got torch.float32"),
    ],
)
def test_a_category_that_does_not_fit_is_refused(categories, category, message):
    with pytest.raises(ValueError, match=message):
        tiny(categories=categories)(cloud(), category=category)


@pytest.mark.parametrize("wrong", [-1, 3])
def test_a_category_out_of_range_is_refused_by_value(wrong):
    with pytest.raises(DataError, match=f"categories must be 0 to 2, got {wrong}"):
        tiny()(cloud(), category=torch.tensor([0, wrong]))


def test_too_few_points_are_refused_unless_they_may_be_repeated():
    with pytest.raises(DataError, match="has 3 points"):
        tiny()(cloud(n=3), category=CATEGORY)
    assert torch.isfinite(tiny(shortage="repeat")(cloud(n=1), category=CATEGORY)).all()


def test_conventions_say_how_clouds_are_prepared():
    assert (SHAPENET_PART.points, SHAPENET_PART.up, SHAPENET_PART.scale) == (2048, "y", "unit_sphere")
    assert (S3DIS_BLOCK.points, S3DIS_BLOCK.up, S3DIS_BLOCK.scale) == (2048, "z", "none")
