"""The networks of MixCon3D and its baselines, and what they make of a batch (dossier MixCon3D, 1.1).

    p = E(points)     t = h(w)     v = mean over views of h(u)     c = g([p ; v])

w and u are vectors of frozen towers. None of the four is normalised here: v is a mean of plain vectors, and g
reads plain p and v.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.errors import ConfigError, DataError
from anaglyph.methods.base import width_of
from anaglyph.methods.mixcon3d.config import AlignmentConfig
from anaglyph.nn.adapter import Adapter
from anaglyph.nn.fusion import Fusion
from anaglyph.nn.view_pooling import Aggregation, ViewPooling
from anaglyph.types import Batch


class Alignment(nn.Module):
    """Shape encoder, heads, view pooling and, where asked, the fusion layer.

    Args:
        config: widths and heads.
        encoders: "shape" -> module with `embed_dim`.
        aggregation: of the views of an object.
        fused: whether there is a fusion layer.
        normalize_before_fusion: see `nn.fusion`.
    """

    def __init__(
        self,
        config: AlignmentConfig,
        encoders: Mapping[str, nn.Module],
        *,
        aggregation: Aggregation = "mean",
        fused: bool = False,
        normalize_before_fusion: bool = False,
    ) -> None:
        super().__init__()
        width = width_of(encoders["shape"])
        if width != config.embed_dim:
            raise ConfigError(
                f"the shape encoder gives {width} numbers, embed_dim={config.embed_dim} are wanted. "
                f"Set embed_dim: {config.embed_dim} in the options of encoders.shape."
            )
        self.widths = {"image": config.image_dim, "text": config.text_dim}
        self.encoders = nn.ModuleDict({"shape": encoders["shape"]})
        names = ("shared",) if config.share_head else ("image", "text")
        self.heads = nn.ModuleDict(
            {
                name: Adapter(config.head, self.widths.get(name, config.image_dim), config.embed_dim)
                for name in names
            }
        )
        self.views = ViewPooling(aggregation, config.embed_dim)
        self.fusion = (
            Fusion(config.embed_dim, head=config.head, normalize=normalize_before_fusion) if fused else None
        )

    def shape(self, batch: Batch) -> Tensor:
        """p: (B, D)."""
        vectors: Tensor = self.encoders["shape"](batch.require("points"))
        return vectors.to(torch.promote_types(vectors.dtype, torch.float32))

    def images(self, batch: Batch) -> Tensor:
        """Every view through h: (B, M, D)."""
        return self._head("image", batch.require("image_features"))

    def image(self, batch: Batch) -> Tensor:
        """v: (B, D)."""
        pooled: Tensor = self.views(self.images(batch))
        return pooled

    def texts(self, batch: Batch, *, count: int) -> tuple[Tensor, Tensor]:
        """The first `count` texts through h, (B, count, D), and which there are, (B, count) bool.

        A count of 1 means one vector for all texts of an object, their mean.
        """
        features, present = batch.require("text_features"), batch.require("text_present")
        if count == 1:
            return self.text(batch)[:, None], present.any(dim=1, keepdim=True)
        missing = max(count - features.shape[1], 0)
        # One size whatever the batch holds, so that all processes and parts of a batch bring the same.
        features = F.pad(features[:, :count], (0, 0, 0, missing))
        present = F.pad(present[:, :count], (0, missing))
        return self._head("text", features), present

    def text(self, batch: Batch) -> Tensor:
        """t: (B, D), the mean of h over an object's texts; without a text it means nothing."""
        vectors = self._head("text", batch.require("text_features"))
        present = batch.require("text_present")[..., None].to(vectors.dtype)  # (B, T, 1)
        return (vectors * present).sum(dim=1) / present.sum(dim=1).clamp(min=1)

    def fused(self, shape: Tensor, image: Tensor) -> Tensor:
        """c: (B, D), of p and v."""
        if self.fusion is None:
            raise ConfigError(
                "this model has no fusion layer, so it cannot embed 'fused'. Embed 'shape' or 'image' or add "
                "their scores; or train mixcon3d with fused_text among its pairs."
            )
        joint: Tensor = self.fusion(shape, image)
        return joint

    def embed(self, modality: str, batch: Batch) -> Tensor:
        """(B, D) unit vectors of "shape", "image", "text" or "fused"."""
        if modality == "fused":
            return F.normalize(self.fused(self.shape(batch), self.image(batch)), dim=-1)
        vectors = {"shape": self.shape, "image": self.image, "text": self.text}[modality](batch)
        return F.normalize(vectors, dim=-1)

    def class_vectors(self, features: Tensor) -> Tensor:
        """(C, E) text features of classes -> (C, D) unit vectors, through h as texts of objects go."""
        return F.normalize(self._head("text", features), dim=-1)

    def _head(self, modality: str, features: Tensor) -> Tensor:
        wanted = self.widths[modality]
        if features.shape[-1] != wanted:
            raise DataError(
                f"{modality} features have {features.shape[-1]} numbers, {modality}_dim is {wanted}. "
                f"Set {modality}_dim: {features.shape[-1]} and train anew, or use the tower of training."
            )
        mapped: Tensor = self.heads["shared" if "shared" in self.heads else modality](features)
        return mapped
