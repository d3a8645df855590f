"""Umbrellas and barrels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import a, counted, sentence
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.materials import SILVER
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.curves import smooth_curve
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


def umbrella(draws: Draws) -> Built:
    """Open, half-open and closed umbrellas and parasols."""
    panels, radius = draws.whole("panels", 6, 10), draws.number("radius", 0.42, 0.65)
    length, thick = draws.number("length", 0.75, 0.98), draws.number("shaft_radius", 0.005, 0.009)
    cloth, grip = (
        draws.finish("material", "fabric"),
        draws.finish("handle_material", "wood", "plastic", "metal"),
    )
    state = draws.choice("state", "open", "open", "half-open", "closed", "parasol")
    rise, scallop = draws.number("rise", 0.3, 0.75) * radius, draws.number("scallop", 0.03, 0.18)
    if state == "closed":
        curve = smooth_curve(
            [(0.012, -0.02), (0.05, -0.2), (draws.number("furl", 0.035, 0.06), -0.45), (0.02, -0.68)], steps=5
        ) * [1, length]
        canopy = lathe(curve, segments=4 * panels)
        fold = np.tile(1 + 0.16 * np.cos(np.arange(4 * panels) * np.pi / 2), len(curve))
        fold = np.concatenate([fold, np.ones(len(canopy.vertices) - len(fold))])
        canopy = canopy.mapped(lambda points: points * np.column_stack([fold, np.ones_like(fold), fold]))
    elif state == "half-open":
        canopy = _canopy(0.55 * radius, 1.5 * rise, panels, scallop)
    else:
        canopy = _canopy(
            radius * (1.4 if state == "parasol" else 1.0),
            rise * (0.7 if state == "parasol" else 1.0),
            panels,
            scallop,
        )
    pole = [
        rod((0, 0.06, 0), (0, -length, 0), thick, sides=10),
        cylinder(1.6 * thick, 0.05, top=0.4 * thick, segments=10, at=(0, 0.07, 0)),
    ]
    parts = [Part("canopy", canopy.moved(y=-0.01), cloth.material, tile=0.3)]
    if state in ("open", "parasol"):
        reach, drop = 0.55 * radius, 0.3 * rise
        ends = [(reach * np.cos(t), -drop, reach * np.sin(t)) for t in 2 * np.pi * np.arange(panels) / panels]
        parts.append(Part("rib", rods([(0, -0.55 * length * 0.6, 0)] * panels, ends, 0.003, sides=5), SILVER))
    end = -length
    style = (
        draws.choice("handle", "hook", "hook", "straight", "ball", "foot") if state != "parasol" else "foot"
    )
    bend = draws.number("hook_radius", 0.03, 0.06)
    if style == "hook":
        path = [
            (0, end + 0.08, 0),
            (0, end, 0),
            *[(bend * (1 - np.cos(t)), end - bend * np.sin(t), 0) for t in np.linspace(0.4, 3.4, 8)],
        ]
        handle = tube(np.array(path), 2.2 * thick, sides=10, up=(0, 0, 1))
    elif style == "straight":
        handle = lathe(
            smooth_curve([(1.6, -0.14), (2.8, -0.12), (2.2, -0.05), (2.6, 0.0), (1.4, 0.01)], steps=4)
            * [thick, 1.0],
            segments=16,
        ).moved(y=end)
    elif style == "ball":
        handle = sphere(4.5 * thick, segments=18, rings=10, at=(0, end, 0))
    else:
        handle = cylinder(0.22, 0.05, top=0.19, segments=28, at=(0, end, 0))
    parts += [Part("shaft", merged(pole), SILVER), Part("handle", handle, grip.material)]
    words = [
        counted(panels, "panel") if state != "closed" else "",
        a(f"{style} handle") if style != "foot" else "a round foot",
    ]
    name = "parasol" if state == "parasol" else f"{state} umbrella"
    return Built(parts, sentence(f"{cloth.words} {name}", words))


def barrel(draws: Draws) -> Built:
    """Wooden barrels and tubs, oil drums, upright or lying in a cradle."""
    height, radius = draws.number("height", 0.45, 1.0), draws.number("radius", 0.2, 0.36)
    kind = draws.choice("kind", "wooden", "wooden", "drum", "tub")
    hoops, staves = draws.whole("hoops", 2, 6), draws.whole("staves", 14, 26)
    metal = draws.finish("hoop_material", "metal")
    body_finish = (
        draws.finish("material", "paint", "metal") if kind == "drum" else draws.finish("material", "planks")
    )
    bulge = draws.number("bulge", 1.08, 1.35) if kind == "wooden" else 1.0
    top = draws.number("top", 1.1, 1.4) if kind == "tub" else 1.0
    share = np.linspace(0.0, 1.0, 9)
    radii = radius * (1 + (bulge - 1) * (1 - (2 * share - 1) ** 2)) * (1 + (top - 1) * share)
    rim = draws.number("rim", 0.02, 0.06) * height
    outer = np.stack([radii, share * height], axis=1)
    lid = [
        (0.92 * radii[-1], height),
        (0.92 * radii[-1], height - (0.6 * height if kind == "tub" else rim)),
        (0.0, height - (0.6 * height if kind == "tub" else rim)),
    ]
    solid = lathe(np.concatenate([[(0.0, 0.0)], outer, lid]), segments=36 if kind == "drum" else staves)
    levels = np.linspace(0.06, 0.94, hoops)
    width = draws.number("hoop_width", 0.025, 0.06) * height
    bands = []
    for level in levels:
        low, high = (float(np.interp(level * height + s * width / 2, outer[:, 1], radii)) for s in (-1, 1))
        if kind == "drum":
            bands.append(torus(low, 0.025 * radius + 0.004, segments=32, sides=6, at=(0, level * height, 0)))
        else:
            bands.append(
                cylinder(1.025 * low, width, top=1.025 * high, segments=staves, at=(0, level * height, 0))
            )
    parts = [Part("body", solid, body_finish.material, tile=0.3), Part("hoop", merged(bands), metal.material)]
    words = [counted(hoops, "hoop")]
    if kind == "wooden" and draws.chance("lying", 0.3):
        parts = [
            Part(
                part.name,
                part.solid.moved(y=-height / 2).turned("x", np.pi / 2).moved(y=radius * bulge),
                part.material,
                part.tile,
            )
            for part in parts
        ]
        blocks = [
            box(2.0 * radius, 0.35 * radius, 0.12 * height, at=(0, 0.12 * radius, s * 0.3 * height))
            for s in (-1, 1)
        ]
        parts.append(Part("cradle", merged(blocks), body_finish.material))
        words.append("a cradle that it lies in")
    elif draws.chance("tap", 0.35):
        level = 0.18 * height
        at = float(np.interp(level, outer[:, 1], radii))
        tap = [
            rod((0, level, at - 0.02), (0, level, at + 0.1), 0.016),
            rod((0, level, at + 0.08), (0, level - 0.05, at + 0.09), 0.012),
            box(0.06, 0.015, 0.015, at=(0, level + 0.03, at + 0.06)),
            rod((0, level, at + 0.06), (0, level + 0.03, at + 0.06), 0.006),
        ]
        parts.append(Part("tap", merged(tap), metal.material))
        words.append("a tap")
    name = {"wooden": "barrel", "drum": "oil drum", "tub": "tub"}[kind]
    return Built(parts, sentence(f"{body_finish.words} {name}", words))
