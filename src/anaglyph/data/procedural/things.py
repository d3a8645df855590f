"""Umbrellas and barrels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import a, counted, sentence
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.joinery import slab
from anaglyph.data.procedural.materials import SILVER
from anaglyph.data.procedural.turned import faceted
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.curves import lifted, smooth_curve
from anaglyph.geometry.solid import Solid, merged
from anaglyph.geometry.solids import box, cylinder, rod, rods, sphere, torus
from anaglyph.geometry.sweep import lathe, tube

Points = NDArray[np.float64]


def _canopy(radius: float, rise: float, panels: int, scallop: float) -> Solid:
    """A thin dome hung between `panels` ribs, its rim drawn in between them; top at y = 0."""
    share = np.linspace(0.0, 1.0, 8)
    outer = np.stack([radius * np.sin(share * np.pi / 2), -rise * (1 - np.cos(share * np.pi / 2))], axis=1)
    inner = outer[::-1] - [0.0, 0.012]
    inner[0] = outer[-1] - [0.012, 0.004]
    solid = lathe(np.concatenate([outer, inner]), segments=4 * panels)

    def hang(points: Points) -> Points:
        angle = np.arctan2(points[:, 2], points[:, 0])
        between = (1 - np.cos(panels * angle)) / 2
        out = np.hypot(points[:, 0], points[:, 2]) / radius
        scale = 1 - scallop * between * out**2
        return np.column_stack(
            [points[:, 0] * scale, points[:, 1] + 0.25 * scallop * rise * between * out, points[:, 2] * scale]
        )

    return solid.mapped(hang)


def _furled(draws: Draws, length: float, panels: int) -> Solid:
    """A closed canopy in folds, its top at y = 0."""
    belly = draws.number("furl", 0.035, 0.06)
    profile = [(0.012, -0.02), (0.05, -0.2), (belly, -0.45), (0.02, -0.68)]
    return faceted(lathe(smooth_curve(profile, steps=5) * [1, length], segments=4 * panels), panels, 0.16)


def _grip(draws: Draws, style: str, thick: float) -> Solid:
    """The end of a shaft of radius `thick`, which stops at y = 0."""
    if style == "hook":
        bend = draws.number("hook_radius", 0.03, 0.065)
        turns = np.linspace(0.4, draws.number("hook_turn", 2.8, 3.6), 8)
        curl = np.stack([bend * (1 - np.cos(turns)), -bend * np.sin(turns)], axis=1)
        line = lifted(np.concatenate([[(0.0, 0.08), (0.0, 0.0)], curl]))
        return tube(line, 2.2 * thick, sides=10, up=(0, 0, 1))
    if style == "straight":
        profile = smooth_curve([(1.6, -0.14), (2.8, -0.12), (2.2, -0.05), (2.6, 0.0), (1.4, 0.01)], steps=4)
        return lathe(profile * [thick, 1.0], segments=16)
    if style == "ball":
        return sphere(draws.number("ball", 3.0, 5.5) * thick, segments=18, rings=10)
    foot = draws.number("foot_radius", 0.18, 0.3)
    return cylinder(foot, 0.05, top=0.85 * foot, segments=28)


def umbrella(draws: Draws) -> Built:
    """Open, half-open and closed umbrellas, and parasols on a foot."""
    state = draws.choice("state", "open", "open", "half-open", "closed", "parasol")
    panels, radius = draws.whole("panels", 5, 10), draws.number("radius", 0.42, 0.65)
    length, thick = draws.number("length", 0.7, 1.0), draws.number("shaft_radius", 0.005, 0.009)
    rise, scallop = draws.number("rise", 0.25, 0.8) * radius, draws.number("scallop", 0.02, 0.2)
    cloth, grip = (
        draws.finish("material", "fabric"),
        draws.finish("handle_material", "wood", "plastic", "metal"),
    )
    wide, high = {"half-open": (0.55, 1.5), "parasol": (1.4, 0.7)}.get(state, (1.0, 1.0))
    if state == "closed":
        canopy = _furled(draws, length, panels)
    else:
        canopy = _canopy(wide * radius, high * rise, panels, scallop)
    spike = draws.number("spike", 0.03, 0.09)
    pole = [
        rod((0, 0.02 + spike, 0), (0, -length, 0), thick),
        cylinder(1.6 * thick, 0.04, top=thick, segments=10),
    ]
    style = "foot" if state == "parasol" else draws.choice("handle", "hook", "hook", "straight", "ball")
    parts = [
        Part("canopy", canopy.moved(y=-0.01), cloth.material, tile=0.3),
        Part("shaft", merged(pole), SILVER),
        Part("handle", _grip(draws, style, thick).moved(y=-length), grip.material),
    ]
    if state in ("open", "parasol"):
        turns, reach = 2 * np.pi * np.arange(panels) / panels, 0.55 * wide * radius
        ends = np.stack(
            [reach * np.cos(turns), np.full(panels, -0.3 * high * rise), reach * np.sin(turns)], axis=1
        )
        starts = np.broadcast_to([0.0, -0.33 * length, 0.0], ends.shape)
        parts.append(Part("rib", rods(starts, ends, 0.004, sides=5), SILVER))
    words = [
        counted(panels, "panel") if state != "closed" else "",
        a(f"{style} handle") if style != "foot" else "a foot",
    ]
    return Built(
        parts, sentence(f"{cloth.words} {state if state == 'parasol' else state + ' umbrella'}", words)
    )


def _hoops(count: int, width: float, wall: Points, *, rolled: bool, segments: int) -> Solid:
    """Bands around a wall (P, 2) of radius and height: flat ones, or beads of a drum."""
    height, bands = wall[-1, 1], []
    for level in np.linspace(0.06, 0.94, count) * height:
        low, high = (float(np.interp(level + s * width / 2, wall[:, 1], wall[:, 0])) for s in (-1, 1))
        if rolled:
            bands.append(torus(low, 0.03 * low, segments=segments, sides=6, at=(0, level, 0)))
        else:
            ring = [(0.9, low, -1), (1.03, low, -1), (1.03, high, 1), (0.9, high, 1)]
            profile = [(share * reach, s * width / 2) for share, reach, s in ring]
            bands.append(lathe(profile, segments=segments, ring=True).moved(y=level))
    return merged(bands)


def _tap(level: float, front: float) -> Solid:
    """On a wall that faces +z at z = `front`."""
    return merged(
        [
            rod((0, level, front - 0.03), (0, level, front + 0.1), 0.018),
            rod((0, level, front + 0.08), (0, level - 0.06, front + 0.09), 0.014),
            rod((0, level, front + 0.06), (0, level + 0.04, front + 0.06), 0.008),
            box(0.07, 0.018, 0.018, at=(0, level + 0.04, front + 0.06)),
        ]
    )


def barrel(draws: Draws) -> Built:
    """Wooden barrels and tubs, oil drums, upright or lying in a cradle."""
    kind, height = draws.choice("kind", "wooden", "wooden", "drum", "tub"), draws.number("height", 0.45, 1.0)
    radius, segments = (
        draws.number("radius", 0.2, 0.36),
        draws.whole("staves", 14, 26) if kind != "drum" else 32,
    )
    metal = draws.finish("hoop_material", "metal")
    wood = draws.finish("material", *(("paint", "metal") if kind == "drum" else ("planks",)))
    share = np.linspace(0.0, 1.0, 9)
    bulge = draws.number("bulge", 1.06, 1.4) - 1 if kind == "wooden" else 0.0
    flare = draws.number("flare", 1.1, 1.4) - 1 if kind == "tub" else 0.0
    wall = np.stack(
        [radius * (1 + bulge * (1 - (2 * share - 1) ** 2) + flare * share), share * height], axis=1
    )
    sunk = height * (draws.number("empty", 0.3, 0.8) if kind == "tub" else draws.number("rim", 0.02, 0.06))
    inside = 0.92 * float(np.interp(height - sunk, wall[:, 1], wall[:, 0]))
    profile = [(0.0, 0.0), *wall, (0.92 * wall[-1, 0], height), (inside, height - sunk), (0.0, height - sunk)]
    count, width = draws.whole("hoops", 2, 6), draws.number("hoop_width", 0.025, 0.06) * height
    hoops = _hoops(count, width, wall, rolled=kind == "drum", segments=segments)
    parts = [
        Part("body", lathe(profile, segments=segments), wood.material, tile=0.3),
        Part("hoop", hoops, metal.material),
    ]
    words = [counted(count, "hoop")]
    if kind == "wooden" and draws.chance("lying", 0.35):
        y, reach = radius * (1 + bulge), draws.number("cradle", 0.6, 1.1) * radius
        parts = [
            Part(p.name, p.solid.moved(y=-height / 2).turned("x", np.pi / 2).moved(y=y), p.material, p.tile)
            for p in parts
        ]
        blocks = [
            slab(2 * reach, 0.35 * radius, 0.12 * height, at=(0, 0.12 * radius, s * 0.3 * height))
            for s in (-1, 1)
        ]
        parts.append(Part("cradle", merged(blocks), wood.material))
        words.append("a cradle that it lies in")
    elif draws.chance("tap", 0.4):
        level = draws.number("tap_height", 0.12, 0.3) * height
        parts.append(
            Part("tap", _tap(level, float(np.interp(level, wall[:, 1], wall[:, 0]))), metal.material)
        )
        words.append("a tap")
    name = {"wooden": "barrel", "drum": "oil drum", "tub": "tub"}[kind]
    return Built(parts, sentence(f"{wood.words} {name}", words))
