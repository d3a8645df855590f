"""What turned vessels share: hollow bodies, fluting, corners, handles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.procedural.draws import Draws
from anaglyph.geometry.curves import smooth_curve, superellipse
from anaglyph.geometry.solid import Solid
from anaglyph.geometry.solids import torus
from anaglyph.geometry.sweep import lathe, tube

Points = NDArray[np.float64]


def vessel(outer: Points, wall: float, *, segments: int = 32, floor: float | None = None) -> Solid:
    """A hollow turned body: `outer` runs from the foot to the rim as (radius, height), (P, 2)."""
    floor = wall if floor is None else floor
    inner = outer[outer[:, 1] > outer[0, 1] + floor] - [wall, 0.0]
    inner[:, 0] = np.maximum(inner[:, 0], 0.3 * wall)
    bottom = np.array([[0.0, outer[0, 1] + floor]])
    return lathe(np.concatenate([[[0.0, outer[0, 1]]], outer, inner[::-1], bottom]), segments=segments)


def faceted(solid: Solid, sides: int, depth: float) -> Solid:
    """Pressed in and out `sides` times around, by a share `depth` of the radius."""

    def press(points: Points) -> Points:
        wave = 1 + depth * np.cos(sides * np.arctan2(points[:, 2], points[:, 0]))
        pressed: Points = points * np.column_stack([wave, np.ones_like(wave), wave])
        return pressed

    return solid.mapped(press)


def squared(solid: Solid, power: float) -> Solid:
    """A turned solid pressed towards a square: 2 leaves it round, 8 has soft corners."""

    def press(points: Points) -> Points:
        angle = np.arctan2(points[:, 2], points[:, 0])
        reach = (np.abs(np.cos(angle)) ** power + np.abs(np.sin(angle)) ** power) ** (-1.0 / power)
        pressed: Points = points * np.column_stack([reach, np.ones_like(reach), reach])
        return pressed

    return solid.mapped(press)


def polygonal(solid: Solid, sides: int) -> Solid:
    """A turned solid pressed flat on `sides` sides; its segments should be a multiple of them."""

    def press(points: Points) -> Points:
        part = 2 * np.pi / sides
        angle = np.arctan2(points[:, 2], points[:, 0]) % part - part / 2
        reach = np.cos(part / 2) / np.cos(angle)
        pressed: Points = points * np.column_stack([reach, np.ones_like(reach), reach])
        return pressed

    return solid.mapped(press)


_HANDLES = {
    "round": [(0.0, 1.0), (0.8, 0.92), (1.0, 0.5), (0.8, 0.08), (0.0, 0.0)],
    "ear": [(0.0, 1.0), (1.0, 1.1), (0.9, 0.5), (0.25, 0.15), (0.0, 0.0)],
    "angular": [(0.0, 1.0), (1.0, 1.0), (1.0, 0.0), (0.0, 0.0)],
    "low": [(0.0, 0.5), (1.0, 0.6), (1.0, 0.1), (0.0, 0.0)],
}
"""How far out and how high a handle runs, in shares of its reach and rise."""


def side_handle(draws: Draws, at: float, low: float, high: float, *, thickness: float) -> tuple[Solid, str]:
    """A handle on a wall at radius `at` on the +x side, between two heights, and its words."""
    style = draws.choice("handle", *_HANDLES, "loop")
    rise = high - low
    reach = draws.number("handle_reach", 0.45, 0.85) * rise
    if style == "loop":
        ring = torus(0.42 * rise, thickness, segments=24, sides=8).turned("x", np.pi / 2)
        return ring.moved(at + 0.3 * rise, (low + high) / 2), "loop handle"
    out, up = np.array(_HANDLES[style]).T
    x = np.where(out > 0, at + reach * out, at - thickness)
    path = np.stack([x, low + rise * up, np.zeros(len(x))], axis=1)
    line = path if style == "angular" else smooth_curve(path, steps=4)
    flat = draws.number("handle_flatness", 1.0, 2.2)
    section = superellipse(2 * flat * thickness, 2 * thickness, power=2.4, corners=10)
    return tube(line, outline=section), f"{style} handle"
