"""PointNet++ with single-scale grouping (Qi et al., 2017), with the key names of the common PyTorch port.

Two set abstractions, one over everything that is left, two layers. ULIP takes the 256 numbers before the
classes as its embedding (dossier CrossMoST, 3.1); they passed a ReLU and are never negative.
"""

from __future__ import annotations

from torch import Tensor, nn

from anaglyph.encoders.checks import require_positive, require_share
from anaglyph.encoders.convention import PointConvention
from anaglyph.nn.batchnorm import BatchNorm
from anaglyph.nn.normed_linear import shared_mlp
from anaglyph.nn.padding import cleared
from anaglyph.nn.patches import Start
from anaglyph.nn.set_abstraction import GlobalAbstraction, SetAbstraction
from anaglyph.ops.checks import Shortage, require_points

ULIP = PointConvention(points=8192)
"""Unit sphere, +y up."""
MODELNET = PointConvention(points=1024, sampling="farthest")
"""As the classification files of the common port were trained: unit sphere, +y up."""

Widths = tuple[int, int, int]


class PointNet2(nn.Module):
    """What a small PointNet finds around 512 centres, then around 128, then in all of them.

    Args:
        embed_dim: D, channels before the classes.
        in_channels: 3 + C per point, xyz first; the others are features of the first abstraction.
        centres: of the first two abstractions.
        radii: of their balls, in model units.
        neighbours: points read per ball.
        widths: channels of the three MLPs.
        hidden: channels of the first layer after the maximum.
        head_classes: adds `fc3`, used by `logits` alone.
        dropout: after each of the last layers while training.
        start: first centre: the point "farthest" from the mean, or the "first" one.
        shortage: for clouds with fewer points than centres.
    """

    def __init__(
        self,
        *,
        embed_dim: int = 256,
        in_channels: int = 3,
        centres: tuple[int, int] = (512, 128),
        radii: tuple[float, float] = (0.2, 0.4),
        neighbours: tuple[int, int] = (32, 64),
        widths: tuple[Widths, Widths, Widths] = ((64, 64, 128), (128, 128, 256), (256, 512, 1024)),
        hidden: int = 512,
        head_classes: int | None = None,
        dropout: float = 0.4,
        start: Start = "farthest",
        shortage: Shortage = "refuse",
    ) -> None:
        super().__init__()
        if in_channels < 3:
            raise ValueError(f"in_channels must be >= 3 for xyz, got {in_channels}")
        require_positive(embed_dim=embed_dim, hidden=hidden)
        require_share(dropout=dropout)
        self.embed_dim, self.in_channels = embed_dim, in_channels
        self.sa1, self.sa2 = two_abstractions(
            in_channels - 3, widths[:2], centres, radii, neighbours, start=start, shortage=shortage
        )
        self.sa3 = GlobalAbstraction(widths[1][-1], widths[2])
        self.fc1 = nn.Linear(widths[2][-1], hidden)
        self.bn1 = BatchNorm(hidden)
        self.drop1 = nn.Dropout(dropout)
        self.fc2 = nn.Linear(hidden, embed_dim)
        self.bn2 = BatchNorm(embed_dim)
        self.drop2 = nn.Dropout(dropout)
        self.head_classes = head_classes
        if head_classes is not None:
            require_positive(head_classes=head_classes)
            self.fc3 = nn.Linear(embed_dim, head_classes)

    def forward(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, 3 + C) points, (B, N) bool `valid` -> (B, D)."""
        require_points(points, valid, channels=self.in_channels)
        points = cleared(points, valid)
        xyz, features = self.sa1(points[..., :3], points[..., 3:] if self.in_channels > 3 else None, valid)
        pooled = self.sa3(*self.sa2(xyz, features))
        hidden = self.drop1(shared_mlp(pooled, [(self.fc1, self.bn1)]))
        embedding: Tensor = self.drop2(shared_mlp(hidden, [(self.fc2, self.bn2)]))
        return embedding

    def logits(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, 3 + C) points, (B, N) bool `valid` -> (B, head_classes)."""
        if self.head_classes is None:
            raise ValueError("this network has no classifier; build it with head_classes")
        scores: Tensor = self.fc3(self(points, valid))
        return scores


def two_abstractions(
    channels: int,
    widths: tuple[Widths, Widths],
    centres: tuple[int, int],
    radii: tuple[float, float],
    neighbours: tuple[int, int],
    *,
    start: Start,
    shortage: Shortage,
) -> tuple[SetAbstraction, SetAbstraction]:
    """The first two abstractions; `channels` are the features of the points beside their positions."""
    require_positive(centres=min(centres), neighbours=min(neighbours))
    if min(radii) <= 0.0:
        raise ValueError(f"radii must be > 0, got {radii}")
    before = (channels, widths[0][-1])
    first, second = (
        SetAbstraction(
            before[i],
            widths[i],
            centres=centres[i],
            radius=radii[i],
            neighbours=neighbours[i],
            start=start,
            shortage=shortage,
        )
        for i in range(2)
    )
    return first, second
