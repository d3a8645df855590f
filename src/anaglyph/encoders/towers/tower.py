"""What a frozen tower is: a network without gradients, how it wants its pictures, and what it was made of.

Towers run once over a data set and only their vectors are kept (dossier MixCon3D, section 0), so a tower must
say everything its vectors depend on: `fingerprint` names stored vectors, and mixing teachers is noticed
(section 7.2).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.config import fingerprint, plain
from anaglyph.errors import ConfigError, DataError

_SLACK = 1e-3
"""How far beyond [0, 1] a resized picture may lie."""


@dataclass(frozen=True, kw_only=True)
class PicturePreparation:
    """From pictures in [0, 1] to what the weights were trained on."""

    pixels: int | None = None
    """Side of the square picture; None takes pictures as they are."""
    resize: Literal["crop", "stretch"] = "crop"
    """crop: the shorter side to `pixels`, then the middle; stretch: both sides to `pixels`."""
    interpolation: Literal["bilinear", "bicubic"] = "bicubic"
    """Both without aliasing."""
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Of red, green and blue in [0, 1]; subtracted."""
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Divided by afterwards, > 0."""

    def __post_init__(self) -> None:
        if self.pixels is not None and self.pixels < 1:
            raise ConfigError(f"pixels must be >= 1 or null, got {self.pixels}.")
        if min(self.std) <= 0:
            raise ConfigError(f"std must be > 0 for each colour, got {self.std}.")


@dataclass(frozen=True)
class ImageTower:
    """Pictures to vectors; call it."""

    name: str
    """For people, such as "clip openai/clip-vit-base-patch32"."""
    module: nn.Module
    """(B, 3, H, W), prepared -> (B, D); frozen, in eval mode."""
    dim: int
    """D."""
    preparation: PicturePreparation
    identity: Mapping[str, Any]
    """All that the vectors depend on, as plain data: files by their hash, options, licence."""

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] -> (B, D) float32, not normalised unless the tower does."""
        prepared = prepare_pictures(images.to(_device(self.module)), self.preparation)
        vectors: Tensor = self.module(prepared)
        return vectors.float()

    def to(self, device: torch.device | str) -> ImageTower:
        """The same on a device."""
        return replace(self, module=self.module.to(device))

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits over identity and preparation."""
        return fingerprint({"identity": self.identity, "preparation": plain(self.preparation)})


@dataclass(frozen=True)
class TextTower:
    """Texts to vectors; call it."""

    name: str
    module: nn.Module
    """B strings -> (B, E); frozen, in eval mode."""
    dim: int
    """E."""
    identity: Mapping[str, Any]
    """All that the vectors depend on, as plain data."""
    any_text: bool = True
    """Whether it reads every text, or only those it has a vector of."""

    @torch.no_grad()
    def __call__(self, texts: Sequence[str]) -> Tensor:
        """B strings -> (B, E) float32, not normalised unless the tower does."""
        device = _device(self.module)
        if not texts:
            return torch.zeros(0, self.dim, device=device)
        vectors: Tensor = self.module(list(texts))
        return vectors.float()

    def to(self, device: torch.device | str) -> TextTower:
        """The same on a device."""
        return replace(self, module=self.module.to(device))

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits over the identity."""
        return fingerprint({"identity": self.identity})


def frozen(module: nn.Module) -> nn.Module:
    """The module in eval mode, with nothing that learns."""
    return module.eval().requires_grad_(False)


def prepare_pictures(images: Tensor, preparation: PicturePreparation) -> Tensor:
    """(B, 3, H, W) in [0, 1] -> (B, 3, pixels, pixels), normalised.

    Raises:
        DataError: other channels, or values that cannot be colours in [0, 1].
    """
    if images.ndim != 4 or images.shape[1] != 3 or not images.is_floating_point():
        raise DataError(f"a tower reads (B, 3, H, W) floats, got {tuple(images.shape)} {images.dtype}.")
    if images.numel():
        low, high = float(images.min()), float(images.max())
        if not -_SLACK <= low <= high <= 1.0 + _SLACK:
            raise DataError(
                f"pictures go from {low:g} to {high:g}; expected are 0 to 1: divide bytes by 255."
            )
    sized = _resized(images, preparation)
    mean = torch.tensor(preparation.mean, device=images.device)[:, None, None]
    std = torch.tensor(preparation.std, device=images.device)[:, None, None]
    return (sized - mean) / std


def _resized(images: Tensor, preparation: PicturePreparation) -> Tensor:
    pixels, (height, width) = preparation.pixels, images.shape[2:]
    if pixels is None or (height, width) == (pixels, pixels):
        return images
    size = (pixels, pixels)
    if preparation.resize == "crop":
        shorter = min(height, width)
        size = (max(pixels, pixels * height // shorter), max(pixels, pixels * width // shorter))
    if size != (height, width):
        images = F.interpolate(
            images, size=size, mode=preparation.interpolation, antialias=True, align_corners=False
        ).clamp(0.0, 1.0)  # bicubic overshoots
    top, left = (size[0] - pixels) // 2, (size[1] - pixels) // 2
    return images[:, :, top : top + pixels, left : left + pixels]


def _device(module: nn.Module) -> torch.device:
    for tensor in itertools.chain(module.parameters(), module.buffers()):
        return tensor.device
    return torch.device("cpu")
