"""Ships and boats: a lofted hull and what stands on its deck. Bow towards +z."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import counted, sentence
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.materials import PAINTS, PAPER, WINDOW, plain
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.solid import Solid, merged, repeated
from anaglyph.geometry.solids import beam, box, cylinder, rod, rounded_box, sphere
from anaglyph.geometry.sweep import extrusion, loft

Points = NDArray[np.float64]
_CONTAINERS = tuple(plain("container", PAINTS[name]) for name in ("red", "blue", "orange", "green"))


def hull(
    length: float,
    width: float,
    depth: float,
    *,
    fullness: float,
    sheer: float,
    stern: float,
    keel: float,
    hollow: bool,
) -> Solid:
    """From z = -length / 2 (stern) to the bow; deck at y = 0, raised by `sheer` at the ends.

    Args:
        length: from stern to bow; `width` and `depth` amidships.
        width: at the deck.
        depth: below the deck.
        fullness: 1.5 a slender boat, 5 a box with a bow.
        sheer: how far the deck rises towards bow and stern.
        stern: width of the stern, as a share.
        keel: 1 a flat bottom, 0 a V.
        hollow: open above, as a rowing boat is.
    """
    share = np.linspace(0.0, 1.0, 13)
    ring = np.array(
        [
            (-1.0, 0.0),
            (-0.97, -0.3),
            (-0.85, -0.7),
            (-0.55, -0.95),
            (-0.15, -1.0),
            (0.15, -1.0),
            (0.55, -0.95),
            (0.85, -0.7),
            (0.97, -0.3),
            (1.0, 0.0),
        ]
    )
    sections = []
    for s in share:
        ahead = max(0.0, (s - 0.35) / 0.65)
        wide = (1 - ahead**fullness) * (stern + (1 - stern) * min(1.0, s / 0.35) ** 0.6)
        wide = max(wide, 0.015)
        flat = keel + (1 - keel) * 0.25
        lower = np.where(ring[:, 1] < -0.9, flat, 1.0)
        deep = depth * (1 - 0.25 * ahead**3) * (0.75 + 0.25 * min(1.0, s / 0.2))
        lift = sheer * ((2 * s - 0.9) ** 2 if s > 0.45 else 0.4 * (2 * s - 0.9) ** 2)
        rake = 0.09 * length * ahead**2 * (1 + ring[:, 1])
        sections.append(
            np.stack(
                [width / 2 * wide * ring[:, 0] * lower, deep * ring[:, 1] + lift, (s - 0.5) * length + rake],
                axis=1,
            )
        )
    return loft(sections) if not hollow else loft([_shelled(section) for section in sections], cap=_SHELL)


_SHELL = np.array(
    [face for k in range(9) for face in ((k, k + 1, 19 - k), (k + 1, 18 - k, 19 - k))], dtype=np.int32
)
"""Triangles between the ten points outside and the ten inside of a hollow section."""


def _shelled(section: Points) -> Points:
    """(10, 3) outside of a boat -> (20, 3) with the inside, back from right to left."""
    middle = np.array([0.0, section[0, 1], section[:, 2].mean()])
    inside = section.copy()
    inside[:, 0] *= 0.9
    inside[:, 1] = middle[1] + (section[:, 1] - middle[1]) * 0.85
    return np.concatenate([section, inside[::-1]])


def _sail(foot: float, height: float, *, belly: float, gaff: float) -> Solid:
    """A thin sail in the y-z plane: luff on z = 0, foot towards -z, bulging to +x."""
    outline = [(0.0, 0.0), (-foot, 0.02 * height), (-0.62 * foot - gaff, 0.5 * height), (-gaff, height)]
    outline += [(0.0, 0.9 * height)] if gaff else []

    def bulge(points: Points) -> Points:
        x, y, z = points.T
        return np.column_stack([x + belly * np.sin(np.pi * np.clip(-z / foot, 0, 1)), y, z])

    return extrusion(outline, 0.02).turned("y", -np.pi / 2).mapped(bulge)


def _square_sails(draws: Draws, high: float, width: float, length: float) -> tuple[list[Solid], list[Solid]]:
    """Sails one over another on a mast at z = 0, and their yards."""
    rows, taper = draws.whole("sail_rows", 2, 4), draws.number("sail_taper", 0.3, 0.6)
    sails, yards, across = [], [], np.linspace(-1, 1, 7)
    for row in range(rows):
        low, top = ((0.15 + 0.78 * (row + part) / rows) * high for part in (0.0, 0.9))
        half = 0.8 * width * (1 - taper * row / rows)
        front = np.stack([half * across, 0.12 * width * (1 - across**2) + 0.02 * length], axis=1)
        strip = np.concatenate([front, (front - [0, 0.01 * length])[::-1]])
        sails.append(extrusion(strip, top - low).turned("x", np.pi / 2).moved(y=(low + top) / 2))
        yards.append(rod((-half, top, 0), (half, top, 0), 0.006 * length))
    return sails, yards


def _jib(draws: Draws, length: float, tall: float, mast: float) -> tuple[Solid, Solid]:
    """The sail before the first mast, and the bowsprit it is tied to."""
    reach = draws.number("bowsprit", 0.54, 0.68) * length
    foot, head = 0.1 * tall, draws.number("jib_height", 0.5, 0.85) * tall
    corners = [(reach, 0.05 * length), (mast + 0.03 * length, foot), (mast + 0.03 * length, head)]
    sprit = rod((0, 0.02 * length, 0.42 * length), (0, 0.05 * length, reach), 0.008 * length)
    return extrusion(corners, 0.02).turned("y", -np.pi / 2), sprit


def _sailing(draws: Draws, length: float, width: float) -> tuple[list[Part], str]:
    masts, rig = draws.whole("masts", 1, 3), draws.choice("rig", "triangular", "gaff", "square")
    wood, cloth = draws.finish("mast_material", "wood", "metal"), draws.finish("sail_material", "fabric")
    tall = length * draws.number("mast_height", 0.7, 1.2)
    spots = {1: [0.08], 2: [0.2, -0.16], 3: [0.28, 0.02, -0.24]}[masts]
    poles, sails, foot = [], [], length / (masts + 0.7) * draws.number("sail_width", 0.6, 0.85)
    for place, share in zip(spots, (1.0, 0.92, 0.75)[:masts], strict=True):
        z, high = place * length, tall * share
        poles.append(rod((0, -0.05 * length, z), (0, high, z), 0.012 * length, tip=0.006 * length))
        if rig == "square":
            cloths, yards = _square_sails(draws, high, width, length)
            sails += [solid.moved(z=z) for solid in cloths]
            poles += [solid.moved(z=z) for solid in yards]
        else:
            sail = _sail(foot, 0.85 * high, belly=0.06 * length, gaff=0.3 * foot if rig == "gaff" else 0.0)
            sails.append(sail.moved(y=0.1 * high, z=z - 0.02 * length))
            poles.append(rod((0, 0.1 * high, z), (0, 0.1 * high, z - 1.05 * foot), 0.007 * length))
    if draws.chance("jib", 0.75):
        jib, sprit = _jib(draws, length, tall, spots[0] * length)
        sails.append(jib)
        poles.append(sprit)
    parts = [Part("mast", merged(poles), wood.material)]
    parts.append(Part("sail", merged(sails), cloth.material, tile=0.12 * length))
    return parts, f"{counted(masts, 'mast')} and {rig} sails"


def _cargo(draws: Draws, length: float, width: float) -> tuple[list[Part], str]:
    rows, tiers, across = draws.whole("rows", 3, 8), draws.whole("tiers", 1, 4), draws.whole("stacks", 3, 5)
    generator = draws.generator("containers")
    room = 0.62 * length / rows
    size = (0.84 * width / across, 0.075 * length * 0.6, 0.92 * room)
    spots: list[list[tuple[float, float, float]]] = [[] for _ in _CONTAINERS]
    for row in range(rows):
        for stack in range(across):
            for tier in range(int(generator.integers(max(1, tiers - 1), tiers + 1))):
                place = (
                    (stack - (across - 1) / 2) * size[0],
                    (tier + 0.5) * size[1],
                    0.36 * length - (row + 0.5) * room,
                )
                spots[int(generator.integers(0, len(_CONTAINERS)))].append(place)
    crate = box(0.97 * size[0], 0.97 * size[1], size[2])
    parts = [
        Part("container", repeated(crate, places), colour)
        for places, colour in zip(spots, _CONTAINERS, strict=True)
        if places
    ]
    high = draws.number("bridge_height", 0.1, 0.2) * length
    bridge = [
        box(0.8 * width, high, 0.09 * length, at=(0, high / 2, -0.36 * length)),
        box(1.05 * width, 0.025 * length, 0.06 * length, at=(0, high, -0.35 * length)),
    ]
    funnel = cylinder(0.1 * width, 0.5 * high, segments=14, at=(0, high * 0.8, -0.43 * length))
    panes = box(0.82 * width, 0.014 * length, 0.095 * length, at=(0, 0.86 * high, -0.358 * length))
    parts += [
        Part("bridge", merged(bridge), PAPER),
        Part("funnel", funnel, _CONTAINERS[0]),
        Part("window", panes, WINDOW),
    ]
    return parts, f"{counted(rows, 'row')} of containers"


def _liner(draws: Draws, length: float, width: float) -> tuple[list[Part], str]:
    decks, funnels = draws.whole("decks", 2, 5), draws.whole("funnels", 1, 4)
    step, shrink = 0.035 * length, draws.number("deck_shrink", 0.03, 0.08)
    solids, panes = [], []
    for deck in range(decks):
        long, wide = (0.72 - 2 * shrink * deck) * length, (0.86 - 0.05 * deck) * width
        y = (deck + 0.5) * step
        solids.append(rounded_box(wide, 0.96 * step, long, radius=0.3 * step, at=(0, y, -0.02 * length)))
        count = int(14 - deck)
        panes.append(
            repeated(
                box(1.01 * wide, 0.35 * step, 0.02 * length),
                [(0, y, z) for z in np.linspace(-0.44, 0.44, count) * long - 0.02 * length],
            )
        )
    paint = draws.finish("funnel_material", "paint")
    lean = draws.number("funnel_rake", 0.0, 0.3)
    stack = [
        rod(
            (0, decks * step * 0.9, z * length),
            (0, (decks + 2.4) * step, (z - 0.05 * lean * 4) * length),
            0.11 * width,
            sides=16,
        )
        for z in np.linspace(0.12, -0.22, funnels)
    ]
    mast = rod((0, decks * step, 0.2 * length), (0, (decks + 3) * step, 0.2 * length), 0.006 * length)
    parts = [
        Part("deck", merged(solids), PAPER),
        Part("window", merged(panes), WINDOW),
        Part("funnel", merged(stack), paint.material),
        Part("mast", mast, PAPER),
    ]
    return parts, f"{counted(decks, 'deck')} and {counted(funnels, 'funnel')}"


def _motor(draws: Draws, length: float, width: float) -> tuple[list[Part], str]:
    high, start = draws.number("cabin_height", 0.09, 0.18) * length, draws.number("cabin_start", -0.25, 0.0)
    long, slope = (
        draws.number("cabin_length", 0.25, 0.45) * length,
        draws.number("screen_slope", 0.3, 1.4) * high,
    )
    z = start * length
    outline = [(z, 0.0), (z + long + slope, 0.0), (z + long, high), (z, high)]
    cabin = extrusion(outline, 0.72 * width, bevel=0.04 * width).turned("y", -np.pi / 2)
    glass = extrusion(
        [
            (z + 0.05 * long, 0.45 * high),
            (z + long + 0.5 * slope, 0.45 * high),
            (z + long + 0.12 * slope, 0.85 * high),
            (z + 0.05 * long, 0.85 * high),
        ],
        0.73 * width,
        bevel=0.03 * width,
    ).turned("y", -np.pi / 2)
    parts = [Part("cabin", cabin, PAPER), Part("window", glass, WINDOW)]
    words = ["a cabin"]
    if draws.chance("flybridge", 0.45):
        rail = box(0.6 * width, 0.4 * high, 0.6 * long, at=(0, 1.15 * high, z + 0.45 * long))
        arch = [
            beam(
                (s * 0.3 * width, high, z + 0.1 * long),
                (s * 0.24 * width, 2.1 * high, z - 0.02 * long),
                0.03 * width,
                0.1 * long,
            )
            for s in (-1, 1)
        ]
        arch.append(box(0.54 * width, 0.06 * high, 0.2 * long, at=(0, 2.1 * high, z - 0.02 * long)))
        parts.append(Part("flybridge", merged([rail, *arch]), PAPER))
        words.append("a flybridge")
    posts = [
        ((s * 0.3 * width * (1 - k), 0.03 * length, (0.3 + 0.16 * k) * length))
        for k in (0.0, 0.4, 0.8)
        for s in (-1, 1)
    ]
    rails = [rod((x, 0, zz), (x, 0.09 * length, zz), 0.004 * length, sides=5) for x, _, zz in posts]
    rails += [
        rod((a[0], 0.09 * length, a[2]), (b[0], 0.09 * length, b[2]), 0.004 * length, sides=5)
        for a, b in zip(posts[:-2], posts[2:], strict=True)
    ]
    parts.append(Part("rail", merged(rails), plain("rail", (0.8, 0.8, 0.82))))
    return parts, " and ".join(words)


def _rowing(draws: Draws, length: float, width: float) -> tuple[list[Part], str]:
    seats, wood = draws.whole("seats", 2, 4), draws.finish("seat_material", "wood")
    zs = np.linspace(-0.28, 0.2, seats) * length
    benches = [
        box(
            0.9 * width * (1 - 0.5 * max(0, z / length)),
            0.02 * length,
            0.07 * length,
            at=(0, 0.02 * length, z),
        )
        for z in zs
    ]
    gunwale = [
        rod(
            (s * 0.49 * width, 0.03 * length, -0.45 * length),
            (s * 0.46 * width, 0.03 * length, 0.1 * length),
            0.012 * length,
        )
        for s in (-1, 1)
    ]
    reach, dip = draws.number("oar_reach", 1.0, 1.8) * width, draws.number("oar_dip", 0.1, 0.45)
    oars = []
    for s in (-1, 1):
        z = zs[len(zs) // 2]
        tip = np.array([s * reach, -dip * width * 0.5, z - 0.1 * length])
        oars += [
            rod((s * 0.1 * width, 0.12 * length, z), tip, 0.009 * length),
            sphere(0.05 * length, segments=10, rings=6).scaled(0.9, 0.25, 0.5).moved(*tip),
        ]
    parts = [
        Part("seat", merged([*benches, *gunwale]), wood.material),
        Part("oar", merged(oars), wood.material),
    ]
    return parts, f"{counted(seats, 'seat')} and two oars"


@dataclass(frozen=True)
class _Kind:
    """Proportions of a kind of ship; width is a range of shares of the length."""

    name: str
    length: float
    width: tuple[float, float]
    fullness: float
    """Added to the drawn one."""
    above: Callable[[Draws, float, float], tuple[list[Part], str]]
    """Makes what stands on the deck from length and width."""


_KINDS: Mapping[str, _Kind] = {
    "sailing": _Kind("sailing boat", 14.0, (0.22, 0.32), 0.0, _sailing),
    "cargo": _Kind("container ship", 120.0, (0.14, 0.2), 2.0, _cargo),
    "passenger": _Kind("passenger ship", 140.0, (0.12, 0.18), 2.0, _liner),
    "motor": _Kind("motor boat", 9.0, (0.26, 0.36), 0.0, _motor),
    "rowing": _Kind("rowing boat", 3.6, (0.3, 0.42), 0.0, _rowing),
}


def ship(draws: Draws) -> Built:
    """Sailing, cargo, passenger, motor and rowing boats."""
    name = draws.choice("kind", "sailing", *_KINDS)
    kind = _KINDS[name]
    length = kind.length * draws.number("length", 0.75, 1.3)
    width = length * draws.number("beam", *kind.width)
    fullness, stern = kind.fullness + draws.number("fullness", 1.8, 3.2), draws.number("stern", 0.45, 0.95)
    depth, sheer = length * draws.number("depth", 0.08, 0.15), draws.number("sheer", 0.005, 0.06) * length
    keel, paint = draws.number("keel", 0.2, 1.0), draws.finish("material", "paint", "paint", "wood")
    shape = {"fullness": fullness, "sheer": sheer, "stern": stern, "keel": keel}
    parts = [
        Part(
            "hull",
            hull(length, width, depth, hollow=name == "rowing", **shape),
            paint.material,
            tile=0.1 * length,
        )
    ]
    if name != "rowing":
        planks = draws.finish("deck_material", "planks", "paint")
        deck = hull(0.97 * length, 0.93 * width, 0.02 * length, hollow=False, **shape).moved(y=0.004 * length)
        parts.append(Part("deck", deck, planks.material, tile=0.1 * length))
    above, words = kind.above(draws, length, width)
    return Built([*parts, *above], sentence(f"{paint.words} {kind.name}", [words]))
