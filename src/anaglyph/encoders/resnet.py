"""Residual networks (He et al., 2016), with the parameter names of torchvision so that its weights fit."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.encoders.checks import require_pictures, require_positive
from anaglyph.nn.batchnorm import BatchNorm


class ResNet(nn.Module):
    """Pictures to the mean over the last feature map.

    Args:
        block: BasicBlock or Bottleneck.
        depths: blocks in each of the four stages.
        in_channels: C of the pictures, any number.
        width: channels of the first stage, 64 in the paper; `embed_dim` is 8 * width * block.expansion.
        small_stem: a 3 x 3 convolution without stride and pooling in front, for pictures of 32 pixels or so.
        head_classes: adds `fc`, used by `logits` alone.
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        depths: Sequence[int],
        *,
        in_channels: int = 3,
        width: int = 64,
        small_stem: bool = False,
        head_classes: int | None = None,
    ) -> None:
        super().__init__()
        require_positive(in_channels=in_channels, width=width)
        self.in_channels = in_channels
        self.embed_dim = 8 * width * block.expansion
        if small_stem:
            self.conv1 = nn.Conv2d(in_channels, width, 3, padding=1, bias=False)
            self.maxpool: nn.Module = nn.Identity()
        else:
            self.conv1 = nn.Conv2d(in_channels, width, 7, stride=2, padding=3, bias=False)
            self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.bn1 = BatchNorm(width)
        self.layer1 = _stage(block, width, width, depths[0], stride=1)
        self.layer2 = _stage(block, width * block.expansion, 2 * width, depths[1], stride=2)
        self.layer3 = _stage(block, 2 * width * block.expansion, 4 * width, depths[2], stride=2)
        self.layer4 = _stage(block, 4 * width * block.expansion, 8 * width, depths[3], stride=2)
        if head_classes is not None:
            require_positive(head_classes=head_classes)
            self.fc = nn.Linear(self.embed_dim, head_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W), normalised as the weights want it -> (B, embed_dim)."""
        require_pictures(images, channels=self.in_channels, smallest=8)
        features = self.maxpool(F.relu(self.bn1(self.conv1(images))))
        features = self.layer4(self.layer3(self.layer2(self.layer1(features))))
        embedding: Tensor = features.mean(dim=(2, 3))
        return embedding

    def logits(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, head_classes)."""
        if not hasattr(self, "fc"):
            raise ValueError("this network has no classifier; build it with head_classes")
        scores: Tensor = self.fc(self(images))
        return scores


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions around a shortcut."""

    expansion = 1

    def __init__(self, before: int, width: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = BatchNorm(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = BatchNorm(width)
        self.downsample = _shortcut(before, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, before, H, W) -> (B, width, H / stride, W / stride)."""
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return F.relu(out + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 and 1 x 1 convolutions around a shortcut; the stride is in the middle (as torchvision)."""

    expansion = 4

    def __init__(self, before: int, width: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 1, bias=False)
        self.bn1 = BatchNorm(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = BatchNorm(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = BatchNorm(4 * width)
        self.downsample = _shortcut(before, 4 * width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, before, H, W) -> (B, 4 width, H / stride, W / stride)."""
        out = F.relu(self.bn1(self.conv1(x)))
        out = F.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return F.relu(out + (x if self.downsample is None else self.downsample(x)))


def resnet18(
    *,
    in_channels: int = 3,
    width: int = 64,
    small_stem: bool = False,
    head_classes: int | None = None,
) -> ResNet:
    """ResNet-18; embed_dim is 8 * width."""
    return ResNet(
        BasicBlock,
        (2, 2, 2, 2),
        in_channels=in_channels,
        width=width,
        small_stem=small_stem,
        head_classes=head_classes,
    )


def resnet50(
    *,
    in_channels: int = 3,
    width: int = 64,
    small_stem: bool = False,
    head_classes: int | None = None,
) -> ResNet:
    """ResNet-50; embed_dim is 32 * width."""
    return ResNet(
        Bottleneck,
        (3, 4, 6, 3),
        in_channels=in_channels,
        width=width,
        small_stem=small_stem,
        head_classes=head_classes,
    )


def _stage(
    block: type[BasicBlock] | type[Bottleneck], before: int, width: int, depth: int, *, stride: int
) -> nn.Sequential:
    first = block(before, width, stride=stride)
    rest = [block(width * block.expansion, width, stride=1) for _ in range(depth - 1)]
    return nn.Sequential(first, *rest)


def _shortcut(before: int, after: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and before == after:
        return None
    return nn.Sequential(nn.Conv2d(before, after, 1, stride=stride, bias=False), BatchNorm(after))
