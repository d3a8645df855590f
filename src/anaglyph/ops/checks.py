"""Checks of point clouds before anything is computed from them, so that nothing wrong passes quietly."""

from __future__ import annotations

import operator
from typing import Any, Literal

import torch
from torch import Tensor

from anaglyph.errors import DataError
from anaglyph.ops.eager import eager

Shortage = Literal["refuse", "repeat"]
"""For a cloud with fewer points than are asked for: an error, or the first one found again and again."""


def require_points(points: Tensor, valid: Tensor | None, *, channels: int, colours: bool = False) -> None:
    """Refuse what cannot be a batch of clouds.

    Args:
        points: (B, N, channels), xyz first.
        valid: (B, N) bool, False for padding rows, whose numbers are not looked at; None when there are none.
        channels: what the encoder was built for.
        colours: channels 3 to 5 are red, green and blue in [0, 1].

    Raises:
        TypeError: not a tensor, such as a list of clouds of several sizes.
        ValueError: a shape or a type that does not fit.
        DataError: a cloud without a point, NaN or infinite numbers, colours beyond [0, 1].
    """
    if not isinstance(points, Tensor):
        raise TypeError(
            f"points must be one (B, N, {channels}) tensor, got {type(points).__name__}; clouds of several "
            f"sizes go in padded, with `valid` False in the padding (encoders.concatenated.pad_clouds)"
        )
    if points.ndim != 3 or points.shape[2] != channels:
        raise ValueError(
            f"points must be (B, N, {channels}), got {tuple(points.shape)}; "
            f"give every point {channels} numbers or build the encoder with in_channels={points.shape[-1]}"
        )
    if valid is not None and (valid.shape != points.shape[:2] or valid.dtype != torch.bool):
        raise ValueError(
            f"valid must be bool {tuple(points.shape[:2])}, got {valid.dtype} {tuple(valid.shape)}"
        )
    if points.shape[1] == 0:
        raise DataError("the clouds have no points (N = 0); at least 1 is needed")
    _require_numbers(points, valid, colours)


def require_count(value: int, name: str) -> int:
    """`value` as an int >= 1; True, 3.0 and [3] are not meant as numbers of something."""
    if not is_whole(value):
        raise TypeError(f"{name} must be a whole number, got {value!r} ({type(value).__name__})")
    count = operator.index(value)
    if count < 1:
        raise ValueError(f"{name} must be >= 1, got {count}")
    return count


def is_whole(value: Any) -> bool:
    """Whether `value` is an integer of Python, NumPy or torch, and not a bool."""
    if isinstance(value, bool) or (isinstance(value, Tensor) and value.dtype == torch.bool):
        return False
    try:
        operator.index(value)
    except TypeError:
        return False
    return True


def require_enough(available: int, needed: int, *, what: str, shortage: Shortage) -> None:
    """DataError when there are fewer than `needed` points and `shortage` is "refuse".

    `what` names the need, such as "groups" or "neighbours".
    """
    if shortage not in ("refuse", "repeat"):
        raise ValueError(f"shortage must be 'refuse' or 'repeat', got '{shortage}'")
    if shortage == "refuse" and available < needed:
        raise DataError(
            f"a cloud has {available} points, fewer than the {needed} {what} asked for; sample more points, "
            f"ask for fewer {what}, or allow repeated ones with shortage='repeat'"
        )


@eager
def _require_numbers(points: Tensor, valid: Tensor | None, colours: bool) -> None:
    """The looks that also a compiled encoder takes: they break its graph once, at its beginning."""
    if valid is not None and not bool(valid.any(dim=1).all()):
        empty = int((~valid.any(dim=1)).nonzero()[0, 0])
        raise DataError(f"cloud {empty} of the batch has no valid point; remove it before the encoder")
    _require_finite(points, valid)
    if colours:
        _require_colours(points[..., 3:6], valid)


def _require_finite(points: Tensor, valid: Tensor | None) -> None:
    if bool(torch.isfinite(points).all()):
        return
    broken = ~torch.isfinite(points).all(dim=2)
    if valid is not None:
        broken &= valid
    if bool(broken.any()):
        cloud, row = broken.nonzero()[0].tolist()
        raise DataError(
            f"cloud {cloud} of the batch has {int(broken[cloud].sum())} points that are not finite, "
            f"the first in row {row}; repair or remove them"
        )


def _require_colours(colours: Tensor, valid: Tensor | None) -> None:
    if valid is not None:
        colours = colours[valid]
    low, high = (float(value) for value in torch.aminmax(colours.detach()))
    if low < -1e-3 or high > 1.0 + 1e-3:
        advice = "divide them by 255" if 1.0 < high <= 255.0 and low >= 0.0 else "scale them to [0, 1]"
        raise DataError(f"colours go from {low:g} to {high:g}; expected are 0 to 1: {advice}")
