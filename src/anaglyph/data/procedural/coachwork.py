"""What cars, trucks and buses share: bodies drawn from the side and swept across, and wheels.

Front towards +z.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.materials import RUBBER, SILVER
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.solid import Solid, around, merged, repeated
from anaglyph.geometry.solids import box, cylinder, torus
from anaglyph.geometry.sweep import extrusion, lathe

Points = NDArray[np.float64]


def wheel(draws: Draws, radius: float, width: float, *, segments: int = 20) -> tuple[Solid, Solid]:
    """Tyre and rim about the x axis, outer side towards +x."""
    profile = [(0.62, -0.5), (0.93, -0.5), (1.0, -0.32), (1.0, 0.32), (0.93, 0.5), (0.62, 0.5)]
    tyre = lathe(np.array(profile) * [radius, width], segments=segments, ring=True)
    style, spokes = draws.choice("rims", "spoked", "disc", "dished"), draws.whole("spokes", 4, 9)
    rim = [torus(0.62 * radius, 0.06 * radius, segments=segments, sides=5, at=(0, 0.4 * width, 0))]
    if style == "spoked":
        spoke = box(0.09 * radius, 0.12 * width, 0.58 * radius, at=(0, 0.4 * width, 0.32 * radius))
        rim += [
            around(spoke, spokes),
            cylinder(0.14 * radius, 0.3 * width, segments=12, at=(0, 0.36 * width, 0)),
        ]
    elif style == "disc":
        rim.append(
            lathe(
                np.array([(0.62, 0.3), (0.5, 0.42), (0.2, 0.36), (0.1, 0.5)]) * [radius, width],
                segments=segments,
            )
        )
    else:
        rim.append(
            lathe(
                np.array([(0.6, 0.1), (0.6, 0.25), (0.25, 0.15), (0.18, 0.48)]) * [radius, width],
                segments=segments,
            )
        )
    rim.append(cylinder(0.62 * radius, 0.3 * width, segments=segments))
    return tyre.turned("z", -np.pi / 2), merged(rim).turned("z", -np.pi / 2)


def wheels(
    draws: Draws, radius: float, width: float, track: float, axles: Sequence[float], *, segments: int = 20
) -> list[Part]:
    """A wheel on both sides of every axle (z), standing on y = 0; `track` is the distance of outer sides."""
    tyre, rim = wheel(draws, radius, width, segments=segments)
    spots = [(track / 2 - width / 2, radius, z) for z in axles]
    parts = []
    for name, solid, material in (("tyre", tyre, RUBBER), ("rim", rim, SILVER)):
        right = repeated(solid, spots)
        parts.append(Part(name, merged([right, right.mirrored("x")]), material))
    return parts


def side_body(outline: Points | Sequence[tuple[float, float]], width: float, *, bevel: float) -> Solid:
    """An outline of (z, y) made `width` wide about x = 0."""
    return extrusion(outline, width, bevel=bevel).turned("y", -np.pi / 2)


def narrowed(solid: Solid, length: float, *, ends: float, belt: float, roof: float, height: float) -> Solid:
    """Drawn in towards the ends of the car by `ends` and above the belt line by `roof`, in shares of x."""

    def shape(points: Points) -> Points:
        plan = 1 - ends * np.abs(2 * points[:, 2] / length) ** 4
        above = 1 - roof * np.clip((points[:, 1] - belt) / max(height - belt, 1e-6), 0, 1)
        return np.column_stack([points[:, 0] * plan * above, points[:, 1:]])

    return solid.mapped(shape)
