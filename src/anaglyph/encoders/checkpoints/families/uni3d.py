"""Uni3D's files (Zhou et al., 2024), five sizes."""

from __future__ import annotations

from anaglyph.encoders.checkpoints.family import Contents, Family, Group, Variant
from anaglyph.encoders.checkpoints.layouts import below
from anaglyph.encoders.checkpoints.patches import OFFICIAL_CENTRES
from anaglyph.encoders.uni3d import SIZES, unused_layout
from anaglyph.encoders.uni3d import UNI3D as CLOUDS

POINTS = "point_encoder."


def _read(contents: Contents) -> Variant:
    widths = {form.width: size for size, form in SIZES.items()}
    size = widths[contents.choice(f"{POINTS}cls_token", 2, tuple(widths))]
    contents.choice(f"{POINTS}encoder.first_conv.0.weight", 1, (6,))
    teacher = contents.choice(f"{POINTS}trans2embed.weight", 0, (1024,))
    return Variant(
        title=f"size {size}",
        encoder="uni3d",
        options={"size": size, "embed_dim": teacher, **OFFICIAL_CENTRES},
        convention=CLOUDS,
        names=(("", POINTS),),
        groups=(
            Group(
                name="temperature and what the picture model alone needs",
                keys={"logit_scale": (), **below(POINTS, unused_layout(size))},
            ),
        ),
    )


UNI3D = Family(
    name="uni3d",
    title="Uni3D (Zhou et al., 2024), Ti to g",
    licence="MIT",
    recognise=lambda contents: contents.has(f"{POINTS}visual.", f"{POINTS}encoder2trans."),
    read=_read,
)
