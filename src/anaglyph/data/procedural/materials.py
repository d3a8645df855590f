"""What procedural objects are made of: named tones of wood, metal, paint, fabric and so on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from anaglyph.data.procedural import textures
from anaglyph.geometry.mesh import Material

Colour = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Finish:
    """A material and how a sentence names it."""

    material: Material
    words: str


WOODS: Mapping[str, Colour] = {
    "oak": (0.72, 0.53, 0.33),
    "walnut": (0.42, 0.28, 0.18),
    "pine": (0.86, 0.70, 0.45),
    "cherry": (0.60, 0.31, 0.19),
    "birch": (0.90, 0.79, 0.60),
    "ebony": (0.27, 0.17, 0.11),
    "driftwood": (0.56, 0.52, 0.47),
}
PAINTS: Mapping[str, Colour] = {
    "white": (0.94, 0.94, 0.92),
    "black": (0.12, 0.12, 0.13),
    "grey": (0.52, 0.53, 0.55),
    "red": (0.76, 0.15, 0.13),
    "orange": (0.91, 0.48, 0.13),
    "yellow": (0.94, 0.79, 0.20),
    "green": (0.20, 0.53, 0.27),
    "turquoise": (0.18, 0.64, 0.63),
    "blue": (0.16, 0.33, 0.68),
    "light blue": (0.52, 0.72, 0.89),
    "purple": (0.45, 0.25, 0.58),
    "pink": (0.92, 0.58, 0.67),
    "cream": (0.93, 0.87, 0.72),
    "brown": (0.42, 0.28, 0.19),
}
METALS: Mapping[str, Colour] = {
    "steel": (0.71, 0.73, 0.75),
    "chrome": (0.84, 0.85, 0.87),
    "brass": (0.80, 0.64, 0.30),
    "copper": (0.76, 0.46, 0.32),
    "iron": (0.29, 0.30, 0.32),
    "aluminium": (0.79, 0.80, 0.81),
}
GLASSES: Mapping[str, Colour] = {
    "clear glass": (0.82, 0.90, 0.93),
    "green glass": (0.42, 0.66, 0.47),
    "brown glass": (0.49, 0.31, 0.16),
    "blue glass": (0.45, 0.62, 0.83),
    "frosted glass": (0.92, 0.94, 0.94),
}
LEATHERS: Mapping[str, Colour] = {
    "brown leather": (0.45, 0.27, 0.16),
    "black leather": (0.16, 0.15, 0.15),
    "tan leather": (0.72, 0.49, 0.29),
    "white leather": (0.90, 0.88, 0.84),
}
STONES: Mapping[str, Colour] = {
    "grey stone": (0.60, 0.60, 0.58),
    "sandstone": (0.80, 0.69, 0.51),
    "marble": (0.91, 0.90, 0.88),
    "terracotta": (0.77, 0.43, 0.28),
    "concrete": (0.69, 0.69, 0.67),
}
LEAVES: Mapping[str, Colour] = {
    "green": (0.25, 0.50, 0.20),
    "dark green": (0.13, 0.35, 0.17),
    "light green": (0.50, 0.68, 0.27),
    "yellow": (0.85, 0.70, 0.20),
    "red": (0.68, 0.25, 0.14),
}
WALLS: Mapping[str, Colour] = {
    "red brick": (0.64, 0.30, 0.22),
    "yellow brick": (0.79, 0.65, 0.42),
    "grey brick": (0.55, 0.53, 0.51),
}
_JOINT: Colour = (0.80, 0.77, 0.72)
_Maker = Callable[[str, Colour, np.random.Generator], tuple[Material, str]]


def make_finish(kind: str, name: str, colour: Colour, generator: np.random.Generator) -> Finish:
    """A finish of a kind in a named colour; `generator` decides patterns and shifts the tone a little."""
    shift = generator.uniform(0.93, 1.06) + generator.uniform(-0.015, 0.015, 3)
    tone = np.clip(np.asarray(colour) * shift, 0.02, 1.0)
    material, words = _MAKERS[kind](name, (float(tone[0]), float(tone[1]), float(tone[2])), generator)
    return Finish(material, words)


def plain(name: str, colour: Colour) -> Material:
    """One colour and no texture."""
    return Material(name=name, colour=colour)


def _textured(name: str, picture: textures.Picture) -> Material:
    return Material(name=name, colour=(1.0, 1.0, 1.0), texture=picture)


def _wood(name: str, colour: Colour, generator: np.random.Generator) -> tuple[Material, str]:
    return _textured(name, textures.grain(colour, generator)), name


def _planks(name: str, colour: Colour, generator: np.random.Generator) -> tuple[Material, str]:
    return _textured(f"{name} boards", textures.planks(colour, generator)), name


def _one_colour(name: str, colour: Colour, generator: np.random.Generator) -> tuple[Material, str]:
    return plain(name, colour), name


def _plastic(name: str, colour: Colour, generator: np.random.Generator) -> tuple[Material, str]:
    return plain(f"{name} plastic", colour), f"{name} plastic"


def _mottled(name: str, colour: Colour, generator: np.random.Generator) -> tuple[Material, str]:
    return _textured(name, textures.mottle(colour, generator)), name


def _brick(name: str, colour: Colour, generator: np.random.Generator) -> tuple[Material, str]:
    return _textured(name, textures.bricks(colour, _JOINT, generator)), name


def _fabric(name: str, colour: Colour, generator: np.random.Generator) -> tuple[Material, str]:
    """Plain, striped or checked cloth."""
    weave, second = generator.random(), _other(colour, generator)
    if weave < 0.5:
        return _textured(f"{name} cloth", textures.mottle(colour, generator)), f"{name} cloth"
    if weave < 0.75:
        return _textured(
            f"{name} stripes", textures.stripes(colour, second, generator)
        ), f"{name} striped cloth"
    return _textured(f"{name} checks", textures.checks(colour, second, generator)), f"{name} checked cloth"


def _ceramic(name: str, colour: Colour, generator: np.random.Generator) -> tuple[Material, str]:
    """Glazed in one colour, speckled or striped."""
    glaze, second = generator.random(), _other(colour, generator)
    if glaze < 0.55:
        return plain(f"{name} ceramic", colour), f"{name} ceramic"
    if glaze < 0.8:
        return _textured(
            f"{name} speckle", textures.speckle(colour, second, generator)
        ), f"speckled {name} ceramic"
    return _textured(
        f"{name} stripes", textures.stripes(colour, second, generator)
    ), f"striped {name} ceramic"


def _other(colour: Colour, generator: np.random.Generator) -> Colour:
    """Lighter than a dark colour, darker or whiter than a light one."""
    mixed = np.asarray(colour)
    target = np.array([0.97, 0.96, 0.93]) if mixed.mean() < 0.6 else mixed * generator.uniform(0.3, 0.6)
    return float(target[0]), float(target[1]), float(target[2])


_MAKERS: Mapping[str, _Maker] = {
    "wood": _wood,
    "planks": _planks,
    "paint": _one_colour,
    "plastic": _plastic,
    "metal": _one_colour,
    "glass": _one_colour,
    "fabric": _fabric,
    "leather": _mottled,
    "ceramic": _ceramic,
    "stone": _mottled,
    "leaf": _mottled,
    "brick": _brick,
}
TONES: Mapping[str, Mapping[str, Colour]] = {
    "wood": WOODS,
    "planks": WOODS,
    "paint": PAINTS,
    "plastic": PAINTS,
    "metal": METALS,
    "glass": GLASSES,
    "fabric": PAINTS,
    "leather": LEATHERS,
    "ceramic": PAINTS,
    "stone": STONES,
    "leaf": LEAVES,
    "brick": WALLS,
}
"""The named colours of each kind of finish."""
RUBBER = plain("rubber", (0.10, 0.10, 0.11))
DARK = plain("dark", (0.16, 0.17, 0.19))
WINDOW = plain("window", (0.55, 0.70, 0.80))
SCREEN = plain("screen", (0.10, 0.13, 0.18))
LIGHT = plain("light", (0.98, 0.94, 0.76))
SOIL = plain("soil", (0.26, 0.18, 0.13))
SILVER = plain("silver", (0.80, 0.81, 0.83))
PAPER = plain("paper", (0.95, 0.93, 0.88))
