"""What the files of the Point-BERT family have in common: heads, depths and settings that no file holds."""

from __future__ import annotations

from typing import Any

from anaglyph.encoders.checkpoints.family import Contents, Variant
from anaglyph.encoders.convention import PointConvention
from anaglyph.encoders.point_mae import MODELNET_1K, SCANOBJECTNN
from anaglyph.encoders.point_transformer_parts import S3DIS_BLOCK, SHAPENET_PART

HEAD = "cls_head_finetune"
CONTRAST = "blocks.blocks.0.norm1_contrast."
"""What tells ReCon's blocks from all others."""
OFFICIAL_CENTRES: dict[str, Any] = {"start": "first", "skip_near_origin": 1e-3}
"""Centres as the compiled kernels choose them: from the first row, never near the origin (ACT, 1.2)."""
MOST_CLASSES = 4096


def head_style(contents: Contents) -> str:
    """One of "mlp3", "light" and "linear", by the numbers of the layers that are there."""
    numbers = contents.numbers(f"{HEAD}.")
    if len(numbers & {1, 4, 5, 8}) > 1:
        return "mlp3"
    return "light" if 3 in numbers else "linear"


def head_options(contents: Contents) -> dict[str, Any]:
    """Options of the classifier that the file holds; none where it holds none."""
    if not contents.has(f"{HEAD}."):
        return {}
    style = head_style(contents)
    last = {"mlp3": 8, "light": 3, "linear": 0}[style]
    return {"head_classes": classes_of(contents, f"{HEAD}.{last}.weight"), "head": style}


def classes_of(contents: Contents, key: str) -> int:
    """Rows of the last layer, within reason."""
    return contents.choice(key, 0, tuple(range(1, MOST_CLASSES + 1)))


def classifier_setting(classes: int) -> tuple[dict[str, Any], PointConvention]:
    """Patches and clouds by the number of classes: 15 is ScanObjectNN, all else ModelNet40 with 1,024 points.

    Weights do not tell: a ModelNet40 classifier for 8,192 points has the same shapes and 512 patches.
    """
    if classes == 15:
        return {"groups": 128, **OFFICIAL_CENTRES}, SCANOBJECTNN
    return {"groups": 64, **OFFICIAL_CENTRES}, MODELNET_1K


def segmentation(contents: Contents, *, suffix: str = "") -> Variant:
    """Parts of objects or scenes; ACT's files put `_cls` behind the names of the head's layers."""
    options: dict[str, Any] = {"classes": classes_of(contents, f"convs3{suffix}.weight")}
    layers = ("label_conv", "propagation_0", "convs1", "convs2", "convs3", "bns1", "bns2")
    names = (*((f"{layer}.", f"{layer}{suffix}.") for layer in layers), ("", ""))
    if contents.has(f"label_conv{suffix}."):
        options["categories"] = contents.choice(f"label_conv{suffix}.0.weight", 1, (16,))
        return Variant(
            title=f"segmentation of {options['classes']} parts",
            encoder="point_transformer_parts",
            options={**options, **OFFICIAL_CENTRES},
            convention=SHAPENET_PART,
            names=names,
        )
    return Variant(
        title=f"segmentation of scenes, {options['classes']} classes",
        encoder="point_transformer_scenes",
        options={**options, **OFFICIAL_CENTRES},
        convention=S3DIS_BLOCK,
        names=names,
    )
