"""A small image-text dual encoder, trained from nothing (after CLIP: Radford et al., 2021).

    L = NCE(image, text; s),   s learned, in [1, 100]

Its two halves serve as frozen towers (`encoders.towers.dual`) where no large ones can be had. Objects that
share a text ("a chair") are no negatives of one another: unlike captions of photographs, names repeat.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.encoders.dual import DualEncoder
from anaglyph.errors import DataError
from anaglyph.losses.paired import paired_nce
from anaglyph.methods.base import Method
from anaglyph.methods.image_text.config import ImageTextConfig
from anaglyph.nn.gather import gather_rows
from anaglyph.nn.log_scale import LogScale
from anaglyph.nn.moving_average import MovingAverage
from anaglyph.types import Batch, StageContext, StepOutput


class ImageText(Method):
    """Pulls a picture and a text of one object together, pushes those of other texts apart."""

    config_cls = ImageTextConfig
    inputs: ClassVar[Mapping[str, tuple[str, ...]]] = {"image": ("images",), "text": ("texts",)}
    encoder_names = ("image", "text")
    accumulates = True

    def __init__(self, config: ImageTextConfig, *, encoders: Mapping[str, nn.Module], objects: int) -> None:
        super().__init__()
        self.config = config
        self.student = DualEncoder(encoders, embed_dim=config.embed_dim, mean=config.mean, std=config.std)
        self.scale = LogScale(start=config.scale_start)
        self.average = (
            MovingAverage(self.student, decay=config.average_decay) if config.average_decay else None
        )

    def start(self, context: StageContext) -> None:
        """The average starts from the weights that the encoders were given."""
        if self.average is not None:
            self.average.copy_from(self.student)

    def training_step(self, batch: Batch) -> StepOutput:
        """L over the joined batch of all processes."""
        return self.objective(self.encode(batch))

    def encode(self, batch: Batch) -> dict[str, Tensor]:
        """(B, D) vectors of pictures and texts, not normalised; (B,) numbers, equal for equal texts."""
        image = _images(self.student, batch)
        texts = _require_texts(batch)
        numbers = torch.tensor([_number(each) for each in texts], dtype=torch.int64, device=image.device)
        return {"image": image, "text": _texts(self.student, texts), "number": numbers}

    def objective(self, features: Mapping[str, Tensor]) -> StepOutput:
        """InfoNCE both ways among all objects with a text; objects of one text are no negatives."""
        image, text, number = (gather_rows(features[name]) for name in ("image", "text", "number"))
        loss = paired_nce(
            F.normalize(image.float(), dim=1),
            F.normalize(text.float(), dim=1),
            scale=self.scale(),
            present=number != 0,
            exclude=number[:, None] == number,
        )
        return StepOutput(loss, {"image_text": loss, "scale": self.scale().detach()})

    def after_step(self) -> None:
        """The scale stays in its bounds; the average follows."""
        self.scale.clamp()
        if self.average is not None:
            self.average.update(self.student)

    def embed(self, modality: str, batch: Batch) -> Tensor:
        """One modality -> (B, D) unit vectors; several pictures or texts of an object are averaged."""
        dual = self._embedding()
        vectors = _images(dual, batch) if modality == "image" else _texts(dual, _require_texts(batch))
        return F.normalize(vectors.float(), dim=1)

    def _embedding(self) -> DualEncoder:
        """In eval mode the average, where there is one."""
        if self.training or self.average is None:
            return self.student
        module = self.average.module
        assert isinstance(module, DualEncoder)
        return module


def _images(dual: DualEncoder, batch: Batch) -> Tensor:
    """(B, D), the mean over the views of each object."""
    images = batch.require("images")  # (B, V, C, H, W)
    return dual.images(images.flatten(0, 1)).reshape(*images.shape[:2], -1).mean(dim=1)


def _texts(dual: DualEncoder, texts: Sequence[Sequence[str]]) -> Tensor:
    """(B, D), the mean over the texts of each object; one without a text counts as an empty one."""
    flat = [text for each in texts for text in (each or ("",))]
    counts = torch.tensor([max(len(each), 1) for each in texts])
    vectors = dual.texts(flat)
    owner = torch.arange(len(texts)).repeat_interleave(counts).to(vectors.device)
    total = vectors.new_zeros(len(texts), vectors.shape[1]).index_add(0, owner, vectors)
    return total / counts.to(vectors.device, vectors.dtype)[:, None]


def _require_texts(batch: Batch) -> tuple[tuple[str, ...], ...]:
    if batch.texts is None:
        raise DataError(
            f"this batch has no 'texts' (first key: {batch.keys[0] if batch.keys else 'none'}); "
            f"choose a data set that provides them"
        )
    return batch.texts


def _number(texts: Sequence[str]) -> int:
    """A number that stands for the texts of an object on every process; 0 for none."""
    if not texts:
        return 0
    digest = hashlib.blake2b("\x1f".join(texts).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest, "little") >> 1) or 1
