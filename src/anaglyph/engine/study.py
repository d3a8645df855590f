"""A study: recipes times seeds, measured on the same held-out objects, with mean and spread."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch

from anaglyph.config import override
from anaglyph.data.catalog import DataConfig, create_dataset
from anaglyph.data.datasets.shapenet_shapes import ShapeNetShapes
from anaglyph.data.described import DescribedObjects
from anaglyph.data.shape_queries import ShapeQueries
from anaglyph.data.source import Split
from anaglyph.engine.chance import Chance, chance_of
from anaglyph.engine.devices import choose_device
from anaglyph.engine.events import Listener, ignore
from anaglyph.engine.leaks import LEAK_NOTE, check_leaks
from anaglyph.engine.models import load_method
from anaglyph.engine.pseudo_labels import pseudo_label_quality
from anaglyph.engine.recipe import Recipe
from anaglyph.engine.rehearsal import rehearse, rehearse_without_data
from anaglyph.engine.run import RunOptions, run_recipe
from anaglyph.engine.splits import labelled_split, make_splits, through_towers, weakly_and_strongly
from anaglyph.engine.starting_weights import starting_weights
from anaglyph.engine.tasks.base import Asked, Mode, Task
from anaglyph.engine.tasks.choice import check_views, task_of
from anaglyph.engine.towers import open_towers
from anaglyph.errors import ConfigError


@dataclass(frozen=True)
class Result:
    """One run, measured."""

    recipe: str
    seed: int
    data: str
    inputs: str
    """What the numbers used: views of a picture, points of a shape."""
    metrics: dict[str, float]
    """What its task measures on the test split."""
    pseudo_labels: dict[str, dict[str, float]]
    """stage -> quality of the labels it emitted, against the truth, on the training split."""
    seconds: float
    """Wall-clock time of this call, loading data included; short for what was already finished."""
    leaks: list[str]
    folder: str


@dataclass(frozen=True)
class Study:
    """What `run_study` found."""

    heading: str
    task: Task
    """What was asked of every run."""
    folder: Path
    """Where the report lies."""
    results: tuple[Result, ...]
    chance: Chance
    notes: tuple[str, ...]

    @property
    def columns(self) -> list[str]:
        """Headings of `rows`."""
        return ["method", *self.task.shown.values(), "runs"]

    def rows(self) -> list[list[str]]:
        """Chance, then each recipe with mean and, over several seeds, standard deviation."""
        table = []
        for on, metrics in self.chance.rows.items():
            if not metrics:  # nothing to compare with
                continue
            name = "chance" if len(self.chance.rows) == 1 else f"chance on {on}"
            table.append([name, *(shown_number(metrics.get(key)) for key in self.task.shown), ""])
        for recipe in dict.fromkeys(result.recipe for result in self.results):
            runs = [result for result in self.results if result.recipe == recipe]
            mark = " (LEAKS LABELS)" if runs[0].leaks else ""
            cells = [
                mean_and_spread([run.metrics[key] for run in runs if key in run.metrics])
                for key in self.task.shown
            ]
            table.append([recipe + mark, *cells, str(len(runs))])
        return table

    def plain(self) -> dict[str, Any]:
        """Everything as JSON-able data."""
        return {
            "heading": self.heading,
            "report": str(self.folder / "report.html"),
            "chance": self.chance.rows,
            "results": [asdict(result) for result in self.results],
            "summary": [dict(zip(self.columns, row, strict=True)) for row in self.rows()],
            "notes": list(self.notes),
        }


def run_study(
    recipes: Mapping[str, Recipe],
    *,
    seeds: Sequence[int],
    options: RunOptions,
    listen: Listener = ignore,
    title: str = "",
) -> Study:
    """Train every recipe with every seed below `options.output`, measure on the test split, write reports.

    Args:
        recipes: name -> recipe; a name is a row of the table and a folder.
        seeds: one run each; none takes each recipe's own.
        options: as for `run_recipe`.
        listen: receives the events of all runs.
        title: heading of the report; made of the names of the data sets where empty.
    """
    from anaglyph.engine.report import write_study_report

    task = common_task(recipes, options)
    results = []
    for name, recipe in recipes.items():
        for seed in seeds or (recipe.seed,):
            seeded = replace(recipe, seed=seed)
            folder = options.output / name / f"seed-{seed}"
            began = time.monotonic()
            artefact = run_recipe(seeded, replace(options, output=folder), listen=listen)
            seconds = time.monotonic() - began
            measured = measure_weights(
                artefact, split="test", views=recipe.evaluation_views, device=options.device,
                data_root=options.data_root, cache=options.cache, seed=seed,
            )  # fmt: skip
            splits = make_splits(
                seeded, data_root=options.data_root, cache=options.cache, device=options.device
            )
            results.append(
                Result(
                    recipe=name,
                    seed=seed,
                    data=recipe.data.name,
                    inputs=measured["inputs"],
                    metrics=measured["metrics"],
                    pseudo_labels=pseudo_label_quality(folder, splits.train),
                    seconds=seconds,
                    leaks=check_leaks(seeded),
                    folder=str(folder),
                )
            )
    chance = chance_of(task, recipes, options, seed=results[0].seed)
    heading = title or f"{task.title} {', '.join(dict.fromkeys(r.data.name for r in recipes.values()))}"
    inputs = ", ".join(sorted({result.inputs for result in results}))
    notes = [f"Measured with {inputs}; seeds {sorted({result.seed for result in results})}."]
    notes += [LEAK_NOTE] if any(result.leaks for result in results) else []
    study = Study(heading, task, options.report or options.output, tuple(results), chance, tuple(notes))
    if options.rank == 0:
        write_study_report(study, recipes, options)
    return study


def common_task(recipes: Mapping[str, Recipe], options: RunOptions) -> Task:
    """The task of all recipes; whatever will be refused is refused here, before hours of training.

    Raises:
        ConfigError: the recipes' data ask for different tasks, which no table can compare.
    """
    tasks: dict[str, Task] = {}
    for recipe in recipes.values():
        check_leaks(recipe)
        starts = {
            name: starting_weights(spec, root=options.data_root) for name, spec in recipe.stages.items()
        }
        rehearse_without_data(recipe, starts)
    for name, recipe in recipes.items():
        splits = make_splits(recipe, data_root=options.data_root, cache=options.cache, device=options.device)
        rehearse(recipe, splits.train, processes=options.processes)
        tasks[name] = task_of(splits.test)
    if len({task.name for task in tasks.values()}) > 1:
        said = ", ".join(f"{name}: {task.name}" for name, task in tasks.items())
        raise ConfigError(f"these recipes are measured in different ways ({said}); train them one by one.")
    return next(iter(tasks.values()))


def measure_weights(
    weights: Path,
    *,
    split: Split,
    views: int | None,
    device: Literal["auto", "cpu", "cuda"],
    data_root: Path,
    cache: Path | None,
    seed: int = 0,
    mode: Mode = "simple",
    shapes: ShapeNetShapes | None = None,
    assignments: Sequence[str] = (),
    votes: int = 0,
    released_maximum_of: int = 0,
) -> dict[str, Any]:
    """Load weights and measure their task on a split of the data they were made for; says if labels leaked.

    `assignments` change options of the data set, such as drop_duplicates=true; `shapes` are what mode
    shapenet searches. `votes` and `released_maximum_of` are for classifiers, see `Asked`.

    Returns:
        `method`, `data`, `task`, `inputs` in words, `metrics`, and the same per category in `groups`.
    """
    saved = load_method(weights)
    options: dict[str, Any] = dict(saved.data.options)
    for assignment in assignments:
        options = override(options, assignment)
    data = DataConfig(name=saved.data.name, options=options)
    dataset = create_dataset(data, split, root=data_root, cache=cache, seed=seed)
    check_views(dataset, views, name="--views", data=data.name)
    if saved.towers is not None and isinstance(dataset, DescribedObjects):
        dataset = through_towers(
            dataset, open_towers(saved.towers, root=data_root), saved.towers, data=data.name, cache=cache,
            seed=seed, device=device,
        )  # fmt: skip
    if saved.weak_strong is not None:
        dataset = weakly_and_strongly(dataset, saved.weak_strong, data=data.name)
    if saved.labelled_clouds is not None:
        dataset = labelled_split(
            dataset, saved.labelled_clouds, data, split, data_root=data_root, cache=cache, seed=seed
        )
    target = torch.device(choose_device(device))
    other = None
    if shapes is not None:
        if mode != "shapenet" or not isinstance(dataset, ShapeQueries):
            raise ConfigError("--shapes is what --mode shapenet searches, for pictures that look for shapes.")
        drawn = dataset.repository.views.shape
        like = replace(
            shapes, size=drawn[-1], coloured=drawn[2] == 3, views=str(options.get("views", "ring12"))
        )
        other = like.repository(root=data_root, cache=cache)
    task = task_of(dataset)
    asked = Asked(
        device=target, views=views, mode=mode, reference=other, votes=votes,
        released_maximum_of=released_maximum_of,
    )  # fmt: skip
    check_votes(task, asked)
    allowed = {"shape_retrieval": ("full", "shapenet"), "tri_modal": ("full",), "zero_shot": ("full",)}
    if mode != "simple" and mode not in allowed.get(task.name, ()):
        raise ConfigError(
            f"--mode {mode} is for pictures that look for shapes; {data.name} has none of those."
        )
    measured = task.measure(saved.method.to(target), dataset, asked)
    return {
        "method": saved.spec.method,
        "data": saved.data.name,
        "task": task.name,
        "inputs": task.inputs(dataset, asked),
        "objects": len(dataset),
        "leaks": list(saved.header.get("leaks", [])),
        "metrics": measured.metrics,
        "groups": {name: dict(numbers) for name, numbers in measured.groups.items()},
    }


def check_votes(task: Task, asked: Asked) -> None:
    """ConfigError for votes of what does not classify, or a maximum of no votes."""
    if min(asked.votes, asked.released_maximum_of) < 0:
        raise ConfigError(
            f"--votes {asked.votes} and --released-maximum-of {asked.released_maximum_of} must be >= 0."
        )
    if asked.votes and task.name != "classification":
        raise ConfigError(f"--votes is for classifiers, and this is {task.name}; leave it out.")
    if asked.released_maximum_of and not asked.votes:
        raise ConfigError("--released-maximum-of repeats votes; say with --votes how many, 10 as published.")


def shown_number(value: float | None) -> str:
    """Three decimals, or nothing where there is no number."""
    return "" if value is None else f"{value:.3f}"


def mean_and_spread(values: Sequence[float]) -> str:
    """Text: 0.931 for one value, 0.931 ± 0.004 (sample standard deviation) for several, nothing for none."""
    if not values:
        return ""
    mean = f"{statistics.fmean(values):.3f}"
    return mean if len(values) < 2 else f"{mean} ± {statistics.stdev(values):.3f}"
