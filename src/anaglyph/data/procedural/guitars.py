"""Acoustic and electric guitars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import a, counted, sentence
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.materials import DARK, SILVER, Finish
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.curves import smooth_curve
from anaglyph.geometry.solid import merged, repeated
from anaglyph.geometry.solids import box, cylinder, rods, rounded_box, sphere, torus
from anaglyph.geometry.sweep import extrusion

Points = NDArray[np.float64]


_BODIES = {
    "classical": [
        (0, 0),
        (0.62, 0.02),
        (0.98, 0.22),
        (0.92, 0.45),
        (0.66, 0.62),
        (0.72, 0.82),
        (0.6, 0.97),
        (0, 1.0),
    ],
    "dreadnought": [
        (0, 0),
        (0.8, 0.01),
        (1.0, 0.2),
        (0.98, 0.42),
        (0.84, 0.6),
        (0.82, 0.8),
        (0.62, 0.97),
        (0, 1.0),
    ],
    "jumbo": [
        (0, 0),
        (0.75, 0.02),
        (1.12, 0.28),
        (1.0, 0.48),
        (0.62, 0.64),
        (0.76, 0.84),
        (0.55, 0.98),
        (0, 1.0),
    ],
}


def _electric(style: str) -> Points:
    """(K, 2) outline of a solid body, y along the neck from 0 to 1, half width 1."""
    if style == "V":
        return np.array(
            [(0, 0.32), (0.75, 0.0), (1.0, 0.08), (0.22, 1.0), (-0.22, 1.0), (-1.0, 0.08), (-0.75, 0.0)]
        )
    if style == "single cut":
        points = [
            (0, 0),
            (0.8, 0.06),
            (1.0, 0.3),
            (0.7, 0.55),
            (0.85, 0.78),
            (0.72, 0.92),
            (0.4, 0.82),
            (0.2, 0.92),
            (-0.3, 1.0),
            (-0.72, 0.88),
            (-0.66, 0.6),
            (-1.0, 0.3),
            (-0.8, 0.06),
        ]
    else:
        points = [
            (0, 0),
            (0.8, 0.08),
            (0.95, 0.32),
            (0.7, 0.55),
            (0.85, 0.85),
            (0.8, 1.0),
            (0.55, 0.85),
            (0.22, 0.8),
            (-0.22, 0.8),
            (-0.5, 0.9),
            (-0.8, 1.12),
            (-0.85, 0.9),
            (-0.68, 0.55),
            (-0.97, 0.28),
            (-0.75, 0.05),
        ]
    return smooth_curve(points, steps=3, closed=True)


@dataclass(frozen=True)
class _Size:
    """Lengths of one guitar in metres."""

    wide: float
    """Half of the body's width."""
    length: float
    """Of the body; the neck begins where it ends."""
    front: float
    """z of the body's front."""
    bridge: float
    """y of the bridge."""


def _outline(style: str) -> Points:
    """(K, 2) of a body, y along the neck from 0 to 1, half width 1."""
    if style not in _BODIES:
        return _electric(style)
    half = smooth_curve(_BODIES[style], steps=4)[1:-1]
    return np.concatenate([[(0.0, 0.0)], half, [(0.0, 1.0)], half[::-1] * [-1, 1]])


def _neck(draws: Draws, size: _Size, wood: Finish) -> tuple[list[Part], int]:
    """Fingerboard, frets, headstock, pegs and strings; how many of these."""
    neck, head = draws.number("neck_length", 0.32, 0.5), draws.number("head_length", 0.12, 0.2)
    start, end, z = 0.8 * size.length, size.length + neck, size.front
    board = box(0.05, end - start, 0.022, at=(0, (end + start) / 2, z + 0.008))
    places = [end - 1.05 * neck * (1 - 0.9439**i) for i in range(1, draws.whole("frets", 10, 16))]
    frets = repeated(box(0.05, 0.003, 0.004), [(0, y, z + 0.02) for y in places])
    wide, tip = draws.number("head_width", 0.03, 0.06), draws.number("head_taper", 0.6, 1.1)
    right = np.array([(0.025, 0), (wide, 0.2 * head), (tip * wide, head)])
    stock = extrusion(np.concatenate([right, right[::-1] * [-1, 1]]), 0.016)
    stock = stock.turned("x", -draws.number("head_angle", 0.05, 0.3)).moved(y=end, z=z)
    style = draws.choice("pegs", "3+3", "6 in line", "2+2")
    count, sides = {"3+3": (3, (-1, 1)), "2+2": (2, (-1, 1)), "6 in line": (6, (-1,))}[style]
    steps = head * (0.25 + 0.65 * np.arange(count) / count)
    spots = [(s * (wide + 0.008), end + step, z - 0.02) for s in sides for step in steps]
    across = np.linspace(-0.02, 0.02, count * len(sides))
    feet = np.stack([across, np.full_like(across, size.bridge), np.full_like(across, z + 0.014)], axis=1)
    heads = np.stack([across, np.full_like(across, end), np.full_like(across, z + 0.024)], axis=1)
    parts = [
        Part("neck", merged([board, stock]), wood.material),
        Part("fret", frets, SILVER),
        Part("peg", repeated(sphere(0.011, segments=8, rings=6).scaled(x=1.6), spots), SILVER),
        Part("string", rods(feet, heads, 0.0009, sides=3), SILVER),
    ]
    return parts, len(across)


def _sound_hole(draws: Draws, size: _Size, wood: Finish) -> tuple[list[Part], str]:
    hole, y = (
        draws.number("hole", 0.22, 0.34) * size.wide,
        draws.number("hole_place", 0.58, 0.66) * size.length,
    )
    ring = torus(1.12 * hole, 0.06 * hole, segments=32, sides=6).turned("x", np.pi / 2)
    disc = cylinder(hole, 0.004, segments=32).turned("x", np.pi / 2)
    parts = [Part("hole", disc.moved(y=y, z=size.front + 0.001), DARK)]
    return [*parts, Part("rosette", ring.moved(y=y, z=size.front), wood.material)], "a round hole"


def _pickups(draws: Draws, size: _Size, wood: Finish) -> tuple[list[Part], str]:
    count, knobs = draws.whole("pickups", 1, 3), draws.whole("knobs", 1, 4)
    spots = [(0, size.bridge + (0.12 + 0.15 * i) * size.length, size.front + 0.006) for i in range(count)]
    dial = cylinder(0.012, 0.016, segments=12).turned("x", np.pi / 2)
    places = [(0.55 * size.wide, (0.14 + 0.09 * i) * size.length, size.front + 0.008) for i in range(knobs)]
    parts = [Part("pickup", repeated(rounded_box(0.085, 0.03, 0.016, radius=0.004), spots), DARK)]
    return [*parts, Part("knob", repeated(dial, places), SILVER)], counted(count, "pickup")


def guitar(draws: Draws) -> Built:
    """Acoustic and electric guitars, upright, strings towards +z."""
    style = draws.choice("style", *_BODIES, "double cut", "single cut", "V")
    acoustic = style in _BODIES
    length, wide = draws.number("body_length", 0.36, 0.54), draws.number("body_width", 0.14, 0.22)
    thick = (
        draws.number("body_thickness", 0.07, 0.13)
        if acoustic
        else draws.number("slab_thickness", 0.035, 0.06)
    )
    size = _Size(wide, length, thick / 2, draws.number("bridge", 0.18, 0.3) * length)
    wood, front = draws.finish("material", "wood", "paint"), draws.finish("top_material", "wood", "paint")
    outline = _outline(style)
    waist = draws.number("waist", -0.08, 0.08) * np.sin(2 * np.pi * outline[:, 1:])
    body = extrusion(outline * (1 + waist * [1, 0]) * [wide, length], thick, bevel=0.08 * thick)
    neck, strings = _neck(draws, size, front)
    bridge = box(
        draws.number("bridge_width", 0.45, 0.75) * wide, 0.025, 0.014, at=(0, size.bridge, size.front + 0.006)
    )
    extra, words = (_sound_hole if acoustic else _pickups)(draws, size, front)
    parts = [Part("body", body, wood.material, tile=0.3), *neck, Part("bridge", bridge, DARK), *extra]
    name = f"{wood.words} {'acoustic' if acoustic else 'electric'} guitar"
    return Built(parts, sentence(name, [a(f"{style} body"), words, counted(strings, "string")]))
