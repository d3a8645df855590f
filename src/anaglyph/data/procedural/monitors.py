"""Monitors: flat, curved, upright and deep ones, on stands of several kinds. The screen faces +z."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import sentence
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.materials import LIGHT, SCREEN
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.curves import lifted, rounded_rectangle
from anaglyph.geometry.solid import Solid, merged
from anaglyph.geometry.solids import beam, box, cylinder, rod, rounded_box
from anaglyph.geometry.sweep import loft

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


@dataclass(frozen=True)
class _Panel:
    """Lengths of one screen in metres."""

    kind: str
    width: float
    height: float
    chin: float
    """Height of the strip below the picture."""
    thick: float
    rim: float


def _measured(draws: Draws) -> _Panel:
    kind = draws.choice("kind", "flat", "flat", "curved", "tube", "upright")
    width = draws.number("width", 0.42, 0.95)
    width = {"tube": 0.3 * width + 0.2, "upright": 0.45 * width + 0.14}.get(kind, width)
    ratios = {"flat": (0.48, 0.68), "curved": (0.34, 0.5), "tube": (0.72, 0.85), "upright": (1.25, 1.75)}
    height, rim = width * draws.number("ratio", *ratios[kind]), draws.number("bezel", 0.008, 0.035)
    chin = draws.number("chin", 0.025, 0.08) if draws.chance("with_chin", 0.4) else 0.0
    return _Panel(kind, width, height, chin, draws.number("thickness", 0.015, 0.05), rim)


def _screen(draws: Draws, size: _Panel) -> tuple[Solid, Solid, list[Solid]]:
    """Case, glass and buttons, the panel's middle at the origin."""
    tall = size.height + size.chin
    glass = _sliced(size.width - 2 * size.rim, size.height - 2 * size.rim, 0.004)
    glass = glass.moved(y=size.chin / 2, z=size.thick / 2)
    hump = draws.number("hump", 0.3, 0.7)
    solids = [_sliced(size.width, tall, size.thick)]
    solids.append(_sliced(hump * size.width, hump * tall, 0.03).moved(z=-size.thick / 2 - 0.01))
    buttons = []
    if size.chin:
        dot = cylinder(0.006, 0.01, segments=10).turned("x", np.pi / 2)
        ys, count = 0.5 * size.chin - tall / 2, draws.whole("buttons", 1, 5)
        buttons = [dot.moved((0.42 - 0.04 * i) * size.width, ys, size.thick / 2) for i in range(count)]
    if size.kind == "curved":
        curve = draws.number("curve_radius", 0.6, 1.6)
        buttons = [bent(solid, curve) for solid in buttons]
        return merged([bent(solid, curve) for solid in solids]), bent(glass, curve), buttons
    if size.kind == "tube":
        depth, share = draws.number("tube_depth", 0.28, 0.42), draws.number("tube_back", 0.35, 0.7)
        outline = rounded_rectangle(size.width, tall, radius=0.03)
        levels = ((0.0, 1.0), (-0.1, 0.98), (-depth, share))
        solids.append(loft([lifted(outline * scale, z=z) for z, scale in levels]))
    return merged(solids), glass, buttons


def monitor(draws: Draws) -> Built:
    """Flat and curved screens and deep tube monitors."""
    size, low = _measured(draws), draws.number("lift", 0.05, 0.22)
    case, tall = draws.finish("material", "plastic", "metal"), size.height + size.chin
    body, glass, buttons = _screen(draws, size)
    tilt, swing = draws.number("tilt", -0.05, 0.22), draws.number("turn", -0.4, 0.4)
    swing = 0.2 * swing if size.kind == "tube" else swing
    parts = [Part("case", body, case.material), Part("screen", glass, SCREEN)]
    parts += [Part("button", merged(buttons), LIGHT)] if buttons else []
    parts = [
        Part(p.name, p.solid.turned("x", -tilt).turned("y", swing).moved(y=low + tall / 2), p.material)
        for p in parts
    ]
    stand, words = _stand(draws, size.width, low + 0.3 * tall)
    parts.append(Part("stand", stand, case.material))
    told = ["a thin bezel" if size.rim < 0.018 else "a thick bezel", "a chin" if size.chin else "", words]
    name = "deep tube" if size.kind == "tube" else size.kind
    return Built(parts, sentence(f"{case.words} {name} monitor", told))
