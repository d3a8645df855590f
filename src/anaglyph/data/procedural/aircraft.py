"""Aeroplanes: airliners, propeller planes, biplanes, fighters and gliders. Nose towards +z."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import counted, sentence
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.materials import DARK, RUBBER, SILVER, WINDOW, Finish
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.curves import smooth_curve
from anaglyph.geometry.solid import Solid, around, merged, repeated
from anaglyph.geometry.solids import box, cylinder, rod, rods, sphere, torus
from anaglyph.geometry.sweep import lathe, loft

Points = NDArray[np.float64]


def half_wing(root: float, tip: float, reach: float, *, sweep: float, rise: float, thickness: float) -> Solid:
    """From x = 0 to `reach`: chords along z, the tip `sweep` behind and `rise` above the root."""
    share = (1 - np.cos(np.linspace(0.0, np.pi, 9))) / 2
    bulge = thickness * 2.6 * (np.sqrt(share + 1e-4) * (1 - share)) + 0.004
    ring = np.concatenate(
        [np.stack([0.5 - share, 0.62 * bulge], axis=1), np.stack([0.5 - share, -0.38 * bulge], axis=1)[::-1]]
    )
    sections = []
    for along in (0.0, 0.55, 0.97, 1.0):
        chord = (root + (tip - root) * along) * (0.6 if along == 1.0 else 1.0)
        z, y = (
            chord * ring[:, 0] - sweep * along,
            chord * ring[:, 1] * (0.5 if along == 1.0 else 1.0) + rise * along,
        )
        sections.append(np.stack([np.full(len(z), along * reach), y, z], axis=1))
    return loft(sections)


def both(solid: Solid) -> Solid:
    """With its mirror image on the other side of x = 0."""
    return merged([solid, solid.mirrored("x")])


def _propeller(radius: float, blades: int) -> Solid:
    """About the z axis, at z = 0."""
    blade = box(0.14 * radius, radius, 0.02 * radius, at=(0, 0.5 * radius, 0)).turned("y", 0.5)
    hub = lathe(
        smooth_curve([(0.14, -0.1), (0.13, 0.05), (0.0, 0.28)], steps=4).clip([0.0, -9], None) * radius,
        segments=14,
    )
    return merged(
        [around(blade.turned("x", np.pi / 2), blades).turned("x", np.pi / 2), hub.turned("x", np.pi / 2)]
    )


def _fuselage(kind: str, length: float, radius: float, nose: float, lift: float) -> Solid:
    """Round body along z, its tail lifted by `lift`."""
    tail = {"glider": 0.12, "fighter": 0.75, "biplane": 0.2}.get(kind, 0.14)
    points = [
        (0.02, 1.0),
        (0.5, 1.0 - 0.25 * nose),
        (0.86, 1.0 - 0.7 * nose),
        (1.0, 1.0 - 1.5 * nose),
        (1.0, 0.45),
        (0.72 if kind != "fighter" else 0.95, 0.2),
        (tail, 0.0),
    ]
    curve = smooth_curve(points, steps=4)
    curve[:, 0] = np.clip(curve[:, 0], 0.02, 1.02)
    body = lathe(curve[::-1] * [radius, length] - [0, length / 2], segments=22).turned("x", np.pi / 2)

    def raise_tail(points: Points) -> Points:
        behind = np.clip(-points[:, 2] / length - 0.05, 0, 1)
        return np.column_stack([points[:, 0], points[:, 1] + lift * 4 * behind**2, points[:, 2]])

    return body.mapped(raise_tail)


def _tail(
    draws: Draws, length: float, radius: float, size: float, lift: float, paint: Finish
) -> tuple[list[Part], str]:
    style = draws.choice("tail", "low", "low", "T", "cross", "twin", "V")
    high, sweep = draws.number("fin_height", 0.75, 1.2) * size, draws.number("fin_sweep", 0.1, 0.8) * size
    fin = half_wing(0.95 * size, 0.5 * size, high, sweep=sweep, rise=0.0, thickness=0.1).turned(
        "z", np.pi / 2
    )
    plane = half_wing(
        0.75 * size,
        0.42 * size,
        draws.number("tail_span", 0.8, 1.25) * size,
        sweep=0.45 * sweep + 0.1 * size,
        rise=0.04 * size,
        thickness=0.09,
    )
    z, y = -length / 2 + 0.6 * size, 0.4 * radius + 0.8 * lift
    if style == "V":
        slanted = half_wing(
            0.85 * size, 0.45 * size, 1.1 * high, sweep=sweep, rise=0.0, thickness=0.1
        ).turned("z", 0.75)
        return [Part("tail", both(slanted).moved(y=y, z=z), paint.material)], "a V tail"
    if style == "twin":
        fins = both(fin.scaled(1, 0.8, 0.8).moved(x=0.65 * size))
        return [
            Part("tail", both(plane).moved(y=y, z=z), paint.material),
            Part("fin", fins.moved(y=y, z=z), paint.material),
        ], "twin fins"
    place = {"low": 0.0, "cross": 0.45, "T": 0.97}[style]
    tail = both(plane).moved(y=y + place * high, z=z - place * sweep)
    return [
        Part("fin", fin.moved(y=y, z=z), paint.material),
        Part("tail", tail, paint.material),
    ], f"a {style} tail" if style != "low" else "a low tail"


def _gear(x: float, z: float, nose: float, y: float, radius: float) -> Part:
    """Three wheels under the belly; y is where the struts start."""
    spots = [(-x, z), (x, z), (0.0, nose)]
    wheel = torus(0.66 * radius, 0.33 * radius, segments=14, sides=6).turned("z", np.pi / 2)
    struts = rods(
        [(x, y, z) for x, z in spots], [(x, y - 3.2 * radius, z) for x, z in spots], 0.2 * radius, sides=6
    )
    return Part(
        "landing gear",
        merged([repeated(wheel, [(x, y - 3.2 * radius, z) for x, z in spots]), struts]),
        RUBBER,
    )


@dataclass(frozen=True)
class _Kind:
    """Proportions of a kind of aeroplane; ranges are multiples of the length."""

    name: str
    size: float
    """Of its length, as a share of an airliner's."""
    girth: float
    """Radius of the fuselage."""
    span: tuple[float, float]
    chord: float
    """Of the wing at its root, as a multiple of the usual one."""
    taper: tuple[float, float]
    """Offset and factor that turn the drawn taper into this kind's."""
    sweep: float
    """Added to the drawn sweep."""


_KINDS: Mapping[str, _Kind] = {
    "airliner": _Kind("airliner", 1.0, 0.055, (0.85, 1.1), 1.0, (0.1, 0.4), 0.14),
    "propeller": _Kind("propeller plane", 0.25, 0.085, (1.15, 1.5), 1.0, (0.0, 1.0), 0.0),
    "biplane": _Kind("biplane", 0.22, 0.085, (1.0, 1.3), 1.0, (0.0, 1.0), 0.0),
    "fighter": _Kind("fighter jet", 0.45, 0.06, (0.55, 0.8), 2.1, (0.0, 0.3), 0.24),
    "glider": _Kind("glider", 0.23, 0.045, (1.9, 2.5), 0.5, (0.0, 1.0), 0.0),
}
_WINGS = {"low": "low wings", "high": "high wings", "middle": "mid wings", "double": "two pairs of wings"}


@dataclass(frozen=True)
class _Plane:
    """Lengths of one aeroplane in metres."""

    kind: str
    length: float
    radius: float
    span: float
    y: float
    """Height of the (lower) wing's root."""
    z: float
    """Place of the wing along the fuselage."""
    sweep: float
    rise: float


def aeroplane(draws: Draws) -> Built:
    """One of five kinds, with its own wings, tail, engines, windows and gear."""
    name = draws.choice("kind", "airliner", "airliner", "propeller", "biplane", "fighter", "glider")
    kind = _KINDS[name]
    length = draws.number("length", 28.0, 42.0) * kind.size
    radius = length * kind.girth * draws.number("girth", 0.85, 1.2)
    span, root = (
        length * draws.number("span", *kind.span),
        length * draws.number("chord", 0.16, 0.24) * kind.chord,
    )
    taper = kind.taper[0] + kind.taper[1] * draws.number("wing_taper", 0.25, 0.9)
    height = "double" if name == "biplane" else draws.choice("wing_height", "low", "high", "middle")
    gap = draws.number("wing_gap", 1.2, 1.7)
    levels = {"low": [-0.6], "middle": [0.0], "high": [0.85], "double": [-0.75, gap]}[height]
    plane = _Plane(
        kind=name,
        length=length,
        radius=radius,
        span=span,
        y=levels[0] * radius,
        z=length * (draws.number("wing_place", -0.02, 0.08) - (0.12 if name == "fighter" else 0.0)),
        sweep=length * (draws.number("wing_sweep", 0.0, 0.08) + kind.sweep),
        rise=draws.number("dihedral", 0.0, 0.09) * span,
    )
    lift, nose = draws.number("tail_lift", 0.1, 0.7) * radius, draws.number("nose", 0.06, 0.15)
    paint, trim = draws.finish("material", "paint", "metal"), draws.finish("trim_material", "paint")
    wing = both(half_wing(root, root * taper, span / 2, sweep=plane.sweep, rise=plane.rise, thickness=0.1))
    wings = merged([wing.moved(y=level * radius, z=plane.z) for level in levels])
    parts = [
        Part("fuselage", _fuselage(name, length, radius, nose, lift), paint.material),
        Part("wing", wings, trim.material),
    ]
    tail, tail_words = _tail(
        draws, length, radius, length * draws.number("tail_size", 0.12, 0.17), lift, trim
    )
    engines, engine_words = _ENGINES[name](draws, plane, trim)
    parts += [*tail, *engines, *_cockpit(name, length, radius)]
    if height == "double":
        feet = np.array(
            [
                (s * k * span, plane.y, plane.z + d * root)
                for s in (-1, 1)
                for k in (0.12, 0.36)
                for d in (-0.2, 0.2)
            ]
        )
        parts.append(
            Part(
                "strut",
                rods(feet, feet + np.array([0, (levels[1] - levels[0]) * radius, 0]), 0.05 * radius),
                SILVER,
            )
        )
    if name in ("propeller", "biplane") or draws.chance("gear_down", 0.5):
        wheel = (0.22 if name == "airliner" else 0.33) * radius
        parts.append(_gear(1.3 * radius, plane.z, 0.36 * length, -0.8 * radius, wheel))
    return Built(parts, sentence(f"{paint.words} {kind.name}", [_WINGS[height], tail_words, engine_words]))


def _cockpit(kind: str, length: float, radius: float) -> list[Part]:
    if kind == "airliner":
        rows = np.linspace(-0.28, 0.33, 22) * length
        pane = box(2.02 * radius, 0.22 * radius, 0.16 * radius)
        parts = [Part("window", repeated(pane, [(0, 0.22 * radius, z) for z in rows]), WINDOW)]
        screen = box(1.3 * radius, 0.25 * radius, 0.5 * radius, at=(0, 0.5 * radius, 0.425 * length))
        return [*parts, Part("window", screen, DARK)]
    if kind == "biplane":
        return [
            Part(
                "cockpit",
                torus(
                    0.4 * radius, 0.12 * radius, segments=18, sides=6, at=(0, 0.95 * radius, -0.06 * length)
                ),
                DARK,
            )
        ]
    place = {"propeller": 0.12, "fighter": 0.25, "glider": 0.3}[kind]
    bubble = sphere(1.0, segments=18, rings=10).scaled(0.72 * radius, 0.8 * radius, 0.11 * length)
    return [Part("canopy", bubble.moved(y=0.72 * radius, z=place * length), WINDOW)]


def _no_engine(draws: Draws, plane: _Plane, paint: Finish) -> tuple[list[Part], str]:
    return [], "no engine"


def _fighter_engines(draws: Draws, plane: _Plane, paint: Finish) -> tuple[list[Part], str]:
    """Nozzles at the tail and intakes at the sides."""
    count, radius, length = draws.whole("engines", 1, 2), plane.radius, plane.length
    profile = np.array([(0.55, 0.0), (0.6, 0.6), (0.5, 0.6), (0.45, 0.0)]) * radius * 1.6 / count
    nozzle = lathe(profile, segments=18, ring=True).turned("x", -np.pi / 2)
    xs = (np.arange(count) - (count - 1) / 2) * 0.9 * radius
    high = draws.number("intake_height", 0.6, 1.1) * radius
    intake = box(0.5 * radius, high, 0.3 * length, at=(1.05 * radius, -0.1 * radius, 0.02 * length))
    parts = [Part("engine", repeated(nozzle, [(x, 0.1 * radius, -0.48 * length) for x in xs]), DARK)]
    return [*parts, Part("intake", both(intake), paint.material)], counted(count, "jet engine")


def _propellers(draws: Draws, plane: _Plane, paint: Finish) -> tuple[list[Part], str]:
    """One at the nose, or one on each wing."""
    blades, reach = draws.whole("blades", 2, 5), draws.number("propeller", 1.2, 1.7) * plane.radius
    if plane.kind == "biplane" or not draws.chance("twin_engines", 0.35):
        screw = _propeller(reach, blades).moved(z=0.5 * plane.length)
        return [Part("propeller", screw, DARK)], f"a propeller of {counted(blades, 'blade')}"
    pod = cylinder(0.45 * plane.radius, 1.9 * plane.radius, top=0.36 * plane.radius, segments=16)
    x, y = 0.22 * plane.span, plane.y + 0.44 * plane.rise
    z = plane.z - 0.44 * plane.sweep + plane.radius
    screw = _propeller(0.8 * reach, blades).moved(x, y, z + plane.radius)
    pods = both(pod.turned("x", np.pi / 2).moved(x, y, z))
    return [Part("engine", pods, paint.material), Part("propeller", both(screw), DARK)], "two propellers"


def _jets(draws: Draws, plane: _Plane, paint: Finish) -> tuple[list[Part], str]:
    """Two or four under the wings, or two at the tail."""
    size = draws.number("engine_size", 0.42, 0.62) * plane.radius
    outer = smooth_curve([(0.78, 0.0), (1.0, 0.9), (1.05, 2.2), (0.95, 3.0)], steps=3)
    inner = np.array([(0.8, 2.9), (0.6, 1.8), (0.0, 1.8)])
    pod = lathe(np.concatenate([[(0.0, 0.0)], outer, inner]) * size, segments=20)
    pod = pod.turned("x", np.pi / 2).moved(z=-1.5 * size)
    if draws.choice("engine_place", "wing", "wing", "tail") == "tail":
        x, y, z = plane.radius + 0.9 * size, 0.35 * plane.radius, -0.27 * plane.length
        pylon = box(2 * x, 0.2 * size, 1.6 * size, at=(0, y, z))
        parts = [
            Part("engine", both(pod.moved(x, y, z)), paint.material),
            Part("pylon", pylon, paint.material),
        ]
        return parts, "two engines at the tail"
    shares = (0.3,) if draws.chance("two_engines", 0.65) else (0.27, 0.52)
    pods, arms = [], []
    for share in shares:
        y, z = plane.y + share * plane.rise - 1.25 * size, plane.z - share * plane.sweep + 1.6 * size
        at = np.array([0.55 * share * plane.span, y, z + 0.05 * plane.length])
        pods.append(both(pod.moved(*at)))
        foot, top = at + np.array([0, 0.7 * size, 0]), at + np.array([0, 1.4 * size, -1.8 * size])
        arms.append(both(rod(foot, top, 0.16 * size)))
    parts = [Part("engine", merged(pods), paint.material), Part("pylon", merged(arms), paint.material)]
    return parts, f"{counted(2 * len(shares), 'engine')} under the wings"


_ENGINES: Mapping[str, Callable[[Draws, _Plane, Finish], tuple[list[Part], str]]] = {
    "airliner": _jets,
    "propeller": _propellers,
    "biplane": _propellers,
    "fighter": _fighter_engines,
    "glider": _no_engine,
}
