"""Materials of glTF: base colours, which are linear in the file, and base colour textures, which are sRGB."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anaglyph.geometry.formats.gltf_document import Document
from anaglyph.geometry.mesh import Material
from anaglyph.geometry.mesh_parts import MalformedError
from anaglyph.geometry.mesh_textures import Textures

_GLOSSY = "KHR_materials_pbrSpecularGlossiness"


@dataclass(frozen=True)
class Look:
    """A material, and where its texture coordinates come from."""

    material: Material
    texcoord: int = 0
    turn: NDArray[np.float64] | None = None
    """(2, 3) what KHR_texture_transform does to coordinates with v downwards."""


def to_srgb(linear: NDArray[Any]) -> NDArray[np.float64]:
    """Linear light in [0, 1] as sRGB in [0, 1] (IEC 61966-2-1)."""
    value = np.clip(np.nan_to_num(np.asarray(linear, dtype=np.float64)), 0.0, 1.0)
    return np.where(value <= 0.0031308, 12.92 * value, 1.055 * value ** (1 / 2.4) - 0.055)


def look_of(document: Document, index: int, textures: Textures) -> Look:
    """The material of that index."""
    row = document.row("materials", index)
    try:
        return _look(document, row, index, textures)
    except (TypeError, ValueError, OverflowError) as error:
        if isinstance(error, MalformedError):
            raise
        raise MalformedError(f"materials[{index}] does not hold the numbers it should") from error


def _look(document: Document, row: dict[str, Any], index: int, textures: Textures) -> Look:
    name = str(row.get("name", index))
    glossy = document.child(document.child(row, "extensions"), _GLOSSY)
    metallic = document.child(row, "pbrMetallicRoughness")
    factor = _factor(glossy.get("diffuseFactor") if glossy else metallic.get("baseColorFactor"))
    key = document.child(glossy, "diffuseTexture") if glossy else document.child(metallic, "baseColorTexture")
    if not key:
        return Look(Material(name, factor))
    picture = _picture(document, key, textures)
    transform = document.child(document.child(key, "extensions"), "KHR_texture_transform")
    texcoord = transform.get("texCoord", key.get("texCoord", 0))
    return Look(
        Material(name, factor, picture),
        texcoord if type(texcoord) is int else 0,
        _turn(transform) if transform else None,
    )


def _factor(value: object) -> tuple[float, float, float]:
    if not isinstance(value, list) or len(value) < 3:
        return 1.0, 1.0, 1.0
    red, green, blue = (float(channel) for channel in to_srgb(np.array(value[:3], dtype=np.float64)))
    return red, green, blue


def _picture(document: Document, key: dict[str, Any], textures: Textures) -> NDArray[np.uint8] | None:
    texture = document.row("textures", key.get("index"))
    webp = document.child(document.child(texture, "extensions"), "EXT_texture_webp")
    source = webp.get("source", texture.get("source"))
    if source is None:
        textures.left_out("a texture of a kind that is not read")
        return None
    name, data = document.picture(source)
    return textures.named(name) if data is None else textures.embedded(data, name)


def _turn(transform: dict[str, Any]) -> NDArray[np.float64]:
    """Translation x rotation x scale, as the extension defines them."""
    x, y = (float(value) for value in transform.get("offset", (0.0, 0.0)))
    wide, high = (float(value) for value in transform.get("scale", (1.0, 1.0)))
    angle = float(transform.get("rotation", 0.0))
    sine, cosine = math.sin(angle), math.cos(angle)
    return np.array([[cosine * wide, sine * high, x], [-sine * wide, cosine * high, y]])
