"""What trees and potted plants share: bark, leaves and lumps of foliage."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.procedural.materials import plain
from anaglyph.geometry.solid import Solid, rotation
from anaglyph.geometry.solids import sphere
from anaglyph.geometry.sweep import loft

Points = NDArray[np.float64]
BARK = plain("bark", (0.36, 0.26, 0.19))
BIRCH = plain("birch bark", (0.86, 0.84, 0.80))


def lump(radius: float, generator: np.random.Generator, *, roughness: float) -> Solid:
    """A ball with soft dents and bumps."""
    directions, phases = generator.normal(size=(5, 3)) * 1.6, generator.uniform(0, 2 * np.pi, 5)

    def dent(points: Points) -> Points:
        unit = points / radius
        wave = np.sin(unit @ directions.T + phases).mean(axis=1, keepdims=True)
        dented: Points = points * (1 + roughness * wave)
        return dented

    return sphere(radius, segments=12, rings=8).mapped(dent)


def leaf(length: float, width: float, *, fold: float = 0.25, droop: float = 0.3) -> Solid:
    """A thin blade from the origin along +z, its tip hanging down by `droop` of its length."""
    share = np.array([0.0, 0.15, 0.35, 0.6, 0.82, 1.0])
    wide = np.array([0.15, 0.7, 1.0, 0.85, 0.45, 0.02]) * width / 2
    thick = 0.015 * length
    sections = []
    for s, w in zip(share, wide, strict=True):
        y, z = length * (0.25 * s - (0.25 + droop) * s**2), length * s
        sections.append(
            [(-w, y + fold * w, z), (0.0, y - thick, z), (w, y + fold * w, z), (0.0, y + thick, z)]
        )
    return loft(sections)


def lifted_turn(yaw: float, pitch: float) -> Points:
    """Pitch upwards first (about x), then yaw about the upright."""
    return rotation("y", yaw) @ rotation("x", -pitch)
