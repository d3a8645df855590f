"""Mugs, wine glasses and teapots."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import a, sentence
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.turned import faceted, side_handle, vessel
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.curves import lifted, smooth_curve
from anaglyph.geometry.solid import Solid, merged
from anaglyph.geometry.solids import cylinder, sphere
from anaglyph.geometry.sweep import lathe, tube

Points = NDArray[np.float64]


def mug(draws: Draws) -> Built:
    """Mugs and cups with a handle, on a saucer or not."""
    height, radius = draws.number("height", 0.06, 0.13), draws.number("radius", 0.032, 0.055)
    shape = draws.choice("shape", "straight", "tapered", "barrel", "tulip", "round", "waisted")
    shares = {
        "straight": (1.0, 1.0, 1.0, 1.0, 1.0),
        "tapered": (0.68, 0.76, 0.84, 0.92, 1.0),
        "barrel": (0.8, 0.95, 1.0, 0.95, 0.82),
        "tulip": (0.5, 0.8, 0.82, 0.86, 1.08),
        "round": (0.45, 0.88, 1.02, 1.02, 0.95),
        "waisted": (1.0, 0.86, 0.8, 0.86, 1.0),
    }[shape]
    stretch = draws.number("foot", 0.88, 1.08)
    outline = np.stack(
        [radius * np.array(shares) * np.linspace(stretch, 1.0, 5), np.linspace(0, height, 5)], axis=1
    )
    glaze = draws.finish("material", "ceramic", "ceramic", "metal", "glass")
    body = vessel(smooth_curve(outline, steps=3), draws.number("wall", 0.003, 0.006))
    words = [a(f"{shape} body")]
    if draws.chance("faceted", 0.2):
        sides = draws.whole("facets", 6, 12)
        body = faceted(body, sides, 0.04)
        words = [a(f"{shape} fluted body")]
    low, high = (
        draws.number("handle_start", 0.12, 0.3) * height,
        draws.number("handle_stop", 0.72, 0.92) * height,
    )
    reach = float(np.interp((low + high) / 2, outline[:, 1], outline[:, 0]))
    handle, handle_words = side_handle(
        draws, reach, low, high, thickness=draws.number("handle_thickness", 0.0035, 0.0065)
    )
    parts = [Part("body", body, glaze.material, tile=0.05), Part("handle", handle, glaze.material, tile=0.05)]
    words.append(a(handle_words))
    if draws.chance("saucer", 0.25):
        wide = radius * draws.number("saucer_radius", 1.6, 2.1)
        plate = vessel(
            smooth_curve([(0.55 * wide, -0.01), (0.75 * wide, -0.006), (wide, 0.008)], steps=3), 0.003
        )
        parts.append(Part("saucer", plate.moved(y=-0.002), glaze.material, tile=0.05))
        words.append("a saucer")
    return Built(parts, sentence(f"{glaze.words} {'cup' if height < 0.08 else 'mug'}", words))


def wine_glass(draws: Draws) -> Built:
    """A bowl on a stem on a foot: wine, flute, coupe, martini, goblet."""
    style = draws.choice("style", "wine", "flute", "coupe", "martini", "goblet", "tulip")
    radius = draws.number("radius", 0.032, 0.05)
    shares, proportion = {
        "wine": ((0.15, 0.85, 1.0, 0.92, 0.75), 2.2),
        "flute": ((0.15, 0.48, 0.58, 0.6, 0.55), 3.6),
        "coupe": ((0.15, 0.8, 1.1, 1.25, 1.3), 1.0),
        "martini": ((0.05, 0.4, 0.75, 1.1, 1.45), 1.4),
        "goblet": ((0.3, 0.8, 0.95, 1.0, 1.02), 1.8),
        "tulip": ((0.15, 0.8, 0.9, 0.75, 0.95), 2.4),
    }[style]
    height, stem = (
        radius * proportion * draws.number("bowl_height", 0.8, 1.2),
        draws.number("stem_height", 0.03, 0.11),
    )
    glass = draws.finish("material", "glass", "glass", "metal")
    jitter = draws.generator("bowl").uniform(0.92, 1.08, 5)
    outline = np.stack([radius * np.array(shares) * jitter, stem + np.linspace(0, height, 5)], axis=1)
    cup = vessel(smooth_curve(outline, steps=4), 0.03 * radius, segments=36, floor=0.08 * radius)
    foot, thick = (
        radius * draws.number("foot_radius", 0.7, 1.1),
        draws.number("stem_thickness", 0.07, 0.14) * radius,
    )
    knob = draws.choice("knob", "none", "ball", "discs")
    base = smooth_curve(
        [(foot, 0.0), (0.98 * foot, 0.02 * radius), (0.3 * foot, 0.1 * radius), (thick, 0.3 * radius)],
        steps=4,
    )
    column = lathe(np.concatenate([base, [(thick, stem + 0.05 * height)]]), segments=28)
    pieces = [column]
    if knob == "ball":
        pieces.append(
            sphere(
                2.6 * thick, segments=16, rings=8, at=(0, draws.number("knob_height", 0.35, 0.8) * stem, 0)
            )
        )
    elif knob == "discs":
        pieces += [
            cylinder(2.6 * thick, 0.8 * thick, segments=20, at=(0, stem * share, 0))
            for share in (0.45, 0.6, 0.75)
        ]
    parts = [Part("bowl", cup, glass.material), Part("stem", merged(pieces), glass.material)]
    words = [
        "a long stem" if stem > 0.07 else "a short stem",
        "a knob" if knob == "ball" else "discs on the stem" if knob == "discs" else "",
    ]
    return Built(parts, sentence(f"{glass.words} {style} {'glass' if style != 'goblet' else 'cup'}", words))


_BELLIES = {
    "round": (0.6, 0.95, 1.0, 0.85, 0.5),
    "pear": (0.75, 1.0, 0.9, 0.65, 0.42),
    "conical": (1.0, 0.88, 0.76, 0.62, 0.5),
    "cylindrical": (0.85, 0.88, 0.88, 0.86, 0.7),
    "flat": (0.6, 1.1, 1.2, 1.0, 0.45),
}


def _spout(draws: Draws, wall: Points, radius: float, height: float) -> tuple[Solid, str]:
    """Out of a wall (P, 2) of radius and height, on the +x side."""
    low, end = draws.number("spout_start", 0.15, 0.5) * height, draws.number("spout_end", 0.85, 1.2) * height
    at = float(np.interp(low, wall[:, 1], wall[:, 0]))
    bend = draws.choice("spout", "curved", "straight", "short")
    out = radius * draws.number("spout_reach", 0.5, 1.1) * (0.5 if bend == "short" else 1.0)
    path = [(0.7 * at, low), (at + out, end)]
    if bend == "curved":
        middle = at + out / 2 + 0.17 * radius
        path[1:1] = [(middle, low + 0.25 * (end - low)), (middle, low + 0.7 * (end - low))]
    line = lifted(smooth_curve(path, steps=4))
    return tube(line, np.linspace(0.3, 0.13, len(line)) * radius, sides=12, up=(0, 0, 1)), f"a {bend} spout"


def _pot_handle(draws: Draws, wall: Points, radius: float, height: float, top: float) -> tuple[Solid, str]:
    """At the back of a pot, or over its lid, which ends at `top`."""
    if draws.choice("handle_place", "side", "side", "top") == "side":
        start = 0.95 * float(np.interp(0.5 * height, wall[:, 1], wall[:, 0]))
        solid, words = side_handle(draws, start, 0.25 * height, 0.85 * height, thickness=0.09 * radius)
        return solid.turned("y", np.pi), a(words)
    high = top + draws.number("handle_height", 0.5, 1.1) * radius
    wide, foot = 0.85 * float(np.interp(0.8 * height, wall[:, 1], wall[:, 0])), 0.8 * height
    side = [(wide, foot), (0.9 * wide, 0.35 * foot + 0.65 * high), (0.0, high)]
    path = np.array([*[(-x, y) for x, y in side], *side[1::-1]])
    return tube(lifted(smooth_curve(path, steps=5)), 0.07 * radius, up=(0, 0, 1)), "a handle over the top"


def teapot(draws: Draws) -> Built:
    """Teapots and kettles: a belly, a spout, a handle at the back or over the top, a lid with a knob."""
    radius = draws.number("radius", 0.06, 0.11)
    height = radius * draws.number("proportion", 0.9, 2.0)
    shape = draws.choice("shape", *_BELLIES)
    shares = np.array(_BELLIES[shape]) * draws.generator("belly").uniform(0.92, 1.08, 5)
    wall = smooth_curve(np.stack([shares * radius, np.linspace(0, height, 5)], axis=1), steps=4)
    glaze, grip = (
        draws.finish("material", "ceramic", "metal", "ceramic", "glass"),
        draws.finish("handle_material", "wood", "metal", "plastic"),
    )
    body = lathe(wall, segments=32)
    if draws.chance("fluted", 0.25):
        body = faceted(body, draws.whole("flutes", 6, 12), draws.number("flute_depth", 0.03, 0.07))
    mouth = wall[-1, 0]
    arch, knob = draws.number("lid_height", 0.1, 0.5) * mouth, draws.number("knob", 0.12, 0.26) * radius
    dome = [(1.05 * mouth, height), (0.7 * mouth, height + 0.8 * arch), (0.0, height + arch)]
    lid = [lathe(smooth_curve(dome, steps=5).clip(0.0, None), segments=28)]
    lid.append(sphere(knob, segments=14, rings=8, at=(0, height + arch + 0.6 * knob, 0)))
    spout, spout_words = _spout(draws, wall, radius, height)
    handle, handle_words = _pot_handle(draws, wall, radius, height, height + arch)
    parts = [
        Part("body", body, glaze.material, tile=0.08),
        Part("lid", merged(lid), glaze.material, tile=0.08),
        Part("spout", spout, glaze.material, tile=0.08),
        Part("handle", handle, grip.material),
    ]
    name = "teapot" if glaze.words.endswith("ceramic") else "kettle"
    return Built(parts, sentence(f"{glaze.words} {name}", [a(f"{shape} body"), spout_words, handle_words]))
