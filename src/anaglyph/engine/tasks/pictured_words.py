"""Pictures and words of one object find one another: how good a pair of towers of our own is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import torch

from anaglyph.data.described import DescribedObjects
from anaglyph.data.objects import Objects
from anaglyph.engine.evaluate import choose_views
from anaglyph.engine.gathered import joined_rows, own_rows
from anaglyph.engine.input_vectors import InputVectors
from anaglyph.engine.tasks.base import Asked, Measured
from anaglyph.engine.tasks.directions import retrieval, retrieval_chance, retrieval_tables
from anaglyph.errors import ConfigError
from anaglyph.evaluation.report import Gallery, Table
from anaglyph.methods.base import Method
from anaglyph.types import Batch

_OBJECTS = 64
"""Embedded at once."""


class PicturedWords:
    """Every text looks for its object's pictures, and the pictures of an object for its texts."""

    name: ClassVar[str] = "pictured_words"
    title: ClassVar[str] = "Pictures and words on held-out"
    question: ClassVar[str] = "How often an object's pictures find its own text, and a text its object"
    note: ClassVar[str] = (
        "Share of queries whose own object is the first hit among all held-out ones (R@1), and of those "
        "whose first hit is of their class. Objects that share a text tie, and ties count against the "
        "method. Spread is the standard deviation over seeds."
    )
    shown: ClassVar[Mapping[str, str]] = {
        "images_to_text_recall_at_1": "images→text R@1",
        "text_to_images_recall_at_1": "text→images R@1",
        "images_to_text_recall_at_5": "images→text R@5",
        "text_to_images_recall_at_5": "text→images R@5",
        "images_to_text_category_at_1": "images→text, class of the first",
        "text_to_images_category_at_1": "text→images, class of the first",
    }
    headline: ClassVar[str] = "text_to_images_recall_at_1"
    followed: ClassVar[Mapping[str, Mapping[str, str]]] = {}

    def measure(self, method: Method, dataset: Objects, asked: Asked) -> Measured:
        """Recalls and ranks both ways; with mode full also mean average precision by category."""
        if asked.mode == "shapenet":
            raise ConfigError("--mode shapenet is for pictures that look for shapes; leave it out here.")
        metrics, chance = retrieval(_embedded(method, described(dataset), asked), asked)
        return Measured(metrics, {}, chance=chance)

    def chance(self, dataset: Objects, *, seed: int) -> dict[str, float]:
        """What objects in random order give on average."""
        split = described(dataset)
        sides = {"images": torch.arange(len(split)), "text": _owners(split, range(len(split)))}
        return retrieval_chance(sides, torch.from_numpy(split.labels))

    def inputs(self, dataset: Objects, asked: Asked) -> str:
        """Pictures of an object, and its texts."""
        split = described(dataset)
        views = 0 if split.pictures is None else split.pictures.shape[1]
        return f"{asked.views or views} picture(s) of an object, and each of its texts by itself"

    def seen(self, train: Objects, test: Objects, *, labels: bool) -> str:
        """Objects on both sides, and how many classes are new."""
        known = {train.class_names[row] for row in set(train.labels.tolist())}
        asked = {test.class_names[row] for row in set(test.labels.tolist())}
        return (
            f"{len(train)} objects were seen in training, {'WITH' if labels else 'without'} labels; "
            f"{len(test)} others are asked about here, of {len(asked)} classes, {len(asked - known)} of "
            f"which no training object has. Texts may name the class, which the data set says."
        )

    def tables(self, measured: Measured) -> list[Table]:
        """Both directions with recalls and ranks, beside chance."""
        return retrieval_tables(measured)

    def galleries(self, method: Method, dataset: Objects, asked: Asked) -> list[Gallery]:
        """None so far."""
        return []


def described(dataset: Objects) -> DescribedObjects:
    """The same split; TypeError where it is of another kind."""
    if not isinstance(dataset, DescribedObjects):
        raise TypeError(f"{type(dataset).__name__} holds no pictures with texts")
    return dataset


@torch.no_grad()
def _embedded(method: Method, split: DescribedObjects, asked: Asked) -> InputVectors:
    """Pictures and texts of every object in eval mode; the method's mode is put back afterwards."""
    rows = own_rows(len(split)) if asked.shared else range(len(split))
    found: dict[str, list[torch.Tensor]] = {"image": [], "text": []}
    training = method.training
    method.eval()
    try:
        for first in range(0, len(rows), _OBJECTS):
            batch = split.batch(rows[first : first + _OBJECTS], epoch=None).without_labels()
            shown = choose_views(replace(batch, points=None), asked.views).to(asked.device)
            found["image"].append(method.embed("image", shown).float().cpu())
            words = _one_text_each(batch)
            if len(words):
                found["text"].append(method.embed("text", words.to(asked.device)).float().cpu())
    finally:
        method.train(training)
    owners = _owners(split, rows)
    joined = {side: torch.cat(parts) if parts else torch.zeros(0, 0) for side, parts in found.items()}
    if asked.shared:
        joined = {side: joined_rows(part, device=asked.device) for side, part in joined.items()}
        owners = joined_rows(owners, device=asked.device)
    return InputVectors(
        vectors={"image": joined["image"]},
        texts=joined["text"] if len(joined["text"]) else None,
        text_objects=owners,
        labels=torch.from_numpy(split.labels),
    )


def _one_text_each(batch: Batch) -> Batch:
    """A row for every text of a batch, with that text alone."""
    flat = [(row, text) for row, texts in enumerate(batch.texts or ()) for text in texts]
    return Batch(
        keys=tuple(batch.keys[row] for row, _ in flat),
        indices=batch.indices[[row for row, _ in flat]],
        texts=tuple((text,) for _, text in flat),
    )


def _owners(split: DescribedObjects, rows: range) -> torch.Tensor:
    """(R,) int64 object of every text of these rows."""
    return torch.tensor([row for row in rows for _ in split.texts[row]], dtype=torch.int64)
