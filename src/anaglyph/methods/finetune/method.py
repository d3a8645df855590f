"""Fine-tuning of a point encoder as a classifier (Yu et al., 2022; Pang et al., 2022; Dong et al., 2023).

    features = [class tokens ; maximum over patches]      (B, 768) of the paper's trunk
    loss     = cross-entropy(head(features), label)

A head for every point (parts, scenes) reads `encoder.features` instead; it is another method beside this one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.encoders.classifier import classifier
from anaglyph.encoders.point_transformer import PointTransformer
from anaglyph.errors import ConfigError
from anaglyph.losses.classification import smoothed_cross_entropy
from anaglyph.methods.base import Method, width_of
from anaglyph.methods.finetune.adapters import Prompts, SideNetwork
from anaglyph.methods.finetune.config import FinetuneConfig
from anaglyph.nn.transformer import start_small
from anaglyph.types import Batch, StepOutput


class Finetune(Method):
    """A head on an encoder, of which all, a part or nothing learns."""

    config_cls = FinetuneConfig
    inputs: ClassVar[Mapping[str, tuple[str, ...]]] = {"shape": ("points",)}
    encoder_names = ("shape",)
    classifies = True
    uses_labels = True

    def __init__(self, config: FinetuneConfig, *, encoders: Mapping[str, nn.Module], objects: int) -> None:
        super().__init__()
        if len(config.classes) < 2:
            raise ConfigError(
                f"classes has {len(config.classes)} names and must have two or more; write those of the data "
                f"set into the stage's config, or let `anaglyph finetune` do it."
            )
        self.config = config
        encoder = encoders["shape"]
        self.encoders = nn.ModuleDict({"shape": encoder})
        width = width_of(encoder)
        self.head = classifier(config.head_style, width, len(config.classes))
        start_small(self.head)
        self.prompts, self.side = None, None
        if config.mode == "prompt":
            self.prompts = Prompts(_transformer(encoder), count=config.prompts, dropout=config.prompt_dropout)
        if config.mode == "side":
            channels = int(getattr(encoder, "in_channels", 3))
            self.side = SideNetwork(width, in_channels=channels, widths=config.side_widths)
        for name, parameter in encoder.named_parameters():
            parameter.requires_grad_(learns(name, config))

    @property
    def class_names(self) -> Sequence[str]:
        """Of the answers, in order."""
        return self.config.classes

    @property
    def encoder(self) -> nn.Module:
        """The trunk."""
        return self.encoders["shape"]

    def train(self, mode: bool = True) -> Self:
        """The trunk rests where nothing of it learns and `still_trunk` is set."""
        super().train(mode)
        if self.config.still_trunk and self.config.mode != "full":
            self.encoder.eval()
        return self

    def features(self, batch: Batch) -> Tensor:
        """(B, D) what the head reads."""
        points = batch.require("points")
        if self.prompts is not None:
            prompted: Tensor = self.prompts(self.encoder, points)
            return prompted
        trunk: Tensor = self.encoder(points)
        return trunk if self.side is None else self.side(trunk, points)

    def logits(self, batch: Batch) -> Tensor:
        """(B, C) scores in the order of `class_names`."""
        scores: Tensor = self.head(self.features(batch))
        return scores

    def training_step(self, batch: Batch) -> StepOutput:
        """Cross-entropy to the labels, and the share of the batch that is right."""
        logits, labels = self.logits(batch), batch.require("labels")
        loss = smoothed_cross_entropy(logits, labels, smoothing=self.config.label_smoothing)
        right = (logits.detach().argmax(dim=1) == labels).float().mean()
        return StepOutput(loss, {"cross_entropy": loss, "training_accuracy": right})

    def embed(self, modality: str, batch: Batch) -> Tensor:
        """Clouds -> (B, D) unit vectors: the features before the head."""
        return F.normalize(self.features(batch), dim=-1)

    def param_groups(self) -> list[dict[str, Any]]:
        """Tokens without weight decay, as the published code groups by the word in their names."""
        groups: dict[bool, list[nn.Parameter]] = {True: [], False: []}
        for name, parameter in self._learning():
            groups[name.rpartition(".")[2].endswith(("_token", "_tokens"))].append(parameter)
        plain: list[dict[str, Any]] = [{"params": groups[False]}]
        return plain + ([{"params": groups[True], "weight_decay": 0.0}] if groups[True] else [])

    def _learning(self) -> Iterator[tuple[str, nn.Parameter]]:
        return ((name, p) for name, p in self.named_parameters() if p.requires_grad)


def learns(name: str, config: FinetuneConfig) -> bool:
    """Whether the trunk's parameter of this name is trained."""
    if config.mode == "full":
        return True
    if name in ("cls_token", "cls_pos"):
        return config.learned_tokens
    return config.mode == "bitfit" and name.endswith("bias")


def _transformer(encoder: nn.Module) -> PointTransformer:
    if not isinstance(encoder, PointTransformer):
        raise ConfigError(
            f"mode prompt puts tokens between the blocks of a point transformer, and the encoder is "
            f"{type(encoder).__name__}; take point_mae, point_bert or recon, or another mode."
        )
    return encoder
