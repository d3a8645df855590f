"""ResNet-20 for pictures of 32 pixels (He et al., 2016, section 4.2), with its shortcuts without weights.

Three stages of 16, 32 and 64 channels, three blocks each. Where a stage halves the picture, the shortcut
takes every second pixel and pads the channels with zeros on both sides ("option A"). Parameter names are
those of the public CIFAR-10 weights (Idelbayev, pytorch_resnet_cifar10).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.encoders.checks import require_pictures, require_positive
from anaglyph.nn.batchnorm import BatchNorm

PIXELS = 32
"""Side of the pictures the public weights were trained with."""
MEAN = (0.485, 0.456, 0.406)
"""Per channel of RGB in [0, 1], subtracted before the public weights see a picture; then divide by `STD`."""
STD = (0.229, 0.224, 0.225)
CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
"""CIFAR-10, in the order of the public weights."""


class CifarResNet(nn.Module):
    """Pictures to the mean over the last feature map; `embed_dim` is 4 * width.

    Args:
        blocks: in each of the three stages; 3 makes ResNet-20.
        in_channels: C of the pictures, any number.
        width: channels of the first stage, 16 in the paper.
        head_classes: adds `linear`, used by `logits` alone.
    """

    def __init__(
        self, blocks: int, *, in_channels: int = 3, width: int = 16, head_classes: int | None = None
    ) -> None:
        super().__init__()
        require_positive(blocks=blocks, in_channels=in_channels, width=width)
        self.in_channels = in_channels
        self.embed_dim = 4 * width
        self.conv1 = nn.Conv2d(in_channels, width, 3, padding=1, bias=False)
        self.bn1 = BatchNorm(width)
        self.layer1 = _stage(width, width, blocks, stride=1)
        self.layer2 = _stage(width, 2 * width, blocks, stride=2)
        self.layer3 = _stage(2 * width, 4 * width, blocks, stride=2)
        if head_classes is not None:
            require_positive(head_classes=head_classes)
            self.linear = nn.Linear(self.embed_dim, head_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W), normalised as the weights want it -> (B, embed_dim)."""
        require_pictures(images, channels=self.in_channels, smallest=8)
        features = F.relu(self.bn1(self.conv1(images)))
        features = self.layer3(self.layer2(self.layer1(features)))
        embedding: Tensor = features.mean(dim=(2, 3))
        return embedding

    def logits(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, head_classes)."""
        if not hasattr(self, "linear"):
            raise ValueError("this network has no classifier; build it with head_classes")
        scores: Tensor = self.linear(self(images))
        return scores


class CifarBlock(nn.Module):
    """Two 3 x 3 convolutions around a shortcut without weights."""

    def __init__(self, before: int, width: int, *, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.added = width - before
        self.conv1 = nn.Conv2d(before, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = BatchNorm(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = BatchNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, before, H, W) -> (B, width, H / stride, W / stride), rounded up."""
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        low = self.added // 2
        shortcut = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, low, self.added - low))
        return F.relu(out + shortcut)


def resnet20_cifar(*, in_channels: int = 3, width: int = 16, head_classes: int | None = None) -> CifarResNet:
    """ResNet-20; embed_dim is 4 * width."""
    return CifarResNet(3, in_channels=in_channels, width=width, head_classes=head_classes)


def _stage(before: int, width: int, blocks: int, *, stride: int) -> nn.Sequential:
    first = CifarBlock(before, width, stride=stride)
    return nn.Sequential(first, *(CifarBlock(width, width, stride=1) for _ in range(blocks - 1)))
