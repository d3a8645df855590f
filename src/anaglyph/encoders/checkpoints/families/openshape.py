"""OpenShape's files (Liu et al., 2023) and MixCon3D's (Gao et al., 2024); they share the encoder PPAT."""

from __future__ import annotations

from dataclasses import replace

from anaglyph.encoders.checkpoints.family import Contents, Family, Variant
from anaglyph.encoders.ppat import OPENSHAPE as Z_UP
from anaglyph.encoders.ppat import OPENSHAPE_Y_UP, SCALINGS
from anaglyph.errors import WeightsError

TEACHER_WIDTHS = (1280, 768, 512)
"""Of CLIP ViT-bigG/14, ViT-L/14 and ViT-B/32."""
_MIXCON3D = frozenset({"pc_img_proj", "state_dict_ema", "image_logit_scale", "text_logit_scale"})
"""What only MixCon3D's trainer stores beside the state dict."""
_OPENSHAPE = frozenset({"logit_scale", "text_proj", "image_proj"})


HEADS = {"image": "image_proj", "text": "text_proj"}
"""Maps behind frozen features; None in OpenShape's files, since its released options turn them off."""


def _read(contents: Contents) -> Variant:
    width = contents.choice("ppat.cls_token", 0, (256, 512, 768))
    hidden = contents.choice("ppat.transformer.layers.0.1.fn.net.0.weight", 0, (1024, 1536, 2304, 3072))
    depth = len(contents.numbers("ppat.transformer.layers."))
    rows = [number for number, row in SCALINGS.items() if (row.width, row.hidden) == (width, hidden)]
    if not rows:
        raise WeightsError(
            f"other shape: no scaling of PPAT has width {width} and hidden width {hidden} "
            f"(ppat.cls_token, ppat.transformer.layers.0.1.fn.net.0.weight)"
        )
    scaling = min(rows, key=lambda number: abs(SCALINGS[number].depth - depth))
    contents.choice("ppat.sa.mlp_convs.0.weight", 1, (9,))
    teacher = contents.choice("proj.weight", 0, TEACHER_WIDTHS)
    return Variant(
        title=f"PPAT, scaling {scaling}, {teacher} numbers",
        encoder="ppat",
        options={"scaling": scaling, "embed_dim": teacher},
        convention=Z_UP if teacher == 1280 else OPENSHAPE_Y_UP,
        heads=HEADS,
    )


def _read_mixcon3d(contents: Contents) -> Variant:
    """By default its pictures pass the text head too (`share_proj`), and there is a fusion layer."""
    return replace(_read(contents), heads={**HEADS, "fusion": "pc_img_proj"}, share_head=True)


OPENSHAPE = Family(
    name="openshape",
    title="OpenShape (Liu et al., 2023), PointBERT (PPAT)",
    licence="Apache-2.0",
    recognise=lambda contents: contents.has("ppat.") and not contents.beside & _MIXCON3D,
    read=_read,
)
MIXCON3D = Family(
    name="mixcon3d",
    title="MixCon3D (Gao et al., 2024), PointBERT (PPAT)",
    licence="none published; self-trained files only",
    recognise=lambda contents: (
        contents.has("ppat.") and (bool(contents.beside & _MIXCON3D) or not contents.beside & _OPENSHAPE)
    ),
    read=_read_mixcon3d,
)


def _refuse_sparse(contents: Contents) -> Variant:
    raise WeightsError(
        "it is a sparse convolution network (MinkResNet34), which is not built here: the order of "
        "MinkowskiEngine's kernel offsets is not known for certain, and a wrong one gives wrong features "
        "without any error. Use the PointBERT (PPAT) files of the same project"
    )


SPARSE = Family(
    name="sparseconv",
    title="OpenShape or MixCon3D, SparseConv (MinkResNet34); recognised only",
    licence="Apache-2.0",
    recognise=lambda contents: contents.has("conv0p1s1."),
    read=_refuse_sparse,
)
