"""RandAugment on whole batches (Cubuk et al., 2020), in the increasing form of timm's `rand-m9-mstd0.5-inc1`.

Fifteen operations; each of the `layers` draws one for each picture, of its own strength, and applies it with
probability 1/2. Not in the dossier beyond the name; as timm has it: the operations, their ranges, 1/2.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from anaglyph.data.transforms.ranges import Rows, check_amount
from anaglyph.errors import ConfigError
from anaglyph.randomness import normal, uniform

Operation = Callable[[Tensor, Tensor, float], Tensor]
"""(R, C, H, W) pictures in [0, 1], (R,) strengths in [-1, 1], value beyond the border -> changed pictures."""
_GREY = (0.299, 0.587, 0.114)


@dataclass(frozen=True, kw_only=True)
class RandAugment:
    """How much."""

    layers: int = 0
    """Operations in a row for each picture; 0 changes nothing, 2 is usual."""
    magnitude: float = 9.0
    """Mean strength, from 0 to 10."""
    deviation: float = 0.5
    """Standard deviation of the strength."""

    def __post_init__(self) -> None:
        if self.layers < 0:
            raise ConfigError(f"rand_augment layers is {self.layers}; it must be >= 0.")
        check_amount("rand_augment magnitude", self.magnitude, below=10.0)
        check_amount("rand_augment deviation", self.deviation)


def rand_augment(images: Tensor, config: RandAugment, rows: Rows, *, background: float) -> Tensor:
    """(B, V, C, H, W) in [0, 1] -> the same; every view draws for itself."""
    if not config.layers:
        return images
    views, draws = images.shape[1], (images.shape[1], config.layers)
    names = list(OPERATIONS)
    chosen = (uniform(rows, "rand_augment/operation", *draws) * len(names)).astype(np.int64)
    applied = uniform(rows, "rand_augment/applied", *draws) < 0.5
    strength = config.magnitude + config.deviation * normal(rows, "rand_augment/strength", *draws)
    strength = np.clip(strength, 0.0, 10.0) / 10.0
    signs = np.where(uniform(rows, "rand_augment/sign", *draws) < 0.5, -1.0, 1.0)
    signed = (strength * signs).astype(np.float32).reshape(len(rows) * views, config.layers)
    which = np.where(applied, chosen, -1).reshape(len(rows) * views, config.layers)
    flat = images.flatten(0, 1).clone()
    for layer in range(config.layers):
        for number, name in enumerate(names):
            places = _tensor(np.flatnonzero(which[:, layer] == number))
            if len(places):
                amounts = _tensor(signed[places.numpy(), layer])
                flat[places] = OPERATIONS[name](flat[places], amounts, background).clamp(0.0, 1.0)
    return flat.reshape(images.shape)


def auto_contrast(x: Tensor, amount: Tensor, background: float) -> Tensor:
    """Each channel stretched to [0, 1]."""
    low, high = x.amin(dim=(2, 3), keepdim=True), x.amax(dim=(2, 3), keepdim=True)
    return torch.where(high > low, (x - low) / (high - low).clamp(min=1e-6), x)


def equalize(x: Tensor, amount: Tensor, background: float) -> Tensor:
    """Each channel's histogram of 256 values made even, as Pillow does."""
    levels = (x * 255).round().long().flatten(2)  # (R, C, P)
    counts = torch.zeros(*x.shape[:2], 256, dtype=torch.int64).scatter_add(2, levels, torch.ones_like(levels))
    last = counts.gather(2, (levels.amax(dim=2, keepdim=True)))  # of the largest value that occurs
    step = (counts.sum(dim=2, keepdim=True) - last) // 255
    before = counts.cumsum(dim=2) - counts
    table = ((before + step // 2) // step.clamp(min=1)).clamp(0, 255)
    even = table.gather(2, levels).to(x.dtype).reshape(x.shape) / 255
    return torch.where(step[..., None] > 0, even, x)


def invert(x: Tensor, amount: Tensor, background: float) -> Tensor:
    """Light becomes dark."""
    return 1.0 - x


def rotate(x: Tensor, amount: Tensor, background: float) -> Tensor:
    """By up to 30 degrees."""
    angle = amount * math.radians(30.0)
    return _moved(x, _matrix(angle.cos(), -angle.sin(), angle.sin(), angle.cos()), None, background)


def posterize(x: Tensor, amount: Tensor, background: float) -> Tensor:
    """Fewer bits a channel: 4 at strength 0, none at 1."""
    bits = 4 - (amount.abs() * 4).long()
    size = (2 ** (8 - bits)).to(x.dtype)[:, None, None, None]
    return (x * 255).round().div(size, rounding_mode="floor") * size / 255


def solarize(x: Tensor, amount: Tensor, background: float) -> Tensor:
    """What is brighter than a threshold, lower with strength, is inverted."""
    threshold = (1.0 - amount.abs())[:, None, None, None]
    return torch.where(x < threshold, x, 1.0 - x)


def solarize_add(x: Tensor, amount: Tensor, background: float) -> Tensor:
    """What is darker than one half gets up to 110 / 256 brighter."""
    return torch.where(x < 0.5, x + amount.abs()[:, None, None, None] * 110 / 256, x)


def colour(x: Tensor, amount: Tensor, background: float) -> Tensor:
    """Further from grey, or towards it; a picture of one channel has none."""
    return x if x.shape[1] != 3 else _blended(_grey(x).expand_as(x), x, amount)


def contrast(x: Tensor, amount: Tensor, background: float) -> Tensor:
    """Further from the mean grey, or towards it."""
    return _blended(_grey(x).mean(dim=(1, 2, 3), keepdim=True).expand_as(x), x, amount)


def brightness(x: Tensor, amount: Tensor, background: float) -> Tensor:
    """Brighter or darker."""
    return _blended(torch.zeros_like(x), x, amount)


def sharpness(x: Tensor, amount: Tensor, background: float) -> Tensor:
    """Sharper or smoother, but for the border."""
    kernel = torch.ones(3, 3, dtype=x.dtype)
    kernel[1, 1] = 5.0
    channels = x.shape[1]
    smooth = x.clone()
    if min(x.shape[2:]) > 2:
        weight = (kernel / kernel.sum()).expand(channels, 1, 3, 3)
        smooth[:, :, 1:-1, 1:-1] = F.conv2d(x, weight, groups=channels)
    return _blended(smooth, x, amount)


def shear_x(x: Tensor, amount: Tensor, background: float) -> Tensor:
    """Slanted sideways by up to 0.3."""
    one, zero = torch.ones_like(amount), torch.zeros_like(amount)
    return _moved(x, _matrix(one, 0.3 * amount, zero, one), None, background)


def shear_y(x: Tensor, amount: Tensor, background: float) -> Tensor:
    """Slanted up and down by up to 0.3."""
    one, zero = torch.ones_like(amount), torch.zeros_like(amount)
    return _moved(x, _matrix(one, zero, 0.3 * amount, one), None, background)


def translate_x(x: Tensor, amount: Tensor, background: float) -> Tensor:
    """Moved sideways by up to 0.45 of the picture."""
    return _moved(x, None, torch.stack([0.9 * amount, torch.zeros_like(amount)], dim=1), background)


def translate_y(x: Tensor, amount: Tensor, background: float) -> Tensor:
    """Moved up or down by up to 0.45 of the picture."""
    return _moved(x, None, torch.stack([torch.zeros_like(amount), 0.9 * amount], dim=1), background)


OPERATIONS: dict[str, Operation] = {
    "auto_contrast": auto_contrast,
    "equalize": equalize,
    "invert": invert,
    "rotate": rotate,
    "posterize": posterize,
    "solarize": solarize,
    "solarize_add": solarize_add,
    "colour": colour,
    "contrast": contrast,
    "brightness": brightness,
    "sharpness": sharpness,
    "shear_x": shear_x,
    "shear_y": shear_y,
    "translate_x": translate_x,
    "translate_y": translate_y,
}
"""In the order of the draws."""


def _grey(x: Tensor) -> Tensor:
    """(R, 1, H, W)."""
    if x.shape[1] != 3:
        return x.mean(dim=1, keepdim=True)
    return (x * torch.tensor(_GREY, dtype=x.dtype)[:, None, None]).sum(dim=1, keepdim=True)


def _blended(base: Tensor, x: Tensor, amount: Tensor) -> Tensor:
    """Base + factor (x - base), factor from 0.1 to 1.9."""
    factor = (1.0 + 0.9 * amount).clamp(min=0.1)[:, None, None, None]
    return base + factor * (x - base)


def _matrix(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    return torch.stack([torch.stack([a, b], dim=1), torch.stack([c, d], dim=1)], dim=1)


def _moved(x: Tensor, matrix: Tensor | None, move: Tensor | None, background: float) -> Tensor:
    """Looked up at matrix @ place + move, places in half sides with equal lengths in x and y."""
    height, width = x.shape[2:]
    turn = torch.eye(2).expand(len(x), 2, 2) if matrix is None else matrix
    aspect = torch.tensor([width / height, 1.0])
    turn = turn * aspect[None, None, :] / aspect[None, :, None]
    shift = torch.zeros(len(x), 2, 1) if move is None else move[:, :, None]
    grid = F.affine_grid(torch.cat([turn, shift], dim=2), list(x.shape), align_corners=False)
    return F.grid_sample(x - background, grid, padding_mode="zeros", align_corners=False) + background


def _tensor(array: NDArray[np.generic]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))
