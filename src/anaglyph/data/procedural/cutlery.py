"""Spoons, forks and knives: a shaped handle and what is at its end.

Built lying flat with the handle towards +x; given back upright, handle up and face to the front, as seen
from above on a table.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import counted, sentence
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.materials import Finish
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.curves import smooth_curve, superellipse
from anaglyph.geometry.solid import Solid, merged
from anaglyph.geometry.solids import sphere
from anaglyph.geometry.sweep import extrusion, loft, tube

Points = NDArray[np.float64]


def ribbon(line: Points, widths: Points, heights: Points, *, corners: int = 12) -> Solid:
    """A bar of oval section along x-y points (P, 2): `widths` across z and `heights` upright at each."""
    section = superellipse(2.0, 2.0, power=2.6, corners=corners)
    grid = np.empty((len(line), corners, 3))
    grid[:, :, 0] = line[:, :1]
    grid[:, :, 1] = line[:, 1:] + heights[:, None] / 2 * section[:, 1]
    grid[:, :, 2] = widths[:, None] / 2 * section[:, 0]
    return loft(grid)


def _upright(parts: list[Part]) -> list[Part]:
    """What lay flat, stood up: +x up and the upper side to the front."""
    return [
        Part(p.name, p.solid.turned("x", np.pi / 2).turned("z", np.pi / 2), p.material, p.tile) for p in parts
    ]


def _handle(draws: Draws, length: float, metal: Finish) -> tuple[list[Part], str]:
    """From x = 0 to `length`, its words."""
    style = draws.choice("handle", "paddle", "slim", "waisted", "pointed", "wooden", "beaded")
    wide, thick = draws.number("handle_width", 0.012, 0.022), draws.number("handle_thickness", 0.0025, 0.005)
    shares = {
        "paddle": (0.3, 0.32, 0.5, 0.8, 1.0, 0.75),
        "slim": (0.4, 0.42, 0.44, 0.46, 0.48, 0.4),
        "waisted": (0.45, 0.3, 0.35, 0.9, 1.0, 0.3),
        "pointed": (0.3, 0.35, 0.6, 0.9, 0.6, 0.08),
        "wooden": (0.6, 0.95, 0.85, 0.95, 1.0, 0.7),
        "beaded": (0.35, 0.55, 0.3, 0.6, 0.35, 0.8),
    }[style]
    bend = draws.number("handle_bend", 0.0, 0.06) * length
    xs = np.linspace(0, length, 6)
    line = smooth_curve(np.stack([xs, bend * np.sin(np.pi * xs / length)], axis=1), steps=4)
    profile = np.array(shares) * draws.generator("handle").uniform(0.85, 1.15, 6)
    widths = smooth_curve(profile[:, None] * wide, steps=4)[:, 0].clip(0.001, None)
    grip = draws.finish("handle_material", "wood", "plastic") if style == "wooden" else metal
    heights = np.full(len(line), thick * (3.0 if style == "wooden" else 1.0))
    solid = ribbon(line, widths, heights)
    if style == "beaded":
        solid = merged([solid, sphere(0.5 * wide, segments=12, rings=8).moved(length)])
    return [Part("handle", solid, grip.material, tile=0.08)], f"a {style} handle"


def spoon(draws: Draws) -> Built:
    """A bowl on a handle: tea, table, soup and ladle-like spoons."""
    metal = draws.finish("material", "metal", "wood", "plastic")
    length, wide = draws.number("handle_length", 0.07, 0.17), draws.number("bowl_width", 0.026, 0.055)
    oval, depth = draws.number("bowl_length", 1.0, 1.8), draws.number("bowl_depth", 0.15, 0.5) * wide
    egg, thick = draws.number("egg", -0.25, 0.25), 0.0016
    rings = np.sqrt(np.linspace(0.0, 1.0, 9))
    angle = 2 * np.pi * np.arange(28) / 28
    sections: list[Points] = []
    for share in (*rings, *rings[::-1]):
        inside = len(sections) >= len(rings)
        x, z = -share * np.cos(angle), share * np.sin(angle)
        z = z * (1 + egg * np.cos(angle))
        y = np.full_like(x, -depth * (1 - share**2) + (thick if inside else 0.0))
        sections.append(np.stack([x * oval * wide / 2 - 0.48 * oval * wide, y, z * wide / 2], axis=1))
    parts, words = _handle(draws, length, metal)
    parts.append(Part("bowl", loft(sections), metal.material))
    size = "deep" if depth > 0.33 * wide else "shallow"
    return Built(
        _upright(parts),
        sentence(f"{metal.words} spoon", [f"a {size} {'oval' if oval > 1.25 else 'round'} bowl", words]),
    )


def fork(draws: Draws) -> Built:
    """Two to five tines on a shoulder."""
    metal = draws.finish("material", "metal", "metal", "wood", "plastic")
    length, wide = draws.number("handle_length", 0.08, 0.15), draws.number("head_width", 0.018, 0.034)
    tines, reach = draws.whole("tines", 2, 5), draws.number("tine_length", 0.03, 0.065)
    shoulder, curve = draws.number("shoulder_length", 0.02, 0.05), draws.number("curve", 0.0, 0.25)
    thick = 0.0025
    form = draws.choice("shoulder", "round", "sloping", "square")
    profile = {
        "round": (0.25, 0.75, 1.0, 1.0),
        "sloping": (0.25, 0.45, 0.72, 1.0),
        "square": (0.25, 0.95, 1.0, 1.0),
    }[form]
    xs = np.linspace(0.0, -shoulder, 4)
    line = smooth_curve(
        np.stack([xs, -curve * shoulder * np.sin(np.linspace(0, np.pi / 2, 4))], axis=1), steps=4
    )
    widths = smooth_curve(np.array(profile)[:, None] * wide, steps=4)[:, 0]
    pieces = [ribbon(line, widths, np.full(len(line), thick))]
    share = draws.number("tine_width", 0.45, 0.7)
    ends = line[-1]
    for i in range(tines):
        z = ((i + 0.5) / tines - 0.5) * wide
        path = [
            (ends[0] + 0.003, ends[1], z),
            (ends[0] - 0.5 * reach, ends[1] + 0.1 * curve * reach, z),
            (ends[0] - reach, ends[1] + 0.55 * curve * reach, z),
        ]
        radii = np.array([1.0, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.45, 0.15]) * share * wide / tines
        section = superellipse(1.0, 0.35, power=2.6, corners=8)
        pieces.append(tube(smooth_curve(path, steps=4), radii, outline=section))
    parts, words = _handle(draws, length, metal)
    parts.append(Part("head", merged(pieces), metal.material))
    return Built(_upright(parts), sentence(f"{metal.words} fork", [counted(tines, "tine"), words]))


def knife(draws: Draws) -> Built:
    """Table, kitchen, bread and butter knives, cleavers."""
    metal = draws.finish("material", "metal")
    length, wide = draws.number("blade_length", 0.09, 0.24), draws.number("blade_width", 0.018, 0.045)
    kind = draws.choice("blade", "table", "chef's", "bread", "cleaver", "butter", "carving")
    wide *= 2.0 if kind == "cleaver" else 1.0
    upper, lower = {
        "table": ([(0, 0.5), (0.6, 0.55), (0.9, 0.4), (1.0, 0.05)], [(0.97, -0.3), (0.5, -0.5), (0, -0.4)]),
        "chef's": (
            [(0, 0.5), (0.5, 0.48), (0.85, 0.1), (1.0, -0.35)],
            [(0.7, -0.62), (0.3, -0.75), (0, -0.75)],
        ),
        "bread": ([(0, 0.5), (0.6, 0.5), (0.97, 0.45), (1.0, 0.1)], [(0.98, -0.4), (0.5, -0.42), (0, -0.42)]),
        "cleaver": (
            [(0, 0.45), (0.5, 0.47), (0.98, 0.45), (1.0, 0.4)],
            [(1.0, -0.65), (0.5, -0.68), (0.0, -0.65)],
        ),
        "butter": (
            [(0, 0.25), (0.35, 0.4), (0.8, 0.62), (1.0, 0.2)],
            [(0.85, -0.45), (0.4, -0.45), (0, -0.25)],
        ),
        "carving": (
            [(0, 0.4), (0.5, 0.38), (0.8, 0.2), (1.0, -0.3)],
            [(0.6, -0.42), (0.3, -0.45), (0, -0.42)],
        ),
    }[kind]
    curve = np.concatenate([smooth_curve(upper, steps=4), smooth_curve(lower, steps=3)])
    spine, edge = draws.number("spine", 0.75, 1.25), draws.number("edge", 0.7, 1.35)
    bulge = draws.number("bulge", -0.12, 0.2) * np.sin(np.pi * curve[:, 0].clip(0, 1)) * np.sign(curve[:, 1])
    curve[:, 1] = curve[:, 1] * np.where(curve[:, 1] > 0, spine, edge) + bulge
    outline = curve * [-length, wide]
    if kind == "bread":
        teeth = draws.whole("teeth", 10, 18)
        xs = np.linspace(0.97, 0.03, 2 * teeth + 1)
        saw = np.stack([xs, np.where(np.arange(2 * teeth + 1) % 2, -0.52, -0.4)], axis=1) * [-length, wide]
        outline = np.concatenate([smooth_curve(upper, steps=4) * [-length, wide], saw, [(0.0, -0.42 * wide)]])
    blade = extrusion(outline, 0.0022).turned("x", np.pi / 2)
    parts, words = _handle(draws, draws.number("handle_length", 0.08, 0.13), metal)
    if draws.chance("bolster", 0.4):
        collar = ribbon(
            np.array([(-0.006, 0.0), (0.008, 0.0)]), np.array([0.016, 0.016]), np.array([0.009, 0.009])
        )
        parts.append(Part("bolster", collar, metal.material))
    parts.append(Part("blade", blade, metal.material))
    return Built(
        _upright(parts), sentence(f"{metal.words} {kind if kind == 'cleaver' else kind + ' knife'}", [words])
    )
