"""A step of MixCon3D as the published trainer writes it: the thing that the engine's step is compared with.

One head for frozen features, four pairs, the moving average, and the release's accumulation: all parts
without a graph, then each again with its features in their slot and the loss over all.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.types import Batch

Features = dict[str, Tensor]


class PlainMixCon3D(nn.Module):
    """The networks of the paper around any encoder of clouds."""

    def __init__(self, encoder: nn.Module, width: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(width, width)
        self.fusion = nn.Linear(2 * width, width)
        self.scales = nn.Parameter(torch.full((4,), math.log(1 / 0.07)))

    def forward(self, batch: Batch) -> Features:
        shape = self.encoder(batch.require("points")).float()
        image = self.head(batch.require("image_features")).float().mean(dim=1)
        text = self.head(batch.require("text_features")[:, 0]).float()
        joint = self.fusion(torch.cat([shape, image], dim=1)).float()
        return {"shape": shape, "image": image, "text": text, "joint": joint}

    def loss(self, features: Features) -> Tensor:
        unit = {name: F.normalize(value, dim=1) for name, value in features.items()}
        pairs = (
            ("joint", "text", 1.0),
            ("shape", "image", 1 / 3),
            ("shape", "text", 1 / 3),
            ("image", "text", 1 / 3),
        )
        total = unit["shape"].new_zeros(())
        for scale, (left, right, weight) in zip(self.scales.exp(), pairs, strict=True):
            scores = scale * unit[left] @ unit[right].T
            target = torch.arange(len(scores), device=scores.device)
            total = total + weight * (F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target)) / 2
        return total


class PlainStep:
    """Forward, backward, AdamW and the moving average; `parts` is a batch, or the parts of one."""

    def __init__(self, model: PlainMixCon3D, *, dtype: torch.dtype) -> None:
        self.model, self.dtype = model, dtype
        self.average = copy.deepcopy(model).requires_grad_(False)
        self.optimiser = torch.optim.AdamW(model.parameters(), lr=1e-5)
        self.device = model.scales.device

    def __call__(self, parts: Sequence[Batch]) -> None:
        moved = [part.to(self.device) for part in parts]
        self.optimiser.zero_grad()
        if len(moved) == 1:
            self.model.loss(self._encoded(moved[0])).backward()
        else:
            with torch.no_grad():
                kept = [self._encoded(part) for part in moved]
            for number, part in enumerate(moved):
                slots = [*kept[:number], self._encoded(part), *kept[number + 1 :]]
                self.model.loss(
                    {name: torch.cat([slot[name] for slot in slots]) for name in slots[0]}
                ).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), math.inf)
        self.optimiser.step()
        with torch.no_grad():
            self.model.scales.clamp_(0, math.log(100))
            for mine, theirs in zip(self.average.parameters(), self.model.parameters(), strict=True):
                mine.lerp_(theirs, 1e-3)

    def _encoded(self, batch: Batch) -> Features:
        with torch.autocast(self.device.type, dtype=self.dtype, enabled=self.dtype == torch.bfloat16):
            features: Features = self.model(batch)
        return features
