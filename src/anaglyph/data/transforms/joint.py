"""Augmentation of CMIC's pictures: a query and its mask through one sampling grid, and rendered views.

Source: Lin et al., 2021, as its release does it: shift, random resized crop, flip. There the random
numbers of image and mask are kept equal by seeding with the wall clock; here both are sampled by the
same grid. Every draw is a function of the row key, so a query is augmented the same in any batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from anaglyph.data.transforms.ranges import Range, Rows, between, check_amount, check_range, symmetric
from anaglyph.errors import ConfigError
from anaglyph.randomness import uniform

_WHOLE: Range = (1.0, 1.0)
_TRIES = 10
Floats = NDArray[np.float32]


def _check_cut(what: str, area: Range, aspect: Range) -> None:
    check_range(f"{what} area", area, above=0.0)
    check_range(f"{what} aspect", aspect, above=0.0)
    if area[1] > 1.0:
        raise ConfigError(f"{what} area is ({area[0]}, {area[1]}); it is part of the picture, at most 1.")


def _check_side(what: str, side: int) -> None:
    if side and side < 8:
        raise ConfigError(f"{what} side is {side}; give at least 8 pixels, or 0 for the stored side.")


@dataclass(frozen=True, kw_only=True)
class QueryAugmentation:
    """Random changes to a query and its mask together; the defaults are the release's."""

    shift: float = 0.05
    """Largest move along each axis, as a fraction of the picture's side."""
    area: Range = (0.85, 0.95)
    """Part of the picture's area that is cut out and enlarged again."""
    aspect: Range = (3 / 4, 4 / 3)
    """Width over height of that part, drawn evenly in its logarithm."""
    flip: float = 0.5
    """Probability of mirroring left and right."""
    background: float = 1.0
    """Value of the image beyond its border; the mask's is 0."""
    side: int = 0
    """Side in pixels of what training sees, where it is to be smaller than what is stored; 0 keeps that."""
    blank_background: float = 0.0
    """Probability of one random grey or colour for all that the mask leaves out; ours, not the paper's."""

    def __post_init__(self) -> None:
        _check_cut("query", self.area, self.aspect)
        _check_side("query", self.side)
        check_amount("query shift", self.shift, below=1.0)
        for name in ("flip", "background", "blank_background"):
            check_amount(f"query {name}", getattr(self, name), below=1.0)


@dataclass(frozen=True, kw_only=True)
class ViewAugmentation:
    """Random changes to the renderings of a shape, each by itself; the defaults are the release's."""

    area: Range = (0.65, 0.90)
    """Part of the picture's area that is cut out and enlarged again."""
    aspect: Range = (3 / 4, 4 / 3)
    """Width over height of that part, drawn evenly in its logarithm."""
    flip: float = 0.5
    """Probability of mirroring left and right."""
    flip_views: Literal["each", "together"] = "each"
    """Views are mirrored one by one (the release), or all of a shape: a shape that could exist."""
    side: int = 0
    """Side in pixels of what training sees, where it is to be smaller than what is stored; 0 keeps that."""
    background: float = 1.0
    """Value beyond the border."""

    def __post_init__(self) -> None:
        _check_cut("view", self.area, self.aspect)
        _check_side("view", self.side)
        for name in ("flip", "background"):
            check_amount(f"view {name}", getattr(self, name), below=1.0)


UNCHANGED_QUERIES = QueryAugmentation(shift=0.0, area=_WHOLE, aspect=_WHOLE, flip=0.0)
UNCHANGED_VIEWS = ViewAugmentation(area=_WHOLE, aspect=_WHOLE, flip=0.0)


def augment_queries(
    images: Tensor, masks: Tensor, config: QueryAugmentation, rows: Rows
) -> tuple[Tensor, Tensor]:
    """(B, C, H, W) images and (B, 1, H, W) masks, both in [0, 1] -> the same, still coinciding.

    With `side` they come out (B, C, side, side) and (B, 1, side, side).
    """
    if images.shape[:1] + images.shape[2:] != masks.shape[:1] + masks.shape[2:] or masks.shape[1] != 1:
        raise ValueError(f"images {tuple(images.shape)} and masks {tuple(masks.shape)} must belong together")
    height, width = images.shape[2:]
    half, centre = random_cut(rows, "query", config.area, config.aspect, (height, width), ())
    centre = centre - 2.0 * config.shift * symmetric(rows, "query/shift", 2)
    mirror = _mirror(uniform(rows, "query/flip") < config.flip)
    if config.shift or config.flip or config.side or (config.area, config.aspect) != (_WHOLE, _WHOLE):
        shown = (config.side, config.side) if config.side else (height, width)
        grid = cut_grid(half * mirror, centre, shown).to(images.device)
        # Beyond the border grid_sample gives 0: right for the mask, and for an image less its background.
        joined = torch.cat([images - config.background, masks], dim=1)
        joined = F.grid_sample(joined, grid, padding_mode="zeros", align_corners=False)
        images, masks = joined[:, :-1] + config.background, joined[:, -1:]
    if config.blank_background:
        images = _blanked(images, masks, config.blank_background, rows)
    return images, masks


def augment_views(views: Tensor, config: ViewAugmentation, rows: Rows) -> Tensor:
    """(B, V, C, H, W) in [0, 1] -> the same, or of `side` pixels; every view is cut by itself."""
    shapes, count, channels, height, width = views.shape
    if not (config.flip or config.side) and (config.area, config.aspect) == (_WHOLE, _WHOLE):
        return views
    half, centre = random_cut(rows, "view", config.area, config.aspect, (height, width), (count,))
    draws = uniform(rows, "view/flip", count if config.flip_views == "each" else 1)
    mirror = _mirror(np.broadcast_to(draws < config.flip, (shapes, count)))
    shown = (config.side, config.side) if config.side else (height, width)
    grid = cut_grid((half * mirror).reshape(-1, 2), centre.reshape(-1, 2), shown).to(views.device)
    flat = views.reshape(-1, channels, height, width) - config.background
    moved = F.grid_sample(flat, grid, padding_mode="zeros", align_corners=False)
    return (moved + config.background).reshape(shapes, count, channels, *shown)


def random_cut(
    rows: Rows, purpose: str, area: Range, aspect: Range, size: tuple[int, int], shape: tuple[int, ...]
) -> tuple[Floats, Floats]:
    """(B, *shape, 2) half sides and centres, x before y, of random resized crops; the picture is [-1, 1].

    The usual rule: area evenly, aspect (in pixels) evenly in its logarithm, at most ten tries until both
    sides fit, then the largest part of the allowed aspect that lies nearest to the picture's own; the
    place is even over all that keep the part inside.
    """
    height, width = size
    own = width / height
    parts = between(rows, f"{purpose}/area", area, *shape, _TRIES)
    bend = (float(np.log(aspect[0])), float(np.log(aspect[1])))
    bends = np.exp(between(rows, f"{purpose}/aspect", bend, *shape, _TRIES))
    tried = np.stack([np.sqrt(parts * bends / own), np.sqrt(parts / bends * own)], axis=-1)  # of the sides
    fits = (tried <= 1.0 + 1e-6).all(axis=-1)
    first = fits.argmax(axis=-1)
    half = np.take_along_axis(tried, first[..., None, None], axis=-2)[..., 0, :]
    nearest = min(max(own, aspect[0]), aspect[1])
    largest = np.array([min(1.0, nearest / own), min(1.0, own / nearest)], dtype=np.float32)
    half = np.minimum(np.where(fits.any(axis=-1, keepdims=True), half, largest), 1.0).astype(np.float32)
    centre = (1.0 - half) * symmetric(rows, f"{purpose}/place", *shape, 2)
    return half, centre.astype(np.float32)


def cut_grid(half: Floats, centre: Floats, size: tuple[int, int]) -> Tensor:
    """(B, H, W, 2) places in the picture: centre + half * place in the result."""
    height, width = size
    x = (torch.arange(width) * 2 + 1) / width - 1.0
    y = (torch.arange(height) * 2 + 1) / height - 1.0
    sides, middle = torch.from_numpy(half), torch.from_numpy(np.ascontiguousarray(centre, dtype=np.float32))
    across = middle[:, None, 0] + sides[:, None, 0] * x  # (B, W)
    down = middle[:, None, 1] + sides[:, None, 1] * y  # (B, H)
    places = (across[:, None, :].expand(-1, height, -1), down[:, :, None].expand(-1, -1, width))
    return torch.stack(places, dim=-1)


def _mirror(flipped: NDArray[np.bool_]) -> Floats:
    """(..., 2) factors of x and y: -1 mirrors."""
    across = np.where(flipped, np.float32(-1), np.float32(1))
    return np.stack([across, np.ones_like(across)], axis=-1)


def _blanked(images: Tensor, masks: Tensor, probability: float, rows: Rows) -> Tensor:
    """One colour, as often grey as not, for what the mask leaves out; its soft border stays soft."""
    colours = uniform(rows, "query/blank_colour", 3)
    grey = uniform(rows, "query/blank_grey", 1) < 0.5
    colours = np.asarray(np.where(grey, colours[:, :1], colours), dtype=np.float32)
    drawn = torch.from_numpy(np.less(uniform(rows, "query/blank"), probability)).to(images.device)
    colour = torch.from_numpy(colours)[:, :, None, None].to(images.device)
    return torch.where(drawn[:, None, None, None], images * masks + colour * (1.0 - masks), images)
