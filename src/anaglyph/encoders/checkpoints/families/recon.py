"""ReCon's files (Qi et al., 2023)."""

from __future__ import annotations

from anaglyph.encoders.checkpoints.family import Contents, Family, Group, Variant
from anaglyph.encoders.checkpoints.layouts import affine, mae_decoder
from anaglyph.encoders.checkpoints.patches import (
    CONTRAST,
    OFFICIAL_CENTRES,
    classifier_setting,
    head_options,
)
from anaglyph.encoders.point_mae import SHAPENET
from anaglyph.errors import WeightsError

PRETRAINED = "MAE_encoder."


def _recognise(contents: Contents) -> bool:
    return contents.has(CONTRAST, f"{PRETRAINED}{CONTRAST}")


def _read(contents: Contents) -> Variant:
    if contents.has("propagation_0."):
        raise WeightsError(
            "it is ReCon's part segmentation, whose head is not described anywhere we know of and is not "
            "built here; import a pre-trained or classification file of ReCon"
        )
    if contents.has(PRETRAINED):
        return Variant(
            title="pre-trained",
            encoder="recon",
            options=dict(OFFICIAL_CENTRES),
            convention=SHAPENET,
            names=(("", PRETRAINED),),
            groups=(
                Group(
                    name="decoder",
                    keys={**mae_decoder("MAE_decoder", 4), **affine("increase_dim.0", 96, 384, 1)},
                ),
                Group(
                    name="picture and text teachers",
                    prefixes=("img_encoder.", "text_encoder.", "img_proj.", "text_proj."),
                ),
            ),
        )
    options = head_options(contents)
    classes = options.get("head_classes", 0)
    setting, convention = classifier_setting(classes)
    return Variant(
        title=f"classifier of {classes} classes" if options else "trunk",
        encoder="recon",
        options={**options, **setting},
        convention=convention,
    )


RECON = Family(
    name="recon",
    title="ReCon (Qi et al., 2023), pre-trained or fine-tuned",
    licence="MIT",
    recognise=_recognise,
    read=_read,
)
