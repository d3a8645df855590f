"""A picture finds the very shape it shows: the task of queries and a repository (dossier CMIC, 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from anaglyph.data.objects import Objects
from anaglyph.data.shape_queries import ShapeQueries, ShapeRepository
from anaglyph.engine.shape_scores import (
    EmbeddedQueries,
    embed_queries,
    embed_shapes,
    score_all,
    true_view_weight,
)
from anaglyph.engine.shape_surface import opened_surfaces, surface_numbers
from anaglyph.engine.tasks.base import Asked, Measured
from anaglyph.errors import ConfigError
from anaglyph.evaluation.instance_retrieval import (
    InstanceScores,
    first_hits,
    instance_report,
    restricted_to_category,
    true_ranks,
)
from anaglyph.evaluation.report import Gallery, GalleryRow, Hit, Picture, Table
from anaglyph.methods.base import Method

KS = (1, 5, 10)
QUERIES = 12
HITS = 6


class ShapeRetrieval:
    """Instance accuracies of a search over the whole repository, all categories together."""

    name: ClassVar[str] = "shape_retrieval"
    title: ClassVar[str] = "Finding the very shape a picture shows, on"
    question: ClassVar[str] = "How often a picture finds the very shape it shows"
    note: ClassVar[str] = (
        "Share of held-out pictures whose true shape is the first hit, among the first five and ten, and "
        "whose first hit is of the true category, over the whole repository; ties count against the method. "
        "Weight of the true view: the attention that the view nearest to the photo's camera gets. "
        "Spread is the standard deviation over seeds."
    )
    shown: ClassVar[Mapping[str, str]] = {
        "top_1": "top-1",
        "top_5": "top-5",
        "top_10": "top-10",
        "top_1_category": "top-1 category",
        "mean_reciprocal_rank": "mean reciprocal rank",
        "true_view_weight": "weight of the true view",
    }
    headline: ClassVar[str] = "top_1"
    followed: ClassVar[Mapping[str, Mapping[str, str]]] = {}

    def measure(self, method: Method, dataset: Objects, asked: Asked) -> Measured:
        """Accuracies; with mode full also HAU and IoU of the first hit, with shapenet only those."""
        queries = _queries(dataset)
        if asked.mode == "shapenet":
            return _elsewhere(method, queries, asked)
        embedded = embed_queries(method, queries, device=asked.device)
        scores = score_all(method, embedded)
        metrics, groups = _accuracies(scores, queries)
        weight = true_view_weight(method, embedded, queries)
        if weight is not None:
            metrics["true_view_weight"] = weight
        if asked.mode == "full":
            with opened_surfaces(queries.repository) as surfaces:
                numbers = surface_numbers(surfaces, surfaces, queries.shapes, first_hits(scores))
            add_surfaces(metrics, groups, numbers, queries)
        return Measured(metrics, groups)

    def chance(self, dataset: Objects, *, seed: int) -> dict[str, float]:
        """What shapes in random order give on average; the share of one view where shapes have several."""
        queries = _queries(dataset)
        shapes = len(queries.repository)
        shares = np.bincount(queries.repository.categories, minlength=len(queries.class_names)) / shapes
        metrics = {f"top_{k}": k / shapes for k in KS if k <= shapes}
        metrics["top_1_category"] = float(shares[queries.labels].mean())
        metrics["mean_reciprocal_rank"] = float((1 / np.arange(1, shapes + 1)).mean())
        known = queries.azimuths is not None and bool(np.isfinite(queries.azimuths).any())
        if known and queries.repository.azimuths is not None:
            metrics["true_view_weight"] = 1.0 / queries.repository.views.shape[1]
        return metrics

    def inputs(self, dataset: Objects, asked: Asked) -> str:
        """A picture with its mask, and views of the shapes."""
        repository = _queries(dataset).repository
        colour = "grey" if repository.views.shape[2] == 1 else "coloured"
        return (
            f"one picture and its mask against {repository.views.shape[1]} {colour} views of each of "
            f"{len(repository)} shapes"
        )

    def seen(self, train: Objects, test: Objects, *, labels: bool) -> str:
        """Pictures and shapes on both sides."""
        known, asked = _queries(train), _queries(test)
        trained = {known.repository.keys[row] for row in known.shapes.tolist()}
        shown = {asked.repository.keys[row] for row in asked.shapes.tolist()}
        return (
            f"{len(known)} pictures of {len(trained)} shapes were seen in training; {len(asked)} others of "
            f"{len(shown)} shapes ask here, {len(shown & trained)} of which were seen in other pictures."
        )

    def tables(self, measured: Measured) -> list[Table]:
        """Every category by itself."""
        if not measured.groups:
            return []
        columns = list(next(iter(measured.groups.values())))
        return [
            Table(
                title="By category",
                columns=["category", *columns],
                rows=[
                    [name, *(int(value) if key == "queries" else value for key, value in numbers.items())]
                    for name, numbers in measured.groups.items()
                ],
                note="Of the run that the pictures below show.",
                bars=["top_1"] if "top_1" in columns else [],
            )
        ]

    def galleries(self, method: Method, dataset: Objects, asked: Asked) -> list[Gallery]:
        """Queries with their true shape and first hits, each by the view that counted most."""
        queries = _queries(dataset)
        embedded = embed_queries(method, queries, device=asked.device)
        return [gallery(method, embedded, queries)]


def add_surfaces(
    metrics: dict[str, float],
    groups: Mapping[str, dict[str, float]],
    surfaces: Mapping[str, np.ndarray],
    queries: ShapeQueries,
) -> None:
    """Means of surface numbers over all queries and by category, put beside the accuracies."""
    labels = queries.labels
    for name, values in surfaces.items():
        metrics[name] = float(values.mean())
        for category, numbers in groups.items():
            numbers[name] = float(values[labels == queries.class_names.index(category)].mean())
        metrics[f"macro_{name}"] = float(np.mean([numbers[name] for numbers in groups.values()]))


def gallery(method: Method, embedded: EmbeddedQueries, queries: ShapeQueries) -> Gallery:
    """Evenly spread queries, so that nobody picks flattering ones."""
    scores = score_all(method, embedded)
    ranks = true_ranks(scores, torch.from_numpy(queries.shapes))
    chosen = np.unique(np.linspace(0, len(queries) - 1, min(QUERIES, len(queries))).round().astype(int))
    rows = []
    for query in chosen.tolist():
        true = int(queries.shapes[query])
        nearest = scores[query].argsort(descending=True, stable=True)[:HITS].tolist()
        words = f"its true shape, rank {int(ranks[query])}"
        hits = [_hit(method, embedded, queries, query, true, words=words, correct=None)]
        hits += [
            _hit(
                method, embedded, queries, query, row, correct=row == true,
                words=f"{queries.repository.keys[row]}, {float(scores[query, row]):.2f}",
            )
            for row in nearest
        ]  # fmt: skip
        picture = np.ascontiguousarray(queries.images[query].transpose(1, 2, 0))
        rows.append(GalleryRow(picture, queries.keys[query], hits))
    return Gallery(
        title="A picture looks for the very shape it shows",
        rows=rows,
        words=("the very shape", "another shape"),
        note="Evenly spread held-out pictures; then the true shape, then the first hits with their scores. "
        "Each shape is drawn as the view that had the largest share in its score, with that share.",
    )


def _hit(
    method: Method,
    embedded: EmbeddedQueries,
    queries: ShapeQueries,
    query: int,
    row: int,
    *,
    words: str,
    correct: bool | None,
) -> Hit:
    repository = queries.repository
    view, share = _best_view(method, embedded, query, row)
    azimuth = "" if repository.azimuths is None else f" ({repository.azimuths[view]:.0f}°)"
    seen = "" if share is None else f"; view {view}{azimuth}: {share:.2f}"
    return Hit(picture=_picture(repository, row, view), caption=words + seen, correct=correct)


@torch.no_grad()
def _best_view(method: Method, embedded: EmbeddedQueries, query: int, row: int) -> tuple[int, float | None]:
    """The view with the largest share and that share; the first view where a method has no shares."""
    device = next(iter(method.state_dict().values())).device
    items = embedded.items[row][None].to(device)
    weights = method.view_weights(embedded.queries[query][None].to(device), items)
    if weights is None:
        return 0, None
    share, view = weights[0, 0].max(dim=0)
    return int(view), float(share)


def _picture(repository: ShapeRepository, row: int, view: int) -> Picture:
    picture = np.ascontiguousarray(repository.views[row, view])
    return picture[0] if len(picture) == 1 else np.ascontiguousarray(picture.transpose(1, 2, 0))


def _accuracies(
    scores: Tensor, queries: ShapeQueries
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Overall numbers, and by name of the category."""
    shapes, categories = torch.from_numpy(queries.shapes), torch.from_numpy(queries.repository.categories)
    ks = tuple(k for k in KS if k <= len(queries.repository))
    report = instance_report(scores, shapes, categories, ks=ks)
    metrics = _numbers(report.overall)
    metrics |= {f"macro_{name}": value for name, value in _numbers(report.macro).items() if "top" in name}
    metrics["queries"] = float(report.overall.queries)
    groups = {
        queries.class_names[category]: {"queries": float(part.queries), **_numbers(part)}
        for category, part in report.categories.items()
    }
    return metrics, groups


def _numbers(part: InstanceScores) -> dict[str, float]:
    return {
        **{f"top_{k}": value for k, value in part.top.items()},
        "top_1_category": part.category,
        "mean_reciprocal_rank": part.mean_reciprocal_rank,
        "median_rank": part.median_rank,
    }


def _elsewhere(method: Method, queries: ShapeQueries, asked: Asked) -> Measured:
    """HAU and IoU of the best shape of another repository, among those of the query's category."""
    other = asked.reference
    if other is None:
        raise ConfigError("--mode shapenet searches other shapes; say which with --shapes FOLDER.")
    shown = {queries.class_names[row] for row in np.unique(queries.labels)}
    absent = sorted(shown - {other.category_names[row] for row in np.unique(other.categories)})
    if absent:
        raise ConfigError(
            f"the other shapes have none of {', '.join(absent)}, which queries show; bring them and name all "
            f"with --shapes-categories."
        )
    names = {name: row for row, name in enumerate(queries.class_names)}
    unknown = len(names)
    categories = torch.tensor([names.get(other.category_names[row], unknown) for row in other.categories])
    queried = embed_queries(method, queries, device=asked.device).queries
    found = EmbeddedQueries(queried, embed_shapes(method, other, device=asked.device))
    scores = score_all(method, found)
    first = first_hits(restricted_to_category(scores, torch.from_numpy(queries.labels), categories))
    groups = {
        queries.class_names[row]: {"queries": float((queries.labels == row).sum())}
        for row in np.unique(queries.labels)
    }
    metrics = {"queries": float(len(queries))}
    with opened_surfaces(queries.repository) as true, opened_surfaces(other) as searched:
        numbers = surface_numbers(true, searched, queries.shapes, first)
    add_surfaces(metrics, groups, numbers, queries)
    return Measured(metrics, groups)


def _queries(dataset: Objects) -> ShapeQueries:
    if not isinstance(dataset, ShapeQueries):
        raise TypeError(f"{type(dataset).__name__} holds no queries for shapes")
    return dataset
