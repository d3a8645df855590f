"""Clouds, pictures and words of one object find one another: retrieval in every direction, by inference mode.

Every number says which inputs it used: `points`, `images`, `fused` (the vector of both) or `sum` (the cosines
of both, added). The names stand in the metrics and in every heading (dossier MixCon3D, 0 and 1.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch

from anaglyph.data.embedded import EmbeddedObjects
from anaglyph.data.objects import Objects
from anaglyph.engine.asking_texts import text_objects
from anaglyph.engine.input_vectors import InputVectors, choose_inputs, embed_inputs
from anaglyph.engine.tasks.base import Asked, Measured
from anaglyph.engine.tasks.directions import retrieval, retrieval_chance, retrieval_tables
from anaglyph.errors import ConfigError
from anaglyph.evaluation.report import Gallery, Table
from anaglyph.methods.base import Method


class TriModal:
    """Every caption, picture and cloud looks for its own object."""

    name: ClassVar[str] = "tri_modal"
    title: ClassVar[str] = "Clouds, pictures and words on held-out"
    question: ClassVar[str] = "How often a cloud finds its own text, and a text its cloud"
    note: ClassVar[str] = (
        "Share of queries whose own object is the first hit among all held-out ones (R@1); a heading says "
        "what looks for what. Ties count against the method. Spread is the standard deviation over seeds."
    )
    shown: ClassVar[Mapping[str, str]] = {
        "points_to_text_recall_at_1": "points→text R@1",
        "text_to_points_recall_at_1": "text→points R@1",
        "points_to_images_recall_at_1": "points→images R@1",
        "images_to_points_recall_at_1": "images→points R@1",
        "images_to_text_recall_at_1": "images→text R@1",
        "text_to_images_recall_at_1": "text→images R@1",
        "text_to_fused_recall_at_1": "text→fused R@1",
        "text_to_sum_recall_at_1": "text→sum R@1",
    }
    headline: ClassVar[str] = "points_to_text_recall_at_1"
    followed: ClassVar[Mapping[str, Mapping[str, str]]] = {}

    def measure(self, method: Method, dataset: Objects, asked: Asked) -> Measured:
        """Recalls and ranks in every direction; with mode full also mean average precision by category."""
        split = embedded(dataset)
        vectors = embed_asked(method, split, asked)
        if vectors.texts is None:
            raise ConfigError(
                "this split has neither texts nor vectors of its class names, so there is nothing that its "
                "clouds could be compared with by words; choose a data set that has them."
            )
        metrics, chance = retrieval(vectors, asked, beside=embed_beside(method, asked))
        return Measured(metrics, {}, chance=chance)

    def chance(self, dataset: Objects, *, seed: int) -> dict[str, float]:
        """What objects in random order give on average."""
        split = embedded(dataset)
        objects = torch.arange(len(split))
        sides = {"points": objects}
        sides |= {"images": objects} if "image_features" in split.fields else {}
        sides |= {"fused": objects, "sum": objects} if "images" in sides else {}
        sides |= {"text": text_objects(split)} if "text_features" in split.fields else {}
        return retrieval_chance(sides, torch.from_numpy(split.labels))

    def inputs(self, dataset: Objects, asked: Asked) -> str:
        """Points of a cloud, pictures and texts behind the vectors of a tower."""
        split = embedded(dataset)
        batch = split.batch([0], epoch=None)
        points = batch.require("points")
        said = [f"points: {points.shape[1]:,} {'coloured ' if points.shape[2] == 6 else ''}points"]
        if batch.image_features is not None:
            said.append(f"images: vectors of {asked.views or batch.image_features.shape[1]} picture(s)")
        if batch.text_features is not None:
            said.append("text: vectors of captions, or of names where there are none")
        return "; ".join(said)

    def seen(self, train: Objects, test: Objects, *, labels: bool) -> str:
        """Objects on both sides, and how many classes are new."""
        known = {train.class_names[row] for row in set(train.labels.tolist())}
        asked = {test.class_names[row] for row in set(test.labels.tolist())}
        return (
            f"{len(train)} objects were seen in training, {'WITH' if labels else 'without'} labels; "
            f"{len(test)} others are asked about here, of {len(asked)} classes, {len(asked - known)} of "
            f"which no training object has."
        )

    def tables(self, measured: Measured) -> list[Table]:
        """Every direction with recalls and ranks, beside chance."""
        return [*retrieval_tables(measured), *measured.further]

    def galleries(self, method: Method, dataset: Objects, asked: Asked) -> list[Gallery]:
        """None: the split holds vectors of pictures and no pictures."""
        return []


def embedded(dataset: Objects) -> EmbeddedObjects:
    """The same split; TypeError where it is of another kind."""
    if not isinstance(dataset, EmbeddedObjects):
        raise TypeError(f"{type(dataset).__name__} holds no vectors of pictures and texts")
    return dataset


def embed_asked(method: Method, split: EmbeddedObjects, asked: Asked, *, texts: bool = True) -> InputVectors:
    """The vectors that these numbers need."""
    if asked.mode == "shapenet":
        raise ConfigError("--mode shapenet is for pictures that look for shapes; leave it out here.")
    return embed_inputs(
        method,
        split,
        device=asked.device,
        inputs=choose_inputs(method, split, asked.inputs),
        texts=texts,
        views=asked.views,
        resampled=asked.mode == "full" and "points" in choose_inputs(method, split, asked.inputs),
        shared=asked.shared,
    )


def embed_beside(method: Method, asked: Asked) -> list[InputVectors]:
    """The vectors of objects that are looked through and ask nothing."""
    return [embed_asked(method, embedded(each), asked) for each in asked.beside]
