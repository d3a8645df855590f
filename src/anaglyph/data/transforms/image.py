"""Image augmentation of a whole batch: one sampling grid for all geometry, then tone, boxes and noise.

Every draw is a function of the object's row key, so an object is augmented the same in any batch. All
ranges at their defaults leave the pictures exactly as they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from anaglyph.data.transforms.ranges import Range, Rows, between, check_amount, check_range, symmetric
from anaglyph.errors import ConfigError
from anaglyph.randomness import normal, uniform

_IDENTITY: Range = (1.0, 1.0)
_LUMINANCE = (0.299, 0.587, 0.114)
"""Weights of red, green and blue (ITU-R BT.601)."""


@dataclass(frozen=True, kw_only=True)
class ImageAugmentation:
    """Ranges of random changes to a picture; the defaults change nothing."""

    rotation: float = 0.0
    """Largest turn in degrees, either way."""
    scale: Range = _IDENTITY
    """Size of the content, both axes together; 1 keeps it."""
    stretch: Range = _IDENTITY
    """Size of the content, each axis by itself."""
    shear: float = 0.0
    """Largest slant, as tangent."""
    shift: float = 0.0
    """Largest move along each axis, as a fraction of the picture's side."""
    elastic: float = 0.0
    """Standard deviation of a smooth random displacement, as a fraction of the picture's side."""
    elastic_grid: int = 4
    """The displacement's coarse grid; larger bends more locally."""
    flip: float = 0.0
    """Probability of mirroring left and right; 0 for digits and letters."""
    crop: int = 0
    """Side in pixels of a random part to cut out (0: none); without augmentation it is the middle one."""
    brightness: float = 0.0
    """Largest change added to all values, in units of [0, 1]."""
    contrast: float = 0.0
    """Largest change of the spread around the picture's mean, as a fraction."""
    gamma: float = 0.0
    """Largest |ln gamma| of a power put on the values."""
    colourless: float = 0.0
    """Probability that a picture of three channels loses its colours, for pictures to come that have none."""
    boxes: int = 0
    """Rectangles blanked with `background`."""
    box_size: Range = (0.1, 0.3)
    """Sides of those rectangles, as fractions of the picture's."""
    noise: float = 0.0
    """Standard deviation of noise on every pixel, in units of [0, 1]."""
    background: float = 0.0
    """Value outside the picture: 0 for white on black digits, 1 for renderings on white."""

    def __post_init__(self) -> None:
        check_range("image scale", self.scale, above=0.0)
        check_range("image stretch", self.stretch, above=0.0)
        check_range("image box_size", self.box_size, above=0.0)
        for name in ("rotation", "shear", "shift", "elastic", "brightness", "contrast", "gamma", "noise"):
            check_amount(f"image {name}", getattr(self, name))
        check_amount("image flip", self.flip, below=1.0)
        check_amount("image colourless", self.colourless, below=1.0)
        if self.elastic_grid < 2 or self.crop < 0 or self.boxes < 0:
            raise ConfigError(
                f"image elastic_grid={self.elastic_grid}, crop={self.crop}, boxes={self.boxes}; "
                f"elastic_grid must be >= 2, the others >= 0."
            )

    @property
    def moves(self) -> bool:
        """Whether anything here resamples the picture."""
        amounts = (self.rotation, self.shear, self.shift, self.elastic, self.flip)
        return any(amounts) or self.scale != _IDENTITY or self.stretch != _IDENTITY


def augment_images(images: Tensor, config: ImageAugmentation, rows: Rows) -> Tensor:
    """(B, V, C, H, W) in [0, 1] -> the same, augmented per object and view; H, W = `crop` where it is set."""
    objects, views, channels, height, width = images.shape
    flat = images.reshape(objects * views, channels, height, width)
    if config.moves or config.crop:
        flat = _resampled(flat, config, rows, views)
    flat = _toned(flat, config, rows, views)
    if config.boxes:
        flat = _boxed(flat, config, rows, views)
    if config.noise:
        shape = (views, *flat.shape[1:])
        flat = flat + config.noise * _tensor(normal(rows, "image/noise", *shape)).reshape(flat.shape)
    if config.brightness or config.contrast or config.noise:
        flat = flat.clamp(0.0, 1.0)
    return flat.reshape(objects, views, channels, *flat.shape[2:])


def central_crop(images: Tensor, side: int) -> Tensor:
    """(..., H, W) -> (..., side, side), the middle part; ConfigError when the pictures are smaller."""
    height, width = images.shape[-2:]
    _check_crop(side, height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return images[..., top : top + side, left : left + side]


def _resampled(images: Tensor, config: ImageAugmentation, rows: Rows, views: int) -> Tensor:
    """One bilinear look-up per pixel through affine map, displacement and crop together."""
    height, width = images.shape[2:]
    out = (config.crop or height, config.crop or width)
    _check_crop(max(out) if config.crop else 0, height, width)
    matrix = _tensor(_inverse_matrix(config, rows, views)).reshape(-1, 2, 2)
    # Grids count in half sides (-1..1): aspect turns them into equal lengths and back.
    aspect = torch.tensor([width / height, 1.0])
    matrix = matrix * aspect[None, None, :] / aspect[None, :, None]
    shift = 2.0 * config.shift * _tensor(symmetric(rows, "image/shift", views, 2)).reshape(-1, 2, 1)
    grid = F.affine_grid(
        torch.cat([torch.eye(2).expand(len(matrix), 2, 2), torch.zeros(len(matrix), 2, 1)], dim=2),
        [len(matrix), 1, *out],
        align_corners=False,
    )  # (B*V, h, w, 2) x, y
    part = torch.tensor([out[1] / width, out[0] / height])
    room = (1.0 - part) * _tensor(symmetric(rows, "image/crop", views, 2)).reshape(-1, 1, 1, 2)
    grid = grid * part + room if config.crop else grid
    grid = torch.einsum("bij,bhwj->bhwi", matrix, grid) + shift.reshape(-1, 1, 1, 2)
    if config.elastic:
        grid = grid + _displacement(config, rows, views, out)
    moved = F.grid_sample(images - config.background, grid, padding_mode="zeros", align_corners=False)
    return moved + config.background


def _inverse_matrix(config: ImageAugmentation, rows: Rows, views: int) -> NDArray[np.float32]:
    """(B, V, 2, 2) from place in the result to place in the picture, x and y in equal lengths."""
    angle = math.radians(config.rotation) * symmetric(rows, "image/rotation", views)
    scale = between(rows, "image/scale", config.scale, views, 1)
    scale = scale * between(rows, "image/stretch", config.stretch, views, 2)
    slant = config.shear * symmetric(rows, "image/shear", views)
    mirror = np.where(uniform(rows, "image/flip", views) < config.flip, -1.0, 1.0)
    turn = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], axis=-1)
    turn = turn.reshape(*turn.shape[:-1], 2, 2)
    lean = np.stack([np.ones_like(slant), slant, np.zeros_like(slant), np.ones_like(slant)], axis=-1)
    matrix = turn @ lean.reshape(turn.shape) / scale[..., None, :]
    matrix[..., 0, :] *= mirror[..., None]
    return np.asarray(matrix, dtype=np.float32)


def _displacement(config: ImageAugmentation, rows: Rows, views: int, out: tuple[int, int]) -> Tensor:
    """(B*V, h, w, 2) smooth: normal numbers on a coarse grid, bicubically enlarged."""
    side = config.elastic_grid
    coarse = _tensor(normal(rows, "image/elastic", views, 2, side, side)).reshape(-1, 2, side, side)
    fine = F.interpolate(coarse, size=out, mode="bicubic", align_corners=True)
    return 2.0 * config.elastic * fine.permute(0, 2, 3, 1)


def _toned(images: Tensor, config: ImageAugmentation, rows: Rows, views: int) -> Tensor:
    def draw(purpose: str, largest: float) -> Tensor:
        return largest * _tensor(symmetric(rows, purpose, views)).reshape(-1, 1, 1, 1)

    if config.colourless and images.shape[1] == 3:
        drawn = _tensor(uniform(rows, "image/colourless", views)).reshape(-1, 1, 1, 1) < config.colourless
        light = (images * torch.tensor(_LUMINANCE)[:, None, None]).sum(dim=1, keepdim=True)
        images = torch.where(drawn, light, images)
    if config.gamma:
        images = images.clamp(0.0, 1.0) ** draw("image/gamma", config.gamma).exp()
    if config.contrast:
        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        images = mean + (images - mean) * (1.0 + draw("image/contrast", config.contrast))
    if config.brightness:
        images = images + draw("image/brightness", config.brightness)
    return images


def _boxed(images: Tensor, config: ImageAugmentation, rows: Rows, views: int) -> Tensor:
    """Blank rectangles whose centres lie anywhere in the picture."""
    centre = _tensor(uniform(rows, "image/box", views, config.boxes, 2)).reshape(-1, config.boxes, 2)
    half = _tensor(between(rows, "image/box_size", config.box_size, views, config.boxes, 2)) / 2
    half = half.reshape(-1, config.boxes, 2)
    inside = []
    for axis, size in enumerate(images.shape[2:]):
        place = (torch.arange(size) + 0.5) / size  # (size,)
        inside.append((place - centre[..., axis : axis + 1]).abs() < half[..., axis : axis + 1])
    blank = (inside[0][..., :, None] & inside[1][..., None, :]).any(dim=1, keepdim=True)  # (B*V, 1, H, W)
    return images.masked_fill(blank, config.background)


def _check_crop(side: int, height: int, width: int) -> None:
    if side > min(height, width):
        raise ConfigError(
            f"cannot crop {side} x {side} pixels from pictures of {height} x {width}; crop less."
        )


def _tensor(array: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
