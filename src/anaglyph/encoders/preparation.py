"""A cloud as its encoder wants it: turned, thinned, centred, scaled and coloured by its convention.

Order of the official pipelines (dossier MixCon3D, 1.6): choose points, change axes, centre, scale, append
colours. Every step is a pure function of the cloud, the convention and (seed, key).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anaglyph.encoders.convention import Axis, PointConvention
from anaglyph.errors import DataError
from anaglyph.ops.fps import farthest_points
from anaglyph.randomness import row_keys, uniform

Up = Literal["x", "y", "z"]
_TURNS: Mapping[str, tuple[Axis, Axis, Axis]] = {
    "y": ("x", "y", "z"),
    "z": ("x", "z", "-y"),  # a quarter turn about x
    "x": ("-y", "x", "z"),  # a quarter turn about z
}
"""Proper rotations that bring an up axis to +y."""


def prepare_cloud(
    points: NDArray[np.floating[Any]],
    colours: NDArray[np.float32] | None,
    convention: PointConvention,
    *,
    up: Up = "y",
    points_count: int | None = None,
    key: str = "",
    seed: int = 0,
) -> Tensor:
    """(N, 3) points and (N, 3) colours -> (N', channels) float32, as an encoder reads them.

    A cloud with fewer points than asked for keeps all it has; nothing is repeated. Colours are left out
    where the convention has none, and are `missing_colour` where the cloud has none.

    Args:
        points: (N, 3) finite, any units; float64 keeps what lies far from the origin precise.
        colours: (N, 3) red, green and blue in [0, 1], or None.
        convention: what the encoder was trained on.
        up: the axis of `points` that points up.
        points_count: N', at most; None is the convention's.
        key: what the random choice of points depends on, beside the seed.
        seed: seed of the random choice.

    Raises:
        DataError: no point, numbers that are not finite, or colours beyond [0, 1].
    """
    _check(points, colours, up)
    rows = chosen_rows(
        points, convention.points if points_count is None else points_count,
        sampling=convention.sampling, key=key, seed=seed,
    )  # fmt: skip
    upright = changed_axes(points[rows].astype(np.float64), _TURNS[up])  # +y up
    centre, scale = _frame(upright, convention)
    upright = (upright - centre) / scale
    parts = [changed_axes(upright, convention.axes)]
    if convention.colours:
        grey = np.full(upright.shape, convention.missing_colour)
        parts.append(grey if colours is None else colours[rows].astype(np.float64))
    if convention.height:
        parts.append(upright[:, 1:2] - upright[:, 1].min())
    return torch.from_numpy(np.concatenate(parts, axis=1).astype(np.float32))


def _frame(points: NDArray[np.float64], convention: PointConvention) -> tuple[NDArray[np.float64], float]:
    """Centre and radius that the convention divides out; of a cloud in one place the radius is infinite."""
    if convention.scale == "none":
        return np.zeros(3), 1.0
    centre = points.mean(axis=0)
    radius = float(np.linalg.norm(points - centre, axis=1).max())
    apart = radius > 1e-12 * float(np.abs(points).max())  # beyond the rounding of the mean
    return centre, radius if apart else float("inf")


def changed_axes(points: NDArray[np.float64], axes: tuple[Axis, Axis, Axis]) -> NDArray[np.float64]:
    """(N, 3) whose x, y and z come from the named axes of `points`."""
    columns = [points[:, "xyz".index(axis[-1])] for axis in axes]
    signs = [-1.0 if axis[0] == "-" else 1.0 for axis in axes]
    return np.stack([sign * column for sign, column in zip(signs, columns, strict=True)], axis=1)


def chosen_rows(
    points: NDArray[np.floating[Any]],
    count: int,
    *,
    sampling: Literal["random", "farthest"],
    key: str,
    seed: int,
) -> NDArray[np.int64]:
    """Which rows of (N, 3) points are taken, at most `count`, and in which order.

    "random" shuffles even where all are taken: ball queries prefer low indices, and a scanner's order would
    show in them. "farthest" starts at the point farthest from the mean.
    """
    if count < 1:
        raise ValueError(f"points_count must be >= 1, got {count}")
    if sampling == "random":
        draw = uniform(row_keys([key], seed), "choice of points", len(points))[0]
        return np.argsort(draw, kind="stable")[:count].astype(np.int64)
    if len(points) <= count:
        return np.arange(len(points), dtype=np.int64)
    exact = points.astype(np.float64)
    near = exact - exact.mean(axis=0)  # float32 would round a cloud away that lies far from the origin
    near /= np.abs(near).max() or 1.0  # and squares overflow
    batch = torch.from_numpy(near.astype(np.float32))[None]
    return farthest_points(batch, count, start="farthest")[0].numpy()


def _check(points: NDArray[np.floating[Any]], colours: NDArray[np.float32] | None, up: str) -> None:
    if up not in _TURNS:
        raise ValueError(f"up must be one of {', '.join(sorted(_TURNS))}, got '{up}'")
    if points.ndim != 2 or points.shape[1] != 3:
        raise ValueError(f"points must be (N, 3), got {points.shape}")
    if not len(points):
        raise DataError("the cloud has no points; at least 1 is needed")
    broken = ~np.isfinite(points).all(axis=1)
    if broken.any():
        raise DataError(
            f"the cloud has {int(broken.sum())} points that are not finite, the first in row "
            f"{int(broken.argmax())}; repair or remove them"
        )
    if colours is None:
        return
    if colours.shape != points.shape:
        raise ValueError(f"colours must be {points.shape}, got {colours.shape}")
    low, high = float(colours.min()), float(colours.max())
    if not 0.0 <= low <= high <= 1.0:
        raise DataError(f"colours go from {low:g} to {high:g}; expected are 0 to 1: divide by 255 if need be")
