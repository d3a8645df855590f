"""Clouds from stored arrays to a batch, as OpenShape and MixCon3D do it (dossier MixCon3D, 1.6).

The order of the steps is part of the recipe: points are taken, axes swapped, the cloud brought into the unit
sphere, and only then changed at random; nothing is normalised again after that. Every draw is a function of
the object's row key. A cloud is worked off as a whole before the next: it fits into a processor's cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anaglyph.data.transforms.ranges import Range, Rows, between, check_amount, check_range, symmetric
from anaglyph.errors import ConfigError, DataError
from anaglyph.randomness import normal, uniform

Cloud = NDArray[np.float32]
UNCOLOURED = 0.4
"""What OpenShape's networks know as "no colour", in [0, 1]."""


@dataclass(frozen=True, kw_only=True)
class CloudPipeline:
    """How clouds become a batch; lengths in model units, the defaults change nothing."""

    points: int = 0
    """Points per augmented access, in random order; more than are stored are drawn with repetitions. 0 takes
    all as they are stored, which needs equally many in each cloud."""
    evaluation_points: int = 0
    """Points per access without augmentation, evenly spread over the stored order; 0 takes `points`."""
    channels: Literal[0, 3, 4, 6] = 0
    """3 leaves colours out, 4 puts the height above the lowest point in their place, after all moves, 6
    fills in `uncoloured` where there are none, 0 keeps what is stored."""
    swap_yz: bool = False
    """Exchange y and z, which brings +y up to +z up and is a reflection, not a turn."""
    unit_sphere: bool = False
    """Subtract the mean and divide by the largest distance from it; a cloud without extent becomes zeros."""
    dropout: float = 0.0
    """Largest share of points, drawn anew for each cloud, that move onto its first point; colours stay."""
    scale: Range = (1.0, 1.0)
    """Factor on all axes together."""
    shift: float = 0.0
    """Largest move along each axis, either way."""
    tilt: float = 0.0
    """Standard deviation of a turn about each axis, in radians."""
    tilt_clip: float = 0.18
    """Turns beyond this are cut off, in radians."""
    turn: bool = False
    """A free turn about `up_axis`, after all other moves."""
    up_axis: Literal["y", "z"] = "z"
    """The axis, of clouds after the exchange, that `turn` goes about and that height is measured along."""
    colour_drop: float = 0.0
    """Probability that all colours of a cloud become `uncoloured`."""
    uncoloured: float = UNCOLOURED
    """Value of all three colours where there are none, in [0, 1]."""

    def __post_init__(self) -> None:
        if self.points < 0 or self.evaluation_points < 0:
            raise ConfigError(
                f"points={self.points} and evaluation_points={self.evaluation_points} must be >= 0."
            )
        check_range("cloud scale", self.scale, above=0.0)
        for name in ("shift", "tilt", "tilt_clip"):
            check_amount(f"cloud {name}", getattr(self, name))
        for name in ("dropout", "colour_drop", "uncoloured"):
            check_amount(f"cloud {name}", getattr(self, name), below=1.0)
        if self.channels not in (0, 3, 4, 6) or self.up_axis not in ("y", "z"):
            raise ConfigError(
                f"cloud channels={self.channels} and up_axis={self.up_axis!r:.20}; allowed are 0 (as "
                f"stored), 3, 4 and 6, and y and z."
            )

    @classmethod
    def mixcon3d(cls, *, points: int = 10_000, swap_yz: bool = True) -> Self:
        """The constants of OpenShape and MixCon3D; `swap_yz` for clouds whose +y is up, as theirs."""
        return cls(
            points=points,
            channels=6,
            swap_yz=swap_yz,
            unit_sphere=True,
            dropout=0.875,
            scale=(0.8, 1.25),
            shift=0.1,
            tilt=0.06,
            tilt_clip=0.18,
            turn=True,
            colour_drop=0.5,
        )

    @classmethod
    def ulip(cls, *, points: int = 8192, height: bool = False) -> Self:
        """The constants of ULIP for clouds whose +y is up; PointNeXt also reads the height."""
        return cls(
            points=points,
            channels=4 if height else 3,
            unit_sphere=True,
            dropout=0.875,
            scale=(0.8, 1.25),
            shift=0.1,
            tilt=0.06,
            tilt_clip=0.18,
            turn=True,
            up_axis="y",
        )


def prepare_clouds(
    clouds: Sequence[NDArray[np.floating[Any]]], pipeline: CloudPipeline, draws: Rows | None
) -> Tensor:
    """Clouds (P, 3) or (P, 6) of any P -> (B, N, 3 or 6) float32; augmented where `draws` has a key for each.

    Raises:
        DataError: clouds of different sizes, some with colours and some without, where the pipeline keeps
            what is stored.
    """
    channels = pipeline.channels or _shared(clouds, 1, "channels", "set channels to 3 or 6")
    count = pipeline.points if draws is not None else pipeline.evaluation_points or pipeline.points
    count = count or _shared(clouds, 0, "points", "set points")
    batch = np.empty((len(clouds), count, channels), dtype=np.float32)
    moves = None if draws is None else _moves(pipeline, draws)
    plain = None if draws is None else uniform(draws, "clouds/colour_drop") < pipeline.colour_drop
    for row, stored in enumerate(clouds):
        key = None if draws is None else draws[row : row + 1]
        place = _taken(len(stored), count, pipeline.points, key)
        cloud = np.take(stored, place, axis=0).astype(np.float32, copy=False)
        points = _coordinates(cloud[:, :3], pipeline)
        if key is not None and pipeline.dropout:
            points = _dropped(points, pipeline.dropout, key)
        if moves is not None:
            points = points @ moves[row, :3] + moves[row, 3]
        batch[row, :, :3] = points
        if channels == 4:
            batch[row, :, 3] = heights(points, pipeline.up_axis)
        if channels == 6:
            uncoloured = cloud.shape[1] == 3 or (plain is not None and plain[row])
            batch[row, :, 3:] = pipeline.uncoloured if uncoloured else cloud[:, 3:]
    return torch.from_numpy(batch)


def heights(points: Cloud, up: Literal["y", "z"]) -> Cloud:
    """(N,) of (N, 3) points, above the lowest of them."""
    along = points[:, "xyz".index(up)]
    above: Cloud = along - along.min()
    return above


def _shared(clouds: Sequence[NDArray[Any]], axis: int, what: str, remedy: str) -> int:
    sizes = sorted({cloud.shape[axis] for cloud in clouds})
    if len(sizes) > 1:
        raise DataError(
            f"clouds of one batch have {sizes[0]} to {sizes[-1]} {what}, and their pipeline keeps what is "
            f"stored; {remedy} in `clouds`."
        )
    return int(sizes[0])


def _taken(stored: int, count: int, points: int, key: Rows | None) -> NDArray[np.int64]:
    """(count,) rows of the cloud, step 1."""
    if key is None:
        spread: NDArray[np.int64] = np.arange(count, dtype=np.int64) * stored // count
        return spread
    if not points:
        return np.arange(stored, dtype=np.int64)
    if count > stored:
        drawn = (uniform(key, "clouds/points", count)[0] * stored).astype(np.int64)
        repeated: NDArray[np.int64] = np.minimum(drawn, stored - 1)
        return repeated
    # Places ride along in the low half, so that sorting numbers alone makes the permutation, without ties.
    place = np.arange(stored, dtype=np.uint64)
    lots = (uniform(key, "clouds/points", stored)[0] * 2.0**24).astype(np.uint64) << np.uint64(32)
    order: NDArray[np.int64] = (np.sort(lots | place)[:count] & np.uint64(0xFFFFFFFF)).astype(np.int64)
    return order


def _coordinates(points: Cloud, pipeline: CloudPipeline) -> Cloud:
    """Steps 2 and 3."""
    if pipeline.swap_yz:
        points = points[:, [0, 2, 1]]
    if pipeline.unit_sphere:
        points = points - points.mean(axis=0, dtype=np.float64).astype(np.float32)
        radius = float(np.sqrt(np.einsum("nc,nc->n", points, points).max()))
        points = np.zeros_like(points) if radius < 1e-6 else points / np.float32(radius)
    return points


def _dropped(points: Cloud, most: float, key: Rows) -> Cloud:
    """Step 4."""
    share = np.float32(most) * uniform(key, "clouds/dropout_share")[0]
    gone = uniform(key, "clouds/dropout", len(points))[0] < share
    return np.where(gone[:, None], points[0], points)


def _moves(pipeline: CloudPipeline, draws: Rows) -> NDArray[np.float32]:
    """(B, 4, 3) steps 5 to 8 as one map: points @ [:3] + [3]."""
    turn = np.tile(np.eye(3), (len(draws), 1, 1))
    if pipeline.tilt:
        angles = np.clip(
            pipeline.tilt * normal(draws, "clouds/tilt", 3), -pipeline.tilt_clip, pipeline.tilt_clip
        )
        for axis in (2, 1, 0):  # points @ (about z, about y, about x), as published
            turn = turn @ _about(axis, angles[:, axis])
    if pipeline.turn:
        axis = "xyz".index(pipeline.up_axis)
        turn = turn @ _about(axis, 2.0 * np.pi * uniform(draws, "clouds/turn"))
    factor = between(draws, "clouds/scale", pipeline.scale)[:, None, None]
    shift = pipeline.shift * symmetric(draws, "clouds/shift", 1, 3)
    return np.concatenate([factor * turn, shift @ turn], axis=1).astype(np.float32)


def _about(axis: int, angle: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """(B,) radians -> (B, 3, 3) turns about an axis for column vectors."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.tile(np.eye(3), (len(angle), 1, 1))
    matrix[:, first, first] = matrix[:, second, second] = np.cos(angle)
    matrix[:, second, first] = np.sin(angle)
    matrix[:, first, second] = -np.sin(angle)
    return matrix
