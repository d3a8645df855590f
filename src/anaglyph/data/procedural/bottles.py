"""Bottles and vases."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import a, sentence
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.materials import PAPER
from anaglyph.data.procedural.turned import faceted, polygonal, squared, vessel
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.curves import lifted, smooth_curve
from anaglyph.geometry.solid import Solid, merged
from anaglyph.geometry.solids import cylinder, sphere, torus
from anaglyph.geometry.sweep import lathe, tube

Points = NDArray[np.float64]


_BODIES = {
    "shouldered": [(1.0, 0.0), (1.0, 0.45), (1.0, 0.8), (0.85, 0.95)],
    "sloping": [(1.0, 0.0), (1.0, 0.35), (0.92, 0.6), (0.6, 0.85)],
    "conical": [(1.15, 0.0), (1.0, 0.3), (0.78, 0.6), (0.55, 0.85)],
    "round": [(0.6, 0.0), (1.15, 0.25), (1.3, 0.5), (0.9, 0.85)],
    "waisted": [(1.0, 0.0), (0.96, 0.2), (0.78, 0.5), (1.0, 0.75)],
}
"""Radius and height of what lies below the neck, in shares."""


def _closure(draws: Draws, neck: float, height: float) -> tuple[Solid | None, str]:
    """On a mouth of radius `neck` at `height`, and its words."""
    style = draws.choice("closure", "cork", "cap", "none", "swing top")
    if style == "cork":
        return cylinder(0.8 * neck, 0.035, top=0.9 * neck, segments=16, at=(0, height + 0.008, 0)), "a cork"
    if style == "cap":
        tall = draws.number("cap_height", 0.012, 0.04)
        return cylinder(1.25 * neck, tall, segments=24, at=(0, height, 0)), "a cap"
    if style == "swing top":
        ball = sphere(1.05 * neck, segments=14, rings=8, at=(0, height + 0.6 * neck, 0))
        wire = torus(1.25 * neck, 0.12 * neck, segments=16, sides=6).turned("x", np.pi / 2)
        return merged([ball, wire.moved(y=height - neck)]), "a swing top"
    return None, "an open mouth"


def bottle(draws: Draws) -> Built:
    """Wine, beer, soda and flask bottles: shoulders, neck, lip, cork or cap, label."""
    height, radius = draws.number("height", 0.18, 0.34), draws.number("radius", 0.028, 0.055)
    neck, share = draws.number("neck_radius", 0.25, 0.5) * radius, draws.number("neck_height", 0.12, 0.4)
    shape, start = draws.choice("shape", *_BODIES), height * (1 - share)
    points = [(r * radius, h * start) for r, h in _BODIES[shape]]
    curve = smooth_curve([*points, (neck, start + 0.15 * share * height), (neck, height)], steps=4)
    curve[:, 0] = np.maximum(curve[:, 0], 0.8 * neck)
    glass = draws.finish("material", "glass", "glass", "plastic", "ceramic")
    section = draws.choice("section", "round", "round", "round", "square", "six-sided", "flat")
    body = lathe(curve, segments=36)
    if section == "square":
        body = squared(body, draws.number("squareness", 4.0, 10.0))
    elif section == "six-sided":
        body = polygonal(body, 6)
    elif section == "flat":
        body = body.scaled(z=draws.number("flatness", 0.45, 0.7))
    lip = torus(1.02 * neck, 0.16 * neck, segments=24, sides=6, at=(0, height - 0.12 * neck, 0))
    parts = [Part("body", body, glass.material, tile=0.08), Part("lip", lip, glass.material)]
    closure, closure_words = _closure(draws, neck, height)
    if closure is not None:
        stopper = draws.finish("closure_material", "wood", "metal", "plastic")
        parts.append(Part("closure", closure, stopper.material))
    long = f"a {'long' if share > 0.27 else 'short'} neck"
    words = [a(f"{section} {shape} body" if section != shape else f"{shape} body"), long, closure_words]
    if section == "round" and shape in ("shouldered", "sloping") and draws.chance("label", 0.6):
        low, high = (
            draws.number("label_start", 0.1, 0.2) * start,
            draws.number("label_stop", 0.42, 0.62) * start,
        )
        band = curve[(curve[:, 1] >= low) & (curve[:, 1] <= high)] * [1.012, 1.0]
        parts.append(Part("label", lathe(band, segments=36), PAPER))
        words.append("a label")
    return Built(parts, sentence(f"{glass.words} bottle", words))


_BOUNDS = ((0.4, 0.8), (0.55, 1.0), (0.6, 1.1), (0.35, 1.0), (0.22, 0.7), (0.3, 0.95))
_LEVELS = np.array([0.0, 0.2, 0.42, 0.65, 0.85, 1.0])
"""Ranges of a vase's radii, in shares, and the heights they stand at."""


def _surface(draws: Draws, curve: Points, wall: float) -> tuple[Solid, str]:
    """The body of a vase, smooth, fluted, twisted or angular."""
    style = draws.choice("surface", "smooth", "smooth", "fluted", "twisted", "angular")
    body = vessel(curve, wall, segments=36)
    if style == "smooth":
        return body, ""
    if style == "angular":
        return polygonal(body, 4 if draws.chance("square", 0.5) else 6), "angular"
    body = faceted(body, draws.whole("flutes", 5, 9), draws.number("flute_depth", 0.04, 0.1))
    if style == "fluted":
        return body, "fluted"
    twist = draws.number("twist", 0.6, 2.0) / curve[-1, 1]

    def turn(points: Points) -> Points:
        x, y, z = points.T
        cosine, sine = np.cos(twist * y), np.sin(twist * y)
        return np.column_stack([cosine * x + sine * z, y, cosine * z - sine * x])

    return body.mapped(turn), "twisted"


def _ears(draws: Draws, curve: Points, height: float) -> Solid | None:
    """Two handles of a vase, or none."""
    style = draws.choice("handles", "none", "none", "two", "two rings")
    low, high, thick = 0.5 * height, 0.86 * height, draws.number("handle_thickness", 0.004, 0.009)
    at, start = (float(np.interp(level, curve[:, 1], curve[:, 0])) for level in (high, low))
    if style == "none":
        return None
    if style == "two rings":
        ear = torus(0.1 * height, thick, segments=18, sides=6).turned("x", np.pi / 2)
        ear = ear.moved(at + 0.07 * height, high)
    else:
        bow = max(at, start) + draws.number("handle_reach", 0.1, 0.25) * height
        path = [(at - thick, high), (bow, 0.95 * high), (bow, 0.7 * height), (start - thick, low)]
        ear = tube(lifted(smooth_curve(path, steps=5)), thick)
    return merged([ear, ear.turned("y", np.pi)])


def vase(draws: Draws) -> Built:
    """A turned body of free profile, with handles or none."""
    height, radius = draws.number("height", 0.15, 0.45), draws.number("radius", 0.05, 0.12)
    shares = [draws.number(f"radius_{i}", *bounds) for i, bounds in enumerate(_BOUNDS)]
    curve = smooth_curve(np.stack([np.array(shares) * radius, _LEVELS * height], axis=1), steps=4)
    curve[:, 0] = np.maximum(curve[:, 0], 0.15 * radius)
    glaze = draws.finish("material", "ceramic", "ceramic", "glass", "stone", "metal")
    body, surface = _surface(draws, curve, 0.06 * radius)
    parts = [Part("body", body, glaze.material, tile=0.12)]
    belly, neck, mouth = max(shares[1:4]), shares[4], shares[5]
    words = [
        "a narrow neck" if neck < 0.4 * belly else "a wide neck" if neck > 0.8 * belly else "",
        "a flaring mouth" if mouth > 1.3 * neck else "",
        "a bulging body" if belly > 1.5 * shares[0] else "a slender body",
    ]
    ears = _ears(draws, curve, height)
    if ears is not None:
        parts.append(Part("handle", ears, glaze.material, tile=0.12))
        words.append("two handles")
    return Built(parts, sentence(f"{surface} {glaze.words} vase".strip(), words))
