"""Wall, alarm, mantel, cuckoo and grandfather clocks. The dial's middle is the origin; it faces +z."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import a, sentence
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.materials import DARK, PAPER
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.curves import regular_polygon, superellipse
from anaglyph.geometry.solid import Solid, merged
from anaglyph.geometry.solids import beam, box, cylinder, rod, rods, sphere, torus
from anaglyph.geometry.sweep import extrusion, lathe

_CONE = ((0.05, 0.0), (0.14, 0.1), (0.12, 0.35), (0.03, 0.5))
"""Radius and height of a cuckoo clock's weight."""


def _dial(draws: Draws, radius: float) -> tuple[list[Part], str]:
    """Disc, marks and hands from z = 0, and the words of its marks."""
    marks = draws.choice("marks", "twelve marks", "four marks", "sixty marks", "twelve dots")
    count = {"twelve marks": 12, "four marks": 4, "sixty marks": 60, "twelve dots": 12}[marks]
    if marks == "twelve dots":
        mark = cylinder(0.06 * radius, 0.01 * radius, segments=10).turned("x", np.pi / 2)
    else:
        wide, long = (0.025, 0.07) if count == 60 else (0.06, 0.18)
        mark = box(wide * radius, long * radius, 0.012 * radius)
    ring = [mark.moved(y=0.82 * radius).turned("z", turn) for turn in 2 * np.pi * np.arange(count) / count]
    hands = [
        cylinder(0.07 * radius, 0.05 * radius, segments=12).turned("x", np.pi / 2).moved(z=0.02 * radius)
    ]
    hour, minute = draws.number("hour", 0.0, 12.0) * np.pi / 6, draws.number("minute", 0.0, 60.0) * np.pi / 30
    for angle, reach, wide in ((hour, 0.5, 0.1), (minute, 0.75, 0.065)):
        arm = box(wide * radius, reach * radius, 0.015 * radius, at=(0, 0.4 * reach * radius, 0.03 * radius))
        hands.append(arm.turned("z", -angle))
    disc = cylinder(radius, 0.02 * radius, segments=36).turned("x", np.pi / 2)
    marks_part = Part("mark", merged(ring).moved(z=0.012 * radius), DARK)
    return [Part("dial", disc, PAPER), marks_part, Part("hand", merged(hands), DARK)], marks


def _wall(draws: Draws, radius: float, thick: float) -> tuple[Solid, str]:
    shape = draws.choice("shape", "round", "round", "square", "octagonal", "sunburst")
    if shape in ("square", "octagonal"):
        corners = 4 if shape == "square" else 8
        reach = 1.06 * radius / np.cos(np.pi / corners)
        outline = regular_polygon(reach, corners=corners, start=np.pi / corners)
        return extrusion(outline, thick, bevel=0.2 * thick), a(f"{shape} case")
    rim = draws.number("rim", 0.06, 0.2) * radius
    pieces = [
        cylinder(radius, 0.8 * thick, segments=36),
        torus(radius, rim, segments=36, sides=8, at=(0, 0.3 * thick, 0)),
    ]
    if shape == "sunburst":
        rays, reach = draws.whole("rays", 12, 28), draws.number("ray_length", 1.4, 2.2) * radius
        turns = 2 * np.pi * np.arange(rays) / rays
        length = np.where(np.arange(rays) % 2, reach, draws.number("short_rays", 0.6, 1.0) * reach)[:, None]
        ends = length * np.stack([np.cos(turns), 0 * turns, np.sin(turns)], axis=1)
        pieces.append(rods(0.5 * ends, ends, 0.05 * radius, tip=0.015 * radius, sides=6))
    return merged(pieces).turned("x", np.pi / 2), a(f"{shape} case")


def _alarm(draws: Draws, radius: float, thick: float) -> tuple[Solid, str]:
    spread, knob = draws.number("foot_spread", 0.6, 0.95) * radius, draws.number("knob", 0.1, 0.3)
    pieces = [cylinder(radius, thick, segments=32).turned("x", np.pi / 2)]
    pieces += [
        rod((s * 0.4 * radius, -0.8 * radius, 0), (s * spread, -1.25 * radius, 0), 0.08 * radius)
        for s in (-1, 1)
    ]
    top = (1.2 + knob) * radius
    pieces += [
        rod((0, radius, 0), (0, top, 0), 0.04 * radius),
        box(0.3 * radius, 0.1 * radius, 0.1 * radius, at=(0, top, 0)),
    ]
    if not draws.chance("bells", 0.75):
        return merged(pieces), "two feet"
    bell = sphere(draws.number("bell_size", 0.3, 0.45) * radius, segments=16, rings=8).scaled(y=0.6)
    pieces += [bell.turned("z", -s * 0.5).moved(s * 0.55 * radius, 1.08 * radius) for s in (-1, 1)]
    return merged(pieces), "two bells and two feet"


def _mantel(draws: Draws, radius: float, thick: float) -> tuple[Solid, str]:
    wide, power = draws.number("width", 1.25, 2.4) * radius, draws.number("roundness", 1.6, 4.0)
    arch = superellipse(2 * wide, draws.number("arch_height", 2.2, 3.2) * radius, power=power, corners=40)
    low = np.array([(-wide, -1.05 * radius), (wide, -1.05 * radius)])
    body = extrusion(np.concatenate([arch[arch[:, 1] >= -1e-9], low]), thick)
    plinth = box(2.3 * wide, 0.18 * radius, 1.5 * thick, at=(0, -1.1 * radius, 0))
    return merged([body, plinth]), "an arched case on a plinth"


def _cuckoo(draws: Draws, radius: float, thick: float) -> tuple[Solid, str]:
    roof, x = draws.number("roof", 0.7, 1.6) * radius, draws.number("width", 1.1, 1.5) * radius
    gable = [
        (-x, -1.3 * radius),
        (x, -1.3 * radius),
        (x, 1.1 * radius),
        (0, 1.1 * radius + roof),
        (-x, 1.1 * radius),
    ]
    pieces = [extrusion(gable, thick)]
    for s in (-1, 1):
        ridge, eave = (0, 1.15 * radius + roof, 0), (s * 1.3 * x, 0.9 * radius, 0)
        pieces.append(beam(ridge, eave, 1.5 * thick, 0.1 * radius, up=(s, 1, 0)))
        drop = -radius * draws.number(f"chain_{s}", 1.7, 3.0)
        pieces.append(
            rod((s * 0.4 * radius, -1.3 * radius, 0), (s * 0.4 * radius, drop, 0), 0.02 * radius, sides=5)
        )
        pieces.append(
            lathe(np.array(_CONE) * radius, segments=10).moved(s * 0.4 * radius, drop - 0.4 * radius)
        )
    return merged(pieces), "a gabled roof and two weights"


def _grandfather(draws: Draws, radius: float, thick: float) -> tuple[Solid, str]:
    tall, wide = draws.number("height", 7.0, 11.0) * radius, draws.number("width", 1.3, 1.7) * radius
    waist, y = draws.number("waist", 0.6, 0.85) * wide, -1.3 * radius
    pieces = [
        box(2 * wide, 2.6 * radius, 2 * thick),
        box(2 * waist, 0.62 * tall, 1.6 * thick, at=(0, y - 0.31 * tall, 0)),
        box(2.1 * wide, 0.22 * tall, 2 * thick, at=(0, y - 0.73 * tall, 0)),
        box(2.3 * wide, 0.2 * radius, 2.4 * thick, at=(0, 1.35 * radius, 0)),
        rod((0, y, thick), (0, -0.45 * tall, thick), 0.03 * radius),
        cylinder(0.4 * radius, 0.1 * radius, segments=20)
        .turned("x", np.pi / 2)
        .moved(y=-0.47 * tall, z=thick),
    ]
    hood = draws.choice("hood", "flat", "arched", "pointed")
    if hood == "arched":
        arch = cylinder(wide, 1.9 * thick, segments=32).turned("x", np.pi / 2)
        pieces.append(arch.scaled(y=draws.number("arch", 0.3, 0.7)).moved(y=1.4 * radius))
    elif hood == "pointed":
        peak = draws.number("peak", 1.9, 2.6) * radius
        pieces.append(extrusion([(-wide, 1.4 * radius), (wide, 1.4 * radius), (0, peak)], 2 * thick))
    return merged(pieces), f"a tall case, a pendulum and {a(hood)} top"


_CASES: Mapping[str, Callable[[Draws, float, float], tuple[Solid, str]]] = {
    "wall": _wall,
    "alarm": _alarm,
    "mantel": _mantel,
    "cuckoo": _cuckoo,
    "grandfather": _grandfather,
}


def clock(draws: Draws) -> Built:
    """A dial in a case of one of five kinds."""
    kind = draws.choice("kind", *_CASES)
    case = draws.finish("material", "wood", "metal", "plastic")
    radius = draws.number("radius", 0.05, 0.16)
    thick = draws.number("thickness", 0.25, 0.6) * radius
    body, words = _CASES[kind](draws, radius, thick)
    dial, marks = _dial(draws, draws.number("dial_size", 0.75, 0.9) * radius)
    front = (thick if kind == "grandfather" else thick / 2) + 0.01 * radius
    parts = [Part("case", body, case.material)]
    parts += [Part(part.name, part.solid.moved(z=front), part.material) for part in dial]
    return Built(parts, sentence(f"{case.words} {kind} clock", [f"{marks} on its dial", words]))
