"""PointNet, PointNet++ and DGCNN as commonly published, with the key names of their PyTorch ports."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from anaglyph.encoders.checkpoints.family import Contents, Family, Group, Variant
from anaglyph.encoders.checkpoints.layouts import Layout, batch_norm
from anaglyph.encoders.checkpoints.patches import classes_of
from anaglyph.encoders.dgcnn import MODELNET as DGCNN_CLOUDS
from anaglyph.encoders.point_transformer_parts import SHAPENET_PART as PARTS
from anaglyph.encoders.pointnet import LEARNING3D
from anaglyph.encoders.pointnet2 import MODELNET


def _read_pointnet(contents: Contents) -> Variant:
    options: dict[str, Any] = {"embed_dim": contents.choice("feature_model.conv5.weight", 0, (1024,))}
    options["in_channels"] = contents.choice("feature_model.conv1.weight", 1, (3,))
    if contents.has("linear1.", "linear2.", "linear3.", "bn1.", "bn2."):
        options["head_classes"] = classes_of(contents, "linear3.weight")
    classes = options.get("head_classes")
    return Variant(
        title=f"classifier of {classes} classes" if classes else "trunk",
        encoder="pointnet",
        options=options,
        convention=LEARNING3D,
    )


POINTNET = Family(
    name="pointnet",
    title="PointNet (Qi et al., 2017) without its transformers, as learning3d publishes it",
    licence="MIT",
    recognise=lambda contents: contents.has("feature_model."),
    read=_read_pointnet,
)


def _read_pointnet2(contents: Contents) -> Variant:
    if contents.has("fp1.", "fp2.", "fp3."):
        return _read_pointnet2_parts(contents)
    options: dict[str, Any] = {
        "in_channels": contents.choice("sa1.mlp_convs.0.weight", 1, (3, 6)),
        "head_classes": classes_of(contents, "fc3.weight"),
    }
    normals = options["in_channels"] == 6
    return Variant(
        title=f"classifier of {options['head_classes']} classes{', with normals' if normals else ''}",
        encoder="pointnet2",
        options=options,
        convention=MODELNET,
    )


def _read_pointnet2_parts(contents: Contents) -> Variant:
    """The first layer reads the points twice: relative to the centre and as they are."""
    channels = contents.choice("sa1.mlp_convs.0.weight", 1, (6, 9)) - 3
    classes = classes_of(contents, "conv2.weight")
    return Variant(
        title=f"segmentation of {classes} parts{', with normals' if channels == 6 else ''}",
        encoder="pointnet2_parts",
        options={"classes": classes, "categories": 16, "in_channels": channels},
        convention=PARTS,
    )


POINTNET2 = Family(
    name="pointnet2",
    title="PointNet++ (Qi et al., 2017), single scale, classifier or parts, as its common PyTorch port",
    licence="MIT",
    recognise=lambda contents: contents.has("sa1.mlp_convs.", "sa2.mlp_convs."),
    read=_read_pointnet2,
)

_CLASSIFIER_NORMS = {"bn1": 64, "bn2": 64, "bn3": 128, "bn4": 256, "bn5": 1024}
_PARTS_NORMS = {
    **{f"bn{number}": 64 for number in (1, 2, 3, 4, 5, 7)},
    "bn6": 1024, "bn8": 256, "bn9": 256, "bn10": 128, "transform_net.bn1": 64, "transform_net.bn2": 128,
}  # fmt: skip
"""Norms that DGCNN's files hold twice, as `bn1` and `conv1.1`, with their widths."""


def _repeated(widths: Mapping[str, int]) -> tuple[Group, dict[str, str]]:
    """Those norms as a group, and which key each of theirs repeats."""
    layout: Layout = {}
    for name, width in widths.items():
        layout |= batch_norm(name, width)
    return (
        Group(name="batch norms a second time", keys=layout),
        {key: re.sub(r"bn(\d+)\.", r"conv\1.1.", key) for key in layout},
    )


def _read_dgcnn_parts(contents: Contents) -> Variant:
    classes = contents.choice("conv11.weight", 0, (50,))
    group, twins = _repeated(_PARTS_NORMS)
    return Variant(
        title=f"segmentation of {classes} parts",
        encoder="dgcnn_parts",
        options={"classes": classes, "categories": 16},
        convention=PARTS,
        groups=(group,),
        twins=twins,
    )


def _read_dgcnn(contents: Contents) -> Variant:
    if contents.has("transform_net.", "conv8.", "conv9."):
        return _read_dgcnn_parts(contents)
    group, twins = _repeated(_CLASSIFIER_NORMS)
    edges = range(1, 5)
    classes = classes_of(contents, "linear3.weight")
    return Variant(
        title=f"classifier of {classes} classes",
        encoder="dgcnn",
        options={"head_classes": classes},
        convention=DGCNN_CLOUDS,
        names=(
            *((f"edge_convs.{i - 1}.linear.", f"conv{i}.0.") for i in edges),
            *((f"edge_convs.{i - 1}.norm.", f"conv{i}.1.") for i in edges),
            ("point_mlp.layers.0.", "conv5.0."),
            ("point_mlp.layers.1.", "conv5.1."),
            ("", ""),
        ),
        convolutions=(
            *((f"edge_convs.{i - 1}.linear.weight", 2) for i in edges),
            ("point_mlp.layers.0.weight", 1),
        ),
        groups=(group,),
        twins=twins,
    )


DGCNN = Family(
    name="dgcnn",
    title="DGCNN (Wang et al., 2019), classifier or parts, as its authors' PyTorch port",
    licence="MIT",
    recognise=lambda contents: (
        contents.has("conv1.0.", "conv2.0.") and contents.has("linear3.", "bn6.", "bn7.", "conv6.")
    ),
    read=_read_dgcnn,
)
