"""Affine maps between towers and a shared space that lie beside an official encoder's state dict.

OpenShape's and MixCon3D's trainers store `text_proj` and `image_proj`, MixCon3D's also the fusion layer
`pc_img_proj` (dossier MixCon3D, 3.1 and 3.2). In an imported file they stand behind `HEAD_PREFIX` under the
names that `encoders.spaces` gives them. Only a matrix with its bias is taken; the two layers that an option
of the trainers makes have no published key names and stay out, by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from anaglyph.encoders.checkpoints.family import Variant
from anaglyph.encoders.checkpoints.header import EncoderHeader
from anaglyph.errors import WeightsError
from anaglyph.io.containers import take_off_wrappers

HeadSide = Literal["shared", "image", "text", "fusion"]
SIDES: tuple[HeadSide, ...] = ("shared", "image", "text", "fusion")
HEAD_PREFIX = "space."
WIDEST = 65_536


@dataclass(frozen=True, kw_only=True)
class HeadChoice:
    """What no file says about its heads."""

    shared: bool
    """Whether pictures pass the text head too, as by default in MixCon3D (`share_proj`)."""


def name_beside(side: str, variant: Variant) -> str:
    """What the file calls a head; "" where its family has none."""
    return variant.heads.get("text" if side == "shared" else side, "")


def head_key(side: str, part: str) -> str:
    """Key in an imported file of "weight" or "bias"."""
    place = "fusion.joint" if side == "fusion" else f"heads.{side}"
    return f"{HEAD_PREFIX}{place}.layers.0.{part}"


def found_heads(beside: Mapping[str, object], variant: Variant) -> dict[HeadSide, dict[str, Tensor]]:
    """Side -> "weight" (D, E) and "bias" (D,), of those that lie there in a form that is known."""
    sides: tuple[HeadSide, ...] = ("shared", "fusion") if variant.share_head else ("image", "text", "fusion")
    width = variant.options.get("embed_dim")
    found: dict[HeadSide, dict[str, Tensor]] = {}
    for side in sides:
        content = beside.get(name_beside(side, variant))
        if not isinstance(content, Mapping) or not all(isinstance(each, Tensor) for each in content.values()):
            continue
        layers = take_off_wrappers({str(key): Tensor.detach(value) for key, value in content.items()})[0]
        if set(layers) != {"weight", "bias"} or not isinstance(width, int):
            continue
        wanted = 2 * width if side == "fusion" else width  # frozen features are as wide as the space
        if tuple(layers["weight"].shape) == (width, wanted) and tuple(layers["bias"].shape) == (width,):
            found[side] = layers
    return found


def check_heads(shapes: Mapping[str, tuple[int, ...]], about: EncoderHeader, *, what: str) -> None:
    """WeightsError unless exactly the heads of the header lie in the file, each a matrix with its bias."""
    keys = {key for key in shapes if key.startswith(HEAD_PREFIX)}
    allowed = set(SIDES) if set(about.heads) <= set(SIDES) else set()
    wanted = {head_key(side, part) for side in about.heads for part in ("weight", "bias")}
    two = "shared" in about.heads and bool({"image", "text"} & set(about.heads))
    if not set(about.heads) <= allowed or len(set(about.heads)) != len(about.heads) or keys != wanted or two:
        raise WeightsError(
            f"{what}: heads of the header ({', '.join(map(str, about.heads))[:80] or 'none'}) are not those "
            f"in the file ({len(keys)} tensors). Import the official file again."
        )
    for side in about.heads:
        weight, bias = shapes[head_key(side, "weight")], shapes[head_key(side, "bias")]
        if len(weight) != 2 or bias != weight[:1] or not 1 <= min(weight) <= max(weight) <= WIDEST:
            raise WeightsError(
                f"{what}: the {side} head has shapes {weight} and {bias}; expected are a matrix and its "
                f"bias. Import the official file again."
            )
