"""ACT's files (Dong et al., 2023): Stage I, Stage II, and what is fine-tuned from it."""

from __future__ import annotations

from anaglyph.encoders.checkpoints.families.point_mae import classifier_variant
from anaglyph.encoders.checkpoints.family import Contents, Family, Group, Variant
from anaglyph.encoders.checkpoints.layouts import act_teacher, affine, below, mae_decoder
from anaglyph.encoders.checkpoints.patches import (
    CONTRAST,
    HEAD,
    OFFICIAL_CENTRES,
    segmentation,
)
from anaglyph.encoders.point_mae import SHAPENET

STUDENT = "ACT_encoder."
TEACHER = "dvae_tokenizer."
_SEGMENTED = "propagation_0_cls."


def _read_stage1(contents: Contents) -> Variant:
    return Variant(
        title="Stage I, the cross-modal autoencoder",
        encoder="act_autoencoder",
        options=dict(OFFICIAL_CENTRES),
        convention=SHAPENET,
    )


def _read_stage2(contents: Contents) -> Variant:
    heads = {
        **affine("lm_head", 8192, 384),
        **affine("cls_head.0", 512, 384),
        **affine("cls_head.2", 512, 512),
    }
    decoder = {**mae_decoder("ACT_decoder", 2), **affine("proj_head", 384, 384)}
    return Variant(
        title="Stage II, pre-trained",
        encoder="act",
        options=dict(OFFICIAL_CENTRES),
        convention=SHAPENET,
        names=(("", STUDENT),),
        groups=(
            Group(name="unused heads", keys=below(STUDENT, heads)),
            Group(name="decoder", keys=decoder),
            Group(name="teacher of Stage I", keys=below(TEACHER, act_teacher())),
        ),
    )


def _recognise_tuned(contents: Contents) -> bool:
    if contents.has(_SEGMENTED):
        return True
    return contents.has(f"{HEAD}.") and not contents.has("reduce_dim.", CONTRAST)


def _read_tuned(contents: Contents) -> Variant:
    return (
        segmentation(contents, suffix="_cls")
        if contents.has(_SEGMENTED)
        else classifier_variant(contents, encoder="act")
    )


ACT_STAGE1 = Family(
    name="act_stage1",
    title="ACT Stage I (Dong et al., 2023), the teacher",
    licence="MIT",
    recognise=lambda contents: (
        contents.has("visual_embed.", "deep_prompt_tokens") and contents.has("dgcnn_1.")
    ),
    read=_read_stage1,
)
ACT_STAGE2 = Family(
    name="act_stage2",
    title="ACT Stage II (Dong et al., 2023), the pre-trained student",
    licence="MIT",
    recognise=lambda contents: contents.has(STUDENT),
    read=_read_stage2,
)
ACT = Family(
    name="act",
    title="ACT (Dong et al., 2023), fine-tuned or segmentation",
    licence="MIT",
    recognise=_recognise_tuned,
    read=_read_tuned,
)
