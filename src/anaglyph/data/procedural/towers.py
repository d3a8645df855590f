"""Castle towers, church towers, lighthouses, water towers and skyscrapers."""

from __future__ import annotations

import numpy as np

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import counted, sentence
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.houses import roof
from anaglyph.data.procedural.materials import DARK, WINDOW, Finish
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.curves import regular_polygon
from anaglyph.geometry.solid import Solid, around, merged, repeated
from anaglyph.geometry.solids import box, cylinder, rod, sphere, torus
from anaglyph.geometry.sweep import lathe


def _crown(draws: Draws, radius: float, sides: int, tall: float) -> tuple[list[Solid], list[Solid], str]:
    """What stands on a tower: wall solids, roof solids, words."""
    style = draws.choice("crown", "battlements", "cone", "dome", "spire", "gallery")
    flare = draws.number("flare", 1.05, 1.3) * radius
    ring = [
        cylinder(radius, 0.12 * radius, top=flare, segments=sides, at=(0, tall + 0.06 * radius, 0)),
        cylinder(flare, 0.2 * radius, segments=sides, at=(0, tall + 0.2 * radius, 0)),
    ]
    base = tall + 0.3 * radius
    if style == "battlements":
        count, high = draws.whole("merlons", 6, 14), draws.number("merlon_height", 0.2, 0.4) * radius
        merlon = box(0.16 * flare, high, 3.4 * flare / count, at=(0.88 * flare, base + high / 2, 0))
        return [*ring, around(merlon, count)], [], "battlements"
    if style == "dome":
        rise = draws.number("dome_rise", 0.7, 1.4) * radius
        angle = np.linspace(0, np.pi / 2, 8)
        dome = lathe(
            np.stack([flare * np.cos(angle), base + rise * np.sin(angle)], axis=1).clip(0.0, None),
            segments=max(sides, 8),
        )
        return ring, [dome, rod((0, base + rise, 0), (0, base + 1.35 * rise, 0), 0.05 * radius)], "a dome"
    if style == "gallery":
        count, high = draws.whole("columns", 6, 10), draws.number("gallery_height", 0.6, 1.2) * radius
        post = cylinder(0.07 * radius, high, segments=8, at=(0.8 * radius, base + high / 2, 0))
        cover = cylinder(flare, draws.number("cap", 0.5, 1.3) * radius, top=0.03 * radius, segments=sides)
        bell = cylinder(
            0.35 * radius, 0.5 * high, top=0.18 * radius, segments=14, at=(0, base + 0.6 * high, 0)
        )
        return (
            [*ring, around(post, count), bell],
            [cover.moved(y=base + high + 0.25 * radius)],
            "an open gallery",
        )
    rise = radius * (
        draws.number("cone_rise", 1.2, 2.2) if style == "cone" else draws.number("spire_rise", 2.5, 4.0)
    )
    cap = cylinder(1.08 * flare, rise, top=0.01 * radius, segments=sides, at=(0, base + rise / 2, 0))
    return ring, [cap, sphere(0.09 * radius, segments=8, rings=6, at=(0, base + rise, 0))], f"a {style} roof"


_NAMES = {"castle": "castle tower", "church": "church tower", "lighthouse": "lighthouse"}


def tower(draws: Draws) -> Built:
    """Castle towers, church towers, lighthouses, skyscrapers and water towers."""
    kind = draws.choice("kind", "castle", "church", "lighthouse", "skyscraper", "water")
    if kind == "skyscraper":
        return _skyscraper(draws)
    radius, tall = draws.number("radius", 1.8, 4.0), draws.number("height", 8.0, 22.0)
    wall, tiles = (
        draws.finish("material", "stone", "brick", "paint"),
        draws.finish("roof_material", "brick", "paint", "metal"),
    )
    if kind == "water":
        return _water_tower(draws, radius, tall, wall, tiles)
    sides = {"castle": 20, "church": 4, "lighthouse": 24}[kind]
    if kind == "castle" and draws.chance("angular", 0.35):
        sides = draws.whole("sides", 5, 8)
    taper = draws.number("taper", 0.5, 0.75) if kind == "lighthouse" else draws.number("lean_in", 0.8, 1.0)
    foot, turn = draws.number("foot", 1.05, 1.35) * radius, np.pi / 4 if kind == "church" else 0.0
    body = [
        lathe(
            [(foot, 0.0), (foot, 0.06 * tall), (radius, 0.09 * tall), (taper * radius, tall)], segments=sides
        )
    ]
    flat = np.cos(np.pi / sides) if sides < 9 else 1.0  # of the radius, to the middle of a side
    for share in np.linspace(0.25, 0.85, draws.whole("bands", 0, 4)):
        reach = 1.06 * radius * (1 + (taper - 1) * share)
        body.append(cylinder(reach, 0.35, segments=sides, at=(0, share * tall, 0)))
    crown, cover, words = _crown(draws, taper * radius, sides, tall)
    floors, columns = (
        draws.whole("window_rows", 2, 5),
        4 if kind == "church" else draws.whole("window_columns", 2, 4),
    )
    high, panes = draws.number("window_height", 0.9, 1.8), []
    for share in np.linspace(0.25, 0.85, floors):
        slit = box(
            0.12 * radius + 0.2, high, 0.2, at=(0, share * tall, flat * radius * (1 + (taper - 1) * share))
        )
        panes.append(around(slit, columns, start=0.0 if kind == "church" else 2.4 * share))
    parts = [
        Part("wall", merged([*body, *crown]).turned("y", turn), wall.material, tile=2.0),
        Part("window", merged(panes), DARK),
        Part("door", box(1.2, 2.3, 0.5, at=(0, 1.15, 0.96 * flat * foot)), DARK),
    ]
    if cover:
        parts.append(Part("roof", merged(cover).turned("y", turn), tiles.material, tile=1.5))
    shape = "round" if sides > 8 else "square" if sides == 4 else f"{sides}-sided"
    told = [words, f"{counted(floors, 'row')} of windows"]
    return Built(parts, sentence(f"{shape} {wall.words} {_NAMES[kind]}", told))


def _water_tower(draws: Draws, radius: float, tall: float, wall: Finish, tiles: Finish) -> Built:
    legs, spread = draws.whole("legs", 3, 8), draws.number("spread", 1.0, 1.5) * radius
    tank, level = draws.number("tank_height", 0.8, 1.6) * radius, 0.55 * tall
    feet = regular_polygon(spread, corners=legs)
    posts = [rod((x, 0, z), (0.75 * x, level, 0.75 * z), 0.12 * radius) for x, z in feet]
    rings = [
        torus(spread * (1 - 0.25 * k), 0.05 * radius, segments=24, sides=6, at=(0, k * level, 0))
        for k in (0.35, 0.7)
    ]
    body = lathe(
        [
            (0.3 * radius, level - 0.5 * radius),
            (1.1 * radius, level),
            (1.1 * radius, level + tank),
            (0.0, level + tank + draws.number("cap", 0.2, 0.9) * radius),
        ],
        segments=28,
    )
    parts = [
        Part("leg", merged([*posts, *rings]), tiles.material),
        Part("tank", body, wall.material, tile=1.5),
        Part("pipe", rod((0, 0, 0), (0, level, 0), 0.2 * radius), tiles.material),
    ]
    return Built(parts, sentence(f"{wall.words} water tower", [counted(legs, "leg"), "a tank on top"]))


def _skyscraper(draws: Draws) -> Built:
    width, tiers = draws.number("width", 18.0, 32.0), draws.whole("tiers", 1, 4)
    storeys, columns = draws.whole("storeys", 12, 26), draws.whole("columns", 3, 6)
    depth, step = width * draws.number("proportion", 0.6, 1.0), 3.6
    wall, shrink = (
        draws.finish("material", "glass", "stone", "metal", "paint"),
        draws.number("shrink", 0.12, 0.28),
    )
    solids, panes, level = [], [], 0
    for tier in range(tiers):
        count = storeys // tiers
        wide, deep = width * (1 - shrink * tier), depth * (1 - shrink * tier)
        y = (level + count / 2) * step
        solids.append(box(wide, count * step, deep, chamfer=0.3, at=(0, y, 0)))
        for turn, span, reach in ((0, wide, deep), (1, deep, wide)):
            spots = [((i + 0.5) / columns * span - span / 2, y, 0) for i in range(columns)]
            panes.append(
                repeated(box(0.62 * span / columns, 0.96 * count * step, reach + 0.3), spots).turned(
                    "y", turn * np.pi / 2
                )
            )
        solids += [
            box(1.02 * wide, 0.5, 1.02 * deep, at=(0, (level + k) * step, 0)) for k in range(2, count + 1, 2)
        ]
        level += count
    top = level * step
    crown = draws.choice("crown", "flat", "antenna", "pyramid", "slanted")
    wide, deep = width * (1 - shrink * (tiers - 1)), depth * (1 - shrink * (tiers - 1))
    if crown == "antenna":
        solids += [
            cylinder(0.06 * wide, 0.35 * top, top=0.01 * wide, segments=8, at=(0, 1.17 * top, 0)),
            box(0.5 * wide, 4, 0.5 * deep, at=(0, top + 2, 0)),
        ]
    elif crown == "pyramid":
        solids.append(
            roof("pyramid", wide, deep, draws.number("pyramid", 0.5, 1.3) * wide, eaves=0.0).moved(y=top)
        )
    elif crown == "slanted":
        solids.append(
            roof("shed", wide, deep, draws.number("slant", 0.3, 0.8) * wide, eaves=0.0).moved(y=top)
        )
    else:
        solids.append(box(0.4 * wide, 5, 0.5 * deep, at=(0.1 * wide, top + 2.5, 0)))
    parts = [Part("wall", merged(solids), wall.material), Part("window", merged(panes), WINDOW)]
    words = [
        counted(tiers, "step") if tiers > 1 else "one block",
        f"{counted(storeys, 'storey')}",
        f"a {crown} top" if crown != "antenna" else "an antenna",
    ]
    return Built(parts, sentence(f"{wall.words} skyscraper", words))
