"""From finished runs to a report: the table, curves, clusters, and queries drawn with what they found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from anaglyph.data.paired import PairedObjects
from anaglyph.engine.environment import describe_environment
from anaglyph.engine.evaluate import DIRECTIONS, Embedded, embed_split
from anaglyph.engine.loggers import read_metrics
from anaglyph.engine.models import load_method
from anaglyph.engine.recipe import Recipe
from anaglyph.engine.run import RunOptions, make_splits
from anaglyph.engine.study import Result, Study
from anaglyph.evaluation.charts import Curve
from anaglyph.evaluation.report import Gallery, GalleryRow, Hit, Picture, Report, Table, write_report
from anaglyph.geometry.draw import draw_shaded

QUERIES = 10
HITS = 8


def write_study_report(study: Study, recipes: Mapping[str, Recipe], options: RunOptions) -> Path:
    """Write report.json and report.html of a study beside its runs; returns the page's path."""
    shown = study.results[-1]
    recipe = recipes[shown.recipe]
    splits = make_splits(recipe, data_root=options.data_root, cache=options.cache)
    method = load_method(Path(shown.folder)).method
    embedded = embed_split(method, splits.test, device=torch.device("cpu"), views=recipe.evaluation_views)
    average = shown.metrics["average_map"]
    chance = study.chance[shown.data]["average_map"]
    report = Report(
        title=study.heading,
        method=recipe.method,
        preset=recipe.preset,
        summary=(
            f"{len(splits.train)} objects were seen in training, {'WITH' if shown.leaks else 'without'} "
            f"labels; "
            f"{len(splits.test)} others are the questions and the answers below. "
            f"Pictures show {shown.recipe}, seed {shown.seed}."
        ),
        headlines={
            "average mAP": average,
            "times chance": round(average / chance, 1),
            "held-out objects": len(splits.test),
        },
        tables=[result_table(study), *cluster_tables(study.results)],
        curves=[curve for result in study.results for curve in run_curves(result)],
        galleries=[gallery(query, found, embedded=embedded, test=splits.test) for query, found in DIRECTIONS],
        facts={
            "data": shown.data,
            "measured with": shown.inputs,
            "seeds": sorted({result.seed for result in study.results}),
            "recipes": sorted(recipes),
            "training seconds": {
                f"{result.recipe}, seed {result.seed}": round(result.seconds, 1) for result in study.results
            },
            **{f"note {place + 1}": note for place, note in enumerate(study.notes)},
            **describe_environment(),
        },
    )
    return write_report(report, study.folder)


def result_table(study: Study) -> Table:
    """Mean average precision and recall of every recipe beside chance."""
    rows = study.rows()
    honest = [place for place, row in enumerate(rows) if "LEAKS" not in row[0]]
    best = max(honest, key=lambda place: float(rows[place][3].split()[0]))
    return Table(
        title="How well a picture finds its shape, and a shape its picture",
        columns=study.columns,
        rows=study.rows(),
        note="Mean average precision over the whole held-out gallery (1 is perfect) and the share of queries "
        "whose first hit is of their class. Spread is the standard deviation over seeds.",
        highlight=[best],
    )


def cluster_tables(results: Sequence[Result]) -> list[Table]:
    """How good the pseudo labels were that each run taught itself with."""
    kinds = ("accuracy", "nmi", "ari", "largest_share")
    rows: list[list[str | float]] = []
    for result in results:
        for stage, numbers in result.pseudo_labels.items():
            joint = [numbers["joint_accuracy"], numbers["agreement"]]
            for name in ("image", "shape"):
                label = f"{result.recipe}, seed {result.seed}, {stage}: {name}"
                rows.append([label, *(numbers[f"{name}_{kind}"] for kind in kinds), *joint])
    if not rows:
        return []
    return [
        Table(
            title="The labels it made for itself",
            columns=["labels", "accuracy", "NMI", "ARI", "largest cluster", "joint accuracy", "agreement"],
            rows=rows,
            note="Against the true classes of the training objects, which only this table has seen. Joint "
            "accuracy uses one mapping of clusters to classes for both modalities.",
            bars=["accuracy"],
        )
    ]


def run_curves(result: Result) -> list[Curve]:
    """Loss parts of every stage of a run, and what was validated."""
    curves = []
    for file in sorted(Path(result.folder).glob("stages/*/metrics.jsonl")):
        rows = read_metrics(file)
        stage = file.parent.name
        parts = sorted(
            {name for row in rows for name in row if name not in _NOT_LOSSES and "_map" not in name}
        )
        losses = {
            name: [(row["epoch"], row[name]) for row in rows if name in row and "loss" in row]
            for name in parts
        }
        losses = {
            name: points for name, points in losses.items() if points and not name.startswith("validation")
        }
        curves.append(Curve(f"{result.recipe}, seed {result.seed}, {stage}", "epoch", "loss", losses))
        validated = [
            (row["epoch"], row["validation_average_map"]) for row in rows if "validation_average_map" in row
        ]
        if len(validated) > 1:
            curves.append(
                Curve(
                    f"{result.recipe}, {stage}: validation",
                    "epoch",
                    "average mAP",
                    {"average mAP": validated},
                )
            )
    return curves


_NOT_LOSSES = {
    "step",
    "epoch",
    "learning_rate",
    "gradient_norm",
    "skipped_steps",
    "label_agreement",
    "occupied_clusters",
    "size_entropy",
    "largest_share",
}


def gallery(query: str, found: str, *, embedded: Embedded, test: PairedObjects) -> Gallery:
    """One query per class and its nearest objects of the other modality, drawn."""
    labels = embedded.labels
    classes = torch.unique(labels)[:QUERIES]
    # The middle object of each class, so that nobody picks a flattering one.
    queries = torch.stack([rows[len(rows) // 2] for rows in ((labels == c).nonzero()[:, 0] for c in classes)])
    scores = embedded.vectors[query][queries] @ embedded.vectors[found].T
    nearest = scores.argsort(dim=1, descending=True, stable=True)[:, :HITS]
    query_pictures = pictures(query, test, queries)
    hit_pictures = pictures(found, test, nearest.flatten())
    rows = []
    for place, row in enumerate(queries.tolist()):
        hits = [
            Hit(
                picture=hit_pictures[place * nearest.shape[1] + rank],
                caption=f"{test.class_names[int(labels[item])]}, {float(scores[place, item]):.2f}",
                correct=bool(labels[item] == labels[row]),
            )
            for rank, item in enumerate(nearest[place].tolist())
        ]
        rows.append(GalleryRow(query_pictures[place], test.class_names[int(labels[row])], hits))
    words = {"image": "picture", "shape": "shape"}
    return Gallery(
        title=f"A {words[query]} looks for {words[found]}s",
        rows=rows,
        note="The middle held-out object of each class; below each hit its class and its cosine.",
    )


def pictures(modality: str, dataset: PairedObjects, rows: Tensor) -> list[Picture]:
    """Pictures of objects: the image itself (its first view), or the cloud drawn."""
    batch = dataset.batch(rows.tolist(), epoch=None)
    if modality == "shape":
        return list(draw_shaded(batch.require("points").numpy()))
    images = (batch.require("images")[:, 0] * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    return [image[..., 0] if image.shape[-1] == 1 else image for image in np.ascontiguousarray(images)]
