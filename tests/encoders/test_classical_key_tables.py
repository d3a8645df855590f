"""Names, shapes and counts against the dossier and the common ports; nothing is allocated."""

import pytest
import torch

from anaglyph.encoders.dgcnn import DGCNN
from anaglyph.encoders.dgcnn_parts import DGCNNParts
from anaglyph.encoders.pointmlp import PointMLP, pointmlp_elite
from anaglyph.encoders.pointnet import PointNet
from anaglyph.encoders.pointnet2 import PointNet2
from anaglyph.encoders.pointnet2_parts import PointNet2Parts
from anaglyph.encoders.pointnet_parts import PointNetParts
from anaglyph.encoders.pointnext import PointNeXt
from reference import classical_keys as keys

TABLES = [
    (PointNet, {"head_classes": 40}, keys.pointnet()),
    (PointNetParts, {}, keys.pointnet_parts()),
    (PointNet2, {}, keys.pointnet2()),
    (PointNet2, {"head_classes": 40}, keys.pointnet2() | keys.dense("fc3", 40, 256)),
    (PointNet2Parts, {}, keys.pointnet2_parts()),
    (PointMLP, {}, keys.pointmlp()),
    (PointMLP, {"head_classes": 15}, keys.pointmlp() | keys.dense("classifier.8", 15, 256)),
    (PointNeXt, {}, keys.pointnext()),
    (PointNeXt, {"head_classes": 15}, keys.pointnext() | keys.dense("prediction.head.4.0", 15, 256)),
    (DGCNN, {"head_classes": 40}, keys.dgcnn()),
    (DGCNNParts, {}, keys.dgcnn_parts()),
]


def on_meta(build, options):
    with torch.device("meta"):
        return build(**options)


@pytest.mark.parametrize(("build", "options", "table"), TABLES)
def test_keys_and_shapes_are_those_of_the_official_files(build, options, table):
    state = on_meta(build, options).state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == table


@pytest.mark.parametrize(
    ("build", "options", "parameters", "names"),
    [
        (PointNet2, {}, 1_465_408, 77),
        (PointNet2, {"head_classes": 40}, 1_475_688, 79),
        (PointMLP, {}, 13_228_224, 244),
        (pointmlp_elite, {}, 705_952, 172),
        (PointNeXt, {}, 1_363_264, 82),
        (PointNeXt, {"head_classes": 15}, 1_367_119, 84),
        (DGCNN, {"head_classes": 40}, 1_809_576, 45),
    ],
)
def test_counts_are_those_of_the_dossier_to_the_unit(build, options, parameters, names):
    network = on_meta(build, options)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert len(network.state_dict()) == names


def test_extra_channels_widen_the_first_layer_alone():
    plain, wide = (on_meta(PointNet2, {"in_channels": c}).state_dict() for c in (3, 6))
    different = {name for name in plain if plain[name].shape != wide[name].shape}
    assert different == {"sa1.mlp_convs.0.weight"}
    assert wide["sa1.mlp_convs.0.weight"].shape == (64, 6, 1, 1)
