"""Who looks for whom among clouds, pictures and words: the directions, their numbers, chance and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from anaglyph.engine.input_vectors import RESAMPLED, InputVectors, joined_vectors
from anaglyph.engine.tasks.base import Asked, Measured
from anaglyph.evaluation.cosines import summed_rows
from anaglyph.evaluation.cross_retrieval import (
    CrossScores,
    Side,
    chance_level,
    chance_of_category,
    cross_retrieval,
)
from anaglyph.evaluation.report import Cell, Table
from anaglyph.evaluation.retrieval import mean_average_precision

RECALLS = (1, 5, 10)
SINGLE = ("points", "images", "text")
NO_PICTURES = (
    "No pictures are drawn: what is stored of the objects are the vectors of their pictures and texts."
)
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


def retrieval(
    vectors: InputVectors, asked: Asked, *, beside: Sequence[InputVectors] = ()
) -> tuple[dict[str, float], dict[str, float]]:
    """Numbers of every direction between the inputs at hand, and what chance gives there.

    Args:
        vectors: of the objects that ask.
        asked: how to measure.
        beside: of further objects, which are looked through and ask nothing.
    """
    metrics: dict[str, float] = {}
    whole = joined_vectors([vectors, *beside]).ranked_on(asked.device)
    names = at_hand(vectors, asked.inputs)
    asking = {name: whole.side(name, first=len(vectors.labels)) for name in names}
    sides = {name: whole.side(name) for name in names}
    for query, items in directions(tuple(sides)):
        scores = cross_retrieval(asking[query], sides[items], categories=whole.labels, ks=RECALLS)
        metrics |= named(f"{query}_to_{items}", scores)
        if asked.mode == "full":
            metrics[f"{query}_to_{items}_map"] = category_map(asking[query], sides[items], whole)
    objects = {name: side.objects for name, side in sides.items()}
    owners = {name: side.objects for name, side in asking.items()}
    return metrics, retrieval_chance(objects, whole.labels, asking=owners)


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
    """(query, items): all ways among points, images and text, and both together against text alone.

    A vector finds the vectors that it was made of, so fused and sum say nothing against points or images.
    """
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


def retrieval_chance(
    sides: Mapping[str, torch.Tensor],
    labels: torch.Tensor,
    *,
    asking: Mapping[str, torch.Tensor] | None = None,
) -> dict[str, float]:
    """Chance in every direction; `sides` name the object of every vector, `asking` of those that ask."""
    metrics: dict[str, float] = {}
    owners = sides if asking is None else asking
    for query, items in directions(tuple(sides)):
        scores = chance_level(owners[query], sides[items], ks=RECALLS)
        if scores.queries:
            numbers = named(f"{query}_to_{items}", scores)
            numbers[f"{query}_to_{items}_category_at_1"] = chance_of_category(
                owners[query], sides[items], labels
            )
            metrics |= numbers
    return metrics


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
            note="Instance level: a query is right when its very own object comes first. Every caption asks "
            "by itself (a name where an object has none), and an object is as close as its closest caption. "
            "Left out are queries whose object has nothing on the other side. Of the run that is shown. "
            + NO_PICTURES,
            bars=["R@1"],
        )
    ]


def _cells(numbers: Mapping[str, float], direction: str, kinds: list[str]) -> list[Cell]:
    values = [numbers.get(f"{direction}_{kind}") for kind in kinds]
    return [
        int(value) if value is not None and kind in WHOLE else value
        for kind, value in zip(kinds, values, strict=True)
    ]
