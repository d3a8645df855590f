"""Laptops: a base with keys and a pad, a screen on a hinge. The typist sits at +z."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import sentence
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.keyboards import key_rows, keys
from anaglyph.data.procedural.materials import DARK, SCREEN
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.curves import rounded_rectangle
from anaglyph.geometry.solid import Points, Solid, merged
from anaglyph.geometry.solids import box, rod
from anaglyph.geometry.sweep import extrusion


@dataclass(frozen=True)
class _Base:
    """Lengths of one base in metres."""

    width: float
    depth: float
    thick: float
    """At the hinge."""
    wedge: float
    """Share by which the front is thinner."""
    corner: float


def _body(size: _Base) -> Solid:
    """From y = 0 up, thinner towards the front."""
    outline = rounded_rectangle(size.width, size.depth, radius=size.corner)
    flat = extrusion(outline, size.thick, bevel=0.15 * size.thick).turned("x", -np.pi / 2)

    def taper(points: Points) -> Points:
        x, y, z = points.T
        left = 1 - size.wedge * (z / size.depth + 0.5)
        return np.column_stack([x, (y + size.thick / 2) * left, z])

    return flat.mapped(taper)


def _top(draws: Draws, size: _Base) -> tuple[Solid, Solid, list[str]]:
    """Keys and touchpad, lying on the sloping upper side."""
    columns, pad = draws.whole("columns", 13, 15), draws.chance("number_pad", 0.3)
    pitch = draws.number("key_width", 0.8, 0.94) * size.width / (columns + (4.4 if pad else 0.0))
    rows, gap = (
        key_rows(columns, functions=draws.chance("function_row", 0.75)),
        draws.number("key_gap", 0.08, 0.25),
    )
    solids = [keys(rows, pitch, gap=gap * pitch, height=0.003)]
    if pad:
        block = keys([[1.0] * 4 for _ in rows], pitch, gap=gap * pitch, height=0.003)
        solids.append(block.moved(x=(columns + 0.4) * pitch))
    across = (columns + (4.4 if pad else 0.0)) * pitch
    back = draws.number("key_start", 0.06, 0.22) * size.depth - size.depth / 2
    board = merged(solids).moved(x=-across / 2, z=back)
    room = size.depth / 2 - back - len(rows) * pitch
    wide, high = (
        draws.number("pad_width", 0.2, 0.46) * size.width,
        draws.number("pad_height", 0.5, 0.85) * room,
    )
    x = draws.number("pad_shift", -0.12, 0.06) * size.width
    mouse = box(wide, 0.002, high, chamfer=0.0005, at=(x, 0.001, size.depth / 2 - room / 2))
    lift = size.thick * (1 - size.wedge / 2)
    slope = np.arctan2(size.wedge * size.thick, size.depth)
    lain = [solid.turned("x", slope).moved(y=lift + 0.0004) for solid in (board, mouse)]
    return (
        lain[0],
        lain[1],
        ["a number pad" if pad else "", f"a {'wide' if wide > 0.33 * size.width else 'small'} touchpad"],
    )


def _lid(draws: Draws, size: _Base) -> tuple[Solid, Solid, float]:
    """Panel and glass standing on y = 0 at z = 0, and how far they are opened."""
    high, lid = (
        size.depth * draws.number("screen_height", 0.88, 1.04),
        draws.number("lid_thickness", 0.005, 0.014),
    )
    rim, chin = draws.number("bezel", 0.004, 0.02), draws.number("chin", 1.0, 3.0)
    panel = extrusion(rounded_rectangle(size.width, high, radius=size.corner), lid, bevel=0.2 * lid)
    tall = high - (1 + chin) * rim
    glass = box(size.width - 2 * rim, tall, 0.002, at=(0, chin * rim + tall / 2, lid / 2))
    return panel.moved(y=high / 2), glass, draws.number("opening", 1.3, 2.4)


def laptop(draws: Draws) -> Built:
    """Thin or thick, flat or wedge-shaped."""
    width = draws.number("width", 0.27, 0.41)
    size = _Base(
        width=width,
        depth=width * draws.number("proportion", 0.6, 0.8),
        thick=draws.number("thickness", 0.01, 0.036),
        wedge=draws.number("wedge", 0.0, 0.65),
        corner=draws.number("corner", 0.004, 0.024),
    )
    case, caps = draws.finish("material", "metal", "plastic"), draws.finish("key_material", "plastic")
    board, mouse, words = _top(draws, size)
    panel, glass, angle = _lid(draws, size)
    reach = draws.number("hinge", 0.25, 0.45) * width
    hinge = rod((-reach, 0, 0), (reach, 0, 0), 0.35 * size.thick + 0.002, sides=10)
    parts = [
        Part("base", _body(size), case.material),
        Part("key", board, caps.material),
        Part("touchpad", mouse, DARK),
    ]
    for name, solid, material in (
        ("lid", panel, case.material),
        ("screen", glass, SCREEN),
        ("hinge", hinge, DARK),
    ):
        opened = solid.turned("x", np.pi / 2 - angle).moved(y=size.thick, z=-size.depth / 2)
        parts.append(Part(name, opened, material))
    shape = "wedge-shaped" if size.wedge > 0.35 else "flat"
    open_words = "its screen tilted far back" if angle > 1.95 else "its screen upright"
    return Built(parts, sentence(f"{shape} {case.words} laptop", [*words, open_words]))
