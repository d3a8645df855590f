"""Checks and draws that the image and the point augmentation share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import ConfigError
from anaglyph.randomness import uniform

Rows = NDArray[np.uint64]
"""(B,) one 64-bit key per object, from `anaglyph.randomness.row_keys`."""
Range = tuple[float, float]


def check_range(name: str, value: Range, *, above: float) -> None:
    """ConfigError unless `value` is (low, high) with above < low <= high."""
    low, high = value
    if not above < low <= high:
        raise ConfigError(f"{name} is ({low}, {high}); give (low, high) with {above} < low <= high.")


def check_amount(name: str, value: float, *, below: float = float("inf")) -> None:
    """ConfigError unless 0 <= value <= below."""
    if not 0.0 <= value <= below:
        raise ConfigError(f"{name} is {value}; give a number from 0 to {below}, 0 switches it off.")


def symmetric(rows: Rows, purpose: str, *shape: int) -> NDArray[np.float32]:
    """(B, *shape) numbers in [-1, 1)."""
    return 2.0 * uniform(rows, purpose, *shape) - np.float32(1.0)


def between(rows: Rows, purpose: str, value: Range, *shape: int) -> NDArray[np.float32]:
    """(B, *shape) numbers between the ends of a range, uniform."""
    low, high = np.float32(value[0]), np.float32(value[1])
    return low + (high - low) * uniform(rows, purpose, *shape)
