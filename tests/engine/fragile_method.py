"""A method that breaks on demand, and that has everything a refused step could spoil."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from anaglyph.methods.pair_contrast.method import PairContrast, PairContrastConfig
from anaglyph.nn.memory_bank import MemoryBank
from anaglyph.nn.moving_average import MovingAverage
from anaglyph.types import StepOutput


@dataclass(frozen=True, kw_only=True)
class FragileConfig(PairContrastConfig):
    """Which training steps (counted from 0) go wrong, and how."""

    nan_losses: tuple[int, ...] = ()
    infinite_gradients: tuple[int, ...] = ()
    nan_inputs: tuple[int, ...] = ()


class Fragile(PairContrast):
    """Pair contrast with dropout, a memory bank and a moving average."""

    config_cls = FragileConfig

    def __init__(self, config, *, encoders, objects):
        super().__init__(config, encoders=encoders, objects=objects)
        self.average = MovingAverage(self.encoders, decay=0.9)
        self.bank = MemoryBank(objects, config.embed_dim)
        self.steps = 0

    def training_step(self, batch):
        step, self.steps = self.steps, self.steps + 1
        if step in self.config.nan_inputs:
            batch.images.fill_(float("nan"))
        image = self.embed("image", batch)
        self.pending = batch.indices, image.detach()
        output = super().training_step(batch)
        loss = output.loss + F.dropout(image, 0.5).square().sum()
        if step in self.config.nan_losses:
            loss = loss * float("nan")
        if step in self.config.infinite_gradients:
            loss = loss + (torch.sqrt(image.sum() * 0) - 0).sum()  # the value is 0, its slope is not finite
        return StepOutput(loss, output.parts)

    def after_step(self):
        self.average.update(self.encoders)
        self.bank.fill(*self.pending)
