"""The three heads that the Point-BERT family puts on its embedding, with the official key names."""

from __future__ import annotations

from typing import Literal, get_args

from torch import nn

from anaglyph.encoders.checks import require_positive
from anaglyph.nn.batchnorm import BatchNorm

HeadStyle = Literal["mlp3", "light", "linear"]
"""Point-MAE, ACT and ReCon; Point-BERT; the linear probe."""

HIDDEN = 256
"""Hidden width, the same in all repositories."""


def classifier(style: HeadStyle, channels: int, classes: int) -> nn.Sequential:
    """(B, channels) -> (B, classes).

    Args:
        style: "mlp3" is two hidden layers with BatchNorm and dropout 0.5, keys 0, 1, 4, 5, 8; "light" is one
            hidden layer with dropout 0.5, keys 0 and 3; "linear" is one matrix with a bias, key 0.
        channels: width of the embedding.
        classes: how many scores.
    """
    require_positive(head_classes=classes)
    if style == "linear":
        return nn.Sequential(nn.Linear(channels, classes))
    if style == "light":
        return nn.Sequential(
            nn.Linear(channels, HIDDEN), nn.ReLU(), nn.Dropout(0.5), nn.Linear(HIDDEN, classes)
        )
    if style != "mlp3":
        raise ValueError(f"head must be one of {', '.join(get_args(HeadStyle))}, got '{style}'")
    layers: list[nn.Module] = []
    for before in (channels, HIDDEN):
        layers += [nn.Linear(before, HIDDEN), BatchNorm(HIDDEN), nn.ReLU(), nn.Dropout(0.5)]
    return nn.Sequential(*layers, nn.Linear(HIDDEN, classes))
