"""Cars of eight kinds: a body drawn from the side, a cabin on it, wheels and details. Front towards +z."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import a, counted, sentence
from anaglyph.data.procedural.coachwork import narrowed, side_body, wheel, wheels
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.materials import DARK, LIGHT, RUBBER, SILVER, WINDOW, Finish, plain
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.curves import smooth_curve
from anaglyph.geometry.solid import Solid, merged, repeated
from anaglyph.geometry.solids import beam, box, cylinder, rod, rounded_box
from anaglyph.geometry.sweep import extrusion

_TAIL = plain("tail light", (0.78, 0.10, 0.08))


@dataclass(frozen=True)
class _Kind:
    """Proportions of a kind of car."""

    cabin: tuple[float, float, float, float]
    """Rear foot, rear top, front top and front foot, in shares of the length from the rear."""
    deck: float
    """Height of the tail, in shares of the belt line."""
    height: tuple[float, float]
    length: tuple[float, float]
    doors: int = 4
    rugged: bool = False


_KINDS: Mapping[str, _Kind] = {
    "sedan": _Kind((0.14, 0.28, 0.52, 0.68), 0.93, (1.38, 1.52), (4.3, 5.0)),
    "hatchback": _Kind((0.01, 0.12, 0.50, 0.71), 0.98, (1.42, 1.58), (3.6, 4.3)),
    "estate": _Kind((0.01, 0.06, 0.54, 0.70), 0.98, (1.42, 1.55), (4.4, 4.9)),
    "off-road": _Kind((0.01, 0.04, 0.56, 0.68), 1.0, (1.7, 1.95), (4.0, 4.8), rugged=True),
    "coupe": _Kind((0.05, 0.36, 0.50, 0.68), 0.92, (1.22, 1.38), (4.2, 4.7), doors=2),
    "pickup": _Kind((0.42, 0.45, 0.60, 0.72), 0.96, (1.65, 1.9), (4.9, 5.5), doors=2, rugged=True),
    "van": _Kind((0.005, 0.02, 0.74, 0.93), 1.0, (1.85, 2.2), (4.4, 5.3)),
    "convertible": _Kind((0.30, 0.31, 0.56, 0.66), 0.95, (1.2, 1.32), (3.9, 4.6), doors=2),
}


@dataclass(frozen=True)
class _Size:
    """Lengths of one car in metres; heights above the road, z from its middle."""

    kind: str
    length: float
    width: float
    height: float
    floor: float
    belt: float
    deck: float
    nose: float

    @property
    def front(self) -> float:
        """Z of the nose."""
        return self.length / 2


def _measured(draws: Draws, kind: str, radius: float) -> _Size:
    shape = _KINDS[kind]
    height = draws.number("height", *shape.height)
    belt = height * (0.72 if kind == "convertible" else draws.number("belt", 0.56, 0.66))
    return _Size(
        kind=kind,
        length=draws.number("length", *shape.length),
        width=draws.number("width", 1.62, 1.92),
        height=height,
        floor=radius * (0.85 if shape.rugged else 0.6),
        belt=belt,
        deck=belt * shape.deck,
        nose=belt * draws.number("nose_height", 0.62, 0.9),
    )


def _shell(draws: Draws, size: _Size) -> Solid:
    """Everything below the belt line."""
    front, rear, floor = size.front, -size.front, size.floor
    screen = _KINDS[size.kind].cabin[3] * size.length + rear
    hood = size.belt * draws.number("hood_height", 0.84, 0.97)
    outline = [
        (rear + 0.12, floor),
        (front - 0.1, floor),
        (front, floor + 0.14),
        (front, 0.5 * (size.nose + floor) + 0.1),
        (front - 0.08, size.nose),
        (front - 0.3, size.nose + 0.3 * (hood - size.nose)),
        (screen + 0.05, hood),
        (screen - 0.15, size.belt),
        (rear + 0.2 * size.length, size.belt),
        (rear + 0.05, size.deck),
        (rear, 0.75 * size.deck),
        (rear, floor + 0.16),
    ]
    return side_body(outline, size.width, bevel=0.06)


def _open_cabin(size: _Size, feet: tuple[float, ...]) -> tuple[list[Solid], Solid]:
    """Seats and a windscreen."""
    rear, _, top, foot = feet
    outline = [(top, size.height), (foot, size.belt - 0.05), (foot + 0.04, size.belt - 0.05)]
    screen = extrusion([*outline, (top + 0.04, size.height)], 0.8 * size.width).turned("y", -np.pi / 2)
    seat = rounded_box(0.42, 0.55, 0.16, radius=0.05).turned("x", -0.2)
    rows = ((rear + top) / 2, rear + 0.05)
    spots = [(s * 0.22 * size.width, size.belt + 0.05, z) for s in (-1, 1) for z in rows]
    return [repeated(seat, spots)], screen


def _cabin(draws: Draws, size: _Size) -> tuple[list[Solid], Solid]:
    """Body-coloured solids above the belt, and the glass."""
    shift = draws.number("cabin_shift", -0.03, 0.03)
    shares = _KINDS[size.kind].cabin
    feet = tuple((share + shift * (0.05 < share < 0.9)) * size.length - size.front for share in shares)
    if size.kind == "convertible":
        return _open_cabin(size, feet)
    rear, back, top, foot = feet
    low, high, roof = size.belt, size.height, draws.number("roof_thickness", 0.04, 0.08)
    inset = [(rear + 0.05, low - 0.03), (foot - 0.05, low - 0.03), (top, high - roof), (back, high - roof)]
    glass = side_body(inset, 0.93 * size.width, bevel=0.03)
    edge = [(back - 0.05, high - roof), (top + 0.06, high - roof), (top - 0.1, high), (back + 0.12, high)]
    solids = [side_body(smooth_curve(edge, steps=3, closed=True), 0.9 * size.width, bevel=0.03)]
    for start, tip in ((rear + 0.05, back + 0.03), ((rear + foot) / 2 - 0.1, (back + top) / 2)):
        pillar = [
            (start - 0.05, low),
            (start + 0.07, low),
            (tip + 0.06, high - 0.02),
            (tip - 0.04, high - 0.02),
        ]
        solids.append(side_body(pillar, 0.945 * size.width, bevel=0.02))
    if size.kind == "van" and draws.chance("closed_sides", 0.5):
        middle = [((rear + foot) / 2 + 0.1, low - 0.05), ((back + top) / 2 + 0.1, high - 0.02)]
        wall = [(rear + 0.02, low - 0.05), *middle, (back, high - 0.02)]
        solids.append(side_body(wall, 0.95 * size.width, bevel=0.03))
    return solids, glass


def car(draws: Draws) -> Built:
    """Sedans, hatchbacks, estates, off-roaders, coupes, pickups, vans and convertibles."""
    kind = draws.choice("kind", *_KINDS)
    radius = draws.number("wheel_radius", 0.28, 0.35) * (1.2 if _KINDS[kind].rugged else 1.0)
    size = _measured(draws, kind, radius)
    paint = draws.finish("material", "paint", "paint", "metal")
    solids, glass = _cabin(draws, size)
    ends, roof = draws.number("plan_taper", 0.04, 0.12), draws.number("tumblehome", 0.1, 0.24)
    shaped = [
        narrowed(solid, size.length, ends=ends, belt=size.belt, roof=roof, height=size.height)
        for solid in (glass, _shell(draws, size), *solids)
    ]
    parts = [Part("body", merged(shaped[1:]), paint.material), Part("window", shaped[0], WINDOW)]
    front = size.front - draws.number("front_overhang", 0.17, 0.2) * size.length
    axles = (front, draws.number("rear_overhang", 0.17, 0.22) * size.length - size.front)
    arch = cylinder(1.16 * radius, 0.05, segments=24).turned("z", np.pi / 2)
    places = [(s * (size.width / 2 - 0.03), 1.03 * radius, z) for z in axles for s in (-1, 1)]
    parts.append(Part("wheel arch", repeated(arch, places), DARK))
    parts += wheels(draws, radius, 0.21, size.width + 0.03, axles)
    parts += _lights(draws, size)
    words = [counted(_KINDS[kind].doors, "door")]
    for name, chance, kinds, maker in _EXTRAS:
        if kind in kinds and draws.chance(name.replace(" ", "_"), chance):
            parts += maker(draws, size, paint)
            words.append(a(name))
    own_word = ("pickup", "van", "convertible", "coupe")
    return Built(parts, sentence(f"{paint.words} {kind if kind in own_word else kind + ' car'}", words))


def _lights(draws: Draws, size: _Size) -> list[Part]:
    """Lights, bumpers, mirrors and grille."""
    front, side = size.front, 0.3 * size.width
    middle, lamp = 0.5 * (size.nose + size.floor) + 0.08, draws.choice("lights", "round", "wide", "square")
    if lamp == "round":
        one = cylinder(0.1, 0.06, segments=16).turned("x", np.pi / 2)
    else:
        one = rounded_box(0.38, 0.11, 0.06, radius=0.02) if lamp == "wide" else box(0.2, 0.16, 0.06)
    lights = repeated(one, [(s * side, middle + 0.02, front - 0.01) for s in (-1, 1)])
    tails = repeated(
        box(0.2, 0.13, 0.05), [(s * side * 1.05, 0.72 * size.deck, -front - 0.002) for s in (-1, 1)]
    )
    bumper = rounded_box(0.9 * size.width, 0.14, 0.14, radius=0.05)
    bars = draws.whole("grille_bars", 2, 6)
    rows = [(0, middle - 0.08 + 0.036 * i, front + 0.005) for i in range(bars)]
    mirror = rounded_box(0.16, 0.11, 0.08, radius=0.03)
    ears = [(s * (size.width / 2 + 0.03), size.belt + 0.04, 0.13 * size.length) for s in (-1, 1)]
    return [
        Part("light", lights, LIGHT),
        Part("tail light", tails, _TAIL),
        Part("bumper", repeated(bumper, [(0, size.floor + 0.1, s * front) for s in (-1, 1)]), DARK),
        Part("grille", repeated(box(0.3 * size.width, 0.02, 0.03), rows), SILVER),
        Part("mirror", repeated(mirror, ears), DARK),
    ]


def _bed(draws: Draws, size: _Size, paint: Finish) -> list[Part]:
    """Raised sides behind the cab."""
    high, y = draws.number("bed_height", 0.12, 0.3), size.belt
    walls = [
        box(0.06, high, 0.4 * size.length, at=(s * 0.43 * size.width, y, -0.28 * size.length))
        for s in (-1, 1)
    ]
    walls.append(box(0.86 * size.width, high, 0.06, at=(0, y, -0.47 * size.length)))
    return [Part("bed", merged(walls), paint.material)]


def _roll_bar(draws: Draws, size: _Size, paint: Finish) -> list[Part]:
    """An arch behind the cab or the seats."""
    z, low, top = draws.number("bar_place", -0.16, -0.08) * size.length, size.belt - 0.05, size.height - 0.02
    posts = [
        beam((s * 0.42 * size.width, low, z), (s * 0.36 * size.width, top, z), 0.06, 0.06) for s in (-1, 1)
    ]
    return [Part("roll bar", merged([*posts, box(0.74 * size.width, 0.06, 0.06, at=(0, top, z))]), SILVER)]


def _roof_rack(draws: Draws, size: _Size, paint: Finish) -> list[Part]:
    """Rails and bars, some with a case on them."""
    x, y, middle, reach = 0.33 * size.width, size.height, -0.1 * size.length, 0.3 * size.length
    solids = [
        rod((s * x, y + 0.07, middle - reach), (s * x, y + 0.07, middle + reach), 0.02) for s in (-1, 1)
    ]
    places = np.linspace(-0.9, 0.7, draws.whole("rack_bars", 2, 5)) * reach + middle
    solids += [box(2 * x, 0.09, 0.05, at=(0, y + 0.02, z)) for z in places]
    if draws.chance("roof_case", 0.4):
        long = draws.number("case_length", 0.9, 1.5) * reach
        solids.append(rounded_box(1.2 * x, 0.28, long, radius=0.08, at=(0.3 * x, y + 0.22, middle)))
    return [Part("roof rack", merged(solids), DARK)]


def _spoiler(draws: Draws, size: _Size, paint: Finish) -> list[Part]:
    """A wing on posts over the tail."""
    rise, top = draws.number("spoiler_height", 0.08, 0.3), size.deck
    if size.kind == "hatchback":
        top = size.height - 0.1
    post = box(0.04, rise, 0.12)
    posts = repeated(post, [(s * 0.3 * size.width, top + rise / 2, 0.12 - size.front) for s in (-1, 1)])
    wing = box(0.84 * size.width, 0.035, 0.24, at=(0, top + rise, 0.1 - size.front))
    return [Part("spoiler", merged([posts, wing]), paint.material)]


def _spare_wheel(draws: Draws, size: _Size, paint: Finish) -> list[Part]:
    """On the rear door."""
    solids = zip(("spare wheel", "rim"), wheel(draws, 0.33, 0.2), (RUBBER, SILVER), strict=True)
    back = -size.front - 0.1
    return [
        Part(name, solid.turned("y", np.pi / 2).moved(y=0.75 * size.belt, z=back), material)
        for name, solid, material in solids
    ]


_Maker = Callable[[Draws, _Size, Finish], list[Part]]
_EXTRAS: tuple[tuple[str, float, tuple[str, ...], _Maker], ...] = (
    ("bed", 1.0, ("pickup",), _bed),
    ("roll bar", 0.4, ("pickup", "convertible"), _roll_bar),
    ("roof rack", 0.5, ("estate", "off-road", "van"), _roof_rack),
    ("spoiler", 0.4, ("coupe", "sedan", "hatchback"), _spoiler),
    ("spare wheel", 0.6, ("off-road",), _spare_wheel),
)
"""What some kinds of cars carry, and how often."""
