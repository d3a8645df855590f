"""Tables, desks and nightstands: a top, what carries it, and what lies under it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import counted, sentence
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.joinery import LEG_STYLES, four_corners, handle, legs, panel_front, slab
from anaglyph.data.procedural.seats import stretchers
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.curves import regular_polygon, rounded_rectangle, smooth_curve, superellipse
from anaglyph.geometry.solid import Solid, around, merged
from anaglyph.geometry.solids import beam, cylinder, rod, rounded_box
from anaglyph.geometry.sweep import extrusion, lathe, tube


def _top(shape: str, width: float, depth: float, thickness: float, *, height: float) -> Solid:
    if shape in ("round", "oval"):
        outline = superellipse(width, depth, power=2.0, corners=40)
    elif shape == "octagonal":
        outline = regular_polygon(1.0, corners=8, start=np.pi / 8) * [0.54 * width, 0.54 * depth]
    elif shape == "soft-cornered":
        outline = superellipse(width, depth, power=4.0, corners=40)
    else:
        outline = rounded_rectangle(width, depth, radius=0.012, steps=4)
    plate = extrusion(outline, thickness, bevel=0.2 * thickness)
    return plate.turned("x", np.pi / 2).moved(y=height - thickness / 2)


def _pedestal(draws: Draws, reach: float, height: float) -> tuple[Solid, str]:
    """A turned column on a disc, on a cross of feet, or a cone."""
    foot = draws.choice("foot", "disc", "cross", "cone", "claws")
    thick = draws.number("column_thickness", 0.05, 0.12)
    if foot == "cone":
        waist = draws.number("waist", 0.25, 0.8)
        profile = [(0.75 * reach, 0.0), (0.75 * reach, 0.02), (thick, waist * height), (0.45 * reach, height)]
        return lathe(
            smooth_curve(profile, steps=4).clip(0.01, None) * [1, 1], segments=28
        ), "a flared pedestal"
    swell = draws.number("swell", 0.6, 1.8)
    profile = [(0.7, 0.0), (0.7, 0.12), (1.0, 0.2), (0.6, 0.35), (swell, 0.6), (0.6, 0.8), (1.0, 1.0)]
    column = lathe(
        smooth_curve([(r * thick, 0.04 + h * (height - 0.04)) for r, h in profile], steps=4), segments=20
    )
    if foot == "disc":
        disc = cylinder(0.7 * reach, 0.04, top=0.6 * reach, segments=32, at=(0, 0.02, 0))
        return merged([column, disc]), "a turned pedestal on a disc"
    arms = draws.whole("feet", 3, 5)
    if foot == "claws":
        path = [
            (0, 0.3 * height, 0),
            (0, 0.26 * height, 0.4 * reach),
            (0, 0.03, 0.75 * reach),
            (0, 0.02, 0.85 * reach),
        ]
        claw = tube(smooth_curve(path, steps=4), np.linspace(0.5, 0.28, 13) * thick, sides=8)
    else:
        claw = beam((0, 0.03, 0), (0, 0.02, 0.8 * reach), 0.07, 0.05)
    return merged([column, around(claw, arms)]), f"a pedestal on {counted(arms, 'foot', plural='feet')}"


def _support(
    draws: Draws, width: float, depth: float, height: float, *, round_top: bool
) -> tuple[Solid, str]:
    """What stands under a table top."""
    style = draws.choice("support", "legs", "legs", "legs", "pedestal", "trestle", "panels", "crossed")
    if style == "pedestal" or (round_top and style != "legs"):
        return _pedestal(draws, min(width, depth) / 2, height)
    bar = draws.number("leg_thickness", 0.04, 0.1)
    x, z = width / 2 - draws.number("overhang", 0.04, 0.2), depth / 2 - 0.05
    if style == "panels":
        panel = rounded_box(0.4 * bar, height, 2 * z, radius=0.08 * bar, at=(0, height / 2, 0))
        sides = [panel.moved(s * x) for s in (-1, 1)]
        return merged([*sides, slab(2 * x, 0.12, 0.4 * bar, at=(0, height - 0.1, 0))]), "two side panels"
    if style == "crossed":
        pieces = [
            beam((s * x, 0, -t * z), (s * x, height, t * z), bar, 0.7 * bar) for s in (-1, 1) for t in (-1, 1)
        ]
        return merged([*pieces, rod((-x, height / 2, 0), (x, height / 2, 0), 0.3 * bar)]), "crossed legs"
    if style == "trestle":
        pieces = [slab(bar, height, 1.6 * bar, at=(s * x * 0.8, height / 2, 0)) for s in (-1, 1)]
        pieces += [slab(1.1 * bar, 0.06, 1.8 * z, at=(s * x * 0.8, 0.03, 0)) for s in (-1, 1)]
        pieces.append(slab(1.6 * x, 0.09, 0.5 * bar, at=(0, 0.3 * height, 0)))
        return merged(pieces), "a trestle"
    kind, splay = draws.choice("leg_style", *LEG_STYLES), draws.number("splay", 0.0, 0.16)
    if round_top:
        count = draws.whole("legs", 3, 5)
        corners = regular_polygon(0.7, corners=count, start=np.pi / count) * [width / 2, depth / 2]
    else:
        count, corners = 4, four_corners(2 * x - bar, 2 * z - bar)
    splay = splay if kind in ("round", "tapered") else 0.0
    pieces = [legs(kind, corners, height=height, thickness=bar, splay=splay)]
    if round_top:
        ring, high = draws.number("ring", 0.55, 0.85), draws.number("ring_height", 0.03, 0.1)
        frame = cylinder(ring / 2, high, segments=28, at=(0, height - high / 2, 0))
        pieces.append(frame.scaled(x=width, z=depth))
    if not round_top and draws.chance("apron", 0.5):
        high = draws.number("apron_height", 0.06, 0.14)
        for s in (-1, 1):
            pieces.append(slab(2 * x - 2 * bar, high, 0.02, at=(0, height - high / 2, s * (z - bar / 2))))
            pieces.append(slab(0.02, high, 2 * z - 2 * bar, at=(s * (x - bar / 2), height - high / 2, 0)))
    if not round_top and splay == 0 and draws.chance("stretchers", 0.3):
        pieces.append(
            stretchers(corners, height=0.2 * height, thickness=bar, style=draws.choice("bars", "H", "ring"))
        )
    return merged(pieces), f"{counted(count, kind + ' leg')}"


def table(draws: Draws) -> Built:
    """Dining, coffee and side tables of many shapes."""
    kind = draws.choice("kind", "dining", "dining", "coffee", "side")
    low, high = {"dining": (0.7, 0.78), "coffee": (0.3, 0.48), "side": (0.5, 0.65)}[kind]
    height = draws.number("height", low, high)
    narrow, wide = {"dining": (0.9, 2.2), "coffee": (0.7, 1.3), "side": (0.4, 0.6)}[kind]
    width = draws.number("width", narrow, wide)
    shape = draws.choice("top", "rectangular", "rectangular", "round", "oval", "soft-cornered", "octagonal")
    proportion = draws.number("proportion", 0.45, 0.95)
    width = min(width, 1.5) if shape in ("round", "octagonal") else width
    depth = width if shape in ("round", "octagonal") else width * proportion
    thick = draws.number("top_thickness", 0.018, 0.06)
    wood = draws.finish("material", "wood", "wood", "stone", "glass", "paint")
    frame = draws.finish("leg_material", "wood", "metal", "paint")
    support, words = _support(draws, width, depth, height - thick, round_top=shape != "rectangular")
    parts = [
        Part("top", _top(shape, width, depth, thick, height=height), wood.material),
        Part("base", support, frame.material),
    ]
    parts_words = [f"a {shape} top", words] if shape[0] not in "aeiou" else [f"an {shape} top", words]
    if shape == "rectangular" and kind != "dining" and draws.chance("shelf", 0.5):
        level = draws.number("shelf_height", 0.15, 0.5) * height
        parts.append(Part("shelf", slab(width - 0.2, 0.02, depth - 0.14, at=(0, level, 0)), wood.material))
        parts_words.append("a shelf below")
    return Built(parts, sentence(f"{wood.words} {kind} table", parts_words))


def drawers(
    draws: Draws,
    count: int,
    width: float,
    height: float,
    *,
    handles: str,
    framed: bool,
    thickness: float = 0.022,
) -> tuple[list[Solid], list[Solid]]:
    """Fronts and handles of `count` drawers one over another, filling width x height from y = 0, at z = 0."""
    shares = np.ones(count)
    if draws.chance("graded_drawers", 0.4):
        shares = np.linspace(0.75, 1.25, count)[::-1]
    edges = np.concatenate([[0.0], np.cumsum(shares / shares.sum())]) * height
    fronts, pulls = [], []
    for low, high in pairwise(edges):
        middle, face = (low + high) / 2, high - low - 0.014
        fronts.append(panel_front(width - 0.014, face, thickness=thickness, at=(0, middle, 0), framed=framed))
        spots = (-0.27 * width, 0.27 * width) if width > 0.6 else (0.0,)
        if handles != "no handles":
            pulls += [handle(handles, size=0.13, at=(x, middle, thickness)) for x in spots]
    return fronts, pulls


def desk(draws: Draws) -> Built:
    """A top with drawers on one or both sides, on panels or legs, some with a hutch."""
    width, depth = draws.number("width", 1.0, 1.8), draws.number("depth", 0.5, 0.8)
    height, thick = draws.number("height", 0.7, 0.78), draws.number("top_thickness", 0.02, 0.045)
    wood, metal = (
        draws.finish("material", "wood", "wood", "paint"),
        draws.finish("leg_material", "metal", "wood", "paint"),
    )
    under = height - thick
    plate = rounded_box(width, thick, depth, radius=0.25 * thick, at=(0, height - thick / 2, 0))
    parts = [Part("top", plate, wood.material)]
    sides = draws.choice("drawers", "right", "left", "both sides", "none")
    handles, framed = (
        draws.choice("handles", "knobs", "bar handles", "bow handles"),
        draws.chance("framed", 0.3),
    )
    chest, count = draws.number("chest_width", 0.32, 0.45), draws.whole("drawer_count", 2, 4)
    floor = draws.number("chest_start", 0.0, 0.35) * under
    used = {"right": (1,), "left": (-1,), "both sides": (-1, 1), "none": ()}[sides]
    for s in used:
        x = s * (width - chest) / 2
        body = slab(chest, under - floor, 0.94 * depth, at=(x, (under + floor) / 2, 0))
        fronts, pulls = drawers(draws, count, chest, under - floor, handles=handles, framed=framed)
        parts.append(Part("chest", body, wood.material))
        parts.append(Part("drawer", merged(fronts).moved(x, floor, 0.47 * depth), wood.material))
        parts.append(Part("handle", merged(pulls).moved(x, floor, 0.47 * depth), metal.material))
    bar, style = (
        draws.number("leg_thickness", 0.035, 0.07),
        draws.choice("support", "square", "panels", "tapered", "round", "trestle"),
    )
    if style == "panels":
        stand = merged(
            [slab(0.025, under, 0.95 * depth, at=(s * (width / 2 - 0.02), under / 2, 0)) for s in (-1, 1)]
        )
    elif style == "trestle":
        feet = [
            rod((s * 0.42 * width, 0, t * 0.42 * depth), (s * 0.42 * width, under, t * 0.08), bar / 2)
            for s in (-1, 1)
            for t in (-1, 1)
        ]
        stand = merged(feet)
    else:
        stand = legs(style, four_corners(width - 2 * bar, depth - 2 * bar), height=under, thickness=bar)
    parts.append(Part("leg", stand, metal.material))
    words = [
        f"drawers on {'the ' if len(used) == 1 else ''}{sides}" if used else "no drawers",
        "side panels" if style == "panels" else f"{style} legs",
    ]
    if draws.chance("modesty_panel", 0.5):
        low = draws.number("panel_height", 0.3, 0.8) * under
        parts.append(
            Part(
                "panel",
                slab(width - 0.1, low, 0.02, at=(0, under - low / 2, 0.06 - depth / 2)),
                wood.material,
            )
        )
    if draws.chance("hutch", 0.35):
        parts.append(Part("hutch", _hutch(draws, width, height, depth), wood.material))
        words.append("a hutch of shelves on top")
    return Built(parts, sentence(f"{wood.words} desk", words))


def _hutch(draws: Draws, width: float, height: float, depth: float) -> Solid:
    """Shelves that stand on the back of a desk."""
    high, deep, bays = (
        draws.number("hutch_height", 0.3, 0.8),
        draws.number("hutch_depth", 0.18, 0.3),
        draws.whole("bays", 1, 4),
    )
    z, rows = (deep - depth) / 2, draws.whole("hutch_shelves", 1, 2)
    uprights = [
        slab(0.02, high, deep, at=(x, height + high / 2, z))
        for x in np.linspace(0.01 - width / 2, width / 2 - 0.01, bays + 1)
    ]
    shelves = [slab(width, 0.02, deep, at=(0, height + (i + 1) * high / rows - 0.01, z)) for i in range(rows)]
    return merged([*uprights, *shelves])


def nightstand(draws: Draws) -> Built:
    """A small bedside cabinet: drawers over a shelf, a door or nothing."""
    width, depth, height = (
        draws.number("width", 0.36, 0.6),
        draws.number("depth", 0.32, 0.45),
        draws.number("height", 0.45, 0.7),
    )
    wood, metal = draws.finish("material", "wood", "paint"), draws.finish("handle_material", "metal", "wood")
    low, thick = draws.number("leg_height", 0.03, 0.3), draws.number("board", 0.015, 0.028)
    count, lower = draws.whole("drawer_count", 1, 3), draws.choice("below", "shelf", "door", "nothing")
    handles, framed = (
        draws.choice("handles", "knobs", "bar handles", "bow handles"),
        draws.chance("framed", 0.35),
    )
    share = 1.0 if lower == "nothing" else draws.number("drawer_share", 0.35, 0.6)
    inside, room = height - low - thick, width - 2 * thick
    split = low + (1 - share) * inside
    sides = [slab(thick, inside, depth, at=(s * (width - thick) / 2, low + inside / 2, 0)) for s in (-1, 1)]
    boards = [
        slab(width, thick, depth, at=(0, low + thick / 2, 0)),
        slab(room, inside, thick, at=(0, low + inside / 2, (thick - depth) / 2)),
    ]
    chest = slab(room, height - thick - split, depth - 0.03, at=(0, (height - thick + split) / 2, -0.015))
    over = draws.number("top_overhang", 0.0, 0.03)
    top = slab(width + 2 * over, thick, depth + 2 * over, at=(0, height - thick / 2, 0))
    fronts, pulls = drawers(draws, count, room, height - thick - split, handles=handles, framed=framed)
    front = depth / 2 - 0.025
    parts = [Part("body", merged([*sides, *boards, chest]), wood.material), Part("top", top, wood.material)]
    parts += [Part("drawer", merged(fronts).moved(y=split, z=front), wood.material)]
    parts += [Part("handle", merged(pulls).moved(y=split, z=front), metal.material)]
    if lower == "door":
        middle, high = (low + thick + split) / 2, split - low - thick
        leaf = panel_front(room - 0.008, high - 0.008, thickness=0.018, at=(0, middle, front), framed=framed)
        parts.append(Part("door", leaf, wood.material))
        parts.append(
            Part(
                "handle",
                handle(handles, size=0.11, at=(0.35 * room, middle, front + 0.018), upright=True),
                metal.material,
            )
        )
    style = draws.choice("leg_style", "square", "tapered", "round", "turned")
    feet = legs(style, four_corners(width - 0.07, depth - 0.07), height=low, thickness=0.04)
    parts.append(Part("leg", feet, wood.material))
    words = [
        counted(count, "drawer"),
        {"shelf": "an open shelf", "door": "a door below", "nothing": ""}[lower],
        f"{style} legs",
    ]
    return Built(parts, sentence(f"{wood.words} nightstand", words))
