"""Shape encoders of a few numbers, entered into the catalog by tests that embed through the command."""

import torch
from torch import nn

from anaglyph.encoders.convention import PointConvention
from anaglyph.encoders.table import ENCODERS, EncoderEntry
from anaglyph.ops.checks import require_enough, require_points

SMALL = PointConvention(points=64)
COLOURED = PointConvention(points=64, colours=True)
Z_UP = PointConvention(points=64, axes=("x", "-z", "y"))
GROUPS = 16


class Moments(nn.Module):
    """Random features of every point, averaged; the order does not matter."""

    def __init__(self, *, embed_dim: int = 8, in_channels: int = 3) -> None:
        super().__init__()
        self.embed_dim, self.in_channels = embed_dim, in_channels
        self.layer = nn.Linear(in_channels, embed_dim)

    def forward(self, points, valid=None):
        require_points(points, valid, channels=self.in_channels, colours=self.in_channels == 6)
        features = torch.sin(4 * self.layer(points))
        if valid is None:
            return features.mean(dim=1)
        return features.masked_fill(~valid[..., None], 0.0).sum(dim=1) / valid.sum(dim=1, keepdim=True)


def coloured(*, embed_dim: int = 8) -> Moments:
    return Moments(embed_dim=embed_dim, in_channels=6)


class Grouped(Moments):
    """Needs as many points as it makes groups."""

    def forward(self, points, valid=None):
        counts = torch.full((len(points),), points.shape[1]) if valid is None else valid.sum(dim=1)
        require_enough(int(counts.min()), GROUPS, what="groups", shortage="refuse")
        return super().forward(points, valid)


class Overflowing(Moments):
    """Gives infinity for clouds of more than 50 points."""

    def forward(self, points, valid=None):
        counts = torch.full((len(points),), points.shape[1]) if valid is None else valid.sum(dim=1)
        return super().forward(points, valid) + torch.where(counts > 50, torch.inf, 0.0)[:, None]


class WrongChannels(Moments):
    """Reads four numbers per point, while its convention makes three."""

    def __init__(self, *, embed_dim: int = 8) -> None:
        super().__init__(embed_dim=embed_dim, in_channels=4)


def entries():
    """Name -> entry of each encoder here."""
    made = {
        "Moments": SMALL,
        "coloured": COLOURED,
        "Grouped": SMALL,
        "Overflowing": SMALL,
        "WrongChannels": SMALL,
    }
    table = {
        f"tiny_{name.lower()}": EncoderEntry(
            target=f"tiny_encoders:{name}", summary="of the tests", tags=("shape",),
            convention="tiny_encoders:COLOURED" if convention is COLOURED else "tiny_encoders:SMALL",
        )
        for name, convention in made.items()
    }  # fmt: skip
    table["tiny_z_up"] = EncoderEntry(
        target="tiny_encoders:Moments",
        summary="of the tests",
        tags=("shape",),
        convention="tiny_encoders:Z_UP",
    )
    return table


def register(patch):
    """Enter them for the time of a test."""
    for name, entry in entries().items():
        patch.setitem(ENCODERS.entries, name, entry)
