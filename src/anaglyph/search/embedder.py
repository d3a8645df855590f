"""Prepared models -> the vectors that queries are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from anaglyph.config import fingerprint
from anaglyph.search.closeness import unit
from anaglyph.search.preparation import VIEWS, Preparation, Prepared

if TYPE_CHECKING:
    from anaglyph.encoders.spaces.space import Space

POINTS = 2048
"""Of a cloud for an encoder that takes any number."""


@dataclass(frozen=True)
class Vectors:
    """What is stored of one model."""

    vector: NDArray[np.float32]
    """(D,) of length 1: along the sum of the unit vectors of points and of views, or the points' or the fused
    vector. Were some longer, they would come before the item that a query is equal to."""
    views: NDArray[np.float16] | None
    """(V, D) unit."""


class Embedder:
    """A space at work for an index.

    On a CPU each model is computed by itself: how many numbers are multiplied at a time changes their last
    bits, and a resumed index would differ from an undisturbed one.

    Args:
        space: shapes, pictures and words; computes where it lies.
        on_cpu: whether that is a CPU.
    """

    def __init__(self, space: Space, *, on_cpu: bool = True) -> None:
        self.space = space
        self.batch = 1 if on_cpu else 16

    def preparation(self, views: str = "") -> Preparation:
        """What the space wants to be given, with cameras of that name; "" for those of a new index."""
        return Preparation(
            points=self.space.points or POINTS,
            grey=self.space.clouds.grey,
            views=views or VIEWS,
            pixels=self.space.pixels,
        )

    def recipe(self, preparation: Preparation) -> str:
        """16 hexadecimal digits over all that decides the vectors of an index."""
        return fingerprint(
            {
                "space": self.space.fingerprint,
                "inputs": self.space.default_inputs,
                "length": 1,
                "preparation": preparation.fingerprint,
            }
        )

    def __call__(self, models: Sequence[Prepared]) -> list[Vectors]:
        """Vectors of some models, in their order."""
        found: list[Vectors] = []
        for first in range(0, len(models), self.batch):
            found += self._together(models[first : first + self.batch])
        return found

    def _together(self, models: Sequence[Prepared]) -> list[Vectors]:
        clouds = torch.from_numpy(np.stack([model.cloud for model in models]))
        pictures = [model.pictures for model in models if model.pictures is not None]
        if not pictures:
            return [Vectors(row, None) for row in unit(self.space.shapes(clouds).numpy())]
        seen = torch.from_numpy(np.stack(pictures)).float() / 255  # (B, V, 3, H, W)
        views = self.space.pictures(seen.flatten(0, 1)).reshape(*seen.shape[:2], -1)  # (B, V, D)
        vectors = unit(self._combined(clouds, seen, views).numpy())
        halves = views.numpy().astype(np.float16)
        return [Vectors(vector, half) for vector, half in zip(vectors, halves, strict=True)]

    def _combined(self, clouds: Tensor, pictures: Tensor, views: Tensor) -> Tensor:
        if self.space.default_inputs == "fused":
            return self.space.fused(clouds, pictures)
        points = self.space.shapes(clouds)
        if self.space.default_inputs == "points":
            return points
        return points + F.normalize(views.mean(dim=1), dim=-1)
