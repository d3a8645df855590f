"""Pieces that several kinds of furniture share: legs, slats, handles, cushions, drawers and doors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anaglyph.geometry.curves import smooth_curve
from anaglyph.geometry.solid import Solid, merged, placed, rotation
from anaglyph.geometry.solids import box, cylinder, rod, rounded_box, sphere
from anaglyph.geometry.sweep import lathe, tube

LEG_STYLES = ("square", "round", "tapered", "turned", "curved", "hairpin")
"""Kinds of legs; the words that captions use."""
HANDLES = ("knobs", "bar handles", "bow handles", "no handles")
_TURNED = (
    (0.0, 0.32),
    (0.05, 0.5),
    (0.1, 0.3),
    (0.3, 0.48),
    (0.55, 0.34),
    (0.62, 0.62),
    (0.68, 0.36),
    (0.74, 0.55),
)
"""Height and radius of a turned leg, in shares of height and thickness."""


def slab(width: float, height: float, depth: float, *, at: ArrayLike = (0.0, 0.0, 0.0)) -> Solid:
    """A box as a joiner leaves it, its edges broken."""
    return box(width, height, depth, chamfer=min(0.006, 0.15 * min(width, height, depth)), at=at)


def leg(style: str, *, height: float, thickness: float) -> Solid:
    """A leg from y = 0 to `height`, leaning nowhere; its foot turns towards +x where it has a front."""
    if style == "square":
        return slab(thickness, height, thickness, at=(0, height / 2, 0))
    if style == "turned":
        profile = smooth_curve([(r * thickness, h * height) for h, r in _TURNED], steps=3)
        top = [(0.55 * thickness, 0.78 * height), (0.55 * thickness, height)]
        return lathe([*profile, *top], segments=12)
    if style == "curved":
        path = [(0.9, 0.0), (0.5, 0.12), (0.0, 0.35), (0.35, 0.75), (0.0, 1.0)]
        bent = smooth_curve([(x * thickness, y * height, 0.0) for x, y in path], steps=3)
        return tube(bent, np.linspace(0.35, 0.65, len(bent)) * thickness, sides=8)
    if style == "hairpin":
        wide, thin = 0.9 * thickness, 0.13 * thickness
        bend = [
            (-wide, height, 0.0),
            (-0.15 * wide, thin, 0.0),
            (0.15 * wide, thin, 0.0),
            (wide, height, 0.0),
        ]
        return tube(bend, thin, sides=6, up=(0.0, 0.0, 1.0))
    foot = 0.5 if style == "round" else 0.28
    return cylinder(foot * thickness, height, top=0.5 * thickness, segments=14, at=(0, height / 2, 0))


def legs(
    style: str, corners: NDArray[np.float64], *, height: float, thickness: float, splay: float = 0.0
) -> Solid:
    """A leg under each corner (N, 2) of x and z; `splay` metres outwards at the floor per metre of height."""
    piece = leg(style, height=height, thickness=thickness)
    away = corners / np.linalg.norm(corners, axis=1, keepdims=True)
    turns = np.stack([rotation("y", -np.arctan2(z, x)) for x, z in away])
    if style == "square":
        turns = np.broadcast_to(np.eye(3), turns.shape)
    shear = np.broadcast_to(np.eye(3), turns.shape).copy()
    shear[:, [0, 2], 1] = -splay * away
    offsets = np.zeros((len(corners), 3))
    offsets[:, [0, 2]] = corners + splay * height * away
    return placed(piece, shear @ turns, offsets)


def four_corners(width: float, depth: float) -> NDArray[np.float64]:
    """(4, 2) of x and z, in the order back left, back right, front right, front left."""
    return 0.5 * np.array([[-width, -depth], [width, -depth], [width, depth], [-width, depth]])


def castor_base(*, radius: float, height: float, thickness: float, arms: int) -> Solid:
    """A column on a star of arms, each on a wheel; from the floor to `height`."""
    wheel, hub = 0.9 * thickness, 2.6 * thickness
    pieces = [cylinder(0.55 * thickness, height - hub, segments=12, at=(0, (height + hub) / 2, 0))]
    pieces.append(
        cylinder(1.1 * thickness, 1.2 * thickness, top=0.7 * thickness, segments=12, at=(0, hub, 0))
    )
    for angle in np.arange(arms) * 2 * np.pi / arms:
        x, z = radius * np.sin(angle), radius * np.cos(angle)
        pieces.append(rod((0, hub, 0), (x, 1.8 * wheel, z), 0.5 * thickness, tip=0.3 * thickness))
        pieces.append(sphere(wheel, segments=8, rings=4, at=(x, wheel, z)))
    return merged(pieces)


def pillow(width: float, height: float, depth: float, *, at: Sequence[float]) -> Solid:
    """A soft box: rounded and thicker in the middle."""
    solid = rounded_box(width, 1.0, depth, radius=0.35 * min(width, 1.0, depth), steps=3)

    def soften(points: NDArray[np.float64]) -> NDArray[np.float64]:
        reach = 1 - 0.45 * ((2 * points[:, 0] / width) ** 4 + (2 * points[:, 2] / depth) ** 4) / 2
        return np.column_stack([points[:, 0], height * points[:, 1] * reach, points[:, 2]])

    return solid.mapped(soften).moved(*at)


def handle(style: str, *, size: float, at: Sequence[float], upright: bool = False) -> Solid:
    """A knob, bar or bow on a front that faces +z, at the place where it is fixed."""
    if style == "knobs":
        piece = sphere(0.16 * size, segments=8, rings=5).moved(z=0.16 * size)
    elif style == "bar handles":
        posts = [rod((x, 0, 0), (x, 0, 0.25 * size), 0.05 * size, sides=6) for x in (-0.4 * size, 0.4 * size)]
        bar = rod((-0.5 * size, 0, 0.25 * size), (0.5 * size, 0, 0.25 * size), 0.06 * size)
        piece = merged([*posts, bar])
    else:
        bow = smooth_curve([(-0.5, 0.0, 0.0), (-0.3, 0.0, 0.24), (0.3, 0.0, 0.24), (0.5, 0.0, 0.0)], steps=2)
        piece = tube(bow * size, 0.05 * size, sides=6)
    return (piece.turned("z", np.pi / 2) if upright else piece).moved(*at)


def panel_front(width: float, height: float, *, thickness: float, at: Sequence[float], framed: bool) -> Solid:
    """A drawer front or a door that faces +z, its back at `at`; framed ones have a raised border."""
    x, y, z = at
    if not framed:
        return slab(width, height, thickness, at=(x, y, z + thickness / 2))
    rim = 0.14 * min(width, height)
    pieces = [box(width, height, 0.5 * thickness, at=(x, y, z + thickness / 4))]
    for side in (-1, 1):
        pieces.append(slab(rim, height, thickness, at=(x + side * (width - rim) / 2, y, z + thickness / 2)))
        rail = (x, y + side * (height - rim) / 2, z + thickness / 2)
        pieces.append(slab(width - 2 * rim, rim, thickness, at=rail))
    return merged(pieces)
