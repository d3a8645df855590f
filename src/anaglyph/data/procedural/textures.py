"""Small pictures that repeat: wood grain, stripes, checks, speckle, bricks, planks. All (64, 64, 3) sRGB."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Colour = tuple[float, float, float]
Picture = NDArray[np.uint8]
SIZE = 64


def grain(colour: Colour, generator: np.random.Generator) -> Picture:
    """Dark fibres that run up the picture and wander a little."""
    column, row = np.meshgrid(np.arange(SIZE), np.arange(SIZE))
    wander = 1.4 * np.sin(2 * np.pi * row / SIZE + generator.uniform(0, 2 * np.pi))
    fibres = generator.uniform(0.78, 1.08, SIZE)
    fibres = (np.roll(fibres, 1) + 2 * fibres + np.roll(fibres, -1)) / 4
    return _picture(colour, fibres[np.round(column + wander).astype(int) % SIZE])


def stripes(colour: Colour, second: Colour, generator: np.random.Generator) -> Picture:
    """Upright stripes of two colours."""
    count = int(generator.integers(1, 4))
    share = generator.uniform(0.3, 0.7)
    band = (np.arange(SIZE) * count / SIZE) % 1.0 < share
    return _two(colour, second, np.broadcast_to(band, (SIZE, SIZE)))


def checks(colour: Colour, second: Colour, generator: np.random.Generator) -> Picture:
    """A woven check: where two bands of the second colour cross it is full, where one runs it is mixed."""
    share = generator.uniform(0.35, 0.55)
    band = (np.arange(SIZE) * 2 / SIZE) % 1.0 < share
    weight = (band[:, None].astype(float) + band[None, :]) / 2
    mixed = np.asarray(colour) * (1 - weight[..., None]) + np.asarray(second) * weight[..., None]
    return np.round(255 * mixed).astype(np.uint8)


def speckle(colour: Colour, second: Colour, generator: np.random.Generator) -> Picture:
    """Dots of two by two pixels strewn over the first colour."""
    dots = generator.random((SIZE // 2, SIZE // 2)) < 0.12
    return _two(second, colour, np.kron(dots, np.ones((2, 2), dtype=bool)).astype(bool))


def mottle(colour: Colour, generator: np.random.Generator) -> Picture:
    """Soft patches lighter and darker: stone, leaves, leather, cloth."""
    tone = _softened(generator.uniform(0.8, 1.12, (8, 8)))
    return _picture(colour, tone * generator.uniform(0.95, 1.05, (SIZE, SIZE)))


def bricks(colour: Colour, second: Colour, generator: np.random.Generator) -> Picture:
    """Four courses of bricks with joints of the second colour."""
    row, column = np.meshgrid(np.arange(SIZE), np.arange(SIZE), indexing="ij")
    course = row // 16
    shifted = (column + 16 * (course % 2)) % SIZE
    joint = (row % 16 < 2) | (shifted % 32 < 2)
    tone = generator.uniform(0.85, 1.1, (4, 2))[course, shifted // 32]
    mortar: Picture = np.where(
        joint[..., None], _picture(second, np.ones((SIZE, SIZE))), _picture(colour, tone)
    )
    return mortar


def planks(colour: Colour, generator: np.random.Generator) -> Picture:
    """Four boards running up the picture, each of its own tone, with dark gaps."""
    column = np.arange(SIZE)
    tone = generator.uniform(0.85, 1.08, 4)[column // 16] * np.where(column % 16 < 1, 0.55, 1.0)
    fibres = generator.uniform(0.92, 1.04, SIZE)
    return _picture(colour, np.broadcast_to(tone * fibres, (SIZE, SIZE)))


def _softened(coarse: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, n) -> (SIZE, SIZE): bilinear, and repeating without a seam."""
    place = np.arange(SIZE) * len(coarse) / SIZE
    low, share = place.astype(int), place % 1.0
    rows = coarse[low] * (1 - share[:, None]) + np.roll(coarse, -1, axis=0)[low] * share[:, None]
    fine: NDArray[np.float64] = rows[:, low] * (1 - share) + np.roll(rows, -1, axis=1)[:, low] * share
    return fine


def _picture(colour: Colour, tone: NDArray[np.float64]) -> Picture:
    picture: Picture = np.round(255 * np.clip(np.asarray(colour) * tone[..., None], 0.0, 1.0)).astype(
        np.uint8
    )
    return picture


def _two(colour: Colour, second: Colour, where: NDArray[np.bool_]) -> Picture:
    return np.round(255 * np.where(where[..., None], colour, second)).astype(np.uint8)
