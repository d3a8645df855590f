"""A space out of an imported official point encoder and towers that stand in its teacher's space.

OpenShape's, ULIP's and Uni3D's vectors lie in the teacher's space itself; MixCon3D's behind a learned map,
which texts and pictures must pass too (dossier MixCon3D, 2.4 and 7.2). Which teacher of a width it was no
file says, so the family's is named where a width does not fit. ULIP's own towers, SLIP's, are not built here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from anaglyph.config import fingerprint
from anaglyph.encoders.checkpoints.header import KIND, EncoderHeader
from anaglyph.encoders.checkpoints.load import LoadedEncoder, load_encoder
from anaglyph.encoders.spaces.clouds import ConventionClouds
from anaglyph.encoders.spaces.networks import Layout, SpaceNetworks
from anaglyph.encoders.spaces.space import DEFAULT_PIXELS, Space
from anaglyph.encoders.spaces.tower_pair import TowerPlace, open_pair
from anaglyph.errors import ConfigError, WeightsError
from anaglyph.io.atomic import sha256
from anaglyph.io.weights import load_into

BIG_G = "OpenCLIP ViT-bigG/14 (hub: laion/CLIP-ViT-bigG-14-laion2B-39B-b160k)"
TEACHERS: Mapping[str, Mapping[int, str]] = {
    "openshape": {
        1280: BIG_G,
        768: "CLIP ViT-L/14 (hub: openai/clip-vit-large-patch14)",
        512: "CLIP ViT-B/32 (hub: openai/clip-vit-base-patch32)",
    },
    "mixcon3d": {1280: BIG_G},
    "ulip": {512: "SLIP ViT-B/16, whose towers are not built here, or the 512-d tower it was retrained with"},
    "crossmost": {512: "CLIP ViT-B/16 (hub: openai/clip-vit-base-patch16), before it was trained further"},
    "ulip2": {1280: BIG_G, 512: "the 512-d tower of its training"},
    "uni3d": {1024: "EVA02-CLIP-E/14+, or a table of its text vectors (stored_text)"},
}
"""Family -> width -> whose space the points live in."""
_WITH_HEAD = frozenset({"mixcon3d"})
"""Families whose texts and pictures never go without a head."""


def is_official(header: Mapping[str, object]) -> bool:
    """Whether a header is that of an imported official encoder."""
    return header.get("kind") == KIND


def open_official(path: Path, *, name: str, root: Path, towers: Mapping[str, TowerPlace]) -> Space:
    """The space of an imported file, on the CPU.

    Args:
        path: file of `anaglyph models import`.
        name: for people.
        root: where relative sources of towers start.
        towers: "image" and "text" -> towers; a side without one is not read.

    Raises:
        WeightsError: damaged, or without a head that its pictures or texts must pass.
        ConfigError: an encoder that shares no space with pictures and words, or a tower of another width.
    """
    loaded = load_encoder(path)
    about = loaded.about
    if about.family not in TEACHERS or about.convention is None:
        raise ConfigError(
            f"'{path}' holds {about.family} ({about.variant}), which shares no space with pictures and "
            f"words; encoders that do are {', '.join(sorted(TEACHERS))}. `anaglyph embed` embeds it alone."
        )
    layout = _layout(loaded)
    for side in towers:
        _require_head(side, layout, about, what=f"'{path}'")
    networks = _networks(loaded, layout, what=f"'{path}'")
    pair = open_pair(towers, root=root)
    teacher = TEACHERS[about.family].get(layout.embed_dim, "the tower of its training")
    pair.require_widths(layout, what=f"'{path}'", teacher=teacher)
    return Space(
        name=name,
        fingerprint=fingerprint({"space": 1, "weights": sha256(path), "towers": pair.fingerprints()}),
        licence=about.licence,
        networks=networks,
        clouds=ConventionClouds(about.convention),
        image=pair.image,
        text=pair.text,
        default_inputs="points" if pair.image is None else "sum",
        pixels=pair.pixels(DEFAULT_PIXELS),
        about={"family": about.family, "variant": about.variant, "teacher": teacher},
    )


def _layout(loaded: LoadedEncoder) -> Layout:
    heads = loaded.about.heads
    width = int(loaded.module.embed_dim)  # type: ignore[arg-type]
    shared = "shared" in heads
    return Layout(
        embed_dim=width,
        image_dim=_width(loaded, "image", width),
        text_dim=_width(loaded, "text", width),
        image_head="linear" if "image" in heads or shared else "none",
        text_head="linear" if "text" in heads or shared else "none",
        share_head=shared,
        fusion_head="linear" if "fusion" in heads else None,
    )


def _width(loaded: LoadedEncoder, side: str, otherwise: int) -> int:
    """What the head of a side reads, else the width of the space."""
    for name in (side, "shared"):
        weight = loaded.heads.get(f"heads.{name}.layers.0.weight")
        if weight is not None:
            return int(weight.shape[1])
    return otherwise


def _require_head(side: str, layout: Layout, about: EncoderHeader, *, what: str) -> None:
    """WeightsError where vectors of a tower would land elsewhere than where they did in training."""
    kind = layout.text_head if side == "text" or layout.share_head else layout.image_head
    if kind != "none":
        return
    name = f"{side}_proj"
    if name in about.left_out or about.family in _WITH_HEAD:
        why = "is left out of it" if name in about.left_out else "lies in none of its parts"
        raise WeightsError(
            f"{what} is of {about.family}, and the map {name} that {side} vectors pass {why}: they would "
            f"land elsewhere. Import the whole official file again, or open it without --{side}-tower."
        )


def _networks(loaded: LoadedEncoder, layout: Layout, *, what: str) -> SpaceNetworks:
    heads: dict[str, Tensor] = dict(loaded.heads)
    if not all(bool(torch.isfinite(tensor).all()) for tensor in heads.values()):
        raise WeightsError(f"{what}: a head holds NaN or infinite numbers. Import the official file again.")
    try:
        networks = SpaceNetworks(loaded.module, layout)
    except ConfigError as error:
        raise WeightsError(f"{what} cannot be built from its header: {error}") from error
    own = {f"encoders.shape.{key}": tensor for key, tensor in loaded.module.state_dict().items()}
    load_into(networks, {**own, **heads}, what=what)
    return networks.eval().requires_grad_(False)
