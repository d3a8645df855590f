"""ULIP's and ULIP-2's files (Xue et al., 2023 and 2024): a point encoder, a projection, frozen towers.

The encoder and its projection become one `projected` encoder, whose embedding lives in the towers' space.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from anaglyph.encoders.checkpoints.family import Contents, Family, Group, Variant
from anaglyph.encoders.checkpoints.layouts import Layout, affine, clip_text_block, layer_norm, vit_blocks
from anaglyph.encoders.convention import PointConvention
from anaglyph.encoders.point_bert import ULIP as POINT_BERT_CLOUDS
from anaglyph.encoders.point_bert import ULIP2_COLOURED
from anaglyph.encoders.pointnext import ULIP as POINTNEXT_CLOUDS
from anaglyph.errors import WeightsError

POINTS = "point_encoder."
BACKBONES = {
    "reduce_dim.": "point_bert",
    "cls_token": "point_bert",
    "local_grouper_list.": "pointmlp",
    "embedding.": "pointmlp",
    "sa1.": "pointnet2",
    "sa2.": "pointnet2",
    "prediction.": "pointnext_s",
    "encoder.encoder.": "pointnext_s",
}
"""What tells the four backbones apart."""


def slip_towers() -> Layout:
    """SLIP's ViT-B/16 and text transformer with their projections; 149,619,969 numbers."""
    layout: Layout = {
        "logit_scale": (),
        "image_projection": (768, 512),
        "text_projection": (512, 512),
        "token_embedding.weight": (49408, 512),
        "positional_embedding": (77, 512),
        **layer_norm("ln_final", 512),
        "visual.cls_token": (1, 1, 768),
        "visual.pos_embed": (1, 197, 768),
        **affine("visual.patch_embed.proj", 768, 3, 16, 16),
        **vit_blocks("visual.blocks", 768, 12, qkv_bias=True),
        **layer_norm("visual.norm", 768),
    }
    for number in range(12):
        layout |= clip_text_block(f"transformer.resblocks.{number}", 512)
    return layout


def clip_pictures() -> Layout:
    """CLIP's ViT-B/16 as CrossMoST trains it further, and what rebuilds hidden pixels; 86,785,536 numbers."""
    layout: Layout = {
        "image_projection": (768, 512),
        "visual.class_embedding": (768,),
        "visual.positional_embedding": (197, 768),
        "visual.conv1.weight": (768, 3, 16, 16),
        **layer_norm("visual.ln_pre", 768),
        **layer_norm("visual.ln_post", 768),
        **layer_norm("visual.ln_patch", 768),
        "visual.mask_token_embedding": (1, 1, 768),
        **affine("visual.decoder.0", 768, 768, 1, 1),
    }
    for number in range(12):
        layout |= clip_text_block(f"visual.transformer.resblocks.{number}", 768)
    return layout


CROSSMOST_POINTS: Layout = {
    f"{POINTS}mask_token": (1, 1, 384),
    f"{POINTS}proj": (384, 512),
    **affine(f"{POINTS}lm_head", 384, 384),
}
"""What rebuilds and compares hidden patches."""


def _read_points(contents: Contents, widths: tuple[int, ...]) -> Variant:
    """The encoder and its projection to one of `widths`; towers not yet declared."""
    found = {name for start, name in BACKBONES.items() if contents.has(POINTS + start)}
    if len(found) != 1:
        raise WeightsError(
            f"missing: a backbone below {POINTS} (Point-BERT, PointMLP, PointNet++ or PointNeXt), found "
            f"{' and '.join(sorted(found)) or 'none'}"
        )
    (name,) = found
    options: dict[str, Any] = {}
    convention: PointConvention = POINT_BERT_CLOUDS
    if name == "point_bert" and contents.choice(f"{POINTS}encoder.first_conv.0.weight", 1, (3, 6)) == 6:
        name, convention = "point_bert_colored", ULIP2_COLOURED
    if name == "pointnext_s":
        convention = POINTNEXT_CLOUDS
    width = contents.choice("pc_projection", 1, widths)
    return Variant(
        title=f"{name}, {width} numbers",
        encoder="projected",
        options={"encoder": name, "options": options, "embed_dim": width},
        convention=convention,
        names=(("encoder.", POINTS), ("projection", "pc_projection")),
    )


def _read_ulip(contents: Contents) -> Variant:
    variant = _read_points(contents, (512,))
    return replace(variant, groups=(Group(name="picture and text towers", keys=slip_towers()),))


def _read_ulip2(contents: Contents) -> Variant:
    variant = _read_points(contents, (1280, 512))
    towers = Group(
        name="picture and text towers",
        prefixes=(
            "open_clip_model.", "visual.", "transformer.", "token_embedding.", "ln_final.",
            "positional_embedding", "text_projection", "image_projection", "attn_mask",
        ),
    )  # fmt: skip
    return replace(
        variant, groups=(towers, Group(name="temperature", keys={"logit_scale": ()}, required=True))
    )


def _read_crossmost(contents: Contents) -> Variant:
    variant = _read_points(contents, (512,))
    return replace(
        variant,
        groups=(
            Group(name="picture tower", keys=clip_pictures(), required=True),
            Group(name="heads of hidden patches", keys=CROSSMOST_POINTS, required=True),
            Group(name="classifier", keys={"classifier": (512, None), "logit_scale": ()}, required=True),
        ),
    )


def _is_uni3d(contents: Contents) -> bool:
    return contents.has(f"{POINTS}visual.", f"{POINTS}encoder2trans.")


def _wide(contents: Contents) -> bool:
    """Whether it projects to the space of CLIP ViT-bigG/14."""
    return contents.shapes.get("pc_projection", ())[1:] == (1280,)


ULIP = Family(
    name="ulip",
    title="ULIP (Xue et al., 2023) with Point-BERT, PointMLP, PointNet++ or PointNeXt",
    licence="BSD-3-Clause",
    recognise=lambda contents: (
        contents.has(POINTS)
        and not _is_uni3d(contents)
        and not _wide(contents)
        and not contents.has("classifier")
    ),
    read=_read_ulip,
)
ULIP2 = Family(
    name="ulip2",
    title="ULIP-2 (Xue et al., 2024), coloured Point-BERT or PointNeXt",
    licence="BSD-3-Clause",
    recognise=lambda contents: contents.has(POINTS) and _wide(contents),
    read=_read_ulip2,
)
CROSSMOST = Family(
    name="crossmost",
    title="CrossMoST (2024), Point-BERT after self-training; picture tower and classifier are left out",
    licence="not stated",
    recognise=lambda contents: (
        contents.has(POINTS) and contents.has("classifier") and not _is_uni3d(contents)
    ),
    read=_read_crossmost,
)
