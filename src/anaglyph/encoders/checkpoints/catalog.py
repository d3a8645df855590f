"""The table of families: what `--as` accepts, and which of them a file could be."""

from __future__ import annotations

from anaglyph.encoders.checkpoints.families.act import ACT, ACT_STAGE1, ACT_STAGE2
from anaglyph.encoders.checkpoints.families.classic import DGCNN, POINTNET, POINTNET2
from anaglyph.encoders.checkpoints.families.openshape import MIXCON3D, OPENSHAPE, SPARSE
from anaglyph.encoders.checkpoints.families.pictures import MOBILENET_V2, RESNET20_CIFAR, RESNET_TORCHVISION
from anaglyph.encoders.checkpoints.families.point_bert import POINT_BERT
from anaglyph.encoders.checkpoints.families.point_mae import POINT_MAE
from anaglyph.encoders.checkpoints.families.recon import RECON
from anaglyph.encoders.checkpoints.families.ulip import CROSSMOST, ULIP, ULIP2
from anaglyph.encoders.checkpoints.families.uni3d import UNI3D
from anaglyph.encoders.checkpoints.family import Contents, Family
from anaglyph.errors import ConfigError, unknown_name

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        POINT_BERT, POINT_MAE, ACT_STAGE1, ACT_STAGE2, ACT, RECON, ULIP, ULIP2, CROSSMOST, OPENSHAPE,
        MIXCON3D, UNI3D, SPARSE, DGCNN, POINTNET2, POINTNET, RESNET_TORCHVISION, RESNET20_CIFAR, MOBILENET_V2,
    )
}  # fmt: skip


def family_named(name: str) -> Family:
    """The family called `name`; ConfigError with the closest one otherwise."""
    if name not in FAMILIES:
        raise ConfigError(unknown_name("family", name, FAMILIES))
    return FAMILIES[name]


def candidates(contents: Contents) -> list[Family]:
    """Families that a state dict looks like."""
    return [family for family in FAMILIES.values() if family.recognise(contents)]
