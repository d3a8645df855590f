"""Colours in a space where distances are roughly those that people see: CIE L*a*b* (CIE 1976), and grey.

sRGB (IEC 61966-2-1) -> linear -> XYZ -> L*a*b*, white point D65. No step clips, and every curve goes on below
0 and above 1, so the two functions undo one another for any values, also for colours no screen has.
"""

from __future__ import annotations

import torch
from torch import Tensor

WHITE = (0.95047, 1.0, 1.08883)
"""XYZ of white."""
_TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
_FROM_XYZ = (
    (3.240454836021, -1.537138850103, -0.498531546868),
    (-0.969266389876, 1.876010928842, 0.041556082347),
    (0.055643419604, -0.204025854268, 1.057225162458),
)
_LUMA = (0.299, 0.587, 0.114)
_KNEE = 0.04045
"""Where the sRGB curve turns from a line into a power."""
_DELTA = 6.0 / 29.0


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """(..., 3, H, W) sRGB in [0, 1] -> (..., 3, H, W) L in [0, 100], a and b about -128 to 127.

    Half precision becomes float32.
    """
    linear = _linear(_full(rgb))
    x, y, z = (channel / white for channel, white in zip(_mixed(linear, _TO_XYZ), WHITE, strict=True))
    fx, fy, fz = _cube_root(x), _cube_root(y), _cube_root(z)
    return torch.stack([116.0 * fy - 16.0, 500.0 * (fx - fy), 200.0 * (fy - fz)], dim=-3)


def lab_to_rgb(lab: Tensor) -> Tensor:
    """(..., 3, H, W) L*a*b* -> (..., 3, H, W) sRGB; colours no screen has lie outside [0, 1]."""
    lightness, a, b = _full(lab).unbind(dim=-3)
    fy = (lightness + 16.0) / 116.0
    xyz = [_cube(f) * white for f, white in zip((fy + a / 500.0, fy, fy - b / 200.0), WHITE, strict=True)]
    return _encoded(torch.stack(_mixed(torch.stack(xyz, dim=-3), _FROM_XYZ), dim=-3))


def luma(rgb: Tensor) -> Tensor:
    """(..., 3, H, W) sRGB -> (..., 1, H, W) grey by the weights of ITU-R BT.601, as Pillow's "L"."""
    return _mixed(rgb, (_LUMA,))[0].unsqueeze(-3)


def _mixed(channels: Tensor, matrix: tuple[tuple[float, float, float], ...]) -> list[Tensor]:
    """One weighted sum of the three channels per row; no matrix product, which autocast would round."""
    if channels.ndim < 3 or channels.shape[-3] != 3:
        raise ValueError(f"pictures must be (..., 3, H, W), got {tuple(channels.shape)}")
    first, second, third = channels.unbind(dim=-3)
    return [row[0] * first + row[1] * second + row[2] * third for row in matrix]


def _full(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))


# The branch of a curve that is not taken is kept where its gradient is finite.


def _linear(encoded: Tensor) -> Tensor:
    power = ((encoded.clamp(min=_KNEE) + 0.055) / 1.055) ** 2.4
    return torch.where(encoded <= _KNEE, encoded / 12.92, power)


def _encoded(linear: Tensor) -> Tensor:
    knee = _KNEE / 12.92
    power = 1.055 * linear.clamp(min=knee) ** (1.0 / 2.4) - 0.055
    return torch.where(linear <= knee, linear * 12.92, power)


def _cube_root(ratio: Tensor) -> Tensor:
    root = ratio.clamp(min=_DELTA**3) ** (1.0 / 3.0)
    return torch.where(ratio <= _DELTA**3, ratio / (3.0 * _DELTA**2) + 4.0 / 29.0, root)


def _cube(root: Tensor) -> Tensor:
    return torch.where(root <= _DELTA, 3.0 * _DELTA**2 * (root - 4.0 / 29.0), root**3)
