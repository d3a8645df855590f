"""Weights of a network for RGB pictures as the start of one for 4 channels (RGB + mask) or 1 (grey).

CMIC's release draws new first filters and throws ImageNet's away; here they are carried over. For grey the
three filters are summed: a grey picture then gets the features that RGB with three equal channels would get.
With four channels the filter of the mask starts at 0, so that the mask changes nothing yet, or at the mean of
red, green and blue. Pictures must be normalised as the weights want them, alike in all colours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from anaglyph.io.weights import load_trunk

MaskFilter = Literal["zero", "mean"]


def start_from_rgb(
    encoder: nn.Module,
    weights: Mapping[str, Tensor],
    *,
    mask_filter: MaskFilter = "zero",
    ignore: Iterable[str] = (),
    what: str = "the file",
) -> None:
    """Load the weights of the same network for RGB into `encoder`, which reads 1, 3 or 4 channels.

    Args:
        encoder: one that begins with a convolution: the ResNets, `mobilenet_v2`, `resnet20_cifar`.
        weights: state dict of such a network with 3 channels.
        mask_filter: see `filters_for`.
        ignore: prefixes of what is no part of the trunk, such as the old classifier.
        what: how messages name the weights.

    Raises:
        WeightsError: a name or shape does not fit. Nothing is copied then.
    """
    fitted = fit_first_layer(weights, encoder.state_dict(), mask_filter=mask_filter)
    load_trunk(encoder, fitted, ignore=ignore, what=what)


def fit_first_layer(
    weights: Mapping[str, Tensor], own: Mapping[str, Tensor], *, mask_filter: MaskFilter = "zero"
) -> dict[str, Tensor]:
    """`weights` for RGB with the first convolution made for the number of channels that `own` has there.

    Whatever else differs is left as it is; who copies the weights compares names and shapes.

    Args:
        weights: state dict to start from.
        own: state dict of the network that is to start from it, in the order of its layers.
        mask_filter: see `filters_for`.
    """
    key = first_convolution(own)
    if key is None or key not in weights or weights[key].ndim != 4:
        return dict(weights)
    channels = own[key].shape[1]
    if weights[key].shape[1] != 3 or channels not in (1, 4):
        return dict(weights)
    return {**weights, key: filters_for(weights[key], channels, mask_filter=mask_filter)}


def filters_for(filters: Tensor, channels: int, *, mask_filter: MaskFilter = "zero") -> Tensor:
    """(F, 3, h, w) filters for RGB -> (F, channels, h, w): 1 is grey, 3 RGB, 4 RGB + mask.

    `mask_filter` is what the fourth one starts as: zero, or the mean of the three.
    """
    if filters.ndim != 4 or filters.shape[1] != 3:
        raise ValueError(f"filters must be (filters, 3, height, width), got {tuple(filters.shape)}")
    if channels == 3:
        return filters
    if channels == 1:
        return filters.sum(dim=1, keepdim=True)
    if channels != 4:
        raise ValueError(f"filters can be made for 1, 3 or 4 channels, got {channels}")
    mean = filters.mean(dim=1, keepdim=True)
    return torch.cat([filters, torch.zeros_like(mean) if mask_filter == "zero" else mean], dim=1)


def first_convolution(state: Mapping[str, Tensor]) -> str | None:
    """Name of the weight that reads the pictures: the first one with filters larger than a pixel."""
    return next((key for key, value in state.items() if value.ndim == 4 and max(value.shape[2:]) > 1), None)
