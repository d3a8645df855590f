"""A cloud as the shape encoder of a space wants it; callers always give +y up, in the unit sphere.

Two kinds: what the recipe of a trained method did without augmentation (the last steps of
`data.transforms.clouds`, number by number), and the input convention of official weights. Both are a function
of the cloud alone, so neither batch nor order of clouds matters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anaglyph.encoders.convention import MOST_POINTS, PointConvention
from anaglyph.encoders.preparation import prepare_cloud
from anaglyph.errors import ConfigError, DataError


class CloudReader(Protocol):
    """Prepares clouds for an encoder."""

    @property
    def points(self) -> int:
        """Points that a cloud should have; more are thinned out. 0: any number."""
        ...

    @property
    def coloured(self) -> bool:
        """Whether colours reach the encoder."""
        ...

    @property
    def grey(self) -> float:
        """Red, green and blue of a cloud without colours, in [0, 1]."""
        ...

    def __call__(self, clouds: Tensor) -> Tensor:
        """(B, P, 3 or 6) -> (B, N, C) float32 on the CPU."""
        ...


@dataclass(frozen=True, kw_only=True)
class RecipeClouds:
    """The recipe's `clouds` without augmentation; fields are named as there."""

    points: int = 0
    channels: Literal[3, 4, 6] = 6
    swap_yz: bool = False
    unit_sphere: bool = False
    up_axis: Literal["y", "z"] = "z"
    uncoloured: float = 0.4

    def __post_init__(self) -> None:
        if not 0 <= self.points <= MOST_POINTS or self.channels not in (3, 4, 6):
            raise ConfigError(
                f"clouds: points must lie in 0 to {MOST_POINTS} and channels be 3, 4 or 6, got "
                f"{self.points!r:.40} and {self.channels!r:.40}."
            )
        if not 0.0 <= self.uncoloured <= 1.0:
            raise ConfigError(f"clouds: uncoloured must lie in [0, 1], got {self.uncoloured}.")

    @property
    def coloured(self) -> bool:
        """Whether colours reach the encoder."""
        return self.channels == 6

    @property
    def grey(self) -> float:
        """Of a cloud without colours."""
        return self.uncoloured

    def __call__(self, clouds: Tensor) -> Tensor:
        """(B, P, 3 or 6) -> (B, points, channels); points evenly spread over the stored order."""
        given = checked(clouds)
        stored = given.shape[1]
        count = self.points or stored
        place = np.arange(count, dtype=np.int64) * stored // count
        batch = np.empty((len(given), count, self.channels), dtype=np.float32)
        for row, cloud in enumerate(given):
            batch[row, :, :3] = self._coordinates(cloud[place, :3])
            if self.channels == 4:
                height = batch[row, :, "xyz".index(self.up_axis)]
                batch[row, :, 3] = height - height.min()
            if self.coloured:
                batch[row, :, 3:] = self.uncoloured if cloud.shape[1] == 3 else cloud[place, 3:]
        return torch.from_numpy(batch)

    def _coordinates(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Rounded as in training: another rounding may choose other neighbours."""
        if self.swap_yz:
            points = points[:, [0, 2, 1]]
        if self.unit_sphere:
            points = points - points.mean(axis=0, dtype=np.float64).astype(np.float32)
            radius = float(np.sqrt(np.einsum("nc,nc->n", points, points).max()))
            points = np.zeros_like(points) if radius < 1e-6 else points / np.float32(radius)
        return points


@dataclass(frozen=True)
class ConventionClouds:
    """The input convention of official weights."""

    convention: PointConvention

    @property
    def points(self) -> int:
        """Points that the weights were trained with."""
        return self.convention.points

    @property
    def coloured(self) -> bool:
        """Whether colours reach the encoder."""
        return self.convention.colours

    @property
    def grey(self) -> float:
        """Of a cloud without colours."""
        return self.convention.missing_colour

    def __call__(self, clouds: Tensor) -> Tensor:
        """(B, P, 3 or 6) -> (B, N, C); which points are taken and in which order depends on P alone."""
        given = checked(clouds)
        made = [
            prepare_cloud(cloud[:, :3], cloud[:, 3:] if cloud.shape[1] == 6 else None, self.convention)
            for cloud in given
        ]
        return torch.stack(made)


def checked(clouds: Tensor) -> NDArray[Any]:
    """Clouds as an array; DataError where they cannot be meant."""
    if clouds.ndim != 3 or clouds.shape[2] not in (3, 6) or not clouds.is_floating_point():
        raise DataError(
            f"clouds must be (B, P, 3) or (B, P, 6) floats, got {tuple(clouds.shape)} {clouds.dtype}; give "
            f"coordinates, and red, green and blue in [0, 1] behind them."
        )
    if not len(clouds) or not clouds.shape[1]:
        raise DataError(f"clouds of shape {tuple(clouds.shape)} hold no point; give at least one each.")
    given = clouds.detach().to("cpu", torch.float32).numpy()
    if not np.isfinite(given).all():
        raise DataError("a cloud holds numbers that are not finite; repair or remove them.")
    if given.shape[2] == 6 and not 0.0 <= given[..., 3:].min() <= given[..., 3:].max() <= 1.0:
        raise DataError(
            f"colours go from {given[..., 3:].min():g} to {given[..., 3:].max():g}; expected are 0 to 1: "
            f"divide bytes by 255."
        )
    return given
