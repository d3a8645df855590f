"""City buses, coaches, double-deckers and minibuses. Front towards +z."""

from __future__ import annotations

import numpy as np

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import counted, sentence
from anaglyph.data.procedural.coachwork import side_body, wheels
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.materials import DARK, LIGHT, WINDOW, Finish
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.solid import Solid, merged, repeated
from anaglyph.geometry.solids import box, rounded_box

_NAMES = {"city": "city bus", "coach": "coach", "double-decker": "double-decker bus", "mini": "minibus"}


def _panes(
    count: int, width: float, height: float, levels: list[tuple[float, float]], ends: tuple[float, float]
) -> list[Solid]:
    """Windows on both sides between two z: a row for each level (low, high), in shares of the height."""
    start, stop = ends
    step = (stop - start) / count
    rows = []
    for low, high in levels:
        pane = box(width + 0.02, (high - low) * height, 0.84 * step)
        y = (low + high) / 2 * height
        rows.append(repeated(pane, [(0, y, start + (i + 0.5) * step) for i in range(count)]))
    return rows


def _screens(
    width: float, height: float, levels: list[tuple[float, float]], front: float, slope: float
) -> list[Solid]:
    """Windscreens on a front that leans back by `slope` above 0.6 of the height."""
    solids = []
    for low, high in levels:
        middle = (low + high) / 2
        back = 0.25 * slope * middle / 0.6 if middle < 0.6 else slope * (0.25 + 0.75 * (middle - 0.6) / 0.4)
        lean = np.arctan2(0.75 * slope if middle > 0.6 else 0.25 * slope, 0.4 * height)
        pane = box(0.86 * width, 0.95 * (high - low) * height, 0.06).turned("x", -float(lean))
        solids.append(pane.moved(y=middle * height, z=front - back + 0.01))
    return solids


def _roof(draws: Draws, width: float, height: float, length: float, paint: Finish) -> tuple[list[Part], str]:
    kind = draws.choice("roof", "plain", "air conditioning", "gas tanks", "luggage")
    sizes = {
        "plain": [],
        "air conditioning": [(0.7, 0.25, 0.2, -0.2), (0.5, 0.15, 0.1, 0.2)][: draws.whole("units", 1, 2)],
        "gas tanks": [(0.6, 0.35, 0.32, -0.22), (0.6, 0.35, 0.32, 0.18)],
        "luggage": [(0.75, 0.4, 0.22, -0.3), (0.6, 0.55, 0.18, -0.08), (0.7, 0.3, 0.15, 0.12)],
    }[kind]
    if not sizes:
        return [], ""
    solids = [
        rounded_box(w * width, h, d * length, radius=0.08, at=(0, height + 0.4 * h, z * length))
        for w, h, d, z in sizes
    ]
    return [Part("roof unit", merged(solids), paint.material)], f"{kind} on the roof"


def bus(draws: Draws) -> Built:
    """A body with rows of windows, doors on the right, and what is on the roof."""
    kind = draws.choice("kind", *_NAMES)
    length = draws.number("length", 5.5, 7.5) if kind == "mini" else draws.number("length", 8.5, 13.0)
    width, extra = 2.2 if kind == "mini" else 2.5, {"double-decker": 1.3, "mini": -0.3}.get(kind, 0.0)
    height, slope = draws.number("height", 2.8, 3.3) + extra, draws.number("front_slope", 0.0, 0.9)
    radius, floor, front = (
        draws.number("wheel_radius", 0.42, 0.52),
        0.6 if kind == "coach" else 0.35,
        length / 2,
    )
    side = [
        (-front, floor),
        (front - 0.05, floor),
        (front, floor + 0.4),
        (front - 0.25 * slope, 0.6 * height),
    ]
    upper = [
        (front - slope, height - 0.08),
        (front - slope - 0.25, height),
        (0.2 - front, height),
        (-front, height - 0.2),
    ]
    paint, second = draws.finish("material", "paint"), draws.finish("stripe_material", "paint")
    parts = [Part("body", side_body([*side, *upper], width, bevel=0.1), paint.material)]
    count, sill = draws.whole("windows", 3, 9), draws.number("sill", 0.44, 0.56)
    levels = [(0.3, 0.48), (0.66, 0.86)] if kind == "double-decker" else [(sill, 0.82)]
    stop = front - slope - 0.5
    glass = _panes(count, width, height, levels, (0.25 - front, stop)) + _screens(
        width, height, levels, front, slope
    )
    parts.append(Part("window", merged(glass), WINDOW))
    doors, tall = draws.whole("doors", 1, 3), (0.4 if kind == "double-decker" else 0.62) * height - 0.2
    places = np.linspace(stop - 0.4, -0.25 * length, doors) if doors > 1 else np.array([stop - 0.4])
    leaf = box(0.03, tall, 0.95)
    spots = [(width / 2 + 0.012, floor + 0.05 + tall / 2, z) for z in places]
    parts.append(Part("door", repeated(leaf, spots), DARK))
    if draws.chance("stripe", 0.5):
        level = draws.number("stripe_height", 0.28, 0.42) * height
        parts.append(
            Part("stripe", box(width + 0.014, 0.16, 0.98 * length, at=(0, level, 0)), second.material)
        )
    rear = draws.number("rear_overhang", 0.2, 0.28) * length - front
    axles = [front - draws.number("front_overhang", 0.17, 0.23) * length, rear]
    axles += [rear - 2.2 * radius] if kind == "coach" and draws.chance("third_axle", 0.5) else []
    parts += wheels(draws, radius, 0.28, width + 0.02, axles, segments=14)
    lamps = repeated(box(0.3, 0.16, 0.05), [(s * 0.36 * width, floor + 0.45, front) for s in (-1, 1)])
    mirrors = repeated(
        box(0.06, 0.4, 0.2), [(s * (width / 2 + 0.2), 0.72 * height, front - slope) for s in (-1, 1)]
    )
    roof, roof_words = _roof(draws, width, height, length, paint)
    parts += [Part("light", lamps, LIGHT), Part("mirror", mirrors, DARK), *roof]
    words = [f"{counted(count, 'window')} on each side", counted(doors, "door"), roof_words]
    return Built(parts, sentence(f"{paint.words} {_NAMES[kind]}", words))
