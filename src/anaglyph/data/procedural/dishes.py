"""Bowls, plates and pans."""

from __future__ import annotations

import numpy as np

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import counted, sentence
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.turned import faceted, polygonal, squared, vessel
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.curves import lifted, smooth_curve, superellipse
from anaglyph.geometry.solid import Solid, merged
from anaglyph.geometry.solids import cylinder, rod, sphere, torus
from anaglyph.geometry.sweep import lathe, tube


def bowl(draws: Draws) -> Built:
    """Bowls: how round, how deep, foot ring, rim, lobes."""
    radius = draws.number("radius", 0.06, 0.16)
    height = radius * draws.number("depth", 0.35, 1.0)
    power, base = draws.number("roundness", 1.4, 3.5), draws.number("base", 0.2, 0.6)
    angle = np.linspace(0, 1, 10)
    reach = base + (1 - base) * angle ** (1 / power)
    outer = np.stack([radius * reach, height * angle], axis=1)
    glaze = draws.finish("material", "ceramic", "ceramic", "wood", "metal", "glass")
    words = ["a deep body" if height > 0.65 * radius else "a shallow body"]
    rim = draws.choice("rim", "plain", "plain", "flared", "turned in", "thick")
    if rim == "flared":
        outer = np.concatenate([outer, [(radius * draws.number("flare", 1.08, 1.3), height * 1.04)]])
    elif rim == "turned in":
        outer = np.concatenate([outer, [(0.98 * radius, 1.15 * height), (0.88 * radius, 1.28 * height)]])
    wall = draws.number("wall", 0.03, 0.06) * radius
    body = vessel(outer, wall, segments=40)
    if draws.chance("lobed", 0.3):
        lobes = draws.whole("lobes", 4, 10)
        body = faceted(body, lobes, draws.number("lobe_depth", 0.03, 0.08))
        words.append(f"{counted(lobes, 'lobe')}")
    pieces = [body]
    if rim == "thick":
        pieces.append(torus(radius - wall / 2, 1.3 * wall, segments=40, sides=8, at=(0, height, 0)))
    parts = [Part("body", merged(pieces), glaze.material, tile=0.08)]
    words.append(f"a {rim} rim" if rim != "plain" else "")
    foot = draws.choice("foot", "ring", "none", "pedestal", "three feet")
    under = base * radius
    if foot == "ring":
        parts.append(
            Part(
                "foot",
                cylinder(0.9 * under, 0.1 * radius, segments=32, at=(0, -0.04 * radius, 0)),
                glaze.material,
                tile=0.08,
            )
        )
    elif foot == "pedestal":
        tall = draws.number("pedestal", 0.25, 0.7) * radius
        curve = smooth_curve([(1.3, -1.0), (1.25, -0.85), (0.45, -0.5), (0.9, 0.05)], steps=4) * [under, tall]
        parts.append(Part("foot", lathe(curve, segments=28), glaze.material, tile=0.08))
    elif foot == "three feet":
        knobs = [
            sphere(
                0.13 * radius,
                segments=10,
                rings=6,
                at=(0.8 * under * np.cos(t), -0.04 * radius, 0.8 * under * np.sin(t)),
            )
            for t in (0.5, 2.6, 4.7)
        ]
        parts.append(Part("foot", merged(knobs), glaze.material, tile=0.08))
    words.append(
        {"ring": "a foot ring", "none": "", "pedestal": "a tall foot", "three feet": "three feet"}[foot]
    )
    return Built(parts, sentence(f"{glaze.words} bowl", words))


_RIMS = {
    "flat": [(0.0, 0.0), (0.2, 0.7), (1.0, 1.0)],
    "coupe": [(0.0, 0.0), (0.55, 0.3), (1.0, 1.0)],
    "raised": [(0.0, 0.0), (0.75, 0.12), (1.0, 1.0)],
}


def plate(draws: Draws) -> Built:
    """Plates and dishes: well, rim, outline."""
    radius, style = draws.number("radius", 0.09, 0.16), draws.choice("rim", *_RIMS)
    rise, well = draws.number("rise", 0.08, 0.3) * radius, draws.number("well", 0.45, 0.82)
    wall = 0.035 * radius
    outer = smooth_curve([(radius * (well + (1 - well) * s), rise * up) for s, up in _RIMS[style]], steps=5)
    outer[:, 1] = np.maximum.accumulate(outer[:, 1] + 1e-5 * np.arange(len(outer)))
    foot = cylinder(0.8 * well * radius, 0.12 * radius, segments=48, at=(0, -0.02 * radius, 0))
    solids = [vessel(outer, wall, segments=48), foot]
    outline = draws.choice("outline", "round", "round", "oval", "octagonal", "square", "scalloped")
    count, depth = draws.whole("scallops", 8, 16), draws.number("scallop_depth", 0.02, 0.05)
    corners, oval = draws.number("squareness", 4.0, 12.0), draws.number("oval", 0.55, 0.85)
    if outline == "oval":
        solids = [solid.scaled(z=oval) for solid in solids]
    elif outline == "octagonal":
        solids = [polygonal(solid, 8) for solid in solids]
    elif outline == "square":
        solids = [squared(solid, corners) for solid in solids]
    elif outline == "scalloped":
        solids[0] = faceted(solids[0], count, depth)
    glaze = draws.finish("material", "ceramic", "ceramic", "wood", "metal", "glass")
    parts = [
        Part(name, solid, glaze.material, tile=0.08)
        for name, solid in zip(("dish", "foot"), solids, strict=True)
    ]
    words, rings = [f"a {'wide' if well < 0.62 else 'narrow'} {style} rim"], draws.whole("rings", 0, 3)
    if rings and outline == "round":
        paint = draws.finish("ring_material", "paint", "metal")
        spots = np.linspace(0.3, 0.9, rings + 2)[1:-1] * well * radius
        pieces = [torus(r, 0.02 * radius, segments=36, sides=4, at=(0, wall, 0)) for r in spots]
        parts.append(Part("ring", merged(pieces), paint.material))
        words.append(counted(rings, f"{paint.words} ring"))
    return Built(parts, sentence(f"{outline} {glaze.words} plate", words))


_PANS = {"frying pan": (0.35, 0.75), "saucepan": (0.95, 0.95), "pot": (1.3, 0.97), "wok": (0.6, 0.4)}
"""Depth and radius of the base, in shares of the radius."""


def _pan_handle(draws: Draws, radius: float, height: float, *, ears: bool) -> tuple[Solid, str]:
    """One long handle on the +x side, or two ears."""
    if ears:
        bow = smooth_curve(
            [(0.97, 0.0, -0.3), (1.3, 0.03, -0.22), (1.3, 0.03, 0.22), (0.97, 0.0, 0.3)], steps=4
        )
        ear = tube(bow * radius, 0.045 * radius).moved(y=draws.number("ear_height", 0.6, 0.85) * height)
        return merged([ear, ear.turned("y", np.pi)]), "two handles"
    length, rise = (
        radius * draws.number("handle_length", 1.2, 2.1),
        draws.number("handle_rise", 0.0, 0.5) * radius,
    )
    path = [(0.95 * radius, 0.85 * height), (radius + 0.35 * length, 0.85 * height + 0.6 * rise)]
    line = lifted(smooth_curve([*path, (radius + length, 0.85 * height + rise)], steps=5))
    section = superellipse(0.2 * radius, 0.11 * radius, power=2.5, corners=12)
    solid = tube(line, np.linspace(0.7, 1.1, len(line)), outline=section)
    return solid, "a long handle" if length > 1.6 * radius else "a short handle"


def pan(draws: Draws) -> Built:
    """Frying pans, saucepans, stock pots and woks."""
    radius, kind = draws.number("radius", 0.08, 0.16), draws.choice("kind", *_PANS)
    height = radius * _PANS[kind][0] * draws.number("depth", 0.75, 1.3)
    base = _PANS[kind][1] * draws.number("base", 0.85, 1.03)
    metal, grip = (
        draws.finish("material", "metal", "paint"),
        draws.finish("handle_material", "plastic", "wood", "metal"),
    )
    outer = [(base * radius, 0.0), ((0.45 + 0.55 * base) * radius, 0.35 * height), (radius, height)]
    body = vessel(smooth_curve(outer, steps=5), 0.035 * radius, segments=40)
    ears = kind == "pot" or draws.chance("two_handles", 0.2)
    handle, words = _pan_handle(draws, radius, height, ears=ears)
    parts = [Part("body", body, metal.material), Part("handle", handle, grip.material)]
    lid = draws.choice("lid", "none", "none", "domed", "flat")
    if lid != "none" and kind != "wok":
        arch = radius * (draws.number("lid_height", 0.15, 0.4) if lid == "domed" else 0.05)
        dome = [(1.02, 0.0), (0.98, 0.25), (0.5, 0.9), (0.0, 1.0)]
        cover = lathe(smooth_curve(dome, steps=4).clip(0.0, None) * [radius, arch], segments=40).moved(
            y=height
        )
        top = height + arch
        knob = cylinder(0.14 * radius, 0.08 * radius, segments=16, at=(0, top + 0.13 * radius, 0))
        stem = rod((0, top - 0.2 * arch, 0), (0, top + 0.1 * radius, 0), 0.05 * radius)
        parts += [Part("lid", cover, metal.material), Part("knob", merged([stem, knob]), grip.material)]
        words = f"{words} and a {lid} lid"
    return Built(parts, sentence(f"{metal.words} {kind}", [words]))
