"""A space as a method, so that tasks measure it as they measure what was just trained.

Pictures and texts arrive as vectors of its towers, which the engine computes once and keeps; clouds arrive as
they are stored, +y up, since the space prepares them itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from anaglyph.data.embedded import EmbeddedObjects
from anaglyph.encoders.spaces.space import Space
from anaglyph.errors import ConfigError
from anaglyph.methods.base import Method
from anaglyph.types import Batch


class SpaceMethod(Method):
    """Embeds with the networks of a space; nothing of it trains."""

    inputs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "shape": ("points",),
        "image": ("image_features",),
        "text": ("text_features", "text_present"),
        "fused": ("points", "image_features"),
    }
    encoder_names = ("shape",)
    trains = False

    def __init__(self, space: Space) -> None:
        super().__init__()
        self.networks = space.networks
        self.clouds = space.clouds
        self.name = space.name
        self.eval()

    @property
    def embeds(self) -> Mapping[str, tuple[str, ...]]:
        """Without a fusion layer there is no fused vector."""
        fused = self.networks.fusion is not None
        return {name: fields for name, fields in self.inputs.items() if fused or name != "fused"}

    def embed(self, modality: str, batch: Batch) -> Tensor:
        """One modality -> (B, D) unit vectors; several views or texts of an object become one vector."""
        vectors = {"shape": self._shape, "image": self._image, "text": self._text, "fused": self._fused}
        return F.normalize(vectors[modality](batch), dim=-1)

    def class_vectors(self, features: Tensor) -> Tensor:
        """(C, E) text features of class names -> (C, D) unit vectors."""
        return F.normalize(self.networks.text(features), dim=-1)

    def _shape(self, batch: Batch) -> Tensor:
        points = batch.require("points")
        return self.networks.shape(self.clouds(points).to(points.device))

    def _image(self, batch: Batch) -> Tensor:
        return self.networks.image(batch.require("image_features"))

    def _text(self, batch: Batch) -> Tensor:
        vectors = self.networks.text(batch.require("text_features"))
        present = batch.require("text_present")[..., None].to(vectors.dtype)  # (B, T, 1)
        return (vectors * present).sum(dim=1) / present.sum(dim=1).clamp(min=1)

    def _fused(self, batch: Batch) -> Tensor:
        return self.networks.fused(self._shape(batch), self._image(batch))


def as_stored(split: EmbeddedObjects, space: Space) -> EmbeddedObjects:
    """The same split with clouds +y up, as many points as its data set hands out; the space does the rest.

    Raises:
        ConfigError: vectors of texts that this space does not read.
    """
    wanted, given = space.networks.layout.text_dim, split.class_features
    if given is not None and given.shape[1] != wanted:
        raise ConfigError(
            f"class names of this data set have vectors of {given.shape[1]} numbers, '{space.name}' reads "
            f"{wanted}; choose data of described objects and pass --text-tower, or vectors of its teacher."
        )
    clouds = replace(
        split.clouds,
        channels=6 if space.coloured else 3,
        swap_yz=False,
        unit_sphere=False,
        uncoloured=space.clouds.grey,
        turn=False,
    )
    return replace(split, clouds=clouds)
