"""The network that learns, of which the teacher is the moving average: two branches and one classifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.encoders.clip_vit import ClipViT
from anaglyph.errors import ConfigError
from anaglyph.losses.reduction import at_least_float32
from anaglyph.methods.crossmost.config import CrossMoSTConfig
from anaglyph.methods.crossmost.image_branch import ImageBranch
from anaglyph.methods.crossmost.shape_branch import ShapeBranch
from anaglyph.nn.log_scale import LogScale
from anaglyph.types import Batch


class Student(nn.Module):
    """l_k = s <z_k, W>: z of unit length, W of any, one for both modalities.

    Args:
        config: options.
        encoders: "image" and "shape".
    """

    def __init__(self, config: CrossMoSTConfig, encoders: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.image = ImageBranch(encoders["image"], config)
        self.shape = ShapeBranch(encoders["shape"], config)
        # Drawn; `start` puts the vectors of the class names in.
        first = F.normalize(torch.randn(len(config.classes), config.embed_dim), dim=1)
        self.classifier = nn.Parameter(first)
        self.scale = LogScale(start=config.scale_start, largest=None)

    def vectors(self, modality: str, batch: Batch) -> Tensor:
        """(B, D) of "image" or "shape", not normalised."""
        read = batch.require("images" if modality == "image" else "points")
        vectors: Tensor = self.get_submodule(modality)(read)
        return vectors

    def logits(self, vectors: Tensor) -> Tensor:
        """(B, D), of any length -> (B, C)."""
        with torch.autocast(vectors.device.type, enabled=False):
            unit = F.normalize(at_least_float32(vectors), dim=1)
            scaled: Tensor = self.scale() * (unit @ self.classifier.to(unit.dtype).T)
            return scaled

    @torch.no_grad()
    def name_classes(self, vectors: Tensor) -> None:
        """Begin with (C, D) text vectors of the class names.

        Raises:
            ConfigError: vectors of another width than the space.
        """
        if vectors.shape != self.classifier.shape:
            raise ConfigError(
                f"the text tower of class_names gives vectors of {vectors.shape[1]} numbers, and embed_dim "
                f"is {self.classifier.shape[1]}; take the tower that the encoders were trained beside, or "
                f"set embed_dim."
            )
        self.classifier.copy_(F.normalize(vectors.float(), dim=1))


def layer_groups(student: Student, decay: float) -> list[dict[str, Any]]:
    """Parameters that learn, with `lr_scale` where the blocks of a `clip_vit` learn slower than what follows.

    Block k of L (from 0) has decay^(L - k), what comes before the first decay^(L + 1), and all else, the
    whole shape branch included, 1 (dossier CrossMoST, 1.7).

    Raises:
        ConfigError: a decay for an image encoder of another kind.
    """
    trunk = student.image.trunk
    if decay == 1.0:
        return [{"params": [p for p in student.parameters() if p.requires_grad]}]
    if not isinstance(trunk, ClipViT):
        raise ConfigError(
            f"image_layer_decay is {decay}, and only the blocks of clip_vit have one; encoders.image is a "
            f"{type(trunk).__name__}. Set image_layer_decay: 1."
        )
    blocks = list(trunk.transformer.resblocks)
    depth = {id(p): 1 + k for k, block in enumerate(blocks) for p in block.parameters()}
    first = [*trunk.conv1.parameters(), trunk.class_embedding, trunk.positional_embedding,
             *trunk.ln_pre.parameters(), student.image.mask_token]  # fmt: skip
    depth |= {id(p): 0 for p in first}
    groups: dict[int, list[nn.Parameter]] = {}
    for parameter in student.parameters():
        if parameter.requires_grad:
            groups.setdefault(depth.get(id(parameter), len(blocks) + 1), []).append(parameter)
    return [
        {"params": groups[layer], "lr_scale": decay ** (len(blocks) + 1 - layer)} for layer in sorted(groups)
    ]
