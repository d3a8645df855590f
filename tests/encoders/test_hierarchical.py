"""PointNet++, PointMLP and PointNeXt against their papers' equations, and what they do with short clouds."""

import pytest
import torch

from anaglyph.encoders.pointmlp import PointMLP, pointmlp_elite
from anaglyph.encoders.pointnet2 import PointNet2
from anaglyph.encoders.pointnext import PointNeXt
from anaglyph.errors import DataError
from reference.point_networks import (
    largest,
    slow_mlp,
    slow_pointmlp_stage,
    slow_residual_abstraction,
    slow_set_abstraction,
)
from reference.random_weights import shake


def pointnet2(**options):
    return PointNet2(
        **{
            "embed_dim": 5,
            "centres": (6, 3),
            "radii": (0.5, 0.9),
            "neighbours": (4, 5),
            "widths": ((4, 4, 5), (4, 4, 5), (4, 4, 6)),
            "hidden": 6,
            "dropout": 0.0,
            **options,
        }
    )


def pointmlp(**options):
    return PointMLP(
        **{
            "embed_dim": 5,
            "width": 4,
            "growth": (2, 1),
            "centres": (6, 3),
            "neighbours": 4,
            "expansion": 0.5,
            "pre_blocks": (1, 2),
            "pos_blocks": (2, 1),
            "hidden": 6,
            "dropout": 0.0,
            **options,
        }
    )


def pointnext(**options):
    return PointNeXt(
        **{
            "embed_dim": 5,
            "width": 4,
            "strides": (2, 2),
            "radius": 0.5,
            "neighbours": 5,
            "hidden": 6,
            "dropout": 0.0,
            **options,
        }
    )


BUILDS = [pointnet2, pointmlp, pointnext]


def made(build, **options):
    network = build(**options).double()
    shake(network)
    return network


def clouds(network, b=3, n=12, seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.rand(b, n, network.in_channels, generator=random, dtype=torch.float64)


def head(vectors, layers, training):
    return torch.stack(slow_mlp(list(vectors), layers, training=training))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("channels", [3, 5])
def test_pointnet2_equals_its_layers_one_edge_at_a_time(training, channels):
    network = made(pointnet2, in_channels=channels).train(training)
    points = clouds(network)
    extra = points[..., 3:] if channels > 3 else None
    xyz, features = slow_set_abstraction(network.sa1, points[..., :3], extra, training=training)
    xyz, features = slow_set_abstraction(network.sa2, xyz, features, training=training)
    rows = list(torch.cat([xyz, features], dim=2).flatten(0, 1))
    layers = list(zip(network.sa3.mlp_convs, network.sa3.mlp_bns, strict=True))
    rows = slow_mlp(rows, layers, training=training)
    pooled = [largest(rows[3 * b : 3 * b + 3]) for b in range(3)]
    expected = head(pooled, [(network.fc1, network.bn1), (network.fc2, network.bn2)], training)
    torch.testing.assert_close(network(points), expected)


@pytest.mark.parametrize("training", [True, False])
def test_pointmlp_equals_its_layers_one_edge_at_a_time(training):
    network = made(pointmlp).train(training)
    points = clouds(network)
    xyz = points
    rows = slow_mlp(list(points.flatten(0, 1)), [tuple(network.embedding.net)], training=training)
    features = torch.stack(rows).view(3, 12, -1)
    for stage in range(2):
        xyz, features = slow_pointmlp_stage(network, stage, xyz, features, training=training)
    pooled = [largest(cloud) for cloud in features]
    layers = [(network.classifier[0], network.classifier[1]), (network.classifier[4], network.classifier[5])]
    torch.testing.assert_close(network(points), head(pooled, layers, training))


@pytest.mark.parametrize("training", [True, False])
def test_pointnext_equals_its_layers_one_edge_at_a_time(training):
    network = made(pointnext).train(training)
    sizes = (12, 9, 4)
    points = clouds(network)
    valid = torch.arange(12) < torch.tensor(sizes)[:, None]
    (stem,), *stages, (last,) = network.encoder.encoder
    weight, bias = stem.convs[0][0].weight.flatten(1), stem.convs[0][0].bias
    parts = [
        (cloud[:n, :3], torch.stack([weight @ point + bias for point in cloud[:n]]))
        for cloud, n in zip(points, sizes, strict=True)
    ]
    for (stage,) in stages:
        parts = slow_residual_abstraction(stage, parts, training=training)
    assert [len(xyz) for xyz, _ in parts] == [3, 2, 1]
    rows = [torch.cat([x, f]) for xyz, features in parts for x, f in zip(xyz, features, strict=True)]
    rows = slow_mlp(rows, [tuple(pair) for pair in last.convs], training=training)
    pooled = [largest(rows[:3]), largest(rows[3:5]), rows[5]]
    layers = [tuple(network.prediction.head[0]), tuple(network.prediction.head[2])]
    torch.testing.assert_close(network(points, valid), head(pooled, layers, training))


@pytest.mark.parametrize("build", BUILDS)
def test_training_on_padded_clouds_learns_what_training_on_dense_ones_does(build):
    plain, masked = made(build), made(build)
    points = clouds(plain)
    padded = torch.cat([points, torch.full_like(points[:, :5], float("nan"))], dim=1)
    valid = (torch.arange(17) < 12).expand(3, -1)
    first, second = plain(points), masked(padded, valid)
    torch.testing.assert_close(first, second)
    torch.testing.assert_close(plain.state_dict(), masked.state_dict())
    for out in (first, second):
        out.square().sum().backward()
    for mine, other in zip(plain.parameters(), masked.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad)


@pytest.mark.parametrize("build", BUILDS)
def test_clouds_of_different_sizes_keep_their_embeddings_in_one_batch(build):
    network = made(build, shortage="repeat").eval()
    points = clouds(network)
    sizes = torch.tensor([12, 5, 1])
    valid = torch.arange(12) < sizes[:, None]
    alone = [network(points[b : b + 1, : sizes[b]]) for b in range(3)]
    torch.testing.assert_close(network(points, valid), torch.cat(alone))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (pointnet2, "5 points, fewer than the 6 "),
        (pointmlp, "5 points, fewer than the 6 "),
        (pointnext, "1 points, fewer than the 2 points of one centre"),
    ],
)
def test_short_clouds_are_refused_with_the_numbers(build, message):
    network = build()
    with pytest.raises(DataError, match=message):
        network(clouds(network, n=5 if build is not pointnext else 3).float())


def test_fewer_points_than_neighbours_are_refused():
    network = pointmlp(centres=(2, 2))
    with pytest.raises(DataError, match="3 points, fewer than the 4 neighbours"):
        network(clouds(network, n=3).float())


@pytest.mark.parametrize("build", BUILDS)
def test_scores_are_a_linear_map_of_the_embedding(build):
    network = made(build, head_classes=3).eval()
    last = {
        "PointNet2": lambda: network.fc3,
        "PointMLP": lambda: network.classifier[8],
        "PointNeXt": lambda: network.prediction.head[4][0],
    }[type(network).__name__]()
    points = clouds(network)
    expected = [last.weight @ row + last.bias for row in network(points)]
    torch.testing.assert_close(network.logits(points), torch.stack(expected))
    with pytest.raises(ValueError, match="build it with head_classes"):
        made(build).logits(points)


@pytest.mark.parametrize(
    ("build", "options", "message"),
    [
        (pointnet2, {"in_channels": 2}, "in_channels must be >= 3 for xyz, got 2"),
        (pointnet2, {"radii": (0.2, 0.0)}, r"radii must be > 0, got \(0.2, 0.0\)"),
        (pointnet2, {"centres": (0, 1)}, "centres must be >= 1, got 0"),
        (pointmlp, {"centres": (4,)}, "one number per stage"),
        (pointmlp, {"pre_blocks": (-1, 1)}, "blocks must be >= 0"),
        (pointmlp, {"in_channels": 1}, "in_channels must be >= 3 for xyz, got 1"),
        (pointnext, {"radius": 0.0}, "radius and radius_growth must be > 0"),
        (pointnext, {"strides": (2, 0)}, "strides must be >= 1, got 0"),
        (pointnext, {"in_channels": 2}, "in_channels must be >= 3 for xyz, got 2"),
        (pointnext, {"dropout": -0.1}, r"dropout must be in \[0, 1\), got -0.1"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(build, options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)


def test_elite_shrinks_inside_its_residual_blocks():
    with torch.device("meta"):
        network = pointmlp_elite(head_classes=40)
    block = network.pre_blocks_list[2].operation[1]
    assert block.net1[0].weight.shape == (64, 256, 1)
    assert network.classifier[0].weight.shape == (512, 256)


def test_balls_and_centres_are_those_of_the_dossier():
    with torch.device("meta"):
        first, next_, pointmlp_ = PointNet2(), PointNeXt(), PointMLP()
    stages = (first.sa1, first.sa2)
    assert [(s.centres, s.radius, s.neighbours) for s in stages] == [(512, 0.2, 32), (128, 0.4, 64)]
    stages = [stage[0] for stage in next_.encoder.encoder[1:5]]
    assert [s.radius for s in stages] == pytest.approx([0.15, 0.225, 0.3375, 0.50625])
    assert [(s.stride, s.neighbours) for s in stages] == [(2, 32)] * 4
    assert (pointmlp_.centres, pointmlp_.neighbours) == ((512, 256, 128, 64), 24)
