"""Trees and potted plants: trunks, branches, crowns, leaves and pots."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import counted, sentence
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.materials import LEAVES, PAINTS, SOIL, plain
from anaglyph.data.procedural.turned import faceted, vessel
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.curves import smooth_curve
from anaglyph.geometry.solid import Solid, merged, placed, rotation
from anaglyph.geometry.solids import cylinder, rod, sphere
from anaglyph.geometry.sweep import lathe, loft, tube

Points = NDArray[np.float64]
_BARK = plain("bark", (0.36, 0.26, 0.19))
_BIRCH = plain("birch bark", (0.86, 0.84, 0.80))


def lump(radius: float, generator: np.random.Generator, *, roughness: float) -> Solid:
    """A ball with soft dents and bumps."""
    directions, phases = generator.normal(size=(5, 3)) * 1.6, generator.uniform(0, 2 * np.pi, 5)

    def dent(points: Points) -> Points:
        unit = points / radius
        wave = np.sin(unit @ directions.T + phases).mean(axis=1, keepdims=True)
        return points * (1 + roughness * wave)

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


def _turn(yaw: float, pitch: float) -> Points:
    """Pitch upwards first (about x), then yaw about the upright."""
    return rotation("y", yaw) @ rotation("x", -pitch)


def _trunk(draws: Draws, height: float, thickness: float) -> tuple[Solid, Points]:
    """A leaning trunk and its line (P, 3)."""
    generator = draws.generator("trunk")
    bend = draws.number("bend", 0.0, 0.14) * height
    turn = draws.number("bend_direction", 0.0, 6.28)
    share = np.linspace(0.0, 1.0, 5)
    line = np.stack(
        [
            bend * np.sin(2.2 * share) * np.cos(turn),
            height * share,
            bend * np.sin(2.2 * share) * np.sin(turn),
        ],
        axis=1,
    )
    line[1:] += generator.normal(scale=0.012 * height, size=(4, 3)) * [1, 0, 1]
    line = smooth_curve(line, steps=3)
    radii = thickness * np.interp(np.linspace(0, 1, len(line)), [0, 0.08, 0.3, 1], [1.7, 1.1, 0.9, 0.45])
    return tube(line, radii, sides=9), line


def _branches(
    draws: Draws, line: Points, reach: float, thickness: float, start: float
) -> tuple[Solid, Points]:
    """Branches from the upper trunk and their tips (N, 3)."""
    count, generator = draws.whole("branches", 4, 9), draws.generator("branches")
    rise = draws.number("branch_angle", 0.3, 1.1)
    solids, tips = [], []
    for i in range(count):
        share = start + (0.97 - start) * (i + 0.5) / count
        foot = line[int(share * (len(line) - 1))]
        yaw, long = (
            2.4 * i + generator.uniform(-0.4, 0.4),
            reach * generator.uniform(0.7, 1.1) * (1.15 - 0.5 * share),
        )
        out = np.array([np.cos(yaw) * np.cos(rise), np.sin(rise), np.sin(yaw) * np.cos(rise)])
        tip = foot + long * out
        middle = foot + 0.55 * long * (out - [0, 0.12, 0])
        solids.append(tube([foot, middle, tip], np.array([0.4, 0.28, 0.12]) * thickness, sides=6))
        tips.append(tip)
    return merged(solids), np.array(tips)


def _conifer(draws: Draws, height: float, wide: float) -> tuple[Solid, str]:
    tiers, edge = draws.whole("tiers", 3, 8), draws.whole("points", 7, 14)
    start, overlap = draws.number("crown_start", 0.08, 0.25) * height, draws.number("overlap", 1.3, 2.0)
    step = (height - start) / tiers
    cones = []
    for i in range(tiers):
        radius = wide * (1 - 0.86 * i / tiers)
        low, high = start + i * step, min(start + i * step + overlap * step, height * 1.02)
        profile = [
            (0.0, low + 0.12 * step),
            (radius, low),
            (0.45 * radius, low + 0.5 * (high - low)),
            (0.0, high),
        ]
        cones.append(
            faceted(lathe(profile, segments=2 * edge), edge, draws.number("raggedness", 0.02, 0.14)).turned(
                "y", 1.1 * i
            )
        )
    return merged(cones), f"{counted(tiers, 'tier')} of branches"


def _fronds(draws: Draws, reach: float) -> Solid:
    """A palm's crown around the origin."""
    count, generator = draws.whole("fronds", 7, 14), draws.generator("fronds")
    droop = draws.number("droop", 0.3, 0.9)
    blade = leaf(reach, 0.24 * reach, fold=-0.5, droop=droop)
    yaws = 2 * np.pi * np.arange(count) / count + generator.uniform(-0.2, 0.2, count)
    turns = np.stack([_turn(yaw, generator.uniform(-0.1, 0.6)) for yaw in yaws])
    return placed(blade, turns * generator.uniform(0.8, 1.1, count)[:, None, None], np.zeros((count, 3)))


def tree(draws: Draws) -> Built:
    """Broadleaved trees, conifers, poplars, palms, bare and clipped trees."""
    kind = draws.choice("kind", "broadleaved", "broadleaved", "conifer", "palm", "poplar", "bare", "clipped")
    height = draws.number("height", 3.0, 9.0)
    thick, wide = (
        height * draws.number("trunk_thickness", 0.022, 0.045),
        height * draws.number("crown_width", 0.2, 0.36),
    )
    green, generator = draws.finish("leaf_material", "leaf"), draws.generator("crown")
    bark = _BIRCH if draws.chance("birch", 0.15) else _BARK
    if kind == "conifer":
        crown, words = _conifer(draws, height, wide)
        trunk = rod((0, 0, 0), (0, 0.9 * height, 0), thick, tip=0.3 * thick, sides=10)
        return Built(
            [Part("trunk", trunk, bark), Part("crown", crown, green.material)],
            sentence(f"{green.words} conifer", [words]),
        )
    trunk, line = _trunk(draws, height * (0.9 if kind == "palm" else 0.72), thick)
    parts = [Part("trunk", trunk, bark)]
    if kind == "palm":
        rings = merged(
            [
                cylinder(thick * 1.15, 0.03 * height, top=0.85 * thick, segments=9).moved(*line[i])
                for i in range(1, len(line) - 1)
            ]
        )
        parts += [
            Part("trunk", rings, bark),
            Part("crown", _fronds(draws, 0.42 * height).moved(*line[-1]), green.material),
        ]
        return Built(
            parts,
            sentence(f"{green.words} palm tree", [f"{counted(int(draws.parameters['fronds']), 'frond')}"]),
        )
    if kind == "poplar":
        stretch, start = draws.number("slenderness", 1.6, 2.6), 0.2 * height
        body = (
            lump(0.5 * wide, generator, roughness=0.25)
            .scaled(y=stretch * 1.6)
            .moved(y=start + 0.8 * stretch * wide)
        )
        return Built(
            [*parts, Part("crown", body, green.material)],
            sentence(f"{green.words} poplar", ["a tall narrow crown"]),
        )
    if kind == "clipped":
        shape = draws.choice("clip", "ball", "cube", "cone", "two balls")
        top = line[-1]
        solids = {
            "ball": [sphere(0.8 * wide, segments=18, rings=12)],
            "cube": [cylinder(wide, 1.3 * wide, segments=4)],
            "cone": [cylinder(0.9 * wide, 2.2 * wide, top=0.02, segments=20, at=(0, 0.5 * wide, 0))],
            "two balls": [
                sphere(0.75 * wide, segments=18, rings=12),
                sphere(0.5 * wide, segments=16, rings=10, at=(0, 1.15 * wide, 0)),
            ],
        }[shape]
        crown = merged(solids).moved(*top)
        return Built(
            [*parts, Part("crown", crown, green.material)],
            sentence(
                f"{green.words} clipped tree", [f"a crown like {'a ' if shape != 'two balls' else ''}{shape}"]
            ),
        )
    branches, tips = _branches(draws, line, 1.2 * wide, thick, draws.number("branch_start", 0.35, 0.6))
    parts.append(Part("branch", branches, bark))
    if kind == "bare":
        twigs = []
        for tip in tips:
            ends = tip + generator.normal(scale=0.3 * wide, size=(4, 3)) * [1, 0.6, 1] + [0, 0.35 * wide, 0]
            twigs += [rod(tip, end, 0.11 * thick, tip=0.03 * thick, sides=5) for end in ends]
        return Built(
            [*parts, Part("twig", merged(twigs), bark)],
            sentence("bare tree", [counted(len(tips), "branch", plural="branches")]),
        )
    size = draws.number("clump", 0.4, 0.75) * wide
    squash, rough = draws.number("clump_height", 0.6, 1.0), draws.number("roughness", 0.1, 0.45)
    middle = line[-1] + [0, 0.1 * wide, 0]
    balls = [
        lump(size * generator.uniform(0.75, 1.15), generator, roughness=rough).scaled(y=squash).moved(*spot)
        for spot in (*tips, middle)
    ]
    parts.append(Part("crown", merged(balls), green.material, tile=0.8))
    crown = "spreading" if wide > 0.29 * height else "compact"
    return Built(
        parts,
        sentence(
            f"{green.words} broadleaved tree",
            [f"a {crown} crown", counted(len(tips), "branch", plural="branches")],
        ),
    )


def _pot(draws: Draws, radius: float) -> tuple[list[Part], float, str]:
    """The pot, the height of its soil, its words."""
    shape = draws.choice("pot", "tapered", "round", "straight", "square", "bowl", "footed")
    height = radius * draws.number("pot_height", 1.1, 2.2) * (0.65 if shape == "bowl" else 1.0)
    shares = {
        "tapered": (0.65, 0.76, 0.88, 1.0),
        "round": (0.6, 1.05, 1.08, 0.85),
        "straight": (0.95, 0.97, 0.98, 1.0),
        "square": (0.75, 0.83, 0.92, 1.0),
        "bowl": (0.5, 0.85, 0.98, 1.0),
        "footed": (0.55, 0.35, 0.85, 1.0),
    }[shape]
    outline = np.stack([np.array(shares) * radius, np.linspace(0, height, 4)], axis=1)
    curve = outline if shape == "square" else smooth_curve(outline, steps=3)
    segments = 4 if shape == "square" else 28
    glaze = draws.finish("pot_material", "stone", "ceramic", "ceramic", "metal")
    solids = [vessel(curve, 0.08 * radius, segments=segments)]
    if draws.chance("pot_rim", 0.45):
        lip = [
            (0.92 * radius, 0.85 * height),
            (1.1 * radius, 0.85 * height),
            (1.1 * radius, 1.02 * height),
            (0.92 * radius, 1.02 * height),
        ]
        solids.append(lathe(lip, segments=segments, ring=True))
    soil = cylinder(0.93 * radius, 0.06 * height, segments=segments, at=(0, 0.84 * height, 0))
    turn = np.pi / 4 if shape == "square" else 0.0
    parts = [
        Part("pot", merged(solids).turned("y", turn), glaze.material, tile=0.1),
        Part("soil", soil.turned("y", turn), SOIL),
    ]
    return parts, 0.86 * height, f"a {shape} {glaze.words} pot"


def _cactus(draws: Draws, radius: float) -> tuple[Solid, str]:
    ribs, height = draws.whole("ribs", 7, 12), radius * draws.number("plant_height", 1.6, 4.5)
    width, arms = draws.number("cactus_width", 0.35, 0.7) * radius, draws.whole("arms", 0, 3)

    def column(w: float, h: float) -> Solid:
        angle = np.linspace(0, np.pi / 2, 6)
        cap = np.stack([w * np.cos(angle), h - w + w * np.sin(angle)], axis=1).clip(0.0, None)
        return faceted(lathe(np.concatenate([[(0.85 * w, 0.0)], cap]), segments=3 * ribs), ribs, 0.09)

    solids = [column(width, max(height, 1.2 * width))]
    for i in range(arms):
        low, reach, yaw = height * (0.3 + 0.17 * i), 1.5 * width, 2.2 * i + 0.4
        path = smooth_curve(
            [(0, low, 0), (reach, low + 0.1 * width, 0), (reach * 1.15, low + 0.3 * height, 0)], steps=4
        )
        limb = merged(
            [
                tube(path, 0.42 * width, sides=10, up=(0, 0, 1)),
                sphere(0.42 * width, segments=10, rings=6).moved(*path[-1]),
            ]
        )
        solids.append(limb.turned("y", yaw))
    return merged(solids), f"a cactus with {counted(arms, 'arm')}" if arms else "a columnar cactus"


def _foliage(draws: Draws, kind: str, radius: float) -> tuple[list[Part], str]:
    """Leaves on the soil (y = 0)."""
    green, generator = draws.finish("leaf_material", "leaf"), draws.generator("leaves")
    height, count = radius * draws.number("plant_height", 1.6, 4.5), draws.whole("leaves", 9, 28)
    yaws = np.arange(count) * 2.399 + generator.uniform(-0.2, 0.2, count)
    sizes = generator.uniform(0.75, 1.15, count)
    if kind == "rosette":
        blade = leaf(
            height,
            draws.number("leaf_width", 0.08, 0.3) * height,
            fold=0.3,
            droop=draws.number("droop", 0.0, 0.9),
        )
        pitch = np.linspace(0.25, 1.35, count)
        turns = np.stack([_turn(yaw, p) for yaw, p in zip(yaws, pitch, strict=True)]) * sizes[:, None, None]
        return [
            Part("leaf", placed(blade, turns, np.zeros((count, 3))), green.material)
        ], "long arching leaves"
    if kind == "bush":
        balls = [
            lump(0.42 * height * size, generator, roughness=0.35).moved(
                0.5 * radius * np.cos(yaw),
                0.45 * height * (0.7 + 0.5 * generator.random()),
                0.5 * radius * np.sin(yaw),
            )
            for yaw, size in zip(yaws[:5], sizes, strict=False)
        ]
        return [Part("leaf", merged(balls), green.material, tile=0.05)], "a bushy plant"
    stem = 0.03 * radius
    if kind == "tree":
        long = 0.4 * height
        blade = leaf(long, draws.number("leaf_width", 0.25, 0.6) * long, droop=0.4)
        levels = np.linspace(0.45, 1.0, count) * height
        turns = np.stack([_turn(yaw, generator.uniform(-0.1, 0.8)) for yaw in yaws]) * sizes[:, None, None]
        places = np.stack([np.zeros(count), levels, np.zeros(count)], axis=1)
        return [
            Part("stem", rod((0, -0.05, 0), (0, height, 0), 2 * stem, sides=8), _BARK),
            Part("leaf", placed(blade, turns, places), green.material),
        ], "leaves around one stem"
    flowers = draws.whole("flowers", 2, 7)
    petals, colour = (
        draws.whole("petals", 5, 9),
        draws.choice("petal_colour", "red", "yellow", "pink", "purple", "white", "orange"),
    )
    tips = np.stack(
        [
            0.6 * radius * np.cos(yaws[:flowers]),
            height * generator.uniform(0.7, 1.1, flowers),
            0.6 * radius * np.sin(yaws[:flowers]),
        ],
        axis=1,
    )
    stems = merged([rod((0.2 * x, -0.02, 0.2 * z), (x, y, z), stem, sides=6) for x, y, z in tips])
    size = draws.number("flower_size", 0.25, 0.45) * radius
    petal = sphere(0.5 * size, segments=8, rings=4).scaled(0.5, 0.25, 1.0).moved(z=0.6 * size)
    head = merged([petal.turned("x", -0.25).turned("y", t) for t in 2 * np.pi * np.arange(petals) / petals])
    heads, hearts = (
        merged([head.moved(*tip) for tip in tips]),
        merged([sphere(0.28 * size, segments=8, rings=6).moved(*tip) for tip in tips]),
    )
    blade = leaf(0.6 * height, 0.16 * height, droop=0.5)
    turns = np.stack([_turn(yaw, 0.5) for yaw in yaws[:7]])
    parts = [
        Part("stem", stems, plain("stem", LEAVES["green"])),
        Part("flower", heads, plain("petal", PAINTS[colour])),
        Part("heart", hearts, plain("heart", PAINTS["yellow"])),
    ]
    return [
        *parts,
        Part("leaf", placed(blade, turns, np.zeros((7, 3))), green.material),
    ], f"{counted(flowers, colour + ' flower')}"


def potted_plant(draws: Draws) -> Built:
    """A pot with a cactus, a rosette, a bush, a little tree or flowers."""
    radius = draws.number("pot_radius", 0.07, 0.18)
    pot, level, pot_words = _pot(draws, radius)
    kind = draws.choice("plant", "rosette", "cactus", "bush", "tree", "flowers")
    if kind == "cactus":
        solid, words = _cactus(draws, radius)
        above = [Part("plant", solid, plain("cactus", LEAVES["dark green" if radius > 0.12 else "green"]))]
    else:
        above, words = _foliage(draws, kind, radius)
    moved = [Part(part.name, part.solid.moved(y=level), part.material, part.tile) for part in above]
    return Built([*pot, *moved], sentence("potted plant", [words]) + f" in {pot_words}")
