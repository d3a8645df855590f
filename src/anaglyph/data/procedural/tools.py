"""Hammers, screwdrivers, axes and ladders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import a, counted, sentence
from anaglyph.data.procedural.cutlery import ribbon
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.joinery import slab
from anaglyph.data.procedural.turned import faceted, squared
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.curves import rectangle, smooth_curve, superellipse
from anaglyph.geometry.solid import Solid, merged, repeated
from anaglyph.geometry.solids import beam, box, cylinder, rod, rods, rounded_box, sphere, torus
from anaglyph.geometry.sweep import extrusion, lathe, loft, tube

Points = NDArray[np.float64]


def shaft(draws: Draws, length: float, thickness: float) -> tuple[Solid, str]:
    """An upright handle from y = 0, of oval section, and its words."""
    style = draws.choice("shaft", "straight", "swelling", "curved", "gripped", "tapered")
    shares = {
        "straight": (1.0, 1.0, 1.0, 1.0, 1.0),
        "swelling": (1.2, 1.35, 0.85, 0.8, 0.95),
        "curved": (1.3, 1.05, 0.95, 0.85, 0.9),
        "gripped": (1.0, 1.0, 0.8, 0.75, 0.75),
        "tapered": (1.3, 1.15, 1.0, 0.85, 0.7),
    }[style]
    bend = draws.number("shaft_bend", 0.03, 0.08) * length if style == "curved" else 0.0
    xs = np.linspace(0, length, 5)
    line = smooth_curve(np.stack([xs, bend * np.sin(2 * np.pi * xs / length)], axis=1), steps=5)
    widths = smooth_curve(np.array(shares)[:, None] * thickness, steps=5)[:, 0]
    solid = ribbon(line, widths * draws.number("shaft_oval", 0.65, 1.0), widths).turned("z", np.pi / 2)
    if style == "gripped":
        rings = [
            cylinder(0.66 * thickness, 0.05 * length, segments=16, at=(0, (0.05 + 0.065 * i) * length, 0))
            for i in range(5)
        ]
        solid = merged([solid, *rings])
    return solid, f"a {style} handle"


def _hammer_head(draws: Draws, kind: str, size: float) -> Solid:
    """Across x, centred on the shaft."""
    thick = draws.number("head_thickness", 0.24, 0.4) * size
    if kind in ("mallet", "sledge"):
        high = draws.number("head_height", 0.45, 0.75) * size
        if draws.chance("round_head", 0.5):
            return cylinder(high / 2, 1.2 * size, segments=24).turned("z", np.pi / 2)
        return rounded_box(1.2 * size, high, 0.8 * high, radius=0.12 * high)
    face = cylinder(0.62 * thick, 0.22 * size, segments=20).turned("z", np.pi / 2).moved(0.5 * size)
    neck = (
        cylinder(0.5 * thick, 0.35 * size, top=0.4 * thick, segments=16)
        .turned("z", np.pi / 2)
        .moved(0.28 * size)
    )
    middle = rounded_box(0.36 * size, thick, 0.9 * thick, radius=0.1 * thick)
    if kind == "ball-peen":
        peen = [
            sphere(0.55 * thick, segments=18, rings=10).moved(-0.42 * size),
            rod((0, 0, 0), (-0.4 * size, 0, 0), 0.35 * thick, sides=12),
        ]
        return merged([face, neck, middle, *peen])
    if kind == "cross-peen":
        wedge = loft(
            [
                [(-0.6 * size, y, z) for y, z in rectangle(0.1 * thick, 0.9 * thick)],
                [(0.0, y, z) for y, z in rectangle(0.9 * thick, 0.9 * thick)],
            ]
        )
        return merged([face, neck, middle, wedge])
    droop = draws.number("claw_droop", 0.05, 0.5) * size
    claws = []
    for side in (-1, 1):
        path = [
            (0.0, 0.05 * thick, side * 0.2 * thick),
            (-0.35 * size, 0.1 * thick, side * 0.26 * thick),
            (-0.68 * size, -droop, side * 0.34 * thick),
        ]
        line = smooth_curve(path, steps=5)
        claws.append(
            tube(
                line,
                np.linspace(1.0, 0.35, len(line)),
                outline=superellipse(0.42 * thick, 0.6 * thick, power=3.0, corners=10),
            )
        )
    return merged([face, neck, middle, *claws])


def hammer(draws: Draws) -> Built:
    """Claw, ball-peen and cross-peen hammers, mallets and sledges."""
    kind = draws.choice("kind", "claw", "ball-peen", "cross-peen", "mallet", "sledge")
    length, thick = draws.number("length", 0.25, 0.42), draws.number("shaft_thickness", 0.022, 0.034)
    length *= 1.8 if kind == "sledge" else 1.0
    size = draws.number("head_length", 0.09, 0.14) * (1.3 if kind == "sledge" else 1.0)
    grip = draws.finish("handle_material", "wood", "wood", "plastic", "metal")
    metal = (
        draws.finish("material", "wood", "plastic") if kind == "mallet" else draws.finish("material", "metal")
    )
    handle, words = shaft(draws, length, thick)
    head = _hammer_head(draws, kind, size).moved(y=length - 0.1 * size)
    parts = [Part("handle", handle, grip.material, tile=0.15), Part("head", head, metal.material, tile=0.15)]
    name = {"claw": "claw hammer", "mallet": "mallet", "sledge": "sledgehammer"}.get(kind, f"{kind} hammer")
    return Built(parts, sentence(name, [f"{a(metal.words)} head", f"{words} of {grip.words}"]))


def axe(draws: Draws) -> Built:
    """Axes and hatchets, with one blade or two."""
    length, thick = draws.number("length", 0.35, 0.9), draws.number("shaft_thickness", 0.028, 0.04)
    grip, metal = (
        draws.finish("handle_material", "wood", "wood", "plastic"),
        draws.finish("material", "metal"),
    )
    handle, words = shaft(draws, length, thick)
    reach, high = draws.number("blade_reach", 0.09, 0.17), draws.number("blade_height", 0.09, 0.22)
    neck, beard = draws.number("neck_height", 0.045, 0.08), draws.number("beard", -0.1, 0.6)
    curve, edge = draws.number("edge_curve", 0.05, 0.3), []
    for share in np.linspace(-1, 1, 9):
        low = high / 2 * (1 + max(beard, 0.0))
        edge.append((reach + curve * reach * (1 - share**2), share * (high / 2 if share > 0 else low)))
    outline = np.array(
        [(0.0, -neck / 2), (0.35 * reach, -neck / 2), *edge, (0.35 * reach, neck / 2), (0.0, neck / 2)]
    )
    blade = extrusion(outline, 1.0)

    def sharpen(points: Points) -> Points:
        return np.column_stack(
            [points[:, :2], points[:, 2] * thick * (1.0 - 0.93 * np.clip(points[:, 0] / reach, 0, 1))]
        )

    blade = blade.mapped(sharpen)
    eye = rounded_box(1.9 * thick, 1.15 * neck, 1.25 * thick, radius=0.15 * thick)
    pieces, kind = [blade, eye], draws.choice("kind", "single", "single", "double", "pick")
    if kind == "double":
        pieces.append(blade.turned("y", np.pi))
    elif kind == "pick":
        pieces.append(
            cylinder(0.45 * neck, 0.8 * reach, top=0.006, segments=10)
            .turned("z", np.pi / 2)
            .moved(-0.45 * reach)
        )
    else:
        pieces.append(box(0.05, 0.85 * neck, 0.9 * thick, at=(-0.7 * thick, 0, 0)))
    level = length - 0.7 * neck
    parts = [
        Part("handle", handle, grip.material, tile=0.2),
        Part("head", merged(pieces).moved(y=level), metal.material),
    ]
    blades = "two blades" if kind == "double" else "a blade and a spike" if kind == "pick" else "one blade"
    return Built(
        parts,
        sentence(
            "hatchet" if length < 0.5 else "axe", [f"{blades} of {metal.words}", f"{words} of {grip.words}"]
        ),
    )


_GRIPS = {
    "fluted": (0.75, 0.95, 1.0, 1.0, 0.95, 0.7),
    "ergonomic": (0.95, 0.6, 0.85, 1.1, 1.0, 0.6),
    "round": (0.6, 0.9, 0.95, 0.95, 0.9, 0.75),
    "square": (0.8, 1.0, 1.0, 1.0, 1.0, 0.85),
    "ball": (0.5, 0.6, 0.8, 1.2, 1.45, 0.8),
}
"""Radii along a grip, in shares."""


def _grip(draws: Draws, start: float, radius: float) -> tuple[Solid, str]:
    """From y = `start` upwards."""
    shape, length = draws.choice("grip", *_GRIPS), draws.number("grip_length", 0.07, 0.13)
    radii = radius * np.array(_GRIPS[shape]) * draws.generator("grip").uniform(0.88, 1.12, 6)
    end = [(0.6 * radii[-1], start + 1.04 * length)]
    curve = smooth_curve(np.stack([radii, start + np.linspace(0, length, 6)], axis=1), steps=4)
    solid = lathe(np.concatenate([curve, end]), segments=32)
    if shape == "square":
        solid = squared(solid, draws.number("squareness", 3.0, 8.0))
    elif shape in ("fluted", "ergonomic"):
        solid = faceted(solid, draws.whole("flutes", 4, 8), draws.number("flute_depth", 0.05, 0.14))
    return solid, f"{a(shape)} grip"


def _tip(draws: Draws, thick: float) -> tuple[Solid, str]:
    """From y = 0 upwards, on a shank of radius `thick`."""
    style = draws.choice("tip", "flat", "crossed", "six-sided")
    if style == "flat":
        wide = draws.number("tip_width", 1.6, 2.6) * thick
        levels = ((0.0, wide, 0.0012), (0.008, 1.1 * wide, 0.0024), (0.016, 1.6 * thick, 1.6 * thick))
        return loft([[(x, y, z) for x, z in rectangle(w, d)] for y, w, d in levels]), "a flat tip"
    if style == "crossed":
        wings = [
            box(2.0 * thick, 0.008, 0.4 * thick, at=(0, 0.008, 0)),
            box(0.4 * thick, 0.008, 2.0 * thick, at=(0, 0.008, 0)),
        ]
        point = cylinder(0.2 * thick, 0.014, top=0.95 * thick, segments=8, at=(0, 0.007, 0))
        return merged([point, *wings]), "a crossed tip"
    return cylinder(0.85 * thick, 0.014, segments=6, at=(0, 0.007, 0)), "a six-sided tip"


def screwdriver(draws: Draws) -> Built:
    """A grip, a shank and a tip, which it stands on."""
    blade, radius = draws.number("shank_length", 0.05, 0.2), draws.number("grip_radius", 0.012, 0.02)
    thick = draws.number("shank_radius", 0.0025, 0.0055)
    colour, metal = (
        draws.finish("handle_material", "plastic", "plastic", "wood"),
        draws.finish("material", "metal"),
    )
    grip, grip_words = _grip(draws, blade, radius)
    tip, tip_words = _tip(draws, thick)
    long = draws.number("collar_length", 0.006, 0.02)
    collar = cylinder(
        draws.number("collar", 1.3, 2.2) * thick, long, segments=16, at=(0, blade - long / 4, 0)
    )
    shank = rod((0, 0.012, 0), (0, blade, 0), thick, sides=14 if draws.chance("round_shank", 0.6) else 6)
    parts = [
        Part("handle", grip, colour.material, tile=0.05),
        Part("shank", merged([shank, collar]), metal.material),
        Part("tip", tip, metal.material),
    ]
    if draws.chance("ring", 0.3):
        band = torus(radius, 0.14 * radius, segments=20, sides=6, at=(0, blade + 0.07, 0))
        parts.append(Part("ring", band, metal.material))
    shank_words = f"a {'long' if blade > 0.12 else 'short'} shank"
    return Built(parts, sentence(f"{colour.words} screwdriver", [grip_words, shank_words, tip_words]))


@dataclass(frozen=True, eq=False)
class _Rails:
    """The two rails of a ladder, mirrored in x = 0."""

    foot: Points
    top: Points
    half: Points
    """From the middle to the right rail, at the foot."""
    narrow: float
    """Width at the top, as a share."""

    def across(self, share: float) -> tuple[Points, Points]:
        """Both rails at a share of the height."""
        centre = self.foot + share * (self.top - self.foot)
        reach = self.half * (1 + share * (self.narrow - 1))
        return centre - reach, centre + reach

    def bars(self, width: float, depth: float) -> list[Solid]:
        """The rails themselves."""
        ends = zip(self.across(0.0), self.across(1.0), strict=True)
        return [beam(low, high, width, depth, up=(0, 0, 1), chamfer=0.004) for low, high in ends]


def ladder(draws: Draws) -> Built:
    """Leaning ladders, step ladders and ladders with hooks."""
    kind = draws.choice("kind", "straight", "step", "step", "tapered", "hooked")
    height, width = (
        draws.number("height", 1.2, 2.4 if kind == "step" else 3.2),
        draws.number("width", 0.34, 0.6),
    )
    rungs, wood = (
        max(3, int(height / draws.number("rung_distance", 0.22, 0.38))),
        draws.finish("material", "wood", "metal", "paint"),
    )
    narrow = draws.number("taper", 0.5, 0.85) if kind in ("tapered", "step") else 1.0
    depth, lean = draws.number("rail_depth", 0.05, 0.1), height * draws.number("lean", 0.08, 0.28)
    flat = kind == "step" or draws.chance("flat_treads", 0.5)
    top = np.array([0.0, height, 0.0])
    rails = _Rails(np.array([0.0, 0.0, lean]), top, np.array([width / 2, 0, 0]), narrow)
    ends = [rails.across((i + 0.7) / rungs) for i in range(rungs)]
    if flat:
        steps = [slab(right[0] - left[0], 0.024, 1.1 * depth, at=(left + right) / 2) for left, right in ends]
    else:
        steps = [rods([left for left, _ in ends], [right for _, right in ends], 0.016, sides=12)]
    parts = [
        Part("rail", merged(rails.bars(0.028, depth)), wood.material),
        Part("rung", merged(steps), wood.material),
    ]
    words = [counted(rungs, "step" if flat else "rung")]
    if kind == "step":
        behind = _Rails(np.array([0.0, 0.0, -lean]), top, rails.half, narrow)
        braces = [rod(*behind.across(k), 0.012) for k in np.linspace(0.1, 0.7, draws.whole("braces", 1, 4))]
        plate = slab(narrow * width + 0.06, 0.03, draws.number("platform", 0.14, 0.3), at=(0, height, 0))
        parts.append(Part("leg", merged([*behind.bars(0.024, 0.6 * depth), *braces]), wood.material))
        parts.append(Part("top", plate, wood.material))
        words.append("a platform on top")
    elif kind == "hooked":
        out = draws.number("hook", 0.12, 0.26)
        path = [
            (0, height - 0.1, 0),
            (0, height + 0.15, -0.02),
            (0, height + 0.18, 0.04 - out),
            (0, height + 0.05, -out),
        ]
        hook = tube(smooth_curve(path, steps=4), 0.016)
        parts.append(Part("hook", repeated(hook, [-rails.half, rails.half]), wood.material))
        words.append("two hooks")
    return Built(parts, sentence(f"{wood.words} {kind} ladder", words))
