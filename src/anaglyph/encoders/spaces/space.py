"""Shapes, pictures and words in one space, ready to embed: what search and zero-shot evaluation use.

A space owns everything between the caller and unit vectors: number of points, axes, colours, size of
pictures, towers, heads. No training code is reached from here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from anaglyph.encoders.spaces.clouds import CloudReader
from anaglyph.encoders.spaces.networks import SpaceNetworks
from anaglyph.encoders.towers.tower import ImageTower, TextTower
from anaglyph.errors import ConfigError, DataError

Inputs = Literal["points", "sum", "fused"]
DEFAULT_PIXELS = 224
"""Side of pictures for a tower that takes them as they are and does not say what it was trained with."""


@dataclass(frozen=True, kw_only=True)
class Space:
    """Vectors of every method: (B, dim) float32 of length 1 on the CPU; row b depends on row b alone."""

    name: str
    """For people."""
    fingerprint: str
    """16 hexadecimal digits over everything that the vectors depend on; vectors of two do not mix."""
    licence: str
    """Of the weights, in words."""
    networks: SpaceNetworks
    """In eval mode."""
    clouds: CloudReader
    image: ImageTower | None
    text: TextTower | None
    default_inputs: Inputs
    """What represents an object best: its points, points and views with their cosines added (`sum`), or one
    fused vector of both."""
    pixels: int
    """Side at which views should be rendered, in pixels; 0 without pictures."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """What its file says of data, training and towers, as plain data."""

    @property
    def dim(self) -> int:
        """D."""
        return self.networks.layout.embed_dim

    @property
    def points(self) -> int:
        """Points that a cloud should have; of more, some are taken. 0: any number."""
        return self.clouds.points

    @property
    def coloured(self) -> bool:
        """Whether colours of clouds are read."""
        return self.clouds.coloured

    @property
    def fuses(self) -> bool:
        """Whether `fused` can be asked."""
        return self.image is not None and self.networks.fusion is not None

    @property
    def reads(self) -> frozenset[str]:
        """Of "shape", "image" and "text", what it has encoders for."""
        there = {"shape": True, "image": self.image is not None, "text": self.text is not None}
        return frozenset(name for name, present in there.items() if present)

    @property
    def any_text(self) -> bool:
        """Whether it reads every text, not only those that it has a vector of, and not none."""
        return self.text is not None and self.text.any_text

    def to(self, device: torch.device | str) -> Space:
        """The same, computing on a device; the networks are moved, not copied."""
        return replace(
            self,
            networks=self.networks.to(device),
            image=None if self.image is None else self.image.to(device),
            text=None if self.text is None else self.text.to(device),
        )

    @torch.no_grad()
    def shapes(self, clouds: Tensor) -> Tensor:
        """(B, P, 6) clouds -> (B, D).

        Args:
            clouds: +y up, in the unit sphere, red, green and blue in [0, 1] behind the coordinates; (B, P, 3)
                stands for clouds without colours.

        Raises:
            DataError: another shape, numbers that are not finite, or fewer points than the encoder needs.
        """
        return _unit(self._shape(clouds))

    @torch.no_grad()
    def pictures(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] -> (B, D).

        Raises:
            ConfigError: no image tower.
            DataError: another shape or range.
        """
        if pictures.ndim != 4:
            raise DataError(
                f"pictures must be (B, 3, H, W), got {tuple(pictures.shape)}; views of objects go to `views`."
            )
        return _unit(self._image(pictures[:, None]))

    @torch.no_grad()
    def views(self, pictures: Tensor) -> Tensor:
        """(B, V, 3, H, W) in [0, 1], V pictures of each object -> (B, D), one vector of all of them.

        Raises:
            ConfigError: no image tower.
            DataError: another shape or range.
        """
        return _unit(self._image(pictures))

    @torch.no_grad()
    def texts(self, texts: Sequence[str]) -> Tensor:
        """B texts -> (B, D).

        Raises:
            ConfigError: no text tower.
            DataError: a text that a tower of stored vectors does not hold.
        """
        if self.text is None:
            raise ConfigError(
                f"'{self.name}' has no text tower, so it reads no words; open it with one, such as "
                f"--text-tower clip:FOLDER."
            )
        return _unit(self.networks.text(self.text(texts)))

    @torch.no_grad()
    def fused(self, clouds: Tensor, pictures: Tensor) -> Tensor:
        """(B, P, 6) clouds and (B, V, 3, H, W) pictures of the same objects -> (B, D).

        Raises:
            ConfigError: no fusion layer or no image tower.
            DataError: as in `shapes` and `views`, or not equally many of both.
        """
        if len(clouds) != len(pictures):
            raise DataError(f"{len(clouds)} clouds come with pictures of {len(pictures)} objects; give both.")
        return _unit(self.networks.fused(self._shape(clouds), self._image(pictures)))

    def _shape(self, clouds: Tensor) -> Tensor:
        return self.networks.shape(self.clouds(clouds).to(self._device))

    def _image(self, pictures: Tensor) -> Tensor:
        if self.image is None:
            raise ConfigError(
                f"'{self.name}' has no image tower, so it reads no pictures; open it with one, such as "
                f"--image-tower clip:FOLDER."
            )
        if pictures.ndim != 5 or not pictures.shape[1]:
            raise DataError(
                f"pictures must be (B, V, 3, H, W) with at least one view, got {tuple(pictures.shape)}."
            )
        seen = self.image(pictures.flatten(0, 1))
        return self.networks.image(seen.reshape(*pictures.shape[:2], -1))

    @property
    def _device(self) -> torch.device:
        return next(self.networks.parameters()).device


def _unit(vectors: Tensor) -> Tensor:
    """At length 1, float32 on the CPU."""
    return F.normalize(vectors, dim=-1).float().cpu()
