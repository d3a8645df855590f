"""Bicycles: wheels with spokes, a frame of tubes, bars, a saddle and what riders add; front to +z."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import a, sentence
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.materials import DARK, RUBBER, SILVER
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.curves import rectangle, smooth_curve
from anaglyph.geometry.solid import Solid, merged, repeated
from anaglyph.geometry.solids import box, cylinder, rod, rods, torus
from anaglyph.geometry.sweep import lathe, tube

Points = NDArray[np.float64]


def vector(x: float, y: float, z: float) -> Points:
    """(3,) to calculate with."""
    return np.array([x, y, z], dtype=np.float64)


def _wheel(draws: Draws, radius: float, tyre: float) -> tuple[Solid, Solid]:
    """Tyre, and rim with spokes and hub, about the x axis at the origin."""
    count = draws.whole("spokes", 10, 24)
    turns = 2 * np.pi * np.arange(count) / count
    rim = np.stack([0 * turns, np.cos(turns), np.sin(turns)], axis=1) * 0.93 * radius
    hub = np.stack(
        [0.03 * (-1.0) ** np.arange(count), 0.02 * np.cos(turns + 1.2), 0.02 * np.sin(turns + 1.2)], axis=1
    )
    metal = [rods(hub, rim, 0.0022, sides=4), cylinder(0.022, 0.09, segments=12).turned("z", np.pi / 2)]
    metal.append(torus(0.93 * radius, 0.012, segments=30, sides=5).turned("z", np.pi / 2))
    return torus(radius - tyre, tyre, segments=32, sides=7).turned("z", np.pi / 2), merged(metal)


def _bars(draws: Draws, head: Points) -> tuple[Solid, Solid, str]:
    """Handlebar and grips above the head tube."""
    style = draws.choice("handlebar", "flat", "drop", "swept", "high")
    half, rise = draws.number("bar_width", 0.22, 0.33), draws.number("stem_height", 0.04, 0.14)
    centre = head + vector(0, rise, 0.03)
    shapes = {
        "flat": [(0.4, 0.0, 0.0), (1.0, 0.01, -0.03)],
        "drop": [(0.8, 0.0, 0.0), (0.85, 0.0, 0.09), (0.88, -0.08, 0.12), (0.9, -0.13, 0.02)],
        "swept": [(0.4, 0.05, 0.02), (0.95, 0.06, -0.08), (1.0, 0.05, -0.2)],
        "high": [(0.35, 0.02, 0.0), (0.6, 0.22, 0.0), (1.0, 0.24, -0.08)],
    }[style]
    right = smooth_curve([(0.0, 0.0, 0.0), *[(half * x, y, z) for x, y, z in shapes]], steps=4)
    line = np.concatenate([right[::-1] * [-1, 1, 1], right[1:]]) + centre
    grips = [tube(end, 0.017, sides=8) for end in (line[:4], line[-4:])]
    stem = rod(head - vector(0, 0.02, 0), centre, 0.014)
    return merged([tube(line, 0.012, sides=8, up=(0, 0, 1)), stem]), merged(grips), a(f"{style} handlebar")


@dataclass(frozen=True, eq=False)
class _Points:
    """Where the tubes of a frame meet, (3,) each."""

    rear: Points
    front: Points
    crank: Points
    seat: Points
    head: Points
    lower: Points
    """Foot of the head tube."""


def _measured(draws: Draws, radius: float) -> _Points:
    base, tall = draws.number("wheelbase", 0.95, 1.15), draws.number("frame_height", 0.42, 0.6)
    lean, rise = np.sin(draws.number("head_angle", 0.24, 0.4)), 0.33 + 0.3 * tall
    front, crank = vector(0, radius, base / 2), vector(0, 0.88 * radius, -0.06 * base)
    head = front + vector(0, rise, -lean * rise)
    return _Points(
        rear=vector(0, radius, -base / 2),
        front=front,
        crank=crank,
        seat=crank + vector(0, tall, -0.32 * tall),
        head=head,
        lower=head - vector(0, 0.13, -0.13 * lean),
    )


def _frame(draws: Draws, at: _Points) -> tuple[Solid, str]:
    """All tubes of a frame and its fork."""
    pipe = draws.number("tube_radius", 0.014, 0.026)
    style = draws.choice("frame", "diamond", "diamond", "step-through", "sloping", "curved")
    tubes = [
        rod(at.crank, at.lower, 1.2 * pipe),
        rod(at.crank, at.seat, pipe),
        rod(at.head, at.lower, 1.3 * pipe),
    ]
    post = at.seat - at.crank
    if style == "diamond":
        tubes.append(rod(at.seat - vector(0, 0.05, -0.016), at.head - vector(0, 0.03, 0), pipe))
    elif style == "sloping":
        tubes.append(rod(at.crank + 0.62 * post, at.head - vector(0, 0.03, 0), pipe))
    elif style == "step-through":
        tubes.append(rod(at.crank + 0.35 * post, at.lower + vector(0, 0.06, -0.01), pipe))
    else:
        middle = (at.crank + at.lower) / 2 + vector(0, 0.1, -0.08)
        path = [at.crank + 0.45 * post, middle, at.head - vector(0, 0.04, 0)]
        tubes.append(tube(smooth_curve(path, steps=5), pipe))
    side = np.array([[-0.05, 0, 0], [0.05, 0, 0]])
    tubes.append(rods(at.crank + 0.4 * side, at.rear + side, 0.6 * pipe))
    tubes.append(rods(at.seat - vector(0, 0.06, 0) + 0.3 * side, at.rear + side, 0.5 * pipe))
    tubes.append(rods(at.lower + 0.8 * side, at.front + side, 0.7 * pipe))
    return merged(tubes), f"{a(style)} frame"


def _drive(draws: Draws, at: _Points) -> Solid:
    """Chain wheel, sprocket, chain, cranks and pedals."""
    ring, turn = draws.number("chainring", 0.07, 0.1), draws.number("crank_angle", 0.0, 3.14)
    beside = vector(0.05, 0, 0)
    solids = [
        cylinder(ring, 0.006, segments=20).turned("z", np.pi / 2).moved(*(at.crank + beside)),
        cylinder(0.035, 0.012, segments=14).turned("z", np.pi / 2).moved(*(at.rear + beside)),
    ]
    for s in (-1, 1):
        foot = at.crank + vector(s * 0.08, s * 0.17 * np.cos(turn), s * 0.17 * np.sin(turn))
        solids.append(rod(at.crank + vector(s * 0.06, 0, 0), foot, 0.009, sides=6))
        solids.append(box(0.09, 0.02, 0.06).moved(*(foot + vector(s * 0.05, 0, 0))))
        chain = (at.crank + beside + vector(0, s * ring, 0), at.rear + beside + vector(0, s * 0.035, 0))
        solids.append(rod(*chain, 0.004, sides=4))
    return merged(solids)


def _saddle(draws: Draws, at: _Points) -> Solid:
    place = at.seat + vector(0, draws.number("saddle_height", 0.06, 0.2), -0.05)
    wide = draws.number("saddle_width", 0.7, 1.3)
    profile = [(0.02, -0.14), (0.03, -0.05), (0.075, 0.06), (0.08, 0.11), (0.05, 0.14)]
    pad = lathe(profile, segments=14).turned("x", -np.pi / 2).scaled(wide, 0.35, 1.0)
    return merged([pad.moved(*place), rod(at.seat, place, 0.012)])


def bicycle(draws: Draws) -> Built:
    """Road, city, step-through and mountain bicycles."""
    radius, thick = draws.number("wheel_radius", 0.27, 0.36), draws.number("tyre", 0.012, 0.03)
    at, paint = _measured(draws, radius), draws.finish("material", "paint", "metal")
    frame, frame_words = _frame(draws, at)
    tyre, rim = _wheel(draws, radius, thick)
    bar, grips, bar_words = _bars(draws, at.head)
    parts = [
        Part("frame", frame, paint.material),
        Part("tyre", repeated(tyre, [at.rear, at.front]), RUBBER),
        Part("rim", repeated(rim, [at.rear, at.front]), SILVER),
        Part("handlebar", bar, SILVER),
        Part("grip", grips, RUBBER),
        Part("saddle", _saddle(draws, at), DARK),
        Part("drive", _drive(draws, at), SILVER),
    ]
    extras = _extras(draws, at, radius)
    parts += [Part(name, solid, paint.material if name == "mudguards" else DARK) for name, solid in extras]
    words = [name if name.endswith("s") else a(name) for name, _ in extras]
    return Built(parts, sentence(f"{paint.words} bicycle", [frame_words, bar_words, *words]))


def _extras(draws: Draws, at: _Points, radius: float) -> list[tuple[str, Solid]]:
    """Mudguards, a carrier, a basket."""
    found = []
    if draws.chance("mudguards", 0.4):
        angles = np.linspace(0.3, 2.9, 12)
        arc = np.stack([0 * angles, np.sin(angles), np.cos(angles)], axis=1) * (radius + 0.025)
        guard = tube(arc, outline=rectangle(0.1, 0.008))
        found.append(("mudguards", repeated(guard, [at.rear, at.front])))
    if draws.chance("carrier", 0.4):
        top, length = radius + 0.06, draws.number("carrier_length", 0.25, 0.45)
        starts = at.rear + np.array([[-0.05, top, 0.1], [0.0, top, 0.1], [0.05, top, 0.1]])
        feet = at.rear + np.array([[-0.05, 0, 0], [0.05, 0, 0]])
        bars = [rods(starts, starts - vector(0, 0, length), 0.006, sides=6)]
        bars.append(rods(feet, feet + vector(0, top, -0.12), 0.005, sides=6))
        bars.append(box(0.12, 0.01, 0.02).moved(*(at.rear + vector(0, top, 0.1 - length))))
        found.append(("carrier", merged(bars)))
    if draws.chance("basket", 0.35):
        size = draws.number("basket_size", 0.22, 0.34)
        wall = [(0.0, 0.0), (0.42, 0.0), (0.5, 0.6), (0.48, 0.6), (0.4, 0.02), (0.0, 0.02)]
        place = at.head + vector(0, -0.05, 0.12 + 0.4 * size)
        found.append(("basket", lathe(np.array(wall) * size, segments=16).moved(*place)))
    return found
