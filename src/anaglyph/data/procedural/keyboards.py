"""Keyboards: full-size, compact and arched ones. Keys look up, the space bar is at the front (+z)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import counted, sentence
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.materials import DARK
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.curves import smooth_curve
from anaglyph.geometry.solid import Points, Solid, merged, placed
from anaglyph.geometry.solids import rounded_box
from anaglyph.geometry.sweep import loft, tube

PITCH = 0.019
"""Metres from key to key."""
_CAP_SIZES = (("key_gap", 0.0015, 0.005), ("key_height", 0.003, 0.012), ("key_taper", 0.05, 0.4))
_RING = ((0.0, 0.0), (1.0, 0.0), (1.0, 0.7), (0.97, 1.0), (0.03, 1.0), (0.0, 0.8))
"""Section of a case from back to front: depth and height, in shares."""


def keys(rows: list[list[float]], pitch: float, *, gap: float, height: float, taper: float = 0.12) -> Solid:
    """Keycaps in rows from back to front, widths in units of `pitch`; the first row starts at x = z = 0."""
    cap = loft(
        [
            [(x, y, z) for x, z in 0.5 * (1 - t) * np.array([(-1, -1), (-1, 1), (1, 1), (1, -1)])]
            for y, t in ((0.0, 0.0), (1.0, taper))
        ]
    )
    sizes, places = [], []
    for row, widths in enumerate(rows):
        left = 0.0
        for wide in widths:
            if wide > 0:
                sizes.append(np.diag([wide * pitch - gap, height, pitch - gap]))
                places.append((left + wide * pitch / 2, 0.0, (row + 0.5) * pitch))
            left += abs(wide) * pitch
    return placed(cap, np.stack(sizes), np.array(places))


def key_rows(columns: int, *, functions: bool) -> list[list[float]]:
    """Rows of a keyboard whose letter block is `columns` units wide; negative widths are gaps."""
    rows: list[list[float]] = [[1.0, -0.5, *[1.0] * (columns - 2), 0.5]] if functions else []
    rows.append([1.0] * (columns - 2) + [2.0])
    rows.append([1.5, *[1.0] * (columns - 3), 1.5])
    rows.append([1.75, *[1.0] * (columns - 4), 2.25])
    rows.append([2.25, *[1.0] * (columns - 5), 2.75])
    space = float(columns - 8)
    rows.append([1.25, 1.25, 1.25, space, 1.25, 1.25, 1.75])
    return rows


@dataclass(frozen=True)
class _Caps:
    """Size of the keycaps in metres."""

    gap: float
    height: float
    taper: float
    """Share of a key that its top is narrower."""

    def block(self, rows: list[list[float]]) -> Solid:
        """A block of keys."""
        return keys(rows, PITCH, gap=self.gap, height=self.height, taper=self.taper)


def _blocks(draws: Draws, caps: _Caps, rows: list[list[float]], columns: int) -> tuple[Solid, float, str]:
    """All keys, the x where they end, and words about the right side."""
    side = draws.choice("right_side", "no number pad", "a number pad", "arrows and a number pad", "arrows")
    solids, end = [caps.block(rows)], columns * PITCH
    gap = draws.number("block_gap", 0.2, 0.8) * PITCH
    if "arrows" in side:
        arrows = [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [-3.0], [-1.0, 1.0, -1.0], [1.0, 1.0, 1.0]]
        solids.append(caps.block(arrows[-len(rows) :]).moved(x=end + gap))
        end += gap + 3.0 * PITCH
    if side.endswith("a number pad"):
        pad = [[1.0] * 4 for _ in rows[1:]] + [[2.0, 1.0, 1.0]]
        solids.append(caps.block(pad).moved(x=end + gap))
        end += gap + 4.0 * PITCH
    return merged(solids), end, side


def _bent(solid: Solid, wave: float) -> Solid:
    """Its ends drawn towards the typist by `wave` (1 / metre)."""

    def pull(points: Points) -> Points:
        return np.column_stack([points[:, :2], points[:, 2] + wave * points[:, 0] ** 2])

    return solid.mapped(pull)


def keyboard(draws: Draws) -> Built:
    """Rows of keys on a case, with a wrist rest or a cable."""
    columns = draws.whole("columns", 12, 16)
    rows = key_rows(columns, functions=draws.chance("function_row", 0.7))
    caps = _Caps(*(draws.number(*bounds) for bounds in _CAP_SIZES))
    case, top = draws.finish("material", "plastic", "metal", "wood"), draws.finish("key_material", "plastic")
    block, width, side = _blocks(draws, caps, rows, columns)
    margin, back = draws.number("margin", 0.006, 0.026), draws.number("back_margin", 0.006, 0.06)
    depth, thick = len(rows) * PITCH, draws.number("thickness", 0.008, 0.028)
    wide, z = width + 2 * margin, (depth + margin - back) / 2
    slices = [
        (x - wide / 2, 0.001 - thick, z - (depth + margin + back) / 2) for x in np.linspace(0.0, wide, 13)
    ]
    tray = loft(
        [
            [(x, y + b * thick, front + a * (depth + margin + back)) for a, b in _RING]
            for x, y, front in slices
        ]
    )
    parts = [Part("case", tray, case.material), Part("key", block.moved(x=-width / 2), top.material)]
    main = sum(wide > 0 for row in rows for wide in row)
    words = [f"{counted(main, 'key')} in the main block", side]
    if draws.chance("wrist_rest", 0.35):
        reach = draws.number("rest_depth", 0.04, 0.09)
        rest = rounded_box(
            wide, 0.7 * thick, reach, radius=0.005, at=(0, -0.6 * thick, depth + margin + reach / 2)
        )
        parts.append(Part("wrist rest", rest, DARK))
        words.append("a wrist rest")
    if draws.chance("cable", 0.4):
        x, y = draws.number("cable_place", -0.3, 0.3) * width, -0.5 * thick
        path = smooth_curve([(x, y, 0.02 - back), (x, y, -back - 0.03), (x + 0.04, y, -back - 0.07)], steps=4)
        parts.append(Part("cable", tube(path, 0.003, sides=6), DARK))
        words.append("a cable")
    if draws.chance("arched", 0.25):
        wave = draws.number("arch", 0.2, 0.7)
        parts = [Part(p.name, _bent(p.solid, wave), p.material, p.tile) for p in parts]
        words.append("an arched layout")
    slope = draws.number("slope", 0.0, 0.16)
    parts = [Part(p.name, p.solid.turned("x", slope), p.material, p.tile) for p in parts]
    return Built(parts, sentence(f"{case.words} keyboard", words))
