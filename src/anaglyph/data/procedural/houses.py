"""Houses: a body, a roof of seven kinds, windows, a door and what is built on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import counted, sentence
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.materials import DARK, PAPER, WINDOW, Finish
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.solid import Solid, merged, repeated
from anaglyph.geometry.solids import box, rod, sphere
from anaglyph.geometry.sweep import extrusion, loft


def roof(style: str, width: float, depth: float, height: float, *, eaves: float) -> Solid:
    """On y = 0 over width x depth, its ridge along x."""
    x, z = width / 2 + eaves, depth / 2 + eaves
    if style == "flat":
        return merged(
            [box(2 * x, 0.25, 2 * z, at=(0, 0.125, 0)), box(0.9 * width, 0.3, 0.9 * depth, at=(0, 0.35, 0))]
        )
    if style == "gambrel":
        side = [(-z, 0.0), (z, 0.0), (0.68 * z, 0.62 * height), (0.0, height), (-0.68 * z, 0.62 * height)]
        return extrusion(side, 2 * x).turned("y", np.pi / 2)
    if style == "shed":
        return extrusion([(-z, 0.0), (z, 0.0), (z, 0.12), (-z, 0.8 * height)], 2 * x).turned("y", -np.pi / 2)
    if style == "gable":
        return extrusion([(-z, 0.0), (z, 0.0), (0.0, height)], 2 * x).turned("y", np.pi / 2)
    ridge = {"hip": max(x - z, 0.12 * x), "pyramid": 0.02 * x, "mansard": 0.72 * x}[style]
    level = [(0.0, x, z), (0.12, x, z), (height, ridge, 0.04 * z)]
    if style == "mansard":
        level = [(0.0, x, z), (0.75 * height, 0.8 * x, 0.76 * z), (height, 0.62 * x, 0.1 * z)]
    return loft([[(-a, y, -b), (-a, y, b), (a, y, b), (a, y, -b)] for y, a, b in level])


def window_row(
    count: int, width: float, size: tuple[float, float], *, y: float, z: float, skip: int = -1
) -> tuple[list[Solid], list[Solid]]:
    """Panes and frames on a wall that faces +z."""
    wide, high = size
    spots = [((i + 0.5) / count * width - width / 2, y, z) for i in range(count) if i != skip]
    if not spots:
        return [], []
    frame = merged(
        [
            *(box(0.1, high + 0.2, 0.1, at=(s * (wide / 2 + 0.05), 0, 0)) for s in (-1, 1)),
            *(box(wide, 0.1, 0.1, at=(0, s * (high / 2 + 0.05), 0)) for s in (-1, 1)),
            box(0.05, high, 0.07),
        ]
    )
    return [repeated(box(wide, high, 0.04), spots)], [repeated(frame, spots)]


def _facades(draws: Draws, width: float, depth: float, floors: int, storey: float) -> tuple[list[Part], str]:
    """Windows of all sides and the door."""
    count, side = draws.whole("windows", 2, 5), draws.whole("side_windows", 1, 3)
    size = (
        min(draws.number("window_width", 0.7, 1.3), 0.62 * width / count),
        draws.number("window_height", 0.9, 1.6),
    )
    door = draws.whole("door_place", 0, count - 1)
    panes: list[Solid] = []
    frames: list[Solid] = []
    for floor in range(floors):
        y = (floor + 0.56) * storey
        for turn, span, reach, number in (
            (0, width, depth, count),
            (1, depth, width, side),
            (2, width, depth, count),
            (3, depth, width, side),
        ):
            skip = door if turn == 0 and floor == 0 else -1
            glass, wood = window_row(number, span, size, y=y, z=reach / 2 + 0.01, skip=skip)
            panes += [solid.turned("y", turn * np.pi / 2) for solid in glass]
            frames += [solid.turned("y", turn * np.pi / 2) for solid in wood]
    x, tall = (door + 0.5) / count * width - width / 2, min(2.2, 0.8 * storey)
    paint = draws.finish("door_material", "wood", "paint")
    leaf = [
        box(1.0, tall, 0.08, at=(x, tall / 2, depth / 2 + 0.02)),
        sphere(0.06, segments=8, rings=4, at=(x + 0.35, 0.5 * tall, depth / 2 + 0.1)),
    ]
    steps = [
        box(1.5, 0.12, 0.4 * (2 - i), at=(x, 0.06 + 0.12 * i, depth / 2 + 0.2 * (2 - i))) for i in range(2)
    ]
    parts = [
        Part("window", merged(panes), WINDOW),
        Part("frame", merged(frames), PAPER),
        Part("door", merged(leaf), paint.material),
        Part("step", merged(steps), DARK),
    ]
    if draws.chance("porch", 0.4):
        reach, wide = draws.number("porch_depth", 1.0, 2.2), draws.number("porch_width", 1.8, 3.2)
        posts = [
            rod(
                (x + s * wide / 2, 0, depth / 2 + reach - 0.15),
                (x + s * wide / 2, tall + 0.3, depth / 2 + reach - 0.15),
                0.09,
            )
            for s in (-1, 1)
        ]
        cover = box(wide + 0.5, 0.15, reach, at=(x, tall + 0.37, depth / 2 + reach / 2))
        parts.append(Part("porch", merged([*posts, cover]), paint.material))
        return parts, f"{counted(count, 'window')} across"
    return parts, f"{counted(count, 'window')} across"


@dataclass(frozen=True)
class _Size:
    """Lengths of one house in metres."""

    width: float
    depth: float
    tall: float
    """Height of the walls."""
    rise: float
    """Height of the roof above them."""
    storey: float
    roof: str


def house(draws: Draws) -> Built:
    """A body or an L of two, a roof of seven kinds, windows, a door, a porch, chimneys, dormers, a garage."""
    floors, storey = draws.whole("floors", 1, 3), draws.number("storey_height", 2.5, 3.1)
    depth, eaves = draws.number("depth", 5.0, 9.0), draws.number("eaves", 0.15, 0.6)
    size = _Size(
        width=draws.number("width", 6.0, 13.0),
        depth=depth,
        tall=floors * storey,
        rise=depth * draws.number("roof_pitch", 0.28, 0.62),
        storey=storey,
        roof=draws.choice("roof", "gable", "gable", "hip", "mansard", "gambrel", "flat", "shed"),
    )
    wall = draws.finish("material", "paint", "brick", "stone", "planks")
    tiles = draws.finish("roof_material", "stone", "brick", "paint")
    cover = roof(size.roof, size.width, depth, size.rise, eaves=eaves).moved(y=size.tall)
    parts = [
        Part("wall", box(size.width, size.tall, depth, at=(0, size.tall / 2, 0)), wall.material, tile=1.6),
        Part("roof", cover, tiles.material, tile=1.5),
    ]
    if size.roof in ("gable", "gambrel", "shed"):  # the triangle of wall under the eaves of both ends
        inner = roof(
            size.roof, size.width - 2 * eaves, depth - 2.6 * eaves, 0.93 * size.rise, eaves=1.15 * eaves
        )
        parts.append(Part("wall", inner.moved(y=size.tall - 0.02), wall.material, tile=1.6))
    facade, words = _facades(draws, size.width, depth, floors, storey)
    parts += [*facade, *_annexes(draws, size, wall, tiles)]
    told = ("porch", "garage", "wing", "dormer", "chimney")
    extras = [f"a {name}" for name in dict.fromkeys(part.name for part in parts) if name in told]
    roof_words = f"a {size.roof} roof"
    return Built(
        parts, sentence(f"{wall.words} house", [counted(floors, "floor"), roof_words, words, *extras])
    )


def _dormers(draws: Draws, size: _Size, wall: Finish) -> list[Part]:
    """Small gables with a window on the front slope of the roof."""
    count, deep, wide = (
        draws.whole("dormer_count", 1, 3),
        0.45 * size.depth,
        draws.number("dormer_width", 1.0, 1.7),
    )
    low, z = 0.35 * size.rise, 0.5 * size.depth - deep / 2 - 0.1
    cover = roof("gable", deep, wide, 0.6, eaves=0.15).turned("y", np.pi / 2).moved(y=low + 0.65, z=z)
    spots = [((i + 0.5) / count * size.width - size.width / 2, size.tall, 0) for i in range(count)]
    pane = box(0.6 * wide, 0.8, 0.1, at=(0, low, 0.5 * size.depth - 0.08))
    body = merged([box(wide, 1.3, deep, at=(0, low, z)), cover])
    return [
        Part("dormer", repeated(body, spots), wall.material),
        Part("window", repeated(pane, spots), WINDOW),
    ]


def _wing(draws: Draws, size: _Size, wall: Finish, tiles: Finish, side: float) -> list[Part]:
    """A second body in front of one end, its ridge across the first."""
    wide, deep = draws.number("wing_width", 0.35, 0.5) * size.width, draws.number("wing_depth", 2.5, 5.0)
    x, z = side * (size.width - wide) / 2, size.depth / 2 + deep / 2 - 0.05
    body = box(wide, size.tall - 0.02, deep, at=(x, size.tall / 2, z))
    style = "flat" if size.roof == "flat" else "gable"
    cover = roof(style, deep + size.depth, wide, min(size.rise, 0.55 * wide), eaves=0.3).turned(
        "y", np.pi / 2
    )
    glass, frame = window_row(2, wide, (0.3 * wide, 1.2), y=0.55 * size.storey, z=0.0)
    front = z + deep / 2 + 0.01
    return [
        Part("wing", body, wall.material, tile=1.6),
        Part("roof", cover.moved(x, size.tall - 0.01, z - size.depth / 2), tiles.material, tile=1.5),
        Part("window", merged(glass).moved(x, 0, front), WINDOW),
        Part("frame", merged(frame).moved(x, 0, front), PAPER),
    ]


def _garage(draws: Draws, size: _Size, wall: Finish, tiles: Finish, side: float) -> list[Part]:
    """A low body beside the house with a slatted door."""
    wide, deep = draws.number("garage_width", 3.0, 5.5), draws.number("garage_depth", 0.6, 0.95) * size.depth
    x = side * (size.width + wide) / 2
    style = "flat" if size.roof in ("flat", "shed") else size.roof
    cover = roof(style, wide, deep, 0.6 * size.rise, eaves=0.2).moved(x, size.storey)
    slats = [box(0.8 * wide, 0.38, 0.08, at=(x, 0.22 + 0.42 * i, deep / 2 + 0.02)) for i in range(5)]
    return [
        Part("garage", box(wide, size.storey, deep, at=(x, size.storey / 2, 0)), wall.material, tile=1.6),
        Part("roof", cover, tiles.material, tile=1.5),
        Part("garage door", merged(slats), PAPER),
    ]


def _annexes(draws: Draws, size: _Size, wall: Finish, tiles: Finish) -> list[Part]:
    """Chimney, dormers, a wing or a garage."""
    parts = []
    if draws.chance("chimney", 0.65):
        x, z = (
            draws.number("chimney_x", -0.4, 0.4) * size.width,
            draws.number("chimney_z", -0.25, 0.1) * size.depth,
        )
        high = size.tall + size.rise + draws.number("chimney_height", 0.2, 1.0)
        stack = box(0.7, high - size.tall, 0.6, at=(x, (high + size.tall) / 2, z))
        parts.append(Part("chimney", merged([stack, box(0.85, 0.15, 0.75, at=(x, high, z))]), tiles.material))
    if size.roof in ("gable", "hip", "gambrel") and draws.chance("dormers", 0.4):
        parts += _dormers(draws, size, wall)
    annex = draws.choice("annex", "none", "none", "wing", "garage")
    side = -1.0 if draws.chance("annex_left", 0.5) else 1.0
    if annex != "none":
        parts += (_wing if annex == "wing" else _garage)(draws, size, wall, tiles, side)
    return parts
