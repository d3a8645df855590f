"""What a method makes of the inputs of a split: points, pictures, both together, and every text by itself.

Methods are asked through `embed` alone, never through a wrapper for several processes, whose forward would
exchange buffers (dossier MixCon3D, 7.1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anaglyph.data.embedded import EmbeddedObjects
from anaglyph.engine.asking_texts import asking_texts
from anaglyph.engine.evaluate import choose_views
from anaglyph.engine.gathered import joined_rows, own_rows
from anaglyph.errors import ConfigError
from anaglyph.evaluation.cross_retrieval import Side
from anaglyph.methods.base import Method
from anaglyph.randomness import row_keys, uniform
from anaglyph.types import Batch

INPUTS: Mapping[str, tuple[str, ...]] = {
    "points": ("shape",),
    "images": ("image",),
    "fused": ("fused",),
    "sum": ("shape", "image"),
}
"""Inference mode -> the modalities that `embed` is asked for; the logits of several are summed."""
RESAMPLED = "resampled"
"""Points drawn anew from the stored cloud and turned, which look for `points` and are not the same vector."""
_OBJECTS = 128
"""Embedded at once."""


@dataclass(frozen=True)
class InputVectors:
    """A split as the method sees it, on the CPU."""

    vectors: Mapping[str, Tensor]
    """modality -> (N, D) unit vectors; `resampled` beside them where it was asked for."""
    texts: Tensor | None
    """(R, D) unit vectors of the texts that look for their objects; None where there are none."""
    text_objects: Tensor
    """(R,) int64 object of each text."""
    labels: Tensor
    """(N,) true classes."""

    def ranked_on(self, device: torch.device) -> InputVectors:
        """The same where rankings of them are fast: on a CUDA device; others may lack float64."""
        if device.type != "cuda":
            return self
        return replace(
            self,
            vectors={name: each.to(device) for name, each in self.vectors.items()},
            texts=None if self.texts is None else self.texts.to(device),
        )

    def parts(self, name: str) -> list[Tensor]:
        """The (N, D) vectors whose cosines make up an inference mode."""
        return [self.vectors[modality] for modality in INPUTS.get(name, (name,))]

    def side(self, name: str, *, first: int | None = None) -> Side:
        """An inference mode, or `text`, as a side of retrieval; of the first objects alone where asked."""
        if name != "text":
            return Side.one_each([vectors[:first] for vectors in self.parts(name)])
        if self.texts is None:
            raise ConfigError("this split has no texts; measure one that has, or leave texts out.")
        rows = self.text_objects < (len(self.labels) if first is None else first)
        return Side(self.texts[rows.to(self.texts.device)], self.text_objects[rows])


def joined_vectors(parts: Sequence[InputVectors]) -> InputVectors:
    """Several splits as one, in their order; what not every one has is left out."""
    if len(parts) == 1:
        return parts[0]
    names = [name for name in parts[0].vectors if all(name in part.vectors for part in parts)]
    starts = np.cumsum([0, *(len(part.labels) for part in parts[:-1])]).tolist()
    texts = [part.texts for part in parts if part.texts is not None]
    return InputVectors(
        vectors={name: torch.cat([part.vectors[name] for part in parts]) for name in names},
        texts=torch.cat(texts) if texts else None,
        text_objects=torch.cat(
            [part.text_objects + start for part, start in zip(parts, starts, strict=True)]
        ),
        labels=torch.cat([part.labels for part in parts]),
    )


def readable(method: Method, dataset: EmbeddedObjects) -> frozenset[str]:
    """The modalities that the method embeds and the data set has."""
    have = dataset.fields
    return frozenset(name for name, fields in method.embeds.items() if set(fields) <= have)


def choose_inputs(method: Method, dataset: EmbeddedObjects, asked: Sequence[str] = ()) -> tuple[str, ...]:
    """The inference modes to measure: those asked for, else all that the method and the data set allow.

    Raises:
        ConfigError: a mode that does not exist, or that the method or the data set lacks.
    """
    there = readable(method, dataset)
    possible = [name for name, modalities in INPUTS.items() if set(modalities) <= there]
    refused = [name for name in asked if name not in possible]
    if refused:
        raise ConfigError(
            f"inputs {', '.join(refused)} cannot be measured: {type(method).__name__} on this data set has "
            f"{', '.join(possible) or 'none'} (it embeds {', '.join(sorted(method.embeds))}; the data set "
            f"holds {', '.join(sorted(dataset.fields))}). Ask for those, or for another data set."
        )
    return tuple(name for name in possible if not asked or name in asked)


@torch.no_grad()
def embed_inputs(
    method: Method,
    dataset: EmbeddedObjects,
    *,
    device: torch.device,
    inputs: Sequence[str],
    texts: bool = True,
    views: int | None = None,
    resampled: bool = False,
    shared: bool = False,
) -> InputVectors:
    """Every input of every object in eval mode; the method's mode is put back afterwards.

    Args:
        method: what embeds.
        dataset: a split; read without augmentation, so nothing is drawn.
        device: where the method lives.
        inputs: inference modes.
        texts: whether to embed the texts, where the method and the split have them.
        views: pictures to use of each object, evenly spaced; None takes all there are.
        resampled: whether to embed each cloud a second time, drawn anew and turned about the up axis.
        shared: whether all processes of a run call this together; each then embeds its part of the rows.
    """
    there = readable(method, dataset)
    modalities = [
        name for name in ("shape", "image", "fused") if any(name in INPUTS[each] for each in inputs)
    ]
    modalities += ["text"] if texts and "text" in there else []
    again = resampled_clouds(dataset) if resampled else None
    rows = own_rows(len(dataset)) if shared else range(len(dataset))
    found: dict[str, list[Tensor]] = {name: [torch.zeros(0, 0)] for name in modalities}
    found |= {} if again is None else {RESAMPLED: [torch.zeros(0, 0)]}
    owners = [torch.zeros(0, dtype=torch.int64)]
    training = method.training
    method.eval()
    try:
        for part in _parts(rows):
            batch = choose_views(dataset.batch(part, epoch=None).without_labels(), views)
            for name in modalities:
                given = batch
                if name == "text":
                    given = one_text_each(batch, asking_texts(dataset, part))
                    owners.append(given.indices)
                if len(given):
                    found[name].append(method.embed(name, given.to(device)).float().cpu())
            if again is not None:
                turned = turned_clouds(again.batch(part, epoch=0), up=up_axis(dataset), seed=dataset.seed)
                turned = turned.without_labels().to(device)
                found[RESAMPLED].append(method.embed("shape", turned).float().cpu())
    finally:
        method.train(training)
    joined = {name: _joined(parts, shared=shared, device=device) for name, parts in found.items()}
    said = joined.pop("text", torch.zeros(0, 0))
    return InputVectors(
        vectors=joined,
        texts=said if len(said) else None,
        text_objects=_joined(owners, shared=shared, device=device),
        labels=torch.from_numpy(dataset.labels),
    )


def one_text_each(batch: Batch, asking: Sequence[NDArray[np.bool_]]) -> Batch:
    """A row for every text that looks for its object, with that text alone.

    Args:
        batch: objects with all their texts; keys and indices of the result are those of the objects.
        asking: for each object which of its texts to take.
    """
    present = torch.zeros_like(batch.require("text_present"))
    for row, mask in enumerate(asking):
        present[row, : len(mask)] = torch.from_numpy(mask)
    object_, text = present.nonzero(as_tuple=True)
    return Batch(
        keys=tuple(batch.keys[row] for row in object_.tolist()),
        indices=batch.indices[object_],
        text_features=batch.require("text_features")[object_, text][:, None],
        text_present=torch.ones(len(object_), 1, dtype=torch.bool),
    )


def resampled_clouds(dataset: EmbeddedObjects) -> EmbeddedObjects:
    """The same objects with clouds drawn at random from what is stored, at most half of it; nothing else."""
    stored = len(dataset.records.read(0 if dataset.rows is None else int(dataset.rows[0])).points)
    shown = dataset.batch([0], epoch=None).require("points").shape[1]
    clouds = replace(
        dataset.clouds, points=max(1, min(shown, stored // 2)), dropout=0.0, scale=(1.0, 1.0), shift=0.0,
        tilt=0.0, turn=False, colour_drop=0.0,
    )  # fmt: skip
    return replace(dataset, clouds=clouds)


def turned_clouds(batch: Batch, *, up: int, seed: int) -> Batch:
    """Each cloud turned about an axis by an angle of its own."""
    angles = uniform(row_keys(batch.keys, seed), "evaluation/turn") * (2.0 * np.pi)
    cosine, sine = torch.from_numpy(np.cos(angles)).float(), torch.from_numpy(np.sin(angles)).float()
    first, second = (up + 1) % 3, (up + 2) % 3
    turn = torch.eye(3).repeat(len(batch), 1, 1)
    turn[:, first, first], turn[:, first, second] = cosine, sine
    turn[:, second, first], turn[:, second, second] = -sine, cosine
    points = batch.require("points").clone()
    points[..., :3] = points[..., :3] @ turn
    return replace(batch, points=points)


def up_axis(dataset: EmbeddedObjects) -> int:
    """0, 1 or 2: the axis that points up in the clouds of batches, +y as stored and +z when swapped."""
    clouds = dataset.clouds
    return 2 if clouds.swap_yz or (clouds.turn and clouds.up_axis == "z") else 1


def _parts(rows: range) -> Iterator[range]:
    for first in range(0, len(rows), _OBJECTS):
        yield rows[first : first + _OBJECTS]


def _joined(parts: Sequence[Tensor], *, shared: bool, device: torch.device) -> Tensor:
    """The rows of all parts, of all processes where they share the work; the first part is empty."""
    here = torch.cat(list(parts[1:])) if len(parts) > 1 else parts[0]
    return joined_rows(here, device=device) if shared else here
