"""Part segmentation with PointNet, PointNet++ and DGCNN."""

import pytest
import torch

from anaglyph.encoders.category import one_hot_category
from anaglyph.encoders.dgcnn_parts import DGCNNParts
from anaglyph.encoders.pointnet2_parts import PointNet2Parts
from anaglyph.encoders.pointnet_parts import PointNetParts
from anaglyph.errors import DataError
from anaglyph.ops.knn import k_nearest
from reference.point_networks import (
    largest,
    slow_edge_mlp,
    slow_feature_propagation,
    slow_mlp,
    slow_normed,
    slow_set_abstraction,
)
from reference.random_weights import shake

SMALL = {"classes": 5, "categories": 3}
TRANSFORM = {"transform_widths": (4, 5, 6, 5, 4)}


def pointnet(**options):
    return PointNetParts(
        **{**SMALL, **TRANSFORM, "widths": (4, 5, 4, 5, 6), "head_widths": (5, 4, 5), **options}
    )


def pointnet2(**options):
    return PointNet2Parts(
        **{
            **SMALL,
            "centres": (6, 3),
            "radii": (0.9, 1.5),
            "neighbours": (4, 5),
            "widths": ((4, 4, 5), (4, 4, 5), (4, 4, 6)),
            "up_widths": ((5, 5), (5, 4), (4, 4, 4)),
            "hidden": 4,
            "dropout": 0.0,
            **options,
        }
    )


def dgcnn(**options):
    return DGCNNParts(
        **{
            **SMALL,
            **TRANSFORM,
            "neighbours": 4,
            "width": 4,
            "pooled": 6,
            "head_widths": (5, 4, 5),
            "dropout": 0.0,
            **options,
        }
    )


BUILDS = [pointnet, pointnet2, dgcnn]
CATEGORY = torch.tensor([2, 0, 1])


def made(build, **options):
    network = build(**options).double()
    shake(network)
    return network


def clouds(b=3, n=9):
    return torch.randn(b, n, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def one_hot(b):
    return torch.eye(3, dtype=torch.float64)[CATEGORY[b]]


@pytest.mark.parametrize("training", [True, False])
def test_pointnet_reads_all_levels_beside_the_cloud_and_its_category(training):
    network = made(pointnet).train(training)
    points, (b, n) = clouds(), (3, 9)
    with torch.no_grad():
        matrix = made(pointnet).train(training).stn(points)
    rows = [point @ matrix[i] for i in range(b) for point in points[i]]
    levels = []
    for place in (1, 2, 3):
        layer = (getattr(network, f"conv{place}"), getattr(network, f"bn{place}"))
        rows = slow_mlp(rows, [layer], training=training)
        levels.append(rows)
    with torch.no_grad():
        matrix = made(pointnet).train(training).fstn(torch.stack(rows).view(b, n, -1))
    rows = [row @ matrix[i // n] for i, row in enumerate(rows)]
    rows = slow_mlp(rows, [(network.conv4, network.bn4)], training=training)
    levels += [rows, slow_normed(rows, network.conv5, network.bn5, training=training)]
    whole = [torch.cat([largest(levels[4][i * n : i * n + n]), one_hot(i)]) for i in range(b)]
    rows = [torch.cat([whole[i // n], *(level[i] for level in levels)]) for i in range(b * n)]
    head = [(getattr(network, f"convs{i}"), getattr(network, f"bns{i}")) for i in (1, 2, 3)]
    rows = slow_mlp(rows, head, training=training)
    expected = [network.convs4.weight.flatten(1) @ row + network.convs4.bias for row in rows]
    torch.testing.assert_close(network(points, category=CATEGORY), torch.stack(expected).view(b, n, -1))


@pytest.mark.parametrize("training", [True, False])
def test_pointnet2_goes_down_and_up_again(training):
    network = made(pointnet2).train(training)
    points, (b, n), mode = clouds(), (3, 9), {"training": training}
    xyz1, level1 = slow_set_abstraction(network.sa1, points, points, **mode)
    xyz2, level2 = slow_set_abstraction(network.sa2, xyz1, level1, **mode)
    layers = list(zip(network.sa3.mlp_convs, network.sa3.mlp_bns, strict=True))
    rows = slow_mlp(list(torch.cat([xyz2, level2], dim=2).flatten(0, 1)), layers, **mode)
    whole = torch.stack([largest(rows[3 * i : 3 * i + 3]) for i in range(b)])[:, None]
    level2 = slow_feature_propagation(network.fp3, xyz2, level2, xyz2[:, :1], whole, **mode)
    level1 = slow_feature_propagation(network.fp2, xyz1, level1, xyz2, level2, **mode)
    kind = torch.stack([one_hot(i).expand(n, -1) for i in range(b)])
    own = torch.cat([kind, points, points], dim=2)
    rows = slow_feature_propagation(network.fp1, points, own, xyz1, level1, **mode).flatten(0, 1)
    rows = slow_mlp(list(rows), [(network.conv1, network.bn1)], **mode)
    expected = [network.conv2.weight.flatten(1) @ row + network.conv2.bias for row in rows]
    torch.testing.assert_close(network(points, category=CATEGORY), torch.stack(expected).view(b, n, -1))


@pytest.mark.parametrize("training", [True, False])
def test_dgcnn_turns_the_cloud_and_asks_for_new_neighbours_in_every_block(training):
    network = made(dgcnn).train(training)
    points, (b, n), mode = clouds(), (3, 9), {"training": training, "slope": 0.2}
    net = network.transform_net
    edges = [tuple(net.conv1), tuple(net.conv2)]
    rows = list(slow_edge_mlp(points, k_nearest(points, points, 4), edges, **mode).flatten(0, 1))
    rows = slow_mlp(rows, [tuple(net.conv3)], **mode)
    pooled = [largest(rows[i * n : i * n + n]) for i in range(b)]
    pooled = slow_mlp(pooled, [(net.linear1, net.bn3), (net.linear2, net.bn4)], **mode)
    matrix = torch.stack([net.transform.weight @ p + net.transform.bias for p in pooled]).view(b, 3, 3)
    features, levels = points @ matrix, []
    for block in ((1, 2), (3, 4), (5,)):
        layers = [tuple(getattr(network, f"conv{i}")) for i in block]
        features = slow_edge_mlp(features, k_nearest(features, features, 4), layers, **mode)
        levels.append(features)
    levels = list(torch.cat(levels, dim=2).flatten(0, 1))
    rows = slow_mlp(levels, [tuple(network.conv6)], **mode)
    kinds = slow_mlp([one_hot(i) for i in range(b)], [tuple(network.conv7)], **mode)
    whole = [torch.cat([largest(rows[i * n : i * n + n]), kinds[i]]) for i in range(b)]
    rows = [torch.cat([whole[i // n], level]) for i, level in enumerate(levels)]
    rows = slow_mlp(rows, [tuple(getattr(network, f"conv{i}")) for i in (8, 9, 10)], **mode)
    expected = [network.conv11.weight.flatten(1) @ row for row in rows]
    torch.testing.assert_close(network(points, category=CATEGORY), torch.stack(expected).view(b, n, -1))


@pytest.mark.parametrize("build", BUILDS)
def test_every_parameter_gets_a_gradient(build):
    network = build()
    scores = network(clouds().float(), category=CATEGORY)
    assert scores.shape == (3, 9, 5)
    if build is dgcnn:  # its T-Net starts with a matrix that no cloud changes
        network.transform_net.transform.weight.data.normal_(generator=torch.Generator().manual_seed(0))
        scores = network(clouds().float(), category=CATEGORY)
    weight = torch.randn(scores.shape, generator=torch.Generator().manual_seed(1))
    (scores * weight).sum().backward()
    for name, parameter in network.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("build", BUILDS)
def test_padding_changes_no_score_no_statistic_and_scores_zero(build):
    plain, masked = made(build), made(build)
    padded = torch.cat([clouds(), torch.full((3, 4, 3), float("nan"), dtype=torch.float64)], dim=1)
    valid = (torch.arange(13) < 9).expand(3, -1)
    scores = masked(padded, valid, CATEGORY)
    torch.testing.assert_close(scores[:, :9], plain(clouds(), category=CATEGORY))
    assert not scores[:, 9:].any()
    torch.testing.assert_close(plain.state_dict(), masked.state_dict())
    scores.sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in masked.parameters())


@pytest.mark.parametrize("build", BUILDS)
def test_scores_follow_the_order_of_the_points(build):
    wide = {"radii": (9.0, 9.0), "neighbours": (9, 6)} if build is pointnet2 else {}  # whole balls
    network = made(build, **wide).eval()
    order = torch.randperm(9, generator=torch.Generator().manual_seed(0))
    scores = network(clouds(), category=CATEGORY)
    torch.testing.assert_close(network(clouds()[:, order], category=CATEGORY), scores[:, order])


@pytest.mark.parametrize("build", BUILDS)
def test_bfloat16_autocast_stays_near_float32(build):
    network = build()
    for _ in range(2):
        network(clouds().float(), category=CATEGORY)
    network.eval()
    full = network(clouds().float(), category=CATEGORY)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = network(clouds().float(), category=CATEGORY).float()
    assert (low - full).norm() < 0.1 * full.norm()


@pytest.mark.parametrize("build", BUILDS)
def test_without_categories_the_network_takes_none(build):
    network = build(categories=None)
    assert network(clouds().float()).shape == (3, 9, 5)
    with pytest.raises(ValueError, match="takes no category"):
        network(clouds().float(), category=CATEGORY)


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize(
    ("category", "error", "message"),
    [
        (None, ValueError, "needs the category of every cloud"),
        (torch.tensor([0, 1]), ValueError, r"category must be int64 \(3,\), got torch.int64 \(2,\)"),
        (torch.tensor([0.0, 1.0, 2.0]), ValueError, "got torch.float32"),
        (torch.tensor([0, 1, 3]), DataError, "categories must be 0 to 2, got 3"),
        (torch.tensor([0, 1, -1]), DataError, "got -1"),
    ],
)
def test_a_category_that_cannot_be_meant_is_refused(build, category, error, message):
    with pytest.raises(error, match=message):
        build()(clouds().float(), category=category)


@pytest.mark.parametrize(("build", "needed"), [(pointnet2, "6 "), (dgcnn, "4 neighbours")])
def test_short_clouds_are_refused_or_repeated(build, needed):
    points = clouds(n=3).float()
    with pytest.raises(DataError, match=f"3 points, fewer than the {needed}"):
        build()(points, category=CATEGORY)
    assert torch.isfinite(build(shortage="repeat")(points, category=CATEGORY)).all()


def test_a_compiled_network_refuses_a_category_out_of_range_too():
    network = torch.compile(one_hot_category, backend="aot_eager")
    assert network(torch.tensor([1]), 3, clouds=1).tolist() == [[0.0, 1.0, 0.0]]
    with pytest.raises(DataError, match="categories must be 0 to 2, got 3"):
        network(torch.tensor([3]), 3, clouds=1)
