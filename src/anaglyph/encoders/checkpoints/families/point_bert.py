"""Point-BERT's own files (Yu et al., 2022): masked modelling with a discrete autoencoder, and classifiers."""

from __future__ import annotations

from anaglyph.encoders.checkpoints.family import Contents, Family, Group, Variant
from anaglyph.encoders.checkpoints.layouts import (
    Layout,
    affine,
    below,
    layer_norm,
    patch_embed,
    position_mlp,
    tokeniser,
    vit_blocks,
)
from anaglyph.encoders.checkpoints.patches import HEAD, OFFICIAL_CENTRES, head_options
from anaglyph.encoders.point_mae import MODELNET_1K, SHAPENET

STUDENT = "transformer_q."
MOMENTUM = "transformer_k."
HEADS: Layout = {
    "mask_token": (1, 1, 384),
    **affine("lm_head", 8192, 384),
    **affine("cls_head.0", 512, 384),
    **affine("cls_head.2", 512, 512),
}
TRUNK: Layout = {
    "cls_token": (1, 1, 384),
    "cls_pos": (1, 1, 384),
    **patch_embed("encoder", 256),
    **affine("reduce_dim", 384, 256),
    **position_mlp("pos_embed", 384),
    **vit_blocks("blocks.blocks", 384, 12, qkv_bias=False),
    **layer_norm("norm", 384),
}


def _recognise(contents: Contents) -> bool:
    return contents.has(STUDENT) or (contents.has("reduce_dim.") and contents.has(f"{HEAD}.", "blocks."))


def _read(contents: Contents) -> Variant:
    if not contents.has(STUDENT):
        options = head_options(contents)
        return Variant(
            title=f"classifier of {options['head_classes']} classes" if options else "trunk",
            encoder="point_bert",
            options={"groups": 64, **options, **OFFICIAL_CENTRES},
            convention=MODELNET_1K,
        )
    return Variant(
        title="pre-trained",
        encoder="point_bert",
        options={"groups": 64, **OFFICIAL_CENTRES},
        convention=SHAPENET,
        names=(("", STUDENT),),
        groups=(
            Group(name="pre-training heads", keys=below(STUDENT, HEADS)),
            Group(name="momentum copy", keys=below(MOMENTUM, {**TRUNK, **HEADS})),
            Group(name="queue", keys={"queue": (512, 16384), "queue_ptr": (1,)}),
            Group(name="discrete autoencoder", keys=below("dvae.", tokeniser(256))),
        ),
    )


POINT_BERT = Family(
    name="point_bert",
    title="Point-BERT (Yu et al., 2022), pre-trained or fine-tuned",
    licence="MIT",
    recognise=_recognise,
    read=_read,
)
