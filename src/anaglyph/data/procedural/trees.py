"""Trees: broadleaved ones, conifers, palms, poplars, bare and clipped ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import counted, sentence
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.plants import BARK, BIRCH, leaf, lifted_turn, lump
from anaglyph.data.procedural.turned import faceted
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.curves import smooth_curve
from anaglyph.geometry.mesh import Material
from anaglyph.geometry.solid import Solid, merged, placed, repeated
from anaglyph.geometry.solids import box, cylinder, rod, rods, sphere
from anaglyph.geometry.sweep import lathe, tube

Points = NDArray[np.float64]


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


@dataclass(frozen=True)
class _Tree:
    """Lengths of one tree in metres, and its looks."""

    height: float
    thick: float
    """Radius of the trunk."""
    wide: float
    """Reach of the crown."""
    leaf: Material
    bark: Material


_Grown = tuple[list[Part], str, list[str]]
"""Parts, name and words of a tree."""


def _conifer(draws: Draws, size: _Tree) -> _Grown:
    tiers, edge = draws.whole("tiers", 3, 8), draws.whole("points", 7, 14)
    start, overlap = draws.number("crown_start", 0.08, 0.25) * size.height, draws.number("overlap", 1.3, 2.2)
    step, rough = (size.height - start) / tiers, draws.number("raggedness", 0.02, 0.14)
    thin, cones = draws.number("pointedness", 0.7, 0.92), []
    for i in range(tiers):
        radius, low = size.wide * (1 - thin * i / tiers), start + i * step
        high = min(low + overlap * step, size.height * 1.02)
        profile = [(0.0, low + 0.12 * step), (radius, low), (0.45 * radius, (low + high) / 2), (0.0, high)]
        cones.append(faceted(lathe(profile, segments=2 * edge), edge, rough).turned("y", 1.1 * i))
    trunk = rod((0, 0, 0), (0, 0.9 * size.height, 0), size.thick, tip=0.3 * size.thick, sides=10)
    parts = [Part("trunk", trunk, size.bark), Part("crown", merged(cones), size.leaf)]
    return parts, "conifer", [f"{counted(tiers, 'tier')} of branches"]


def _palm(draws: Draws, size: _Tree) -> _Grown:
    trunk, line = _trunk(draws, 0.9 * size.height, size.thick)
    ring = cylinder(1.15 * size.thick, 0.03 * size.height, top=0.85 * size.thick, segments=9)
    scars = repeated(ring, line[1:-1])
    count, generator = draws.whole("fronds", 6, 14), draws.generator("fronds")
    reach = draws.number("frond_length", 0.3, 0.5) * size.height
    blade = leaf(
        reach,
        draws.number("frond_width", 0.16, 0.3) * reach,
        fold=-0.5,
        droop=draws.number("droop", 0.2, 1.0),
    )
    yaws = 2 * np.pi * np.arange(count) / count + generator.uniform(-0.2, 0.2, count)
    turns = np.stack([lifted_turn(yaw, generator.uniform(-0.1, 0.6)) for yaw in yaws])
    crown = placed(
        blade, turns * generator.uniform(0.8, 1.1, count)[:, None, None], np.tile(line[-1], (count, 1))
    )
    parts = [Part("trunk", merged([trunk, scars]), size.bark), Part("crown", crown, size.leaf)]
    return parts, "palm tree", [counted(count, "frond")]


def _poplar(draws: Draws, size: _Tree) -> _Grown:
    stretch, start = (
        draws.number("slenderness", 2.0, 4.0),
        draws.number("crown_start", 0.12, 0.35) * size.height,
    )
    trunk, line = _trunk(draws, start + 0.5 * size.wide, size.thick)
    generator, rough = draws.generator("crown"), draws.number("roughness", 0.1, 0.5)
    half, count = stretch * size.wide / 2, draws.whole("clumps", 1, 3)
    balls = []
    for i in range(count):
        share = 1 - 0.22 * i
        ball = lump(0.5 * size.wide * share, generator, roughness=rough).scaled(y=stretch)
        balls.append(ball.moved(line[-1, 0], start + half * share + 0.55 * half * i, line[-1, 2]))
    parts = [Part("trunk", trunk, size.bark), Part("crown", merged(balls), size.leaf, tile=0.8)]
    return parts, "poplar", ["a tall narrow crown"]


def _clipped(draws: Draws, size: _Tree) -> _Grown:
    trunk, line = _trunk(draws, draws.number("stem", 0.3, 0.65) * size.height, size.thick)
    shape, wide = draws.choice("clip", "ball", "cube", "cone", "two balls"), size.wide
    tall = draws.number("clip_height", 0.8, 1.4)
    solids = {
        "ball": [sphere(0.8 * wide, segments=18, rings=12).scaled(y=tall)],
        "cube": [box(1.4 * wide, 1.4 * wide * tall, 1.4 * wide, chamfer=0.08 * wide)],
        "cone": [
            cylinder(0.9 * wide, 2.2 * wide * tall, top=0.02, segments=24, at=(0, 0.6 * wide * tall, 0))
        ],
        "two balls": [
            sphere(0.75 * wide, segments=18, rings=12),
            sphere(0.5 * wide * tall, at=(0, 1.2 * wide, 0)),
        ],
    }[shape]
    parts = [
        Part("trunk", trunk, size.bark),
        Part("crown", merged(solids).moved(*line[-1]), size.leaf, tile=0.5),
    ]
    return parts, "clipped tree", [f"a crown like {shape if shape == 'two balls' else 'a ' + shape}"]


def _branched(draws: Draws, size: _Tree) -> tuple[list[Part], Points, Points]:
    """Trunk and branches, the tips of the branches (N, 3) and the top of the trunk."""
    trunk, line = _trunk(draws, draws.number("trunk_height", 0.55, 0.78) * size.height, size.thick)
    branches, tips = _branches(
        draws, line, 1.2 * size.wide, size.thick, draws.number("branch_start", 0.35, 0.65)
    )
    return [Part("trunk", trunk, size.bark), Part("branch", branches, size.bark)], tips, line[-1]


def _bare(draws: Draws, size: _Tree) -> _Grown:
    parts, tips, _ = _branched(draws, size)
    each, generator = draws.whole("twigs", 2, 5), draws.generator("crown")
    spread = generator.normal(scale=0.3 * size.wide, size=(len(tips), each, 3)) * [1, 0.6, 1]
    starts = np.repeat(tips, each, axis=0)
    ends = starts + spread.reshape(-1, 3) + np.array([0, 0.35 * size.wide, 0])
    parts.append(
        Part("twig", rods(starts, ends, 0.11 * size.thick, tip=0.03 * size.thick, sides=5), size.bark)
    )
    return parts, "bare tree", [counted(len(tips), "branch", plural="branches")]


def _broadleaved(draws: Draws, size: _Tree) -> _Grown:
    parts, tips, top = _branched(draws, size)
    clump, squash = draws.number("clump", 0.4, 0.8) * size.wide, draws.number("clump_height", 0.55, 1.1)
    rough, generator = draws.number("roughness", 0.1, 0.5), draws.generator("crown")
    spots = [*tips, top + np.array([0, 0.1 * size.wide, 0])]
    balls = [
        lump(clump * generator.uniform(0.7, 1.2), generator, roughness=rough).scaled(y=squash).moved(*spot)
        for spot in spots
    ]
    parts.append(Part("crown", merged(balls), size.leaf, tile=0.8))
    crown = "a spreading crown" if size.wide > 0.29 * size.height else "a compact crown"
    return parts, "broadleaved tree", [crown, counted(len(tips), "branch", plural="branches")]


_KINDS: Mapping[str, Callable[[Draws, _Tree], _Grown]] = {
    "broadleaved": _broadleaved,
    "conifer": _conifer,
    "palm": _palm,
    "poplar": _poplar,
    "bare": _bare,
    "clipped": _clipped,
}


def tree(draws: Draws) -> Built:
    """One of six kinds."""
    kind = draws.choice("kind", "broadleaved", "broadleaved", "conifer", *_KINDS)
    height, green = draws.number("height", 3.0, 9.0), draws.finish("leaf_material", "leaf")
    size = _Tree(
        height=height,
        thick=height * draws.number("trunk_thickness", 0.02, 0.045),
        wide=height * draws.number("crown_width", 0.2, 0.36),
        leaf=green.material,
        bark=BIRCH if draws.chance("birch", 0.15) else BARK,
    )
    parts, name, words = _KINDS[kind](draws, size)
    return Built(parts, sentence(name if kind == "bare" else f"{green.words} {name}", words))
