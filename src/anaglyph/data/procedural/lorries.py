"""Trucks with loads of five kinds, and their cabs. Front towards +z, the cab's back at z = 0."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import counted, sentence
from anaglyph.data.procedural.coachwork import side_body, wheels
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.materials import DARK, LIGHT, SILVER, WINDOW, Finish, plain
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.curves import smooth_curve
from anaglyph.geometry.solid import merged, repeated
from anaglyph.geometry.solids import box, cylinder, rod, rods, rounded_box, torus
from anaglyph.geometry.sweep import lathe

_LOG = plain("log", (0.5, 0.36, 0.24))
_START = -0.12
"""z where loads begin."""


def _box_load(
    draws: Draws, length: float, width: float, floor: float, paint: Finish
) -> tuple[list[Part], str]:
    height, middle = draws.number("load_height", 1.5, 2.6), _START - length / 2
    parts = [
        Part(
            "cargo", box(width, height, length, at=(0, floor + height / 2, middle)), paint.material, tile=1.5
        )
    ]
    ribs = draws.whole("ribs", 0, 8)
    if ribs:
        places = [(0, floor + height / 2, _START - (i + 0.5) * length / ribs) for i in range(ribs)]
        parts.append(Part("rib", repeated(box(width + 0.06, height + 0.04, 0.08), places), paint.material))
    return parts, "a closed box"


def _tank_load(
    draws: Draws, length: float, width: float, floor: float, paint: Finish
) -> tuple[list[Part], str]:
    oval, middle, lift = draws.number("tank_oval", 0.75, 1.0), _START - length / 2, floor + 0.52 * width
    tank = cylinder(0.48 * width, 0.97 * length, segments=28).turned("x", np.pi / 2).scaled(y=oval)
    band = torus(0.485 * width, 0.03, segments=28, sides=5).turned("x", np.pi / 2).scaled(y=oval)
    places = np.linspace(-0.4, 0.4, draws.whole("bands", 2, 5)) * length
    hatches = [
        (0, 0.5 * width * oval, z * length) for z in np.linspace(-0.25, 0.25, draws.whole("hatches", 1, 3))
    ]
    trim = merged(
        [repeated(band, [(0, 0, z) for z in places]), repeated(cylinder(0.25, 0.2, segments=12), hatches)]
    )
    solids = (("tank", tank, paint.material), ("band", trim, SILVER))
    return [Part(name, solid.moved(y=lift, z=middle), material) for name, solid, material in solids], "a tank"


def _dump_load(
    draws: Draws, length: float, width: float, floor: float, paint: Finish
) -> tuple[list[Part], str]:
    rise, height = draws.number("tip", 0.0, 0.5), draws.number("tray_height", 0.7, 1.3)
    tray = side_body(
        [(0.0, 0.1), (-length, 0.1), (-length - 0.1, 0.9 * height), (0.25, height)], width, bevel=0.05
    )
    heap = [
        (0.1, 0.98 * height),
        (-length, 0.9 * height),
        (-0.75 * length, height),
        (-0.35 * length, 1.25 * height),
    ]
    solids = merged([tray, side_body(heap, 0.85 * width, bevel=0.02)])
    tipped = solids.moved(z=length).turned("x", rise).moved(y=floor, z=_START - length)
    return [Part("tray", tipped, paint.material)], "a tipping tray"


def _mixer_load(
    draws: Draws, length: float, width: float, floor: float, paint: Finish
) -> tuple[list[Part], str]:
    belly, tilt = draws.number("drum_belly", 0.4, 0.6), draws.number("drum_tilt", 0.15, 0.35)
    shares = [(0.25, 0.0), (0.85 * belly, 0.2), (belly, 0.5), (0.85 * belly, 0.75), (0.22, 1.0)]
    drum = lathe(smooth_curve(shares, steps=4) * [width, length], segments=24).turned("x", tilt - np.pi / 2)
    chute = box(0.5 * width, 0.5, 0.4, at=(0, floor + 0.5, _START - length + 0.3))
    parts = [Part("drum", drum.moved(y=floor + 0.45 * width, z=_START - 0.1), paint.material)]
    return [*parts, Part("frame", chute, SILVER)], "a mixing drum"


def _open_load(
    draws: Draws, length: float, width: float, floor: float, paint: Finish
) -> tuple[list[Part], str]:
    high, middle, y = draws.number("side_height", 0.15, 0.7), _START - length / 2, floor
    sides = [box(0.06, high, length, at=(s * (width - 0.06) / 2, y + high / 2, middle)) for s in (-1, 1)]
    sides += [box(width, high, 0.06, at=(0, y + high / 2, middle + s * (length - 0.06) / 2)) for s in (-1, 1)]
    parts = [
        Part("bed", merged([*sides, box(width, 0.08, length, at=(0, y, middle))]), paint.material, tile=1.0)
    ]
    goods, count = draws.choice("goods", "logs", "crates", "none"), draws.whole("goods_count", 2, 5)
    if goods == "none":
        return parts, "an open bed"
    if goods == "crates":
        tall, room = draws.number("crate_height", 0.5, 1.1), length / count
        crate = box(0.7 * width, tall, 0.75 * room)
        places = [(0, y + 0.04 + tall / 2, _START - (i + 0.5) * room) for i in range(count)]
        return [
            *parts,
            Part("crate", repeated(crate, places), _LOG),
        ], f"{counted(count, 'crate')} on an open bed"
    xs, radius = np.linspace(-0.3, 0.3, count) * width, draws.number("log_radius", 0.15, 0.25)
    starts = np.stack([xs, np.full(count, y + 0.06 + radius), np.full(count, _START - 0.2)], axis=1)
    logs = rods(starts, starts - np.array([0, 0, length - 0.4]), radius, sides=10)
    return [*parts, Part("log", logs, _LOG)], f"{counted(count, 'log')} on an open bed"


_Loader = Callable[[Draws, float, float, float, Finish], tuple[list[Part], str]]
_LOADS: Mapping[str, _Loader] = {
    "box": _box_load,
    "tank": _tank_load,
    "dump": _dump_load,
    "mixer": _mixer_load,
    "open": _open_load,
}


def _cab(draws: Draws, width: float, low: float, paint: Finish) -> tuple[list[Part], float, float, str]:
    """Cab and bonnet on a frame at `low`; also z of the front, the height of the roof, and words."""
    tall, nose = draws.number("cab_height", 1.6, 2.3), draws.number("cab_length", 1.4, 2.1)
    bonnet = draws.number("bonnet", 0.8, 1.3) if draws.chance("bonneted", 0.35) else 0.0
    slope, top = draws.number("screen_slope", 0.02, 0.35), low + tall
    side = [
        (0.0, low),
        (nose, low),
        (nose, low + 0.5 * tall),
        (nose - slope, top - 0.06),
        (nose - slope - 0.12, top),
    ]
    parts = [Part("cab", side_body([*side, (0.0, top)], width, bevel=0.07), paint.material)]
    front = nose + bonnet
    if bonnet:
        hood = draws.number("bonnet_height", 0.4, 0.55) * tall
        shape = [(nose, low), (front, low), (front, low + 0.8 * hood), (front - 0.12, low + 0.92 * hood)]
        parts.append(
            Part("bonnet", side_body([*shape, (nose, low + hood)], 0.8 * width, bevel=0.06), paint.material)
        )
    screen = box(0.86 * width, 0.36 * tall, 0.04).turned("x", -np.arctan2(slope, 0.5 * tall))
    panes = [screen.moved(y=low + 0.75 * tall, z=nose - 0.5 * slope + 0.005)]
    panes.append(
        box(width + 0.01, 0.32 * tall, 0.5 * nose, at=(0, low + 0.76 * tall, 0.45 * nose - 0.3 * slope))
    )
    lamp = cylinder(0.12, 0.05, segments=12).turned("x", np.pi / 2)
    lamps = repeated(lamp, [(s * 0.3 * width, low + 0.25, front) for s in (-1, 1)])
    bumper = rounded_box(width, 0.22, 0.18, radius=0.05, at=(0, low + 0.02, front))
    parts += [
        Part("window", merged(panes), WINDOW),
        Part("light", lamps, LIGHT),
        Part("bumper", bumper, DARK),
    ]
    return parts, front, top, "a bonnet" if bonnet else "a flat front"


def _extra(draws: Draws, width: float, low: float, top: float, paint: Finish) -> tuple[list[Part], str]:
    """Exhaust stacks, a roof deflector or beacons."""
    kind = draws.choice("extra", "none", "exhaust stacks", "a roof deflector", "beacons")
    if kind == "exhaust stacks":
        pipes = [
            rod((s * 0.46 * width, low, -0.06), (s * 0.46 * width, top + 0.5, -0.06), 0.07) for s in (-1, 1)
        ]
        return [Part("exhaust", merged(pipes), SILVER)], kind
    if kind == "a roof deflector":
        shape = [(0.05, top), (1.2, top), (0.05, top + draws.number("deflector_height", 0.3, 0.7))]
        return [Part("deflector", side_body(shape, 0.8 * width, bevel=0.03), paint.material)], kind
    if kind == "beacons":
        places = [(s * 0.3 * width, top + 0.08, 0.6) for s in (-1, 1)]
        return [Part("beacon", repeated(cylinder(0.1, 0.16, segments=12), places), LIGHT)], kind
    return [], ""


def truck(draws: Draws) -> Built:
    """A cab, a frame, a load and two to four axles."""
    kind, width = draws.choice("kind", *_LOADS), draws.number("width", 2.1, 2.5)
    length = draws.number("load_length", 3.0, 6.5)
    length = min(length, 5.0) if kind in ("mixer", "dump") else length
    radius, floor = draws.number("wheel_radius", 0.42, 0.55), draws.number("floor", 0.85, 1.1)
    paint = draws.finish("material", "paint")
    cab, front, top, cab_words = _cab(draws, width, floor - 0.35, paint)
    load_paint = draws.finish("load_material", "paint", "metal", "planks")
    load, load_words = _LOADS[kind](draws, length, width, floor, load_paint)
    extra, extra_words = _extra(draws, width, floor - 0.35, top, paint)
    frame = box(0.4 * width, 0.25, length + 1.4, at=(0, floor - 0.16, 0.7 - length / 2))
    rears = draws.whole("rear_axles", 1, 3 if length > 4.5 else 2)
    last = _START - length + draws.number("rear_overhang", 0.9, 1.3) + radius
    axles = [
        front - (0.55 if cab_words == "a flat front" else 0.75),
        *(last + 2.15 * radius * i for i in range(rears)),
    ]
    parts = [
        *cab,
        Part("frame", frame, DARK),
        *load,
        *extra,
        *wheels(draws, radius, 0.32, width, axles, segments=12),
    ]
    words = [load_words, counted(rears + 1, "axle"), cab_words, extra_words]
    return Built(parts, sentence(f"{paint.words} truck", words))
