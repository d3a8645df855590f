"""CMIC: the very shape that a picture shows (Lin et al., 2021; dossier CMIC, sections 1.2 to 1.7).

A query is RGB and its mask through one encoder, a shape is V grey renderings through another; both end in
unit vectors. Attention that the query directs makes one score of a query and the views of a shape, and the
loss is L_inst + 0.2 L_cat over the shapes of the batch. There is no memory: negatives are the batch's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from anaglyph.errors import ConfigError, DataError
from anaglyph.losses.instance_category import instance_category_losses
from anaglyph.methods.base import Method, width_of
from anaglyph.methods.cmic.colour_transfer import ColourTransfer
from anaglyph.methods.cmic.config import COLDEST, WARMEST, CMICConfig
from anaglyph.nn.embedding_head import EmbeddingHead
from anaglyph.nn.gather import gather_rows
from anaglyph.nn.view_attention import ViewAttention
from anaglyph.types import Batch, Candidates, StepOutput

MODALITIES = ("image", "shape")


class CMIC(Method):
    """Cross-modal instance and category contrast."""

    config_cls = CMICConfig
    inputs: ClassVar[Mapping[str, tuple[str, ...]]] = {"image": ("images", "masks"), "shape": ("views",)}
    uses_labels = True

    def __init__(self, config: CMICConfig, *, encoders: Mapping[str, nn.Module], objects: int) -> None:
        super().__init__()
        _check_channels(encoders["image"], mask_plane=config.mask_plane)
        self.config = config
        # Channels side by side in memory: convolutions on a CPU are a third faster, results the same.
        # (torch's annotations of `to` do not know the argument.)
        self.encoders = nn.ModuleDict(encoders).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.heads = nn.ModuleDict(
            {name: EmbeddingHead(width_of(encoders[name]), config.embed_dim) for name in MODALITIES}
        )
        if config.head_start == "together":
            _start_together(self.heads, encoders)
        self.attention = ViewAttention(
            config.embed_dim,
            pooling=config.pooling,
            normalize_attended=config.normalize_attended,
            start=config.attention_start,
            scale=config.attention_scale,
        )
        self.colours = ColourTransfer(
            probability=config.colour_transfer,
            parts=config.colour_statistics,
            pool=config.style_pool,
            largest_gain=config.largest_gain,
            released_lab=config.released_lab,
        )
        start = torch.tensor(math.log(config.temperature))
        self.log_temperature = nn.Parameter(start) if config.learn_temperature else None

    @property
    def temperature(self) -> float | Tensor:
        """tau, a tensor with a gradient where it is learned."""
        return self.config.temperature if self.log_temperature is None else self.log_temperature.exp()

    def train(self, mode: bool = True) -> CMIC:
        """Encoders whose statistics are frozen normalise as in evaluation, and still learn."""
        super().train(mode)
        if self.config.freeze_statistics:
            for module in self.encoders.modules():
                if isinstance(module, _BatchNorm):
                    module.train(False)
        return self

    def embed(self, modality: str, batch: Batch) -> Tensor:
        """Unit vectors of a modality: (B, D) of queries, (B, V, D) of shapes, one for each view."""
        if modality == "shape":
            return self._embed_views(batch.require("views"))
        return self._embed_queries(batch.require("images"), batch.require("masks"))

    def score(self, query: Tensor, items: Tensor) -> Tensor:
        """(Q, D) queries, (S, V, D) shapes -> (Q, S) similarity s."""
        return self.attention.scores(query, items)

    def view_weights(self, query: Tensor, items: Tensor) -> Tensor:
        """(Q, D) queries, (S, V, D) shapes -> (Q, S, V) shares of the views in the score."""
        return self.attention.weights(query, items)

    def param_groups(self) -> list[dict[str, Any]]:
        """Encoders at the stage's learning rate, all else at `head_lr_scale` times it."""
        encoders = [p for p in self.encoders.parameters() if p.requires_grad]
        inside = {id(p) for p in encoders}
        rest = [p for p in self.parameters() if p.requires_grad and id(p) not in inside]
        return [{"params": encoders}, {"params": rest, "lr_scale": self.config.head_lr_scale}]

    def training_step(self, batch: Batch) -> StepOutput:
        """L_inst + category_weight L_cat over the joined batch of all processes."""
        shapes, categories = _candidates(batch)
        images, masks = batch.require("images"), batch.require("masks")
        coloured = self.colours(images.flatten(0, 1), masks.flatten(0, 1)).view_as(images)
        query = gather_rows(self._embed_queries(coloured, masks))
        views = gather_rows(self._embed_views(shapes.views))
        targets = gather_rows(shapes.rows[batch.require("targets")])
        unique, columns = different_shapes(gather_rows(shapes.rows))
        instance, category = instance_category_losses(
            self.score(query, views[columns]),
            torch.searchsorted(unique, targets),
            gather_rows(batch.require("labels")),
            gather_rows(categories)[columns],
            temperature=self.temperature,
            positives=self.config.category_positives,
            symmetric=self.config.symmetric,
            hardness=self.config.hardness,
        )
        parts = {"instance": instance, "category": category}
        if self.log_temperature is not None:
            parts["temperature"] = self.log_temperature.exp()
        return StepOutput(instance + self.config.category_weight * category, parts)

    def after_step(self) -> None:
        """Colours of the batch become styles of later ones; a learned temperature stays in its bounds."""
        self.colours.remember()
        if self.log_temperature is not None:
            self.log_temperature.clamp_(math.log(COLDEST), math.log(WARMEST))

    def _embed_queries(self, images: Tensor, masks: Tensor) -> Tensor:
        """(B, V, 3, H, W), (B, V, 1, H, W), both in [0, 1] -> (B, D); features of several views averaged."""
        planes = [signed(images)]
        if self.config.mask_plane:
            planes.append(signed(masks) if self._mask_range() == "signed" else masks)
        features: Tensor = self.encoders["image"](torch.cat(planes, dim=2).flatten(0, 1))
        embedding: Tensor = self.heads["image"](features.view(*images.shape[:2], -1).mean(dim=1))
        return embedding

    def _embed_views(self, views: Tensor) -> Tensor:
        """(S, V, C, H, W) in [0, 1] -> (S, V, D)."""
        vectors: Tensor = self.heads["shape"](self.encoders["shape"](signed(views).flatten(0, 1)))
        return vectors.view(*views.shape[:2], -1)

    def _mask_range(self) -> str:
        at_test = self.config.mask_range_at_test
        return self.config.mask_range if self.training or at_test == "same" else at_test


def signed(values: Tensor) -> Tensor:
    """[0, 1] -> [-1, 1]: mean 0.5 and deviation 0.5 taken out."""
    return (values - 0.5) / 0.5


def different_shapes(rows: Tensor) -> tuple[Tensor, Tensor]:
    """(S,) repository rows -> the different ones in ascending order, and where each stands first.

    Batches of several processes may hold one shape twice, which would be a false negative of itself.
    """
    unique, place = torch.unique(rows, return_inverse=True)
    first = torch.full_like(unique, len(rows))
    return unique, first.scatter_reduce_(0, place, torch.arange(len(rows), device=rows.device), "amin")


def _candidates(batch: Batch) -> tuple[Candidates, Tensor]:
    if batch.shapes is None or batch.shapes.categories is None:
        raise DataError(
            f"this batch has no shapes with categories to choose among (first key: "
            f"{batch.keys[0] if batch.keys else 'none'}); train on a data set of pictures that show shapes"
        )
    return batch.shapes, batch.shapes.categories


def _start_together(heads: nn.ModuleDict, encoders: Mapping[str, nn.Module]) -> None:
    widths = [width_of(encoders[name]) for name in MODALITIES]
    if len(set(widths)) > 1:
        raise ConfigError(
            f"head_start: together needs encoders of one width; image has {widths[0]} and shape {widths[1]}. "
            f"Use the same encoder for both, or head_start: apart."
        )
    heads["shape"].load_state_dict(heads["image"].state_dict())


def _check_channels(encoder: nn.Module, *, mask_plane: bool) -> None:
    wanted, found = 4 if mask_plane else 3, getattr(encoder, "in_channels", None)
    if found is not None and found != wanted:
        planes = "RGB and the mask" if mask_plane else "RGB alone (mask_plane: false)"
        raise ConfigError(
            f"the image encoder reads {found} channels, and a query has {wanted}: {planes}. "
            f"Set in_channels: {wanted} in the options of encoders.image."
        )
