"""Table lamps and floor lamps: a foot, a stem and a shade."""

from __future__ import annotations

import numpy as np

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import a, counted, sentence
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.materials import LIGHT
from anaglyph.data.procedural.turned import squared
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.curves import lifted, smooth_curve
from anaglyph.geometry.solid import Solid, around, merged
from anaglyph.geometry.solids import box, cylinder, rod, sphere, torus
from anaglyph.geometry.sweep import lathe, tube

Place = tuple[float, float, float]
_SHADES = ("conical", "drum", "bell", "empire", "square", "pleated", "globe")


def _shade(
    draws: Draws, radius: float, height: float, *, styles: tuple[str, ...] = _SHADES, segments: int = 32
) -> tuple[Solid, str]:
    """A shade from y = 0 to about `height`, `radius` at its widest, and its words."""
    style = draws.choice("shade", *styles)
    wall = 0.02 * radius
    if style == "globe":
        squash = min(1.1, max(0.7, height / (2 * radius)))
        ball = sphere(radius, segments=segments, rings=segments // 2).scaled(y=squash)
        return ball.moved(y=squash * radius), "globe shade"
    top = {"drum": 0.9, "conical": 0.3, "bell": 0.35, "empire": 0.6, "square": 0.6, "pleated": 0.65}[style]
    top *= draws.number("shade_taper", 0.8, 1.1)
    if style == "bell":
        curve = smooth_curve([(1.0, 0.0), (0.72, 0.25), (0.6, 0.7), (top, 1.0)], steps=4)
    else:
        curve = np.array([(1.0, 0.0), (top, 1.0)])
    outer = curve * [radius, height]
    ring = np.concatenate([outer, (outer - [wall, 0.0])[::-1]])
    solid = lathe(ring, segments=segments, ring=True)
    if style == "square":
        return squared(solid, draws.number("squareness", 5.0, 16.0)), "square shade"
    if style == "pleated":
        fold = np.tile(1 - 0.07 * (np.arange(segments) % 2), len(ring))
        return solid.mapped(
            lambda points: points * np.column_stack([fold, np.ones_like(fold), fold])
        ), "pleated shade"
    return solid, f"{style} shade"


def _foot(draws: Draws, reach: float) -> tuple[Solid, float, str]:
    """What a lamp stands on, its height and its words."""
    style = draws.choice("foot", "round", "domed", "square", "tripod", "stepped")
    high = draws.number("foot_height", 0.06, 0.2) * reach
    if style == "square":
        return box(1.7 * reach, high, 1.7 * reach, at=(0, high / 2, 0)), high, "a square foot"
    if style == "domed":
        dome = smooth_curve([(1.0, 0.0), (0.95, 0.5), (0.55, 1.1), (0.1, 1.6)], steps=4)
        return lathe(dome * [reach, 1.5 * high], segments=28), 2.2 * high, "a domed foot"
    if style == "tripod":
        tall = 1.5 * reach
        leg = rod((0, tall, 0), (0, 0, reach), 0.07 * reach)
        return (
            merged([around(leg, 3), sphere(0.14 * reach, segments=12, rings=6, at=(0, tall, 0))]),
            tall,
            "a tripod",
        )
    if style == "stepped":
        steps = [(1.0, 0.0), (1.0, 0.6), (0.7, 0.6), (0.7, 1.2), (0.4, 1.2), (0.4, 1.8)]
        return lathe(np.array(steps) * [reach, high], segments=28), 1.8 * high, "a stepped foot"
    return cylinder(reach, high, top=0.92 * reach, segments=32, at=(0, high / 2, 0)), high, "a round foot"


def _turned_body(draws: Draws, low: float, high: float, reach: float) -> tuple[Solid, str]:
    """The body of a table lamp between two heights."""
    style = draws.choice("body", "stem", "vase", "gourd", "beaded", "column", "cone")
    count = 6
    shares = np.linspace(0.0, 1.0, count)
    radii = {
        "stem": np.full(count, 0.12),
        "vase": np.array([0.45, 0.8, 1.0, 0.8, 0.35, 0.22]),
        "gourd": np.array([0.6, 1.0, 0.5, 0.45, 0.65, 0.15]),
        "beaded": np.array([0.3, 0.55, 0.2, 0.5, 0.18, 0.35]),
        "column": np.array([0.5, 0.36, 0.34, 0.33, 0.33, 0.46]),
        "cone": np.array([0.95, 0.75, 0.56, 0.38, 0.22, 0.1]),
    }[style]
    radii = radii * draws.number("body_width", 0.6, 0.95) * draws.generator("body").uniform(0.85, 1.15, count)
    profile = np.stack([np.maximum(radii, 0.06) * reach, low + shares * (high - low)], axis=1)
    return lathe(smooth_curve(profile, steps=4), segments=24), a(
        f"{style} body"
    ) if style != "stem" else "a slim stem"


def _desk_lamp(draws: Draws, foot: Solid, top: float, height: float, hood: Solid) -> tuple[Solid, Solid]:
    """A jointed arm on a foot that ends at `top`, and the hood at its end."""
    bend, lean = draws.number("arm_angle", 0.2, 0.8), draws.number("head_angle", 0.5, 1.4)
    first, second = (height * draws.number(name, 0.6, 1.0) for name in ("lower_arm", "upper_arm"))
    joint = np.array([0.0, top + first * np.cos(bend), -first * np.sin(bend)])
    end = joint + np.array([0.0, second * np.cos(lean), second * np.sin(lean)])
    knob = sphere(0.017, segments=10, rings=6)
    arm = [
        rod((0, top - 0.01, 0), joint, 0.008),
        rod(joint, end, 0.008),
        knob.moved(*joint),
        knob.moved(*end),
    ]
    return merged([foot, *arm]), hood.turned("x", -draws.number("tilt", 0.0, 0.6)).moved(*end)


def table_lamp(draws: Draws) -> Built:
    """A shaded lamp on a turned body, or a desk lamp on a jointed arm."""
    metal = draws.finish("material", "metal", "ceramic", "wood", "glass", "paint")
    cloth = draws.finish("shade_material", "fabric", "paint", "glass")
    reach, height = draws.number("foot_radius", 0.06, 0.11), draws.number("height", 0.25, 0.5)
    foot, top, foot_words = _foot(draws, reach)
    radius, tall = draws.number("shade_radius", 0.09, 0.2), draws.number("shade_height", 0.1, 0.26)
    if draws.choice("kind", "shaded", "shaded", "desk") == "desk":
        shade, words = _shade(draws, 0.6 * radius, 0.6 * tall, styles=("bell", "conical", "empire", "drum"))
        arm, hood = _desk_lamp(draws, foot, top, height, shade.moved(y=-0.6 * tall))
        parts = [Part("arm", arm, metal.material), Part("shade", hood, cloth.material, tile=0.1)]
        words = f"{a(cloth.words)} {words}"
        return Built(parts, sentence(f"{metal.words} desk lamp", [foot_words, "a jointed arm", words]))
    shade, words = _shade(draws, radius, tall)
    body, body_words = _turned_body(draws, 0.9 * top, top + height * 0.62, reach)
    start = top + height * draws.number("shade_start", 0.55, 0.7)
    parts = [
        Part("foot", foot, metal.material),
        Part("body", body, metal.material, tile=0.15),
        Part("stem", rod((0, top, 0), (0, start + 0.8 * tall, 0), 0.006), metal.material),
        Part("shade", shade.moved(y=start), cloth.material, tile=0.1),
        Part("bulb", sphere(0.03, segments=12, rings=8, at=(0, start + 0.45 * tall, 0)), LIGHT),
    ]
    words = f"{a(cloth.words)} {words}"
    return Built(parts, sentence(f"{metal.words} table lamp", [foot_words, body_words, words]))


def _tripod_pole(draws: Draws, height: float, end: float, thick: float) -> tuple[Solid, list[Place], str]:
    reach, hub = draws.number("tripod_reach", 0.25, 0.45), draws.number("hub", 0.7, 0.95) * height
    legs = around(rod((0, 0, reach), (0, hub, 0.02), 1.3 * thick, tip=0.8 * thick, sides=12), 3)
    pieces = [legs, rod((0, hub - 0.05, 0), (0, end, 0), thick)]
    if draws.chance("ring", 0.4):
        level = draws.number("ring_height", 0.3, 0.6)
        pieces.append(torus(reach * (1 - level) + 0.02 * level, 0.6 * thick, at=(0, level * hub, 0)))
    return merged(pieces), [(0.0, height, 0.0)], "a tripod"


def _arched_pole(draws: Draws, height: float, tall: float, thick: float) -> tuple[Solid, list[Place], str]:
    reach, drop = draws.number("reach", 0.5, 1.0), draws.number("drop", 0.75, 0.92) * height
    path = [
        (0.0, 0.0),
        (0.0, 0.6 * height),
        (0.25 * reach, 0.97 * height),
        (0.7 * reach, height),
        (reach, drop),
    ]
    pole = tube(lifted(smooth_curve(path, steps=5)), thick, up=(0, 0, 1))
    return pole, [(reach, drop - 0.9 * tall, 0.0)], "an arched pole"


def _many_poles(draws: Draws, height: float, thick: float) -> tuple[Solid, list[Place], str]:
    heads, reach = draws.whole("heads", 2, 5), draws.number("reach", 0.18, 0.35)
    path = [(0.0, height - 0.25), (0.5 * reach, height - 0.2), (reach, height)]
    arm = tube(lifted(smooth_curve(path, steps=4)), 0.6 * thick, sides=6, up=(0, 0, 1))
    pole = merged([rod((0, 0, 0), (0, height - 0.1, 0), thick), around(arm, heads)])
    turns = np.arange(heads) * 2 * np.pi / heads
    spots = [(reach * float(np.cos(turn)), height, -reach * float(np.sin(turn))) for turn in turns]
    return pole, spots, counted(heads, "head")


def floor_lamp(draws: Draws) -> Built:
    """A tall lamp: straight, arched over, on a tripod, or with several heads."""
    metal = draws.finish("material", "metal", "paint", "wood")
    cloth = draws.finish("shade_material", "fabric", "paint", "glass")
    height, thick = draws.number("height", 1.0, 1.8), draws.number("pole_thickness", 0.01, 0.024)
    radius, tall = draws.number("shade_radius", 0.14, 0.32), draws.number("shade_height", 0.15, 0.4)
    kind = draws.choice("kind", "straight", "arched", "tripod", "many", "straight")
    small = 0.55 if kind == "many" else 1.0
    shade, shade_words = _shade(draws, small * radius, small * tall, segments=32 if kind != "many" else 16)
    bulb = sphere(0.04 * small, segments=10, rings=6, at=(0, 0.5 * small * tall, 0))
    foot, _, foot_words = _foot(draws, draws.number("foot_radius", 0.12, 0.2))
    if kind == "tripod":
        pole, spots, words = _tripod_pole(draws, height, height + 0.6 * tall, thick)
    elif kind == "arched":
        pole, spots, words = _arched_pole(draws, height, tall, thick)
    elif kind == "many":
        pole, spots, words = _many_poles(draws, height, thick)
    else:
        pole, spots, words = rod((0, 0, 0), (0, height + 0.6 * tall, 0), thick), [(0.0, height, 0.0)], ""
        table = draws.number("tray_height", 0.3, 0.6) * height
        if draws.chance("tray", 0.3):
            pole = merged(
                [pole, cylinder(draws.number("tray_radius", 0.12, 0.2), 0.02, segments=28, at=(0, table, 0))]
            )
            words = "a tray"
    parts = [] if kind == "tripod" else [Part("foot", foot, metal.material)]
    parts.append(Part("pole", pole, metal.material))
    for spot in spots:
        parts.append(Part("shade", shade.moved(*spot), cloth.material, tile=0.15))
        parts.append(Part("bulb", bulb.moved(*spot), LIGHT))
    words_of_shade = f"{a(cloth.words)} {shade_words}" + ("s" if len(spots) > 1 else "")
    told = [
        words,
        foot_words if kind != "tripod" else "",
        words_of_shade if len(spots) == 1 else words_of_shade.partition(" ")[2],
    ]
    return Built(parts, sentence(f"{metal.words} floor lamp", told))
