"""Street lamps: a post on a cast foot, arms, lanterns or globes."""

from __future__ import annotations

import numpy as np

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import counted, sentence
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.materials import LIGHT
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.curves import lifted, smooth_curve
from anaglyph.geometry.solid import Solid, around, merged
from anaglyph.geometry.solids import cylinder, rod, rounded_box, sphere
from anaglyph.geometry.sweep import lathe, tube


def _lantern(draws: Draws, size: float) -> tuple[Solid, Solid]:
    """Panes and the roof over them, standing on y = 0."""
    sides, wide = draws.whole("lantern_sides", 4, 8), draws.number("lantern_width", 0.8, 1.3)
    tall = draws.number("lantern_height", 0.8, 1.4) * size
    panes = cylinder(
        0.13 * size * wide, 0.4 * tall, top=0.2 * size * wide, segments=sides, at=(0, 0.22 * tall, 0)
    )
    cap = draws.choice("cap", "pointed", "domed")
    if cap == "pointed":
        high = draws.number("cap_height", 0.1, 0.3) * size
        roof = cylinder(0.27 * size * wide, high, top=0.04, segments=sides, at=(0, 0.42 * tall + high / 2, 0))
    else:
        high = 0.16 * size
        roof = sphere(0.26 * size * wide, segments=sides, rings=8).scaled(y=0.6).moved(y=0.42 * tall)
    knob = sphere(0.05 * size, segments=8, rings=6, at=(0, 0.45 * tall + high, 0))
    return panes, merged([roof, knob])


def street_lamp(draws: Draws) -> Built:
    """A post with lanterns or globes, or with arms that reach over the road."""
    metal = draws.finish("material", "metal", "paint")
    kind = draws.choice("kind", "lanterns", "lanterns", "globes", "arms")
    height = draws.number("height", 2.2, 4.2) * (1.6 if kind == "arms" else 1.0)
    thick, size = draws.number("post_thickness", 0.05, 0.09), draws.number("lamp_size", 1.1, 2.0)
    heads = draws.whole("heads", 1, 4)
    swell = draws.number("base_height", 0.12, 0.35) * height
    rings = [(3.0, 0.0), (3.0, 0.25), (2.0, 0.35), (draws.number("base_belly", 1.4, 2.8), 0.7), (1.3, 1.0)]
    parts = [
        Part("foot", lathe(np.array(rings) * [thick, swell], segments=16), metal.material),
        Part("post", rod((0, 0, 0), (0, height, 0), 1.1 * thick, tip=0.7 * thick, sides=14), metal.material),
    ]
    turns, top = 2 * np.pi * np.arange(heads) / heads, height
    reach = draws.number("reach", 0.8, 2.0) if kind == "arms" else size * draws.number("bracket", 0.3, 0.6)
    if heads > 1 or kind == "arms":
        rise = draws.number("rise", 0.0, 0.5)
        path = [(0, height - 0.2), (0.3 * reach, height + rise - 0.1), (reach, height + rise)]
        arm = tube(lifted(smooth_curve(path, steps=5)), 0.5 * thick, up=(0, 0, 1))
        parts.append(Part("arm", around(arm, heads), metal.material))
        top = height + rise
    else:
        reach = 0.0
    if kind == "arms":
        head = rounded_box(0.55 * size, 0.1, 0.26 * size, radius=0.04).moved(reach + 0.2 * size, top)
        parts.append(Part("lamp", around(head, heads), LIGHT))
        return Built(
            parts, sentence(f"{metal.words} street lamp", [f"{counted(heads, 'arm')} over the road"])
        )
    if kind == "globes":
        lamp, roof = sphere(0.2 * size, segments=18, rings=10, at=(0, 0.18 * size, 0)), None
    else:
        lamp, roof = _lantern(draws, size)
    spots = [(reach * float(np.cos(turn)), top, -reach * float(np.sin(turn))) for turn in turns]
    parts.append(Part("lamp", merged([lamp.moved(*spot) for spot in spots]), LIGHT))
    if roof is not None:
        parts.append(Part("roof", merged([roof.moved(*spot) for spot in spots]), metal.material))
    return Built(parts, sentence(f"{metal.words} street lamp", [counted(heads, kind[:-1])]))
