"""What stands behind an object in a made photograph: studios, rooms with a floor, patterns, other pictures.

Nothing here tries to be a place; it tries to be different every time, so that a network learns to look at
the object. All values are picture values in [0, 1] unless a name says light.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
Kind = Literal["white", "plain", "studio", "room", "clouds", "pattern", "photograph"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_PATTERNS = ("plain", "stripes", "checks", "boards", "clouds")
_WAVES = 9


def make_background(
    generator: np.random.Generator,
    ground: Floats,
    *,
    kinds: Sequence[Kind] = KINDS,
    photographs: Sequence[Pixels] = (),
    blur: float = 2.0,
) -> Floats:
    """(H, W, 3) of one of `kinds`; "photograph" only where there are some.

    Args:
        generator: of every draw.
        ground: (H, W, 2) place on the floor that each pixel would show, NaN above the horizon.
        kinds: to choose from, evenly.
        photographs: (H, W, 3) pictures to cut pieces from.
        blur: largest radius in pixels for what lies behind.
    """
    usable = [kind for kind in kinds if kind != "photograph" or photographs] or ["plain"]
    kind = usable[int(generator.integers(len(usable)))]
    height, width = ground.shape[:2]
    place = np.stack(np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height)), axis=-1)
    picture: NDArray[np.floating]
    if kind == "photograph":
        picture = _piece(photographs[int(generator.integers(len(photographs)))], generator, (width, height))
    elif kind == "room":
        picture = _room(generator, ground, place)
    elif kind == "pattern":
        picture = pattern(generator, place * generator.uniform(1.0, 4.0))
    elif kind == "clouds":
        picture = pattern(generator, place * generator.uniform(0.5, 3.0), "clouds")
    elif kind == "studio":
        part = (0.5 + 0.5 * place[..., 1:]) ** generator.uniform(0.5, 2.0)
        picture = colour(generator) * (1 - part) + colour(generator) * part
    else:
        whole = np.ones(3) if kind == "white" else colour(generator)
        picture = np.broadcast_to(whole, (height, width, 3))
    soft = Image.fromarray(np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8))
    soft = soft.filter(ImageFilter.GaussianBlur(generator.uniform(0.0, blur)))
    return np.asarray(soft, dtype=np.float32) / np.float32(255)


def colour(generator: np.random.Generator, *, vivid: float = 0.25, darkest: float = 0.12) -> Floats:
    """(3) a random colour, rather dull; `vivid` is the mean saturation, `darkest` the least value."""
    hue, saturation = generator.random(), generator.beta(1.5, 1.5 * (1 - vivid) / vivid)
    value = generator.uniform(darkest, 0.97)
    turned = np.abs((hue * 6.0 + np.array([0.0, 4.0, 2.0])) % 6.0 - 3.0) - 1.0
    result: Floats = (value * (1.0 - saturation * (1.0 - np.clip(turned, 0, 1)))).astype(np.float32)
    return result


def pattern(generator: np.random.Generator, place: NDArray[np.floating], kind: str | None = None) -> Floats:
    """(..., 3) two colours as stripes, checks, boards or clouds over places (..., 2)."""
    kind = kind or _PATTERNS[int(generator.integers(len(_PATTERNS)))]
    first, second = colour(generator), colour(generator)
    if generator.random() < 0.6:  # most things are one colour, lighter and darker
        second = np.clip(first * generator.uniform(0.6, 1.4), 0, 1)
    angle, step = generator.uniform(0, math.pi), generator.uniform(0.15, 0.6)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    x, y = np.moveaxis(place @ turn / step, -1, 0)
    with np.errstate(invalid="ignore"):
        if kind == "stripes":
            part = (x % 1.0 < generator.uniform(0.2, 0.8)).astype(np.float32)
        elif kind == "checks":
            part = ((np.floor(x) + np.floor(y)) % 2.0).astype(np.float32)
        elif kind == "boards":
            row = np.floor(y)
            across = np.floor(x / 3.0 + 0.37 * row)
            part = np.abs(np.sin(12.9898 * across + 78.233 * row) * 43758.5453) % 1.0
            gap = np.minimum(y % 1.0, (x / 3.0 + 0.37 * row) % 1.0 * 3.0) < 0.06
            part = np.where(gap, 1.6, 0.5 * part)
        elif kind == "clouds":
            part = _clouds(generator, x, y)
        else:
            part = np.zeros_like(x)
    part = part[..., None].astype(np.float32)
    return np.asarray(np.clip(first * (1 - part) + second * part, 0, 1), dtype=np.float32)


def _clouds(generator: np.random.Generator, x: NDArray[np.floating], y: NDArray[np.floating]) -> Floats:
    """Waves in random directions, the finer the weaker."""
    total, weight = np.zeros_like(x, dtype=np.float32), 0.0
    for wave in range(_WAVES):
        angle, strength = generator.uniform(0, 2 * math.pi), 0.75**wave
        rate = 1.5**wave * generator.uniform(0.7, 1.3)
        total += strength * np.sin(
            rate * (math.cos(angle) * x + math.sin(angle) * y) + generator.uniform(0, 7)
        )
        weight += strength
    return np.asarray(np.clip(0.5 + 1.2 * total / weight, 0, 1), dtype=np.float32)


def _room(generator: np.random.Generator, ground: Floats, place: NDArray[np.floating]) -> Floats:
    """A floor that follows the camera and a wall behind it."""
    floor = pattern(generator, np.nan_to_num(ground))
    wall = pattern(generator, place * 2.0, "plain" if generator.random() < 0.5 else None)
    wall = wall * (1.0 - 0.25 * generator.random() * (0.5 + 0.5 * place[..., 1:]))
    angle = generator.uniform(0, 2 * math.pi)
    with np.errstate(invalid="ignore"):
        towards = ground @ np.array([math.sin(angle), math.cos(angle)])
        beyond = np.isnan(towards) | (np.hypot(ground[..., 0], ground[..., 1]) > generator.uniform(1.5, 6.0))
        beyond |= towards > generator.uniform(1.0, 3.0)
    result: Floats = np.where(beyond[..., None], wall, floor).astype(np.float32)
    return result


def _piece(picture: Pixels, generator: np.random.Generator, size: tuple[int, int]) -> Floats:
    """A random part of a photograph, at least 40 % of its short side, mirrored half of the time."""
    height, width = picture.shape[:2]
    side = max(1, int(min(height, width) * generator.uniform(0.4, 1.0)))
    top, left = generator.integers(0, height - side + 1), generator.integers(0, width - side + 1)
    part = Image.fromarray(picture[top : top + side, left : left + side])
    pixels = np.asarray(part.resize(size, Image.Resampling.BILINEAR), dtype=np.float32) / np.float32(255)
    return pixels[:, ::-1] if generator.random() < 0.5 else pixels
