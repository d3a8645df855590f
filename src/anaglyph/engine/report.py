"""From finished runs to a report: the table, curves, clusters, and queries drawn with what they found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from anaglyph.engine.environment import describe_environment
from anaglyph.engine.loggers import read_metrics
from anaglyph.engine.models import load_method
from anaglyph.engine.recipe import Recipe
from anaglyph.engine.run import RunOptions
from anaglyph.engine.splits import make_splits
from anaglyph.engine.study import Result, Study
from anaglyph.engine.tasks.base import Asked, Task
from anaglyph.evaluation.charts import Curve
from anaglyph.evaluation.report import Report, Table, write_report


def write_study_report(study: Study, recipes: Mapping[str, Recipe], options: RunOptions) -> Path:
    """Write report.json and report.html of a study beside its runs; returns the page's path."""
    shown = study.results[-1]
    recipe = recipes[shown.recipe]
    splits = make_splits(recipe, data_root=options.data_root, cache=options.cache, device=options.device)
    method = load_method(Path(shown.folder)).method
    asked = Asked(device=torch.device("cpu"), views=recipe.evaluation_views)
    task = study.task
    headline = shown.metrics[task.headline]
    chance = study.chance.of(shown.recipe).get(task.headline)
    measured = task.measure(method, splits.test, asked)
    waits = {name: share for result in study.results for name, share in waiting(result).items()}
    report = Report(
        title=study.heading,
        method=recipe.method,
        preset=recipe.preset,
        summary=(
            f"{task.seen(splits.train, splits.test, labels=bool(shown.leaks) or method.uses_labels)} "
            f"Pictures show {shown.recipe}, seed {shown.seed}."
        ),
        headlines={
            task.shown[task.headline]: headline,
            **({} if chance is None else {"times chance": round(headline / max(chance, 1e-9), 1)}),
            ("objects" if chance is None else "held-out queries"): len(splits.test),
        },
        tables=[result_table(study), *task.tables(measured), *cluster_tables(study.results)],
        heat_maps=measured.heat_maps,
        curves=[curve for result in study.results for curve in run_curves(result, task=task)],
        galleries=task.galleries(method, splits.test, asked),
        facts={
            "data": shown.data,
            "measured with": shown.inputs,
            "seeds": sorted({result.seed for result in study.results}),
            "recipes": sorted(recipes),
            "training seconds": {
                f"{result.recipe}, seed {result.seed}": round(result.seconds, 1) for result in study.results
            },
            **({"share of time waiting for data": waits} if waits else {}),
            **{f"note {place + 1}": note for place, note in enumerate(study.notes)},
            **describe_environment(),
        },
    )
    return write_report(report, study.folder)


def result_table(study: Study) -> Table:
    """What the task shows of every recipe, beside chance."""
    rows, task = study.rows(), study.task
    column = 1 + list(task.shown).index(task.headline)
    honest = [place for place, row in enumerate(rows) if "LEAKS" not in row[0]]
    best = max(honest, key=lambda place: float((rows[place][column] or "-inf").split()[0]))
    return Table(title=task.question, columns=study.columns, rows=rows, note=task.note, highlight=[best])


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


def waiting(result: Result) -> dict[str, float]:
    """Run and stage -> mean over its epochs of the share of time that it waited for data, where measured."""
    found = {}
    for file in sorted(Path(result.folder).glob("stages/*/metrics.jsonl")):
        shares = [row["data_wait_share"] for row in read_metrics(file) if "data_wait_share" in row]
        if shares:
            found[f"{result.recipe}, seed {result.seed}, {file.parent.name}"] = round(
                sum(shares) / len(shares), 3
            )
    return found


def run_curves(result: Result, *, task: Task) -> list[Curve]:
    """Loss parts of every stage of a run, and what was validated."""
    curves = []
    for file in sorted(Path(result.folder).glob("stages/*/metrics.jsonl")):
        rows = read_metrics(file)
        stage = file.parent.name
        measured = f"validation_{task.headline}"
        parts = sorted({name for row in rows for name in row if name not in _NOT_LOSSES})
        losses = {
            name: [(row["epoch"], row[name]) for row in rows if name in row and "loss" in row]
            for name in parts
        }
        losses = {
            name: points for name, points in losses.items() if points and not name.startswith("validation")
        }
        curves.append(Curve(f"{result.recipe}, seed {result.seed}, {stage}", "epoch", "loss", losses))
        validated = [(row["epoch"], row[measured]) for row in rows if measured in row]
        if len(validated) > 1:
            curves.append(
                Curve(
                    f"{result.recipe}, {stage}: validation",
                    "epoch",
                    task.shown[task.headline],
                    {task.shown[task.headline]: validated},
                )
            )
        curves += followed_curves(rows, f"{result.recipe}, {stage}", task=task)
    return curves


def followed_curves(rows: Sequence[Mapping[str, float]], where: str, *, task: Task) -> list[Curve]:
    """What a task follows over the epochs beside its headline, where it was measured more than once."""
    curves = []
    for title, metrics in task.followed.items():
        lines = {
            shown: [(row["epoch"], row[f"validation_{name}"]) for row in rows if f"validation_{name}" in row]
            for name, shown in metrics.items()
        }
        if all(len(points) > 1 for points in lines.values()):
            curves.append(Curve(f"{where}: validation, {title}", "epoch", "share", lines))
    return curves


_NOT_LOSSES = {
    "step",
    "epoch",
    "learning_rate",
    "gradient_norm",
    "skipped_steps",
    "data_wait_share",
    "label_agreement",
    "occupied_clusters",
    "size_entropy",
    "largest_share",
    "scale",
    "image_kept",
    "shape_kept",
    "image_evenness",
    "shape_evenness",
    "from_image",
}
