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
from anaglyph.data.records import TextSource
from anaglyph.engine.input_vectors import RESAMPLED, InputVectors, choose_inputs, embed_inputs
from anaglyph.engine.tasks.base import Asked, Measured
from anaglyph.errors import ConfigError
from anaglyph.evaluation.cosines import summed_rows
from anaglyph.evaluation.cross_retrieval import (
    CrossScores,
    Side,
    chance_level,
    chance_of_category,
    cross_retrieval,
)
from anaglyph.evaluation.report import Cell, Gallery, Table
from anaglyph.evaluation.retrieval import mean_average_precision
from anaglyph.methods.base import Method

RECALLS = (1, 5, 10)
SINGLE = ("points", "images", "text")
NO_PICTURES = (
    "No pictures are drawn: what is stored of the objects are the vectors of their pictures and texts."
)


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

    def measure(self, method: Method, dataset: Objects, asked: Asked) -> Measured:
        """Recalls and ranks in every direction; with mode full also mean average precision by category."""
        split = embedded(dataset)
        vectors = embed_asked(method, split, asked)
        if vectors.texts is None:
            raise ConfigError(
                "this split has neither texts nor vectors of its class names, so there is nothing that its "
                "clouds could be compared with by words; choose a data set that has them."
            )
        metrics, chance = retrieval(vectors, asked)
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
            said.append("text: vectors of every text of an object")
        return "; ".join(said)

    def seen(self, train: Objects, test: Objects, *, labels: bool) -> str:
        """Objects on both sides, and how many classes are new."""
        known = {train.class_names[row] for row in set(train.labels.tolist())}
        asked = {test.class_names[row] for row in set(test.labels.tolist())}
        return (
            f"{len(train)} objects were seen in training, {'WITH' if labels else 'without'} labels; "
            f"{len(test)} others are asked about here, of {len(asked)} classes, {len(asked - known)} of which "
            f"no training object has."
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


def retrieval(vectors: InputVectors, asked: Asked) -> tuple[dict[str, float], dict[str, float]]:
    """Numbers of every direction between the inputs at hand, and what chance gives there."""
    metrics: dict[str, float] = {}
    sides = {name: vectors.side(name) for name in at_hand(vectors, asked.inputs)}
    for query, items in directions(tuple(sides)):
        scores = cross_retrieval(sides[query], sides[items], categories=vectors.labels, ks=RECALLS)
        metrics |= named(f"{query}_to_{items}", scores)
        if asked.mode == "full":
            metrics[f"{query}_to_{items}_map"] = category_map(sides[query], sides[items], vectors)
    return metrics, retrieval_chance({name: side.objects for name, side in sides.items()}, vectors.labels)


def at_hand(vectors: InputVectors, asked: tuple[str, ...]) -> list[str]:
    """The sides that can be made of these vectors, in the order of tables."""
    have = vectors.vectors
    named_sides = {
        RESAMPLED: RESAMPLED in have,
        "points": "shape" in have,
        "images": "image" in have,
        "text": vectors.texts is not None,
        "fused": "fused" in have,
        "sum": {"shape", "image"} <= set(have),
    }
    wanted = {"text", RESAMPLED, *asked} if asked else set(named_sides)
    return [name for name, there in named_sides.items() if there and name in wanted]


def directions(sides: tuple[str, ...]) -> list[tuple[str, str]]:
    """(query, items): all ways among points, images and text; both together only against text, since a vector
    finds the vector that it was made of."""
    pairs = [(query, items) for query in SINGLE for items in SINGLE if query != items]
    pairs += [pair for mode in ("fused", "sum") for pair in ((mode, "text"), ("text", mode))]
    pairs.append((RESAMPLED, "points"))
    return [(query, items) for query, items in pairs if query in sides and items in sides]


def named(direction: str, scores: CrossScores) -> dict[str, float]:
    """The numbers of a direction under the names of metrics."""
    numbers = {f"recall_at_{k}": value for k, value in scores.recall.items()}
    numbers |= {
        "mean_rank": scores.mean_rank,
        "median_rank": scores.median_rank,
        "mean_reciprocal_rank": scores.mean_reciprocal_rank,
        "queries": float(scores.queries),
        "items": float(scores.items),
        "left_out": float(scores.left_out),
    }
    numbers |= {} if scores.category is None else {"category_at_1": scores.category}
    return {f"{direction}_{name}": value for name, value in numbers.items()}


def category_map(query: Side, items: Side, vectors: InputVectors) -> float:
    """Mean average precision by category over every vector of the other side."""
    return mean_average_precision(
        summed_rows(query.vectors, "query"), summed_rows(items.vectors, "items"),
        vectors.labels[query.objects], vectors.labels[items.objects],
    )  # fmt: skip


def retrieval_chance(sides: Mapping[str, torch.Tensor], labels: torch.Tensor) -> dict[str, float]:
    """Chance in every direction; `sides` name the object of every vector."""
    metrics: dict[str, float] = {}
    for query, items in directions(tuple(sides)):
        scores = chance_level(sides[query], sides[items], ks=RECALLS)
        if scores.queries:
            numbers = named(f"{query}_to_{items}", scores)
            numbers[f"{query}_to_{items}_category_at_1"] = chance_of_category(
                sides[query], sides[items], labels
            )
            metrics |= numbers
    return metrics


def text_objects(split: EmbeddedObjects) -> torch.Tensor:
    """(R,) int64 object of every text that evaluation shows, without touching a cloud."""
    rows = range(len(split)) if split.rows is None else split.rows.tolist()
    counts = [int((split.records.read(row).sources != TextSource.REJECTED_NAME).sum()) for row in rows]
    return torch.repeat_interleave(torch.arange(len(split)), torch.tensor(counts))


COLUMNS = {
    "recall_at_1": "R@1",
    "recall_at_5": "R@5",
    "recall_at_10": "R@10",
    "mean_reciprocal_rank": "mean reciprocal rank",
    "median_rank": "median rank",
    "mean_rank": "mean rank",
    "category_at_1": "first is of the class",
    "map": "mAP by class",
    "queries": "queries",
    "items": "items",
    "left_out": "left out",
}
WHOLE = frozenset({"queries", "items", "left_out"})


def retrieval_tables(measured: Measured) -> list[Table]:
    """One row a direction, its chance (where known) below it."""
    metrics = measured.metrics
    found = [
        (query, items)
        for query, items in directions((*SINGLE, "fused", "sum", RESAMPLED))
        if f"{query}_to_{items}_recall_at_1" in metrics
    ]
    if not found:
        return []
    kinds = [kind for kind in COLUMNS if any(f"{q}_to_{i}_{kind}" in metrics for q, i in found)]
    rows: list[list[Cell]] = []
    for query, items in found:
        rows.append([f"{query} → {items}", *_cells(metrics, f"{query}_to_{items}", kinds)])
    chance = _cells(measured.chance, "{}_to_{}".format(*found[0]), kinds)
    if any(cell is not None for cell in chance):
        rows.append([f"chance, {found[0][0]} → {found[0][1]}", *chance])
    return [
        Table(
            title="What looks for what",
            columns=["query → items", *(COLUMNS[kind] for kind in kinds)],
            rows=rows,
            note="Instance level: a query is right when its very own object comes first; every text asks by "
            "itself, and an object is as close as its closest text. Left out are queries whose object has "
            f"nothing on the other side. Of the run that is shown. {NO_PICTURES}",
            bars=["R@1"],
        )
    ]


def _cells(numbers: Mapping[str, float], direction: str, kinds: list[str]) -> list[Cell]:
    values = [numbers.get(f"{direction}_{kind}") for kind in kinds]
    return [
        int(value) if value is not None and kind in WHOLE else value
        for kind, value in zip(kinds, values, strict=True)
    ]
