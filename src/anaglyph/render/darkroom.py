"""What happens to a picture between the light and the file: exposure, colour cast, blur, noise, JPEG.

And what happens to an object before it: things that stand in front of it, and masks that a network drew.
"""

from __future__ import annotations

import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from anaglyph.render.backgrounds import pattern
from anaglyph.render.studio import GAMMA

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
_TRIES = 8
_LEAST_OVERLAP = 0.7


def develop(
    light: Floats,
    generator: np.random.Generator,
    *,
    exposure: float,
    cast: float,
    blur: float,
    noise: float,
    jpeg: float,
) -> Pixels:
    """(H, W, 3) linear light -> a picture.

    Args:
        light: 1 is what shows white at the middle exposure.
        generator: of every draw.
        exposure: largest change in stops.
        cast: largest change of red and blue against green, as a fraction.
        blur: largest radius in pixels.
        noise: largest standard deviation in dark parts, in [0, 1].
        jpeg: probability of one round of JPEG at quality 40 to 95.
    """
    height, width = light.shape[:2]
    balance = 1.0 + cast * np.array([generator.uniform(-1, 1), 0.0, generator.uniform(-1, 1)])
    gain = 2.0 ** generator.uniform(-exposure, exposure)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    corners = 1.0 - generator.uniform(0.0, 0.2) * (x * x + y * y)
    values = np.clip(light * (gain * balance) * corners[..., None], 0.0, 1.0) ** (1.0 / GAMMA)
    grain = generator.normal(size=(height, width, 1)) + 0.4 * generator.normal(size=(height, width, 3))
    strength = generator.uniform(0.0, noise)
    picture = Image.fromarray(np.round(values * 255).astype(np.uint8))
    picture = picture.filter(ImageFilter.GaussianBlur(generator.uniform(0.0, blur)))
    values = np.asarray(picture, dtype=np.float32) / 255.0
    values = values + strength * (1.2 - values) * grain
    pixels = np.round(np.clip(values, 0.0, 1.0) * 255).astype(np.uint8)
    quality = int(generator.integers(40, 96))
    return _through_jpeg(pixels, quality) if generator.random() < jpeg else pixels


def _through_jpeg(pixels: Pixels, quality: int) -> Pixels:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer, formats=("JPEG",)) as image:
        return np.array(image, dtype=np.uint8)


def draw_obstacle(
    mask: Floats, generator: np.random.Generator, *, part: tuple[float, float]
) -> tuple[Floats, Floats]:
    """Something before the object: (H, W) where it is, in [0, 1], and (H, W, 3) linear light from it.

    It hides between the two `part`s of the object; where eight tries do not find such a place, nothing.

    Args:
        mask: (H, W) of the object, in [0, 1].
        generator: of every draw.
        part: smallest and largest hidden fraction of the object.
    """
    height, width = mask.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    rows, columns = np.nonzero(mask > 0.5)
    area = float(mask.sum())
    cover = np.zeros_like(mask)
    looks = pattern(generator, np.stack([x / width, y / height], axis=-1) * generator.uniform(1, 5))
    for _ in range(_TRIES if len(rows) else 0):
        pick = int(generator.integers(len(rows)))
        size = float(np.hypot(np.ptp(rows), np.ptp(columns))) + 1.0
        candidate = _shape(generator, x - columns[pick], y - rows[pick], size)
        hidden = float((candidate * mask).sum()) / area
        if part[0] <= hidden <= part[1]:
            cover = candidate
            break
    return cover, looks**GAMMA * generator.uniform(0.3, 1.0)


def _shape(generator: np.random.Generator, x: Floats, y: Floats, size: float) -> Floats:
    """A turned rectangle, an ellipse or a blob with its border through the origin, soft by a pixel."""
    angle, away = generator.uniform(0, 2 * math.pi, 2)
    long, short = size * generator.uniform(0.2, 0.9), size * generator.uniform(0.08, 0.4)
    shift = short * generator.uniform(0.2, 0.9)
    x, y = x - shift * math.cos(away), y - shift * math.sin(away)
    u, v = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
    kind = generator.integers(3)
    if kind == 0:
        inside = np.minimum(long - np.abs(u), short - np.abs(v))
    elif kind == 1:
        inside = (1.0 - np.hypot(u / long, v / short)) * short
    else:
        around = np.arctan2(v, u)
        radius = np.full_like(u, short)
        for wave in range(2, 6):
            radius += (
                short * generator.uniform(0, 0.6) / wave * np.sin(wave * around + generator.uniform(0, 7))
            )
        inside = radius - np.hypot(u, v)
    result: Floats = np.clip(inside + 0.5, 0.0, 1.0).astype(np.float32)
    return result


def predicted_mask(mask: Floats, generator: np.random.Generator, *, amount: float) -> Floats:
    """A mask as a segmentation network draws it: rounder, its border off by about `amount` of the side.

    The border of a blurred mask is moved by a smooth random field and by a constant, outwards or inwards.
    Thin objects would be lost so: where the two overlap by less than 0.7, the mask stays as it is.
    """
    height, width = mask.shape
    radius = max(0.6, amount * max(height, width))
    soft = _blurred(mask, radius)
    coarse = generator.normal(size=(6, 6)).astype(np.float32) * 60 + 128
    wobble = Image.fromarray(np.clip(coarse, 0, 255).astype(np.uint8))
    field = np.asarray(wobble.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32) / 255 - 0.5
    level = 0.5 + 0.5 * field + generator.uniform(-0.12, 0.12)
    drawn = np.clip((soft - np.clip(level, 0.15, 0.85)) * radius * 2.0 + 0.5, 0.0, 1.0).astype(np.float32)
    overlap = np.minimum(drawn, mask).sum() / max(float(np.maximum(drawn, mask).sum()), 1e-6)
    return drawn if overlap >= _LEAST_OVERLAP else mask


def _blurred(values: Floats, radius: float) -> Floats:
    picture = Image.fromarray(np.round(np.clip(values, 0, 1) * 255).astype(np.uint8))
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(radius)), dtype=np.float32) / np.float32(255)
