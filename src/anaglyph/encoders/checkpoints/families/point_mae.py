"""Point-MAE's files (Pang et al., 2022)."""

from __future__ import annotations

from anaglyph.encoders.checkpoints.family import Contents, Family, Group, Variant
from anaglyph.encoders.checkpoints.layouts import affine, mae_decoder
from anaglyph.encoders.checkpoints.patches import (
    CONTRAST,
    HEAD,
    OFFICIAL_CENTRES,
    classifier_setting,
    head_options,
    segmentation,
)
from anaglyph.encoders.point_mae import SHAPENET

PRETRAINED = "MAE_encoder."


def _recognise(contents: Contents) -> bool:
    if contents.has(PRETRAINED):
        return not contents.has(f"{PRETRAINED}{CONTRAST}")
    return contents.has(f"{HEAD}.", "propagation_0.") and not contents.has("reduce_dim.", CONTRAST)


def _read(contents: Contents) -> Variant:
    if contents.has("propagation_0."):
        return segmentation(contents)
    if contents.has(PRETRAINED):
        return Variant(
            title="pre-trained",
            encoder="point_mae",
            options=dict(OFFICIAL_CENTRES),
            convention=SHAPENET,
            names=(("", PRETRAINED),),
            fresh=("cls_token", "cls_pos"),
            groups=(
                Group(
                    name="decoder",
                    keys={**mae_decoder("MAE_decoder", 4), **affine("increase_dim.0", 96, 384, 1)},
                ),
            ),
        )
    return classifier_variant(contents, encoder="point_mae")


def classifier_variant(contents: Contents, *, encoder: str) -> Variant:
    """A fine-tuned file of Point-MAE or ACT, which have the same keys."""
    options = head_options(contents)
    classes = options.get("head_classes", 0)
    setting, convention = classifier_setting(classes)
    return Variant(
        title=f"classifier of {classes} classes" if options else "trunk",
        encoder=encoder,
        options={**options, **setting},
        convention=convention,
    )


POINT_MAE = Family(
    name="point_mae",
    title="Point-MAE (Pang et al., 2022), pre-trained, fine-tuned or segmentation",
    licence="MIT",
    recognise=_recognise,
    read=_read,
)
