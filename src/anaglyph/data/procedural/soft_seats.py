"""Sofas, benches and beds: wide things to sit or lie on."""

from __future__ import annotations

import numpy as np

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import a, counted, sentence
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.joinery import four_corners, leg, legs, pillow, slab
from anaglyph.data.procedural.materials import plain
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.curves import smooth_curve, superellipse
from anaglyph.geometry.solid import Solid, merged, repeated
from anaglyph.geometry.solids import cylinder, rod, rounded_box
from anaglyph.geometry.sweep import extrusion, tube

_MATTRESS = plain("mattress", (0.93, 0.92, 0.89))


def _sofa_arms(draws: Draws, width: float, depth: float, top: float, low: float) -> tuple[Solid, float, str]:
    style = draws.choice("arms", "block", "rounded", "rolled", "slim")
    thick = draws.number(
        "arm_thickness", 0.06 if style == "slim" else 0.14, 0.09 if style == "slim" else 0.28
    )
    height = draws.number("arm_height", 0.12, 0.26) + top
    pieces = []
    for s in (-1, 1):
        x, middle = s * (width - thick) / 2, (height + low) / 2
        if style == "block":
            pieces.append(slab(thick, height - low, depth, at=(x, middle, 0)))
        elif style == "rolled":
            pieces.append(slab(0.7 * thick, height - low, 0.96 * depth, at=(x, middle, 0)))
            roll = cylinder(0.62 * thick, depth, segments=16).turned("x", np.pi / 2)
            pieces.append(roll.moved(x + 0.15 * s * thick, height - 0.2 * thick, 0))
        else:
            radius = 0.48 * thick if style == "rounded" else 0.2 * thick
            pieces.append(rounded_box(thick, height - low, depth, radius=radius, at=(x, middle, 0)))
    return merged(pieces), thick, f"{style} arms"


def sofa(draws: Draws) -> Built:
    """One to four seats between two arms, some with a chaise."""
    seats = draws.whole("seats", 1, 4)
    seat_width, depth = draws.number("seat_width", 0.52, 0.72), draws.number("depth", 0.78, 1.0)
    top, low = draws.number("seat_height", 0.36, 0.46), draws.number("leg_height", 0.04, 0.16)
    cloth = draws.finish("material", "fabric", "fabric", "leather")
    feet = draws.finish("leg_material", "wood", "metal")
    arm_thick_guess = seats * seat_width + 0.3
    arms, thick, arm_words = _sofa_arms(draws, arm_thick_guess, depth, top, low)
    inner = arm_thick_guess - 2 * thick
    back_thick = draws.number("back_thickness", 0.14, 0.24)
    back_height = draws.number("back_height", 0.3, 0.52)
    cushion = draws.number("cushion_height", 0.12, 0.2)
    base = slab(inner, top - cushion - low, depth, at=(0, (top - cushion + low) / 2, 0))
    back = rounded_box(inner, back_height + top - low, back_thick, radius=0.06)
    back = back.moved(y=(back_height + top + low) / 2, z=-(depth - back_thick) / 2)
    room, each = depth - back_thick, inner / seats
    centres = [(i - (seats - 1) / 2) * each for i in range(seats)]
    front = 0.0
    if seats > 1 and draws.chance("chaise", 0.3):
        front = draws.number("chaise_length", 0.45, 0.8)
    pads = [
        rounded_box(0.98 * each, cushion, room, radius=0.05).moved(x, top - cushion / 2, back_thick / 2)
        for x in centres
    ]
    parts = [
        Part("base", base, cloth.material),
        Part("back", back, cloth.material),
        Part("arm", arms, cloth.material),
    ]
    if front:
        pads.append(
            rounded_box(0.98 * each, cushion, front, radius=0.05).moved(
                centres[0], top - cushion / 2, (depth + front) / 2
            )
        )
        ledge = slab(
            each, top - cushion - low, front, at=(centres[0], (top - cushion + low) / 2, (depth + front) / 2)
        )
        parts.append(Part("base", ledge, cloth.material))
    words = [counted(seats, "seat"), arm_words, "a chaise" if front else ""]
    parts.append(Part("cushion", merged(pads), cloth.material, tile=0.3))
    if draws.chance("back_cushions", 0.6):
        soft = [
            pillow(0.92 * each, 0.2, 0.9 * back_height, at=(0, 0, 0))
            .turned("x", 1.35)
            .moved(x, top + 0.45 * back_height, -depth / 2 + back_thick + 0.06)
            for x in centres
        ]
        parts.append(Part("cushion", merged(soft), cloth.material, tile=0.3))
        words.append("loose back cushions")
    style = draws.choice("leg_style", "round", "square", "tapered")
    corners = four_corners(arm_thick_guess - 0.14, depth - 0.14)
    parts.append(Part("leg", legs(style, corners, height=low + 0.01, thickness=0.06), feet.material))
    return Built(parts, sentence(f"{cloth.words} {'armchair' if seats == 1 else 'sofa'}", words))


def _bench_sides(draws: Draws, width: float, depth: float, top: float) -> tuple[Solid, str]:
    """What carries a bench at both ends, up to `top`."""
    style = draws.choice("supports", "legs", "panels", "iron frames", "blocks", "trestles")
    x = 0.5 * width - draws.number("overhang", 0.06, 0.3)
    bar = draws.number("leg_thickness", 0.045, 0.09)
    if style == "legs":
        kind = draws.choice("leg_style", "square", "round", "tapered", "turned")
        return legs(kind, four_corners(2 * x, depth - bar), height=top, thickness=bar), f"{kind} legs"
    if style == "panels":
        sides = [slab(bar, top, 0.95 * depth, at=(s * x, top / 2, 0)) for s in (-1, 1)]
        return merged(sides), "solid side panels"
    if style == "blocks":
        sides = [slab(3.5 * bar, top, 0.85 * depth, at=(s * x, top / 2, 0)) for s in (-1, 1)]
        return merged(sides), "two stone blocks"
    if style == "trestles":
        feet = [
            rod((s * x, 0, t * depth / 2), (s * x, top, t * 0.1), bar / 2) for s in (-1, 1) for t in (-1, 1)
        ]
        feet.append(rod((-x, 0.5 * top, 0), (x, 0.5 * top, 0), bar / 3))
        return merged(feet), "trestles"
    z = 0.45 * depth
    path = [
        (0, 0, z),
        (0, 0.5 * top, 0.7 * z),
        (0, top - 0.02, z),
        (0, top - 0.02, -z),
        (0, 0.5 * top, -0.7 * z),
        (0, 0, -z),
    ]
    frame = tube(smooth_curve(np.array(path), steps=4), 0.022, sides=8, up=(1, 0, 0))
    return repeated(frame, [(-x, 0, 0), (x, 0, 0)]), "curved iron frames"


def bench(draws: Draws) -> Built:
    """Park and garden benches: a slatted or solid seat, with or without a back and arms."""
    width, depth = draws.number("width", 1.0, 2.1), draws.number("depth", 0.32, 0.5)
    top, thick = draws.number("seat_height", 0.4, 0.5), draws.number("seat_thickness", 0.025, 0.07)
    wood = draws.finish("material", "wood", "wood", "paint", "stone")
    slats = draws.whole("slats", 1, 6)
    pitch = depth / slats
    share = draws.number("slat_width", 0.7, 0.92) if slats > 1 else 1.0
    board = rounded_box(width, thick, share * pitch, radius=0.25 * thick, at=(0, top - thick / 2, 0))
    seat = repeated(board, [(0, 0, (i + 0.5) * pitch - depth / 2) for i in range(slats)])
    sides, side_words = _bench_sides(draws, width, depth, top - thick)
    frame = draws.finish("frame_material", "metal", "wood")
    parts = [Part("seat", seat, wood.material), Part("support", sides, frame.material)]
    words = [f"a seat of {counted(slats, 'board')}", side_words]
    if draws.chance("backed", 0.55):
        height, boards = draws.number("back_height", 0.3, 0.5), draws.whole("back_boards", 1, 4)
        step = height / boards
        plank = slab(width, 0.75 * step, thick * 0.8)
        back = repeated(plank, [(0, 0.08 + (i + 0.5) * step, 0) for i in range(boards)])
        posts = [slab(0.05, height + 0.12, 0.03, at=(s * 0.4 * width, height / 2, -0.03)) for s in (-1, 0, 1)]
        lean = draws.number("back_tilt", 0.05, 0.3)
        for name, solid, finish in (("back", back, wood), ("support", merged(posts), frame)):
            parts.append(Part(name, solid.turned("x", -lean).moved(y=top, z=-depth / 2), finish.material))
        words.append(f"a back of {counted(boards, 'board')}")
    if draws.chance("arms", 0.35):
        high = draws.number("arm_height", 0.18, 0.26)
        arms = [slab(0.06, 0.035, depth, at=(s * (width / 2 - 0.03), top + high, 0)) for s in (-1, 1)]
        arms += [
            slab(0.045, high, 0.045, at=(s * (width / 2 - 0.03), top + high / 2, depth / 2 - 0.05))
            for s in (-1, 1)
        ]
        parts.append(Part("arm", merged(arms), frame.material))
        words.append("armrests")
    return Built(parts, sentence(f"{wood.words} bench", words))


def _headboard(draws: Draws, width: float, top: float) -> tuple[Solid, str]:
    """Standing on the floor in the plane z = 0."""
    style = draws.choice("headboard", "panel", "arched", "slatted", "upholstered", "posts")
    height = top + draws.number("headboard_height", 0.25, 0.8)
    if style == "panel":
        return slab(width, height, 0.05, at=(0, height / 2, 0)), "a panel headboard"
    if style == "arched":
        arch = superellipse(width, 2 * height, power=draws.number("arch", 2.0, 3.5), corners=40)
        return extrusion(arch[arch[:, 1] >= -1e-9], 0.05), "an arched headboard"
    if style == "upholstered":
        return rounded_box(
            width, height, 0.12, radius=0.05, at=(0, height / 2, 0)
        ), "an upholstered headboard"
    posts = [
        cylinder(0.035, height, top=0.025, segments=12, at=(s * width / 2, height / 2, 0)) for s in (-1, 1)
    ]
    rails = [slab(width, 0.05, 0.035, at=(0, y, 0)) for y in (top, 0.94 * height)]
    if style == "posts":
        return merged([*posts, *rails]), "a rail between two posts"
    count = draws.whole("headboard_slats", 4, 12)
    step = width / (count + 1)
    slats = repeated(
        slab(0.4 * step, height - top, 0.02),
        [((i + 1) * step - width / 2, (height + top) / 2, 0) for i in range(count)],
    )
    return merged([*posts, *rails, slats]), f"a headboard of {counted(count, 'slat')}"


def _bedding(draws: Draws, width: float, length: float, top: float) -> tuple[list[Part], float, str]:
    """Mattress, blanket and pillows from `top`, the height they reach, and words."""
    thick, share = draws.number("mattress_height", 0.14, 0.28), draws.number("blanket", 0.45, 0.78) * length
    cloth = draws.finish("blanket_material", "fabric")
    mattress = rounded_box(width, thick, 0.97 * length, radius=0.06, at=(0, top + thick / 2 - 0.02, 0))
    blanket = rounded_box(width + 0.05, 0.9 * thick, share, radius=0.05)
    count = 1 if width < 1.2 else draws.whole("pillows", 1, 2)
    each, soft = 0.86 * width / count, draws.number("pillow_height", 0.12, 0.2)
    places = [((i - (count - 1) / 2) * each, top + thick + 0.03, -0.38 * length) for i in range(count)]
    pads = merged([pillow(0.92 * each, soft, 0.4, at=place) for place in places])
    parts = [
        Part("mattress", mattress, _MATTRESS),
        Part(
            "blanket", blanket.moved(y=top + 0.62 * thick, z=(length - share) / 2), cloth.material, tile=0.6
        ),
        Part("pillow", pads, _MATTRESS),
    ]
    return parts, top + thick, f"{a(cloth.words)} blanket"


def _canopy_frame(draws: Draws, width: float, length: float) -> Solid:
    """Four posts and rails between their tops."""
    high, thick = draws.number("post_height", 1.7, 2.2), draws.number("post_thickness", 0.045, 0.08)
    post = leg(draws.choice("post_style", "square", "round", "turned"), height=high, thickness=thick)
    posts = repeated(post, np.insert(four_corners(width, length), 1, 0.0, axis=1))
    rails = [slab(width, 0.7 * thick, 0.7 * thick, at=(0, high, s * length / 2)) for s in (-1, 1)]
    rails += [slab(0.7 * thick, 0.7 * thick, length, at=(s * width / 2, high, 0)) for s in (-1, 1)]
    return merged([posts, *rails])


def _bunk_frame(draws: Draws, width: float, length: float, high: float) -> Solid:
    """Four posts, a rail and a ladder at the foot."""
    rungs, x = draws.whole("rungs", 3, 6), draws.number("ladder_place", -0.3, 0.3) * width
    post = slab(0.07, high, 0.07, at=(0, high / 2, 0))
    pieces = [repeated(post, np.insert(four_corners(width + 0.1, length), 1, 0.0, axis=1))]
    z = length / 2 + 0.06
    pieces += [slab(0.35, 0.03, 0.05, at=(x, (i + 1) * high / (rungs + 1), z)) for i in range(rungs)]
    pieces += [slab(0.03, high, 0.05, at=(x + s * 0.19, high / 2, z)) for s in (-1, 1)]
    return merged([*pieces, slab(0.03, 0.08, 0.8 * length, at=(width / 2 + 0.05, high - 0.06, 0))])


def bed(draws: Draws) -> Built:
    """A mattress in a frame with a headboard; some four-posters, some bunk beds."""
    width, length = draws.number("width", 0.85, 1.85), draws.number("length", 1.9, 2.15)
    low, rail = draws.number("clearance", 0.05, 0.3), draws.number("rail_height", 0.1, 0.26)
    wood, top = draws.finish("material", "wood", "paint", "metal"), low + rail
    bedding, level, cloth_words = _bedding(draws, width, length, top)
    frame = slab(width + 0.06, rail, length, at=(0, low + rail / 2, 0))
    head, head_words = _headboard(draws, width + 0.06, top)
    style = draws.choice("leg_style", "square", "round", "tapered")
    feet = legs(style, four_corners(width - 0.06, length - 0.1), height=low + 0.02, thickness=0.07)
    lying = [Part("frame", frame, wood.material), *bedding]
    parts = [
        *lying,
        Part("headboard", head.moved(z=-length / 2), wood.material),
        Part("leg", feet, wood.material),
    ]
    words, kind = [head_words, cloth_words], draws.choice("kind", "bed", "bed", "bed", "four-poster", "bunk")
    if kind == "four-poster":
        parts.append(Part("post", _canopy_frame(draws, width, length), wood.material))
        words.append("four posts")
    elif kind == "bunk":
        rise = draws.number("bunk_height", 0.85, 1.05)
        parts += [Part(part.name, part.solid.moved(y=rise), part.material, part.tile) for part in lying]
        parts.append(Part("post", _bunk_frame(draws, width, length, rise + level + 0.2), wood.material))
        words.append("a ladder")
    foot = draws.number("footboard", 0.0, 0.4)
    if foot > 0.15:
        board = slab(width + 0.06, foot + top, 0.05, at=(0, (foot + top) / 2, length / 2))
        parts.append(Part("footboard", board, wood.material))
        words.append("a footboard")
    name = {"bed": "bed", "four-poster": "four-poster bed", "bunk": "bunk bed"}[kind]
    return Built(parts, sentence(f"{'double' if width > 1.3 else 'single'} {wood.words} {name}", words))
