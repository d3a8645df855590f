"""Chairs and stools: a seat, something to stand on, and what one leans against."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import counted, sentence
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.joinery import castor_base, four_corners, legs, pillow, slab
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.curves import regular_polygon, rounded_rectangle, smooth_curve, superellipse
from anaglyph.geometry.solid import Solid, merged
from anaglyph.geometry.solids import beam, cylinder, rod, rounded_box, torus
from anaglyph.geometry.sweep import extrusion, tube

Points = NDArray[np.float64]
_LEGS = ("square", "round", "tapered", "turned", "curved")


def seat_plate(shape: str, width: float, depth: float, thickness: float, *, top: float) -> Solid:
    """A seat whose upper side lies at `top`."""
    if shape == "round":
        outline = superellipse(width, depth, power=2.0, corners=28)
    elif shape == "rounded":
        outline = superellipse(width, depth, power=3.6, corners=28)
    else:
        outline = rounded_rectangle(width, depth, radius=0.08 * width)
        if shape == "trapezoid":  # wider in front; y of the outline becomes -z
            outline = outline * np.column_stack([1 - 0.3 * outline[:, 1] / depth, np.ones(len(outline))])
    plate = extrusion(outline, thickness, bevel=0.18 * thickness)
    return plate.turned("x", -np.pi / 2).moved(y=top - thickness / 2)


def stretchers(corners: Points, *, height: float, thickness: float, style: str) -> Solid:
    """Bars between four legs, as a ring or an H."""
    a, b, c, d = np.insert(corners, 1, height, axis=1)
    pairs = [(a, d), (b, c), ((a + d) / 2, (b + c) / 2)] if style == "H" else [(a, b), (b, c), (c, d), (d, a)]
    return merged([rod(start, end, 0.3 * thickness) for start, end in pairs])


def _base(draws: Draws, width: float, depth: float, top: float, *, inset: float) -> tuple[Solid, str]:
    """What a seat stands on, up to `top`, and its words."""
    style = draws.choice("base", "legs", "legs", "legs", "legs", "castors", "sled", "cantilever", "pedestal")
    thickness = draws.number("leg_thickness", 0.028, 0.055)
    if style == "castors":
        arms = draws.whole("arms", 4, 6)
        reach = draws.number("base_radius", 0.24, 0.34)
        return castor_base(radius=reach, height=top, thickness=thickness, arms=arms), counted(arms, "castor")
    if style == "pedestal":
        reach = draws.number("base_radius", 0.18, 0.28)
        column = cylinder(0.5 * thickness, top, segments=14, at=(0, top / 2, 0))
        foot = cylinder(reach, 0.03, top=0.75 * reach, segments=28, at=(0, 0.015, 0))
        return merged([column, foot]), "a round pedestal"
    bar, x, z = 0.32 * thickness, 0.45 * inset * width, 0.45 * inset * depth
    if style == "sled":
        loops = [
            tube(
                [(s * x, top, z), (s * x, bar, z), (s * x, bar, -z), (s * x, top, -z)],
                bar,
                sides=8,
                up=(1, 0, 0),
            )
            for s in (-1, 1)
        ]
        return merged(loops), "a sled base"
    if style == "cantilever":
        path = [
            (x, top, -z),
            (x, top, z),
            (x, bar, z),
            (x, bar, -z),
            (-x, bar, -z),
            (-x, bar, z),
            (-x, top, z),
        ]
        return tube(np.array([*path, (-x, top, -z)]), bar, sides=8, up=(0, 1, 0)), "a cantilever base"
    kind = draws.choice("leg_style", *_LEGS)
    splay = draws.number("splay", 0.0, 0.18) if draws.chance("splayed", 0.45) else 0.0
    corners = four_corners(inset * width - 2 * thickness, inset * depth - 2 * thickness)
    pieces = [legs(kind, corners, height=top, thickness=thickness, splay=splay)]
    bars = draws.choice("stretchers", "none", "none", "H", "ring")
    if bars != "none":
        height = draws.number("stretcher_height", 0.2, 0.5) * top
        away = corners / np.linalg.norm(corners, axis=1, keepdims=True)
        spread = corners + splay * (top - height) * away
        pieces.append(stretchers(spread, height=height, thickness=thickness, style=bars))
    return merged(pieces), f"four {'splayed ' if splay > 0.05 else ''}{kind} legs"


def _back(draws: Draws, width: float) -> tuple[Solid, str]:
    """A backrest from y = 0 upwards in the plane z = 0, and its words."""
    height = draws.number("back_height", 0.32, 0.66)
    style = draws.choice("back", "slatted", "panel", "ladder", "open", "shell", "spindle", "crossed")
    post = draws.number("post_thickness", 0.022, 0.04)
    wide = width * draws.number("back_width", 0.8, 1.0)
    x, inner = (wide - post) / 2, wide - 2 * post
    if style == "shell":
        round_top = superellipse(wide, 2 * height, power=draws.number("back_roundness", 2.2, 5.0), corners=40)
        upper = round_top[round_top[:, 1] >= -1e-9]
        return extrusion(upper, 0.7 * post, bevel=0.1 * post), "a rounded back"
    posts = [slab(post, height, post, at=(s * x, height / 2, 0)) for s in (-1, 1)]
    rail = draws.number("rail_height", 0.04, 0.12)
    pieces = [*posts, slab(inner, rail, 0.7 * post, at=(0, height - rail / 2, 0))]
    if style == "panel":
        low = draws.number("panel_start", 0.05, 0.5) * height
        pieces.append(slab(inner, height - rail - low, 0.5 * post, at=(0, (height - rail + low) / 2, 0)))
        return merged(pieces), "a panel back"
    if style == "ladder":
        count = draws.whole("bars", 1, 4)
        ys = np.linspace(0.12, 1.0, count + 1)[:-1] * height
        pieces += [slab(inner, 0.6 * rail, 0.5 * post, at=(0, y, 0)) for y in ys]
        return merged(pieces), f"{counted(count + 1, 'horizontal bar')} in the back"
    if style in ("slatted", "spindle"):
        count = draws.whole("slats", 3, 8)
        xs, length = np.linspace(-inner / 2, inner / 2, count + 2)[1:-1], height - rail
        if style == "spindle":
            pieces += [rod((s, 0, 0), (s, length, 0), 0.25 * post, sides=6) for s in xs]
        else:
            slat = draws.number("slat_width", 0.3, 0.7) * inner / (count + 1)
            pieces += [slab(slat, length, 0.4 * post, at=(s, length / 2, 0)) for s in xs]
        return merged(pieces), f"a back of {counted(count, 'spindle' if style == 'spindle' else 'slat')}"
    if style == "crossed":
        for s in (-1, 1):
            pieces.append(beam((-s * x, 0.05, 0), (s * x, height - rail, 0), rail * 0.5, 0.5 * post))
        return merged(pieces), "a crossed back"
    return merged(pieces), "an open back"


def _arms(draws: Draws, width: float, depth: float, top: float) -> tuple[Solid | None, str]:
    style = draws.choice("arms_style", "none", "none", "straight", "loop", "padded")
    if style == "none":
        return None, "no armrests"
    height = draws.number("arm_height", 0.16, 0.27)
    reach, x, y = draws.number("arm_length", 0.65, 0.95) * depth, width / 2 + 0.015, top + height
    back, front = -depth / 2, -depth / 2 + reach
    pieces = []
    for s in (-x, x):
        if style == "loop":
            path = [(s, top - 0.02, back + 0.02), (s, y, back + 0.05), (s, y, front), (s, top - 0.02, front)]
            pieces.append(tube(smooth_curve(path, steps=4), 0.014, sides=8, up=(1, 0, 0)))
            continue
        pieces.append(rod((s, top - 0.03, front - 0.05), (s, y, front - 0.05), 0.014))
        if style == "padded":
            pieces.append(rounded_box(0.07, 0.045, reach, radius=0.02, at=(s, y, (back + front) / 2)))
        else:
            pieces.append(slab(0.05, 0.025, reach, at=(s, y, (back + front) / 2)))
    return merged(pieces), f"{style} armrests"


def chair(draws: Draws) -> Built:
    """A seat with a back, on legs or another base, with or without arms."""
    width = draws.number("seat_width", 0.38, 0.58)
    depth = width * draws.number("seat_proportion", 0.85, 1.1)
    top = draws.number("seat_height", 0.40, 0.52)
    thickness = draws.number("seat_thickness", 0.02, 0.06)
    frame = draws.finish("material", "wood", "wood", "paint", "metal")
    shape = draws.choice("seat_shape", "square", "trapezoid", "rounded", "round")
    inset = {"round": 0.8, "rounded": 0.93}.get(shape, 1.0)  # of what must stay under or on the seat
    base, base_words = _base(draws, width, depth, top - thickness, inset=inset)
    back, back_words = _back(draws, width * inset)
    arms, arm_words = _arms(draws, width, depth, top)
    tilt = draws.number("back_tilt", 0.0, 0.28)
    parts = [
        Part("seat", seat_plate(shape, width, depth, thickness, top=top), frame.material),
        Part("base", base, frame.material),
        Part("back", back.turned("x", -tilt).moved(y=top - 0.01, z=-0.46 * inset * depth), frame.material),
    ]
    if arms is not None:
        parts.append(Part("armrest", arms, frame.material))
    words = [base_words, back_words, arm_words]
    if draws.chance("cushion", 0.4):
        cloth, high = (
            draws.finish("cushion_material", "fabric", "leather"),
            draws.number("cushion_height", 0.04, 0.09),
        )
        cushion = pillow(0.9 * width, high, 0.88 * depth, at=(0, top + 0.4 * high, 0.02))
        parts.append(Part("cushion", cushion, cloth.material, tile=0.2))
        words.append(f"a {cloth.words} cushion")
    seat = "square" if shape == "trapezoid" else shape
    return Built(parts, sentence(f"{frame.words} chair", [f"a {seat} seat", *words]))


def stool(draws: Draws) -> Built:
    """A seat without a back: three or four legs, or a column."""
    radius = draws.number("seat_radius", 0.14, 0.22)
    top = draws.number("height", 0.38, 0.80)
    thickness = draws.number("seat_thickness", 0.025, 0.09)
    shape = draws.choice("seat_shape", "round", "round", "square", "rounded")
    frame = draws.finish("material", "wood", "paint", "metal")
    cover = draws.finish("seat_material", "wood", "leather", "fabric", "plastic")
    bar = draws.number("leg_thickness", 0.022, 0.05)
    base = draws.choice("base", "legs", "legs", "legs", "column", "castors")
    seat = seat_plate(
        shape, 2 * radius, 2 * radius * draws.number("proportion", 0.8, 1.0), thickness, top=top
    )
    under = top - thickness
    if base == "legs":
        count = draws.whole("legs", 3, 4)
        style, splay = draws.choice("leg_style", *_LEGS), draws.number("splay", 0.0, 0.22)
        corners = regular_polygon(0.75 * radius, corners=count, start=np.pi / count)
        pieces = [legs(style, corners, height=under, thickness=bar, splay=splay)]
        if draws.chance("ring", 0.5):
            level = draws.number("ring_height", 0.2, 0.6)
            pieces.append(
                torus(0.75 * radius + splay * under * (1 - level), 0.3 * bar, at=(0, level * under, 0))
            )
        words = f"{counted(count, style + ' leg')}"
    elif base == "column":
        foot = draws.number("foot_radius", 0.9, 1.4) * radius
        pieces = [
            cylinder(bar / 2, under, at=(0, under / 2, 0)),
            cylinder(foot, 0.03, top=0.6 * foot, at=(0, 0.015, 0)),
        ]
        words = "a column and a round foot"
    else:
        arms = draws.whole("arms", 4, 6)
        pieces = [castor_base(radius=1.4 * radius, height=under, thickness=bar, arms=arms)]
        words = counted(arms, "castor")
    parts = [Part("seat", seat, cover.material, tile=0.25), Part("base", merged(pieces), frame.material)]
    height = "high" if top > 0.62 else "low"
    return Built(parts, sentence(f"{height} {frame.words} stool", [f"a {shape} {cover.words} seat", words]))
