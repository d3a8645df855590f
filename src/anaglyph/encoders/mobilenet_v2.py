"""MobileNet-V2 with its normalisation folded into the convolutions (Sandler et al., 2018).

A frozen, small feature of real photographs: `encoders.mobilenet_v2_file` reads Google's ImageNet weights into
it. Convolutions are numbered as in that file, `conv00` to `conv52`, the last one being the classifier, and
pad as TensorFlow does: as little as possible, and the odd pixel on the right and at the bottom.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.encoders.checks import require_pictures, require_positive

PIXELS = 224
"""Side of the pictures the public weights were trained with."""
MEAN = (0.5, 0.5, 0.5)
"""Per channel of RGB in [0, 1], subtracted before the public weights see a picture; then divide by `STD`.

The same as bytes / 127.5 - 1.
"""
STD = (0.5, 0.5, 0.5)
CLASSES = 1001
"""Of the public classifier; 0 is the background, the others are ImageNet's in order."""
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Expansion, channels, blocks and stride of the first one (table 2 of the paper), at stem width 32."""


@dataclass(frozen=True)
class Convolution:
    """One line of the network's plan."""

    before: int
    after: int
    kernel: int = 1
    stride: int = 1
    depthwise: bool = False
    clamped: bool = True
    """ReLU6 behind it."""
    adds_from: int | None = None
    """Number of the convolution whose result is added to this one's."""


class MobileNetV2(nn.Module):
    """Pictures to the mean over the last feature map.

    Without normalisation layers it is meant for weights that exist, frozen or fine-tuned.

    Args:
        embed_dim: D, channels of the last feature map, 1280 in the paper.
        in_channels: C of the pictures.
        width: channels of the first convolution, 32 in the paper; the others follow in proportion, as
            multiples of 8.
        head_classes: adds the classifier, used by `logits` alone.
    """

    patch = 32
    """Pixels of a side that one place of the last feature map stands for."""

    def __init__(
        self,
        *,
        embed_dim: int = 1280,
        in_channels: int = 3,
        width: int = 32,
        head_classes: int | None = None,
    ) -> None:
        super().__init__()
        require_positive(embed_dim=embed_dim, in_channels=in_channels, width=width)
        self.in_channels = in_channels
        self.embed_dim = embed_dim
        self.plan = convolution_plan(in_channels=in_channels, width=width, embed_dim=embed_dim)
        for number, layer in enumerate(self.plan):
            convolution = nn.Conv2d(
                layer.before,
                layer.after,
                layer.kernel,
                stride=layer.stride,
                groups=layer.before if layer.depthwise else 1,
            )
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu" if layer.clamped else "linear")
            nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
            self.add_module(convolution_name(number), convolution)
        self.head_classes = head_classes
        if head_classes is not None:
            require_positive(head_classes=head_classes)
            self.add_module(convolution_name(len(self.plan)), nn.Conv2d(embed_dim, head_classes, 1))

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W), normalised as the weights want it -> (B, D)."""
        return self.feature_map(images).mean(dim=(2, 3))

    def feature_map(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, D, ceil(H / 32), ceil(W / 32))."""
        require_pictures(images, channels=self.in_channels, smallest=8)
        results: dict[int, Tensor] = {}
        kept = {layer.adds_from for layer in self.plan}
        x = images.contiguous(memory_format=torch.channels_last)  # 1.7 times as fast on a CPU
        for number, layer in enumerate(self.plan):
            convolution = self.get_submodule(convolution_name(number))
            x = convolution(pad_same(x, kernel=layer.kernel, stride=layer.stride))
            if layer.clamped:
                x = F.relu6(x)
            if layer.adds_from is not None:
                x = x + results.pop(layer.adds_from)
            if number in kept:
                results[number] = x
        return x

    def logits(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, head_classes)."""
        if self.head_classes is None:
            raise ValueError("this network has no classifier; build it with head_classes")
        classifier = self.get_submodule(convolution_name(len(self.plan)))
        scores: Tensor = classifier(self(images)[:, :, None, None])
        return scores.flatten(1)


def convolution_plan(
    *, in_channels: int = 3, width: int = 32, embed_dim: int = 1280
) -> tuple[Convolution, ...]:
    """All convolutions but the classifier's, in order."""
    plan = [Convolution(in_channels, width, kernel=3, stride=2)]
    before = width
    for expansion, channels, blocks, first_stride in _STAGES:
        after = _rounded(channels * width / 32)
        for block in range(blocks):
            stride = first_stride if block == 0 else 1
            entered = len(plan) - 1
            hidden = expansion * before
            if expansion > 1:
                plan.append(Convolution(before, hidden))
            plan.append(Convolution(hidden, hidden, kernel=3, stride=stride, depthwise=True))
            same = stride == 1 and before == after
            plan.append(Convolution(hidden, after, clamped=False, adds_from=entered if same else None))
            before = after
    return (*plan, Convolution(before, embed_dim))


def convolution_name(number: int) -> str:
    """`conv07` for 7."""
    return f"conv{number:02}"


def pad_same(x: Tensor, *, kernel: int, stride: int) -> Tensor:
    """TensorFlow's "SAME": zeros until the result has ceil(size / stride) pixels, an odd one at the end."""
    if kernel == 1:
        return x
    sides: list[int] = []
    for size in (x.shape[3], x.shape[2]):
        needed = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
        sides += [needed // 2, needed - needed // 2]
    return F.pad(x, sides)


def _rounded(channels: float) -> int:
    """The nearest multiple of 8, at least 8, and not below 90 % (as in the official code)."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest
