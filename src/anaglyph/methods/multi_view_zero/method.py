"""Rendered views and one image encoder, without any training: the baseline beside CMIC.

Picture and renderings go through the same encoder; a shape scores the best or the mean cosine over its views.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.errors import ConfigError
from anaglyph.methods.base import Method, width_of
from anaglyph.nn.view_attention import ViewAttention
from anaglyph.ops.colour import luma
from anaglyph.types import Batch, StepOutput

BACKGROUNDS = {"white": 1.0, "grey": 0.5}


@dataclass(frozen=True, kw_only=True)
class MultiViewZeroConfig:
    """How pictures are brought near to renderings, and how views become one score."""

    pooling: Literal["max", "mean"] = "max"
    """A shape's best view, or the mean over its views."""
    background: Literal["keep", "white", "grey"] = "keep"
    """What of a picture lies outside the mask: as it is, white like the renderings', or grey."""
    gray_queries: bool = False
    """Turn pictures grey, as the renderings are."""
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    """Per channel, subtracted from [0, 1]; what the encoder's weights expect."""
    std: tuple[float, ...] = (0.5, 0.5, 0.5)
    """Per channel, divided by afterwards."""

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.std) or len(self.mean) not in (1, 3):
            raise ConfigError(
                f"mean and std need 1 or 3 numbers each, got {len(self.mean)} and {len(self.std)}."
            )
        if min(self.std) <= 0:
            raise ConfigError(f"std must be > 0 in every channel, got {list(self.std)}.")


class MultiViewZero(Method):
    """Best or mean cosine over rendered views, with an encoder as it comes."""

    config_cls = MultiViewZeroConfig
    inputs: ClassVar[Mapping[str, tuple[str, ...]]] = {"image": ("images", "masks"), "shape": ("views",)}
    encoder_names: ClassVar[tuple[str, ...]] = ("image",)
    trains: ClassVar[bool] = False

    def __init__(
        self, config: MultiViewZeroConfig, *, encoders: Mapping[str, nn.Module], objects: int
    ) -> None:
        super().__init__()
        encoder = encoders["image"]
        self.config = config
        self.channels = int(getattr(encoder, "in_channels", 3))
        if self.channels not in (1, 3):
            raise ConfigError(
                f"the encoder reads {self.channels} channels; pictures can be given 1 (grey) or 3 (RGB)."
            )
        if len(config.mean) not in (1, self.channels):
            raise ConfigError(
                f"mean and std have {len(config.mean)} numbers and the encoder reads {self.channels} "
                f"channels; give one number, or one for each channel."
            )
        self.encoders = nn.ModuleDict({"image": encoder.requires_grad_(False)})
        self.pooling = ViewAttention(width_of(encoder), pooling=config.pooling)
        self.eval()

    def train(self, mode: bool = True) -> MultiViewZero:
        """Always in eval mode: there is nothing to train."""
        super().train(False)
        return self

    def training_step(self, batch: Batch) -> StepOutput:
        """TypeError: this method has no objective."""
        raise TypeError("multi_view_zero is not trained; give its stage epochs: 0, or evaluate it as it is")

    @torch.no_grad()
    def embed(self, modality: str, batch: Batch) -> Tensor:
        """Unit vectors of a modality: (B, D) of pictures, (B, V, D) of shapes, one for each view."""
        if modality == "shape":
            return F.normalize(self._features(batch.require("views")), dim=2)
        images = batch.require("images")
        if self.config.background != "keep":
            around = BACKGROUNDS[self.config.background]
            images = around + batch.require("masks") * (images - around)
        if self.config.gray_queries:
            images = luma(images)
        return F.normalize(self._features(images).mean(dim=1), dim=1)

    def score(self, query: Tensor, items: Tensor) -> Tensor:
        """(Q, D) pictures, (S, V, D) shapes -> (Q, S) best or mean cosine."""
        return self.pooling.scores(query, items)

    def view_weights(self, query: Tensor, items: Tensor) -> Tensor:
        """(Q, D) pictures, (S, V, D) shapes -> (Q, S, V) shares of the views in the score."""
        return self.pooling.weights(query, items)

    def param_groups(self) -> list[dict[str, Any]]:
        """None: nothing learns."""
        return []

    def _features(self, pictures: Tensor) -> Tensor:
        """(B, V, 1 or 3, H, W) in [0, 1] -> (B, V, D) float32, in the channels the encoder reads."""
        if pictures.shape[2] == 3 and self.channels == 1:
            pictures = luma(pictures)
        pictures = pictures.expand(-1, -1, self.channels, -1, -1)
        mean, std = (pictures.new_tensor(v)[:, None, None] for v in (self.config.mean, self.config.std))
        features: Tensor = self.encoders["image"](((pictures - mean) / std).flatten(0, 1))
        return features.float().view(*pictures.shape[:2], -1)
