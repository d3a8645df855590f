"""A small convolutional network for pictures of digits: 8 x 8 (scikit-learn) to 32 x 32 pixels."""

import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.encoders.checks import require_pictures, require_positive
from anaglyph.nn.batchnorm import BatchNorm

_SIDE = 4


class DigitCNN(nn.Module):
    """Three convolutions down to a 4 x 4 map, then two linear layers that see where each stroke is.

    Args:
        embed_dim: D, size of the embedding.
        in_channels: C of the pictures.
        width: channels of the first convolution; the others have two and four times as many.
        coarse_stem: the first convolution is 5 x 5 with stride 2, made for 28 pixels; without it 3 x 3 with
            stride 1, made for 16 and less, and slower on large pictures.
    """

    def __init__(
        self, *, embed_dim: int = 256, in_channels: int = 1, width: int = 32, coarse_stem: bool = True
    ) -> None:
        super().__init__()
        require_positive(embed_dim=embed_dim, in_channels=in_channels, width=width)
        self.embed_dim = embed_dim
        self.in_channels = in_channels
        self.coarse_stem = coarse_stem
        self.first = _block(in_channels, width, 5, stride=2) if coarse_stem else _block(in_channels, width, 3)
        self.second = _block(width, 2 * width, 3)
        self.third = _block(2 * width, 4 * width, 3)
        self.head = nn.Sequential(
            nn.Linear(4 * width * _SIDE * _SIDE, 8 * width, bias=False),
            BatchNorm(8 * width),
            nn.ReLU(),
            nn.Linear(8 * width, embed_dim),
        )

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) in [0, 1], H and W at least 8 -> (B, D)."""
        require_pictures(images, channels=self.in_channels, smallest=8)
        features = self.first(images)
        if self.coarse_stem:  # 28 -> 14 -> 7 -> 4
            features = F.max_pool2d(self.second(features), 2)
            features = F.max_pool2d(self.third(features), 2, ceil_mode=True)
        else:  # 16 -> 8 -> 4
            features = self.second(F.max_pool2d(features, 2))
            features = self.third(F.max_pool2d(features, 2))
        if features.shape[2:] != (_SIDE, _SIDE):
            features = F.adaptive_avg_pool2d(features, _SIDE)
        embedding: Tensor = self.head(features.flatten(1))
        return embedding


def _block(before: int, after: int, kernel: int, *, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, kernel, stride=stride, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, BatchNorm(after), nn.ReLU())
