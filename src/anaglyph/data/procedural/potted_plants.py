"""Potted plants: a pot, soil, and a rosette, a cactus, a bush, a little tree or flowers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import counted, sentence
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.materials import LEAVES, PAINTS, SOIL, plain
from anaglyph.data.procedural.plants import BARK, leaf, lifted_turn, lump
from anaglyph.data.procedural.turned import faceted, vessel
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.curves import lifted, smooth_curve
from anaglyph.geometry.mesh import Material
from anaglyph.geometry.solid import around, merged, placed, repeated
from anaglyph.geometry.solids import cylinder, rod, rods, sphere
from anaglyph.geometry.sweep import lathe, tube

Points = NDArray[np.float64]


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


@dataclass(frozen=True, eq=False)
class _Plant:
    """Leaves to be placed: lengths in metres, directions in radians."""

    radius: float
    """Of the pot."""
    height: float
    yaws: NDArray[np.float64]
    """(N,) direction of each leaf, a golden angle apart."""
    sizes: NDArray[np.float64]
    """(N,) share of each leaf."""
    leaf: Material


_Grown = tuple[list[Part], str]


def _rosette(draws: Draws, plant: _Plant) -> _Grown:
    wide, droop = draws.number("leaf_width", 0.06, 0.3) * plant.height, draws.number("droop", 0.0, 1.0)
    blade = leaf(plant.height, wide, fold=0.3, droop=droop)
    pitch = np.linspace(draws.number("lowest", 0.0, 0.6), 1.35, len(plant.yaws))
    turns = np.stack([lifted_turn(yaw, rise) for yaw, rise in zip(plant.yaws, pitch, strict=True)])
    leaves = placed(blade, turns * plant.sizes[:, None, None], np.zeros((len(pitch), 3)))
    return [Part("leaf", leaves, plant.leaf)], "long arching leaves" if droop > 0.5 else "long upright leaves"


def _bush(draws: Draws, plant: _Plant) -> _Grown:
    count, rough, generator = (
        draws.whole("clumps", 3, 8),
        draws.number("roughness", 0.15, 0.5),
        draws.generator("bush"),
    )
    reach, size = (
        draws.number("bush_width", 0.3, 0.8) * plant.radius,
        draws.number("clump", 0.22, 0.4) * plant.height,
    )
    balls = []
    for yaw, share in zip(plant.yaws[:count], plant.sizes[:count], strict=True):
        y = plant.height * generator.uniform(0.25, 0.65)
        ball = lump(size * share, generator, roughness=rough)
        balls.append(ball.moved(reach * float(np.cos(yaw)), y, reach * float(np.sin(yaw))))
    return [Part("leaf", merged(balls), plant.leaf, tile=0.05)], "a bushy plant"


def _little_tree(draws: Draws, plant: _Plant) -> _Grown:
    long = draws.number("leaf_length", 0.25, 0.5) * plant.height
    blade = leaf(long, draws.number("leaf_width", 0.25, 0.7) * long, droop=draws.number("droop", 0.1, 0.8))
    count, generator = len(plant.yaws), draws.generator("leaves")
    turns = np.stack([lifted_turn(yaw, generator.uniform(-0.1, 0.8)) for yaw in plant.yaws])
    levels = np.linspace(draws.number("lowest", 0.2, 0.7), 1.0, count) * plant.height
    leaves = placed(
        blade, turns * plant.sizes[:, None, None], np.stack([0 * levels, levels, 0 * levels], axis=1)
    )
    stem = rod((0, -0.05, 0), (0, plant.height, 0), 0.06 * plant.radius)
    return [Part("stem", stem, BARK), Part("leaf", leaves, plant.leaf)], "leaves around one stem"


def _flowers(draws: Draws, plant: _Plant) -> _Grown:
    count, petals = draws.whole("flowers", 1, 7), draws.whole("petals", 4, 9)
    colour = draws.choice("petal_colour", "red", "yellow", "pink", "purple", "white", "orange")
    yaws, reach = plant.yaws[:count], draws.number("spread", 0.2, 0.8) * plant.radius
    tall = plant.height * draws.generator("flowers").uniform(0.65, 1.1, count)
    tips = np.stack([reach * np.cos(yaws), tall, reach * np.sin(yaws)], axis=1)
    stems = rods(tips * [0.2, 0, 0.2] - [0, 0.02, 0], tips, 0.03 * plant.radius, sides=6)
    size, long = draws.number("flower_size", 0.22, 0.5) * plant.radius, draws.number("petal_width", 0.3, 0.7)
    petal = sphere(0.5 * size, segments=8, rings=4).scaled(long, 0.25, 1.0).moved(z=0.6 * size)
    head = around(petal.turned("x", draws.number("petal_lift", -0.7, 0.2)), petals)
    foliage = leaf(0.6 * plant.height, draws.number("leaf_width", 0.1, 0.25) * plant.height, droop=0.5)
    turns = np.stack([lifted_turn(yaw, 0.5) for yaw in plant.yaws[:7]])
    parts = [
        Part("stem", stems, plain("stem", LEAVES["green"])),
        Part("flower", repeated(head, tips), plain("petal", PAINTS[colour])),
        Part(
            "heart",
            repeated(sphere(0.28 * size, segments=8, rings=6), tips),
            plain("heart", PAINTS["yellow"]),
        ),
        Part("leaf", placed(foliage, turns, np.zeros((len(turns), 3))), plant.leaf),
    ]
    return parts, counted(count, f"{colour} flower")


def _cactus(draws: Draws, plant: _Plant) -> _Grown:
    ribs, arms = draws.whole("ribs", 6, 12), draws.whole("arms", 0, 4)
    width = draws.number("cactus_width", 0.3, 0.75) * plant.radius
    height = max(plant.height, 1.3 * width)
    angle = np.linspace(0, np.pi / 2, 6)
    cap = np.stack([width * np.cos(angle), height - width + width * np.sin(angle)], axis=1).clip(0.0, None)
    solids = [
        faceted(
            lathe([(0.85 * width, 0.0), *cap], segments=3 * ribs), ribs, draws.number("rib_depth", 0.05, 0.14)
        )
    ]
    for i in range(arms):
        low, turn = height * draws.number(f"arm_{i}", 0.25, 0.7), draws.number(f"arm_turn_{i}", 0.0, 6.28)
        out, rise = 1.6 * width, draws.number(f"arm_rise_{i}", 0.12, 0.35) * height
        path = lifted(smooth_curve([(0, low), (0.9 * out, low + 0.1 * width), (out, low + rise)], steps=4))
        limb = tube(path, 0.42 * width, sides=10, up=(0, 0, 1))
        solids.append(
            merged([limb, sphere(0.42 * width, segments=10, rings=6).moved(*path[-1])]).turned("y", turn)
        )
    words = f"a cactus of {counted(arms, 'arm')}" if arms else "a columnar cactus"
    return [Part("plant", merged(solids), plant.leaf, tile=0.1)], words


_KINDS: Mapping[str, Callable[[Draws, _Plant], _Grown]] = {
    "rosette": _rosette,
    "cactus": _cactus,
    "bush": _bush,
    "tree": _little_tree,
    "flowers": _flowers,
}


def potted_plant(draws: Draws) -> Built:
    """A pot with a rosette, a cactus, a bush, a little tree or flowers."""
    radius = draws.number("pot_radius", 0.07, 0.18)
    pot, level, pot_words = _pot(draws, radius)
    kind, count = draws.choice("plant", *_KINDS), draws.whole("leaves", 9, 28)
    generator = draws.generator("leaves")
    plant = _Plant(
        radius=radius,
        height=radius * draws.number("plant_height", 1.6, 4.5),
        yaws=np.arange(count) * 2.399 + generator.uniform(-0.2, 0.2, count),
        sizes=generator.uniform(0.75, 1.15, count),
        leaf=draws.finish("leaf_material", "leaf").material,
    )
    above, words = _KINDS[kind](draws, plant)
    moved = [Part(part.name, part.solid.moved(y=level), part.material, part.tile) for part in above]
    return Built([*pot, *moved], f"{sentence('potted plant', [words])} in {pot_words}")
