"""What a frozen point encoder says of clouds, as a linear machine reads it (dossier ACT, 3.6)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from anaglyph.data.labelled_clouds import LabelledClouds
from anaglyph.encoders.point_transformer import PointTransformer

_OBJECTS = 64


def linear_features(encoder: nn.Module, points: Tensor) -> Tensor:
    """(B, N, C) -> (B, F): of a point transformer [maximum over class tokens ; maximum + mean over patches].

    With one class token that is ACT's reading, with three ReCon's; of any other encoder its embedding.
    """
    if not isinstance(encoder, PointTransformer):
        embedding: Tensor = encoder(points)
        return embedding
    tokens = encoder.tokens(points)  # (B, L + G, D)
    first = len(encoder.learned)
    patches = tokens[:, first:]
    pooled = patches.amax(dim=1) + patches.mean(dim=1)
    return torch.cat([tokens[:, :first].amax(dim=1), pooled], dim=1) if first else pooled


@torch.no_grad()
def features_of(encoder: nn.Module, clouds: LabelledClouds, *, device: torch.device) -> NDArray[np.float32]:
    """(N, F) of a split, without augmentation; the encoder is in eval mode afterwards."""
    encoder.eval().to(device)
    parts = []
    for start in range(0, len(clouds), _OBJECTS):
        rows = range(start, min(start + _OBJECTS, len(clouds)))
        points = clouds.batch(rows, epoch=None).require("points").to(device)
        parts.append(linear_features(encoder, points).float().cpu().numpy())
    return np.concatenate(parts)
