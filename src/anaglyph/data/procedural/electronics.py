"""Monitors, laptops and keyboards."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import a, counted, sentence
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.materials import DARK, LIGHT, SCREEN
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.curves import rounded_rectangle
from anaglyph.geometry.solid import Solid, merged, placed
from anaglyph.geometry.solids import beam, box, cylinder, rod, rounded_box, torus
from anaglyph.geometry.sweep import extrusion, loft

Points = NDArray[np.float64]


def bent(solid: Solid, radius: float) -> Solid:
    """Curved about an upright axis in front, as a curved screen is."""

    def curl(points: Points) -> Points:
        angle = points[:, 0] / radius
        reach = radius - points[:, 2]
        return np.column_stack([reach * np.sin(angle), points[:, 1], radius - reach * np.cos(angle)])

    return solid.mapped(curl)


def _sliced(width: float, height: float, depth: float, *, slices: int = 16) -> Solid:
    """A box cut across x, so that it can be bent."""
    xs = np.linspace(-width / 2, width / 2, slices + 1)
    ring = 0.5 * np.array([(-height, -depth), (-height, depth), (height, depth), (height, -depth)])
    return loft([[(x, y, z) for y, z in ring] for x in xs])


def _stand(draws: Draws, width: float, low: float) -> tuple[Solid, str]:
    """From y = 0 to the middle of the panel's back; `low` is the panel's lower edge."""
    style = draws.choice("stand", "round", "square", "V", "two feet", "arched", "tripod")
    reach, neck = draws.number("foot_size", 0.18, 0.32) * width, draws.number("neck_width", 0.03, 0.09)
    post = box(neck, low + 0.1, 0.02, at=(0, (low + 0.1) / 2, -0.04))
    if style == "round":
        return merged(
            [cylinder(reach, 0.014, segments=32, at=(0, 0.007, 0)).scaled(z=0.75), post]
        ), "a round foot"
    if style == "square":
        foot = rounded_box(
            1.9 * reach, 0.014, draws.number("foot_depth", 0.14, 0.24), radius=0.006, at=(0, 0.007, 0)
        )
        return merged([foot, post]), "a rectangular foot"
    if style == "two feet":
        feet = []
        for s in (-1, 1):
            x = s * 0.34 * width
            feet += [
                beam((x, 0.01, -0.12), (x, 0.01, 0.12), 0.02, 0.02),
                rod((x, 0.01, 0), (x, low + 0.03, 0), 0.01),
            ]
        return merged(feet), "two feet"
    if style == "V":
        legs = [beam((0, 0.01, -0.06), (s * reach, 0.01, 0.14), 0.035, 0.014) for s in (-1, 1)]
        return merged([*legs, post]), "a V-shaped foot"
    if style == "tripod":
        legs = [
            rod((0, 0.12, -0.04), tip, 0.009) for tip in ((reach, 0, 0.1), (-reach, 0, 0.1), (0, 0, -0.16))
        ]
        return merged([*legs, rod((0, 0.1, -0.04), (0, low + 0.1, -0.04), 0.014)]), "a tripod foot"
    arch = [rod((s * reach, 0.01, 0.06), (s * 0.2 * reach, low + 0.05, -0.03), 0.012) for s in (-1, 1)]
    return merged([*arch, beam((-reach, 0.01, 0.06), (reach, 0.01, 0.06), 0.03, 0.012)]), "an arched foot"


def monitor(draws: Draws) -> Built:
    """Flat and curved screens and deep tube monitors on stands of several kinds."""
    kind = draws.choice("kind", "flat", "flat", "curved", "tube", "upright")
    width = draws.number("width", 0.42, 0.95) if kind != "tube" else draws.number("tube_width", 0.34, 0.5)
    ratio = {
        "flat": draws.number("ratio", 0.48, 0.66),
        "curved": draws.number("curved_ratio", 0.36, 0.48),
        "tube": 0.8,
        "upright": draws.number("upright_ratio", 1.3, 1.75),
    }[kind]
    width = 0.45 * width + 0.14 if kind == "upright" else width
    height, low = width * ratio, draws.number("lift", 0.06, 0.2)
    rim, thick = draws.number("bezel", 0.008, 0.03), draws.number("thickness", 0.015, 0.05)
    case = draws.finish("material", "plastic", "metal")
    chin = draws.number("chin", 0.0, 0.07) if draws.chance("with_chin", 0.4) else 0.0
    panel, glass = _sliced(width, height + chin, thick), _sliced(width - 2 * rim, height - 2 * rim, 0.004)
    glass = glass.moved(y=chin / 2, z=thick / 2)
    tilt, swing = draws.number("tilt", -0.05, 0.22), draws.number("turn", -0.4, 0.4)
    solids = [panel, merged([_sliced(0.5 * width, 0.5 * height, 0.03).moved(z=-thick / 2 - 0.01)])]
    if kind == "curved":
        curve = draws.number("curve_radius", 0.7, 1.6)
        solids, glass = [bent(solid, curve) for solid in solids], bent(glass, curve)
    if kind == "tube":
        back = [
            [(x, y, z) for x, y in rounded_rectangle(w * width, w * height, radius=0.03)]
            for z, w in ((0.0, 1.0), (-0.1, 0.98), (-0.3 - draws.number("tube_depth", 0.0, 0.12), 0.45))
        ]
        solids.append(loft(back))
    middle = low + (height + chin) / 2
    screen = [Part("case", merged(solids), case.material), Part("screen", glass, SCREEN)]
    parts = [
        Part(
            part.name,
            part.solid.turned("x", -tilt)
            .turned("y", swing if kind != "tube" else 0.2 * swing)
            .moved(y=middle),
            part.material,
        )
        for part in screen
    ]
    stand, words = _stand(draws, width, low + 0.3 * (height + chin))
    parts.append(Part("stand", stand, case.material))
    if chin > 0.02:
        dots = [
            cylinder(0.006, 0.01, segments=10)
            .turned("x", np.pi / 2)
            .moved((0.3 + 0.05 * i) * width, low + 0.4 * chin, 0.5 * thick + 0.02)
            for i in range(3)
        ]
        parts.append(Part("button", merged(dots), LIGHT))
    names = {"flat": "flat", "curved": "curved", "tube": "deep tube", "upright": "upright"}
    return Built(
        parts,
        sentence(
            f"{case.words} {names[kind]} monitor",
            ["a thin bezel" if rim < 0.016 else "a thick bezel", "a chin" if chin > 0.02 else "", words],
        ),
    )


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


def _rows(columns: int, *, functions: bool) -> list[list[float]]:
    """Rows of a keyboard whose letter block is `columns` units wide; negative widths are gaps."""
    rows: list[list[float]] = [[1.0, -0.5, *[1.0] * (columns - 2), 0.5]] if functions else []
    rows.append([1.0] * (columns - 2) + [2.0])
    rows.append([1.5, *[1.0] * (columns - 3), 1.5])
    rows.append([1.75, *[1.0] * (columns - 4), 2.25])
    rows.append([2.25, *[1.0] * (columns - 5), 2.75])
    space = float(columns - 8)
    rows.append([1.25, 1.25, 1.25, space, 1.25, 1.25, 1.75])
    return rows


def keyboard(draws: Draws) -> Built:
    """Full-size, compact, split and old arched keyboards."""
    pitch, columns = 0.019, draws.whole("columns", 12, 16)
    functions, pad = (
        draws.chance("function_row", 0.7),
        draws.choice("right_side", "none", "number pad", "arrows and number pad", "arrows"),
    )
    rows, gap, high = (
        _rows(columns, functions=functions),
        draws.number("key_gap", 0.0015, 0.005),
        draws.number("key_height", 0.003, 0.011),
    )
    case, caps = draws.finish("material", "plastic", "metal", "wood"), draws.finish("key_material", "plastic")
    taper = draws.number("key_taper", 0.05, 0.35)
    block = keys(rows, pitch, gap=gap, height=high, taper=taper)
    solids, right = [block], columns * pitch
    if pad != "none":
        start = right + 0.4 * pitch
        if "arrows" in pad:
            extra = [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [-3.0], [-1.0, 1.0, -1.0], [1.0, 1.0, 1.0]]
            solids.append(keys(extra[-len(rows) :], pitch, gap=gap, height=high, taper=taper).moved(x=start))
            start += 3.4 * pitch
        if "pad" in pad:
            grid = [[1.0] * 4] * (len(rows) - 1) + [[2.0, 1.0, 1.0]]
            solids.append(keys(grid, pitch, gap=gap, height=high, taper=taper).moved(x=start))
            start += 4.0 * pitch
        right = start - (0.4 * pitch if pad == "arrows" else 0.0)
    margin, back = draws.number("margin", 0.006, 0.022), draws.number("back_margin", 0.006, 0.04)
    depth, width, thick = len(rows) * pitch, right, draws.number("thickness", 0.008, 0.025)
    tray = rounded_box(
        width + 2 * margin,
        thick,
        depth + margin + back,
        radius=min(0.006, 0.45 * thick),
        at=(width / 2, -thick / 2 + 0.001, (depth + margin - back) / 2),
    )
    parts = [Part("case", tray, case.material), Part("key", merged(solids), caps.material)]
    words = [
        counted(sum(w > 0 for row in rows for w in row), "key") + " in the main block",
        a(pad) if pad == "number pad" else pad if pad != "none" else "no number pad",
    ]
    if draws.chance("wrist_rest", 0.3):
        reach = draws.number("rest_depth", 0.04, 0.08)
        rest = rounded_box(
            width + 2 * margin,
            0.7 * thick,
            reach,
            radius=0.005,
            at=(width / 2, -0.6 * thick, depth + margin + reach / 2),
        )
        parts.append(Part("wrist rest", rest, DARK))
        words.append("a wrist rest")
    if draws.chance("cable", 0.4):
        path = [
            (0.5 * width, -0.5 * thick, -back),
            (0.5 * width, -0.5 * thick, -back - 0.03),
            (0.56 * width, -0.5 * thick, -back - 0.06),
        ]
        parts.append(
            Part("cable", merged([rod(path[0], path[1], 0.0025), rod(path[1], path[2], 0.0025)]), DARK)
        )
        words.append("a cable")
    slope = draws.number("slope", 0.0, 0.14)
    form = draws.choice("form", "straight", "straight", "straight", "arched")
    parts = [Part(p.name, p.solid.moved(x=-width / 2), p.material, p.tile) for p in parts]
    if form == "arched":
        wave = draws.number("arch", 0.15, 0.6)
        parts = [
            Part(
                p.name,
                p.solid.mapped(
                    lambda q: np.column_stack([q[:, 0], q[:, 1], q[:, 2] + wave * q[:, 0] ** 2 / width * 2])
                ),
                p.material,
                p.tile,
            )
            for p in parts
        ]
        words.append("an arched layout")
    return Built(
        [Part(p.name, p.solid.turned("x", slope), p.material, p.tile) for p in parts],
        sentence(f"{case.words} keyboard", words),
    )


def laptop(draws: Draws) -> Built:
    """A base with keys and a pad, a screen on a hinge; thin, thick, or a tablet with a stand."""
    width = draws.number("width", 0.27, 0.41)
    depth, thick = width * draws.number("proportion", 0.62, 0.76), draws.number("thickness", 0.01, 0.032)
    case, caps = draws.finish("material", "metal", "plastic"), draws.finish("key_material", "plastic")
    corner, lid = draws.number("corner", 0.004, 0.02), draws.number("lid_thickness", 0.005, 0.014)
    taper = draws.number("wedge", 0.0, 0.6)
    base = extrusion(rounded_rectangle(width, depth, radius=corner), thick, bevel=0.15 * thick).turned(
        "x", -np.pi / 2
    )
    base = base.mapped(
        lambda p: np.column_stack(
            [
                p[:, 0],
                p[:, 1] * (1 - taper * (p[:, 2] / depth + 0.5))
                + thick / 2 * (1 - taper * (p[:, 2] / depth + 0.5)),
                p[:, 2],
            ]
        )
    )
    columns = draws.whole("columns", 13, 15)
    pad = draws.chance("number_pad", 0.3)
    pitch = 0.9 * width / (columns + (4.4 if pad else 0.0))
    rows = _rows(columns, functions=True)
    gap = draws.number("key_gap", 0.08, 0.22) * pitch
    solids = [keys(rows, pitch, gap=gap, height=0.003)]
    if pad:
        solids.append(
            keys([[1.0] * 4] * len(rows), pitch, gap=gap, height=0.003).moved(x=(columns + 0.4) * pitch)
        )
    slope = np.arctan(taper * thick / depth)
    back = -depth / 2 + draws.number("key_start", 0.08, 0.2) * depth
    board = merged(solids).moved(x=-0.45 * width, z=back)
    wide, high = draws.number("pad_width", 0.22, 0.42) * width, draws.number("pad_height", 0.14, 0.26) * depth
    mouse = box(
        wide,
        0.002,
        high,
        at=(draws.number("pad_shift", -0.1, 0.05) * width, 0.001, depth / 2 - 0.6 * high - 0.01),
    )
    lift = 0.5 * thick * (2 - taper) + 0.0005
    top = [
        Part(name, solid.turned("x", slope).moved(y=lift), material)
        for name, solid, material in (("key", board, caps.material), ("touchpad", mouse, DARK))
    ]
    angle, rim = draws.number("opening", 1.3, 2.4), draws.number("bezel", 0.004, 0.018)
    screen_high = depth * draws.number("screen_height", 0.92, 1.02)
    panel = extrusion(rounded_rectangle(width, screen_high, radius=corner), lid, bevel=0.2 * lid).moved(
        y=screen_high / 2
    )
    glass = box(width - 2 * rim, screen_high - 3 * rim, 0.002, at=(0, screen_high / 2 + 0.3 * rim, lid / 2))
    hinge = rod((-0.4 * width, 0, 0), (0.4 * width, 0, 0), 0.35 * thick + 0.002, sides=10)
    lean = np.pi / 2 - angle
    parts = [Part("base", base, case.material), *top]
    for name, solid, material in (
        ("lid", panel, case.material),
        ("screen", glass, SCREEN),
        ("hinge", hinge, DARK),
    ):
        parts.append(Part(name, solid.turned("x", lean).moved(y=thick, z=-depth / 2), material))
    if draws.chance("camera_ring", 0.3):
        ring = (
            torus(0.03 * width, 0.004 * width, segments=20, sides=6)
            .turned("x", np.pi / 2)
            .moved(y=0.5 * screen_high, z=-lid / 2)
        )
        parts.append(Part("emblem", ring.turned("x", lean).moved(y=thick, z=-depth / 2), LIGHT))
    shape = "wedge-shaped" if taper > 0.35 else "flat"
    return Built(
        parts,
        sentence(
            f"{shape} {case.words} laptop",
            [
                "a number pad" if pad else "",
                "a wide touchpad" if wide > 0.32 * width else "a small touchpad",
                "its screen tilted far back" if angle > 1.95 else "its screen upright",
            ],
        ),
    )
