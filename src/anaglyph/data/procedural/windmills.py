"""Dutch mills, post mills and wind turbines: a body, a cap and sails towards +z."""

from __future__ import annotations

import numpy as np

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import counted, sentence
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.houses import roof
from anaglyph.data.procedural.materials import DARK, WINDOW
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.curves import regular_polygon
from anaglyph.geometry.solid import Solid, merged
from anaglyph.geometry.solids import beam, box, cylinder, rod, sphere
from anaglyph.geometry.sweep import extrusion, lathe, loft


def _fan(solid: Solid, count: int, *, start: float = 0.0) -> Solid:
    """Copies turned evenly about the z axis."""
    return merged([solid.turned("z", start + turn) for turn in 2 * np.pi * np.arange(count) / count])


def _turbine(draws: Draws, tall: float, reach: float) -> Built:
    blades, high = draws.whole("turbine_blades", 2, 4), 1.62 * tall
    wide, wall = draws.number("blade_width", 0.05, 0.1) * tall, draws.finish("material", "paint", "metal")
    mast = rod(
        (0, 0, 0), (0, high, 0), 0.055 * tall, tip=draws.number("mast_tip", 0.02, 0.04) * tall, sides=18
    )
    pod = cylinder(0.05 * tall, 0.26 * tall, segments=14).turned("x", np.pi / 2)
    nose = sphere(0.06 * tall, segments=14, rings=8).scaled(z=1.5).moved(z=0.14 * tall)
    section = regular_polygon(1.0, corners=8)
    shape = ((0.0, 0.35), (draws.number("blade_shoulder", 0.12, 0.35), 1.0), (1.0, 0.5), (1.5, 0.15))
    blade = loft([[(x * w * wide, y * reach, z * w * wide * 0.25) for x, z in section] for y, w in shape])
    sails = _fan(blade, blades, start=draws.number("sail_angle", 0.0, 1.2)).moved(y=high, z=0.17 * tall)
    head = merged([pod, nose]).moved(y=high)
    parts = [
        Part(name, solid, wall.material)
        for name, solid in (("mast", mast), ("nacelle", head), ("sail", sails))
    ]
    return Built(parts, sentence(f"{wall.words} wind turbine", [counted(blades, "blade")]))


def _sails(draws: Draws, reach: float, blades: int) -> Solid:
    """Lattice sails about the z axis, some with boards on them."""
    bars, wide = draws.whole("sail_bars", 5, 10), draws.number("sail_width", 0.1, 0.2) * reach
    pieces = [
        box(0.16, reach, 0.16, at=(0, reach / 2, 0)),
        box(0.1, 0.8 * reach, 0.1, at=(wide, 0.58 * reach, 0)),
    ]
    pieces += [box(wide, 0.1, 0.08, at=(wide / 2, y, 0)) for y in np.linspace(0.18, 0.98, bars) * reach]
    if draws.chance("covered", 0.5):
        pieces.append(box(0.9 * wide, 0.75 * reach, 0.04, at=(wide / 2, 0.58 * reach, 0)))
    return _fan(merged(pieces), blades, start=draws.number("sail_angle", 0.0, 1.2))


def _post_mill(draws: Draws, tall: float, radius: float) -> tuple[Solid, Solid, float]:
    """A box on a trestle: body, cap and z of the front."""
    low = draws.number("trestle", 0.25, 0.4) * tall
    body = box(1.3 * radius, tall - low, 1.5 * radius, at=(0, (tall + low) / 2, 0))
    legs = [
        beam((s * radius, 0, t * radius), (0, low + 0.05 * tall, 0), 0.4, 0.4)
        for s in (-1, 1)
        for t in (-1, 1)
    ]
    cap = roof("gable", 1.3 * radius, 1.5 * radius, draws.number("cap_height", 0.5, 1.0) * radius, eaves=0.15)
    return merged([body, *legs, box(0.8, low, 0.8, at=(0, low / 2, 0))]), cap.moved(y=tall), 0.75 * radius


def _tower_mill(draws: Draws, tall: float, radius: float, top: float) -> tuple[Solid, Solid, float, str]:
    """A tapering tower: body, cap, z of the front at the top, words."""
    sides = draws.whole("sides", 6, 10) if draws.chance("angular", 0.5) else 24
    pieces = [lathe([(radius, 0.0), (top, tall)], segments=sides)]
    style, high = draws.choice("cap", "dome", "cone", "boat"), draws.number("cap_height", 0.7, 1.4) * top
    if style == "cone":
        cap = cylinder(1.15 * top, high, top=0.03, segments=sides, at=(0, high / 2, 0))
    elif style == "dome":
        cap = sphere(1.1 * top, segments=20, rings=10).scaled(y=high / (1.1 * top))
    else:
        side = [(-1.2 * top, 0), (1.2 * top, 0), (0.8 * top, high), (-0.9 * top, 0.75 * high)]
        cap = extrusion(side, 1.6 * top, bevel=0.2 * top).turned("y", -np.pi / 2)
    if draws.chance("gallery", 0.4):
        level = draws.number("gallery_height", 0.2, 0.45)
        reach = radius + (top - radius) * level
        deck = lathe(
            [(0.8 * reach, 0.0), (1.4 * reach, 0.0), (1.4 * reach, 0.25), (0.8 * reach, 0.25)],
            segments=sides,
            ring=True,
        )
        pieces.append(deck.moved(y=level * tall))
    return merged(pieces), cap.moved(y=tall), 1.05 * top, "round" if sides == 24 else f"{sides}-sided"


def windmill(draws: Draws) -> Built:
    """One of three kinds."""
    kind, tall = draws.choice("kind", "tower", "tower", "post", "turbine"), draws.number("height", 7.0, 13.0)
    radius, reach = tall * draws.number("girth", 0.2, 0.34), tall * draws.number("sail_length", 0.5, 0.85)
    if kind == "turbine":
        return _turbine(draws, tall, reach)
    wall, cloth = (
        draws.finish("material", "stone", "brick", "planks", "paint"),
        draws.finish("sail_material", "wood", "paint"),
    )
    top, shape = radius * draws.number("taper", 0.5, 0.85), "post"
    if kind == "post":
        body, cap, front = _post_mill(draws, tall, radius)
    else:
        body, cap, front, shape = _tower_mill(draws, tall, radius, top)
    blades, level = draws.whole("blades", 3, 6), tall + 0.15 * top
    axle = rod((0, level, 0), (0, level, front + 0.7), 0.22)
    sails = merged([_sails(draws, reach, blades).moved(0, level, front + 0.5), axle])
    return Built(
        [
            Part("body", body, wall.material, tile=2.0),
            Part("cap", cap, cloth.material),
            Part("sail", sails, cloth.material),
            *_openings(kind, tall, radius, top),
        ],
        sentence(
            f"{wall.words} {shape} mill" if shape == "post" else f"{shape} {wall.words} windmill",
            [counted(blades, "sail")],
        ),
    )


def _openings(kind: str, tall: float, radius: float, top: float) -> list[Part]:
    """Two windows and a door in the front."""
    reach = [radius + (top - radius) * share if kind == "tower" else 0.74 * radius for share in (0.5, 0.72)]
    panes = [box(0.8, 1.0, 0.3, at=(0, share * tall, z)) for share, z in zip((0.5, 0.72), reach, strict=True)]
    door = box(0.3 * radius + 0.6, 2.2, 0.3, at=(0, 1.1, 0.97 * radius if kind == "tower" else 0.4))
    return [Part("window", merged(panes), WINDOW), Part("door", door, DARK)]
