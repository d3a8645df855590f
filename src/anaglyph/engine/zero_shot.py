"""Weights asked to name the objects of their own or of another data set, by every inference mode.

A trained run embeds by itself, a space (`mini`, a slim file, an imported official encoder with towers)
through `engine.space_method`. All else is the same for both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from anaglyph.config import override
from anaglyph.data.catalog import DataConfig, create_dataset, dataset_source
from anaglyph.data.described import DescribedObjects
from anaglyph.data.embedded import EmbeddedObjects
from anaglyph.data.objects import Objects
from anaglyph.data.source import Split, splits_of
from anaglyph.engine.devices import choose_device
from anaglyph.engine.environment import describe_environment
from anaglyph.engine.features import embedded_objects
from anaglyph.engine.models import load_method
from anaglyph.engine.space_method import as_stored
from anaglyph.engine.tasks.base import Asked, Measured, Mode
from anaglyph.engine.tasks.zero_shot import ZeroShot
from anaglyph.engine.towers import open_towers
from anaglyph.engine.zero_shot_subject import Subject, is_space, subject_of_run, subject_of_space
from anaglyph.errors import ConfigError, unknown_name
from anaglyph.evaluation.report import Report, write_report


@dataclass(frozen=True, kw_only=True)
class ZeroShotOptions:
    """What to ask, and of what."""

    data: str = ""
    """Data set; empty takes the one that the weights were trained for."""
    assignments: tuple[str, ...] = ()
    """Changes to its options."""
    split: Split = "test"
    inputs: tuple[str, ...] = ()
    """Inference modes; none takes all that the method and the data allow."""
    views: int | None = None
    """Pictures of each object, evenly spaced; None takes all."""
    classes: tuple[str, ...] = ()
    """Only objects of these classes, and only these names to choose from; none takes all."""
    templates: str = ""
    """Family of templates; empty takes the class vectors that the data set brings."""
    gallery: Literal["split", "all"] = "split"
    """Among which objects those of the split look for one another: themselves, or all of the data set."""
    mode: Mode = "simple"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    image_tower: str = ""
    """"kind:source" instead of the image tower of training; official encoders name none."""
    text_tower: str = ""
    """The same for words."""
    data_root: Path = field(default_factory=Path)
    cache: Path | None = None


def measure_zero_shot(
    weights: Path, options: ZeroShotOptions, *, report: Path | None = None
) -> dict[str, Any]:
    """Load weights, name the objects of a split, and write a page with the confusions where `report` says.

    `weights` are those of a run, or whatever `open_space` takes.

    Returns:
        `method`, `data`, `task`, `inputs` in words, `objects`, `metrics`, `chance`, `groups` by class, the
        rows of the tables by title in `tables`, and the page in `report`.

    Raises:
        ConfigError: what was asked for is not there, such as vectors of class names.
    """
    subject = _subject(weights, options)
    config = _data(subject, options)
    split = _read(config, options.split, subject, options)
    others = splits_of(dataset_source(config)) if options.gallery == "all" else ()
    device = torch.device(choose_device(options.device))
    asked = Asked(
        device=device, views=options.views, inputs=options.inputs, mode=options.mode,
        beside=tuple(_read(config, name, subject, options) for name in others if name != options.split),
    )  # fmt: skip
    task = ZeroShot()
    measured = task.measure(subject.method.to(device), split, asked)
    said = task.inputs(split, asked)
    page = None
    if report is not None:
        page = _write(report, subject, config, split, measured, said=said, options=options)
    return {
        "method": subject.name,
        "data": config.name,
        "trained_on": None if subject.data is None else subject.data.name,
        "task": task.name,
        "inputs": said,
        "objects": len(split),
        "leaks": list(subject.leaks),
        "metrics": measured.metrics,
        "chance": dict(measured.chance),
        "groups": {name: dict(numbers) for name, numbers in measured.groups.items()},
        "tables": {
            table.title: [dict(zip(table.columns, row, strict=True)) for row in table.rows]
            for table in task.tables(measured)
        },
        "report": None if page is None else str(page),
    }


def _read(config: DataConfig, name: Split, subject: Subject, options: ZeroShotOptions) -> EmbeddedObjects:
    """One split with the vectors of its pictures, texts and class names."""
    dataset = create_dataset(config, name, root=options.data_root, cache=options.cache, seed=0)
    if isinstance(dataset, DescribedObjects):
        split = by_towers_of_training(dataset, subject, options, data=config.name)
    else:
        split = with_class_vectors(dataset, data=config.name, templates=options.templates)
    if subject.space is not None:
        split = as_stored(split, subject.space)
    return of_classes(split, options.classes) if options.classes else split


def by_towers_of_training(
    dataset: DescribedObjects, subject: Subject, options: ZeroShotOptions, *, data: str
) -> EmbeddedObjects:
    """Pictures, texts and class names through the towers that the method was trained beside.

    Raises:
        ConfigError: the weights name no text tower.
    """
    spec = subject.towers
    if spec is None or spec.text is None:
        raise ConfigError(
            f"{data} holds class names in words, and these weights name no text tower that they could go "
            f"through. Compute them with the tower of the training (`anaglyph features compute {data}`) and "
            f"pass --data features; or name a tower of the same space with --text-tower."
        )
    spec = replace(spec, templates=options.templates or spec.templates)
    return embedded_objects(
        dataset,
        subject.opened or open_towers(spec, root=options.data_root),
        spec,
        cache=options.cache,
        seed=0,
        device=choose_device(options.device),
    )


def with_class_vectors(dataset: Objects, *, data: str, templates: str) -> EmbeddedObjects:
    """The same split of stored vectors, one for every class name among them.

    Raises:
        ConfigError: it holds no vectors, or none of class names, or their templates shall be changed.
    """
    if not isinstance(dataset, EmbeddedObjects):
        raise ConfigError(
            f"{data} holds no vectors of class names, and zero-shot accuracy compares objects with "
            f"them. Pass --data with a set that brings them, or with one of described objects, such as "
            f"procedural_models."
        )
    if dataset.class_features is None:
        raise ConfigError(
            f"{data} has {len(dataset.class_names)} classes and no vectors of their names. Compute its "
            f"features with a text tower (`anaglyph features compute`), or pass --data with a set that "
            f"brings them."
        )
    if templates:
        raise ConfigError(
            f"{data} brings vectors of its class names, whose templates are fixed; leave --templates out, "
            f"or compute its features anew with these templates."
        )
    return dataset


def of_classes(split: EmbeddedObjects, names: Sequence[str]) -> EmbeddedObjects:
    """Only the objects of these classes, numbered anew in the order of `names`, which are all the choice.

    Raises:
        ConfigError: a class that the split does not know, or none of its objects is of these classes.
    """
    unknown = [name for name in names if name not in split.class_names]
    if unknown:
        raise ConfigError(unknown_name("class", unknown[0], list(split.class_names)))
    if len(set(names)) < max(2, len(names)):
        raise ConfigError(f"--classes needs at least two different names, got {', '.join(names)}.")
    places = [split.class_names.index(name) for name in names]
    rows = np.flatnonzero(np.isin(split.labels, places))
    if not len(rows):
        raise ConfigError(f"no object of this split is of the classes {', '.join(names)}; choose others.")
    renamed = {place: row for row, place in enumerate(places)}
    labels = np.array([renamed[int(label)] for label in split.labels[rows]], dtype=np.int64)
    vectors = None if split.class_features is None else split.class_features[places]
    return replace(split.subset(rows), labels=labels, class_names=tuple(names), class_features=vectors)


def _subject(weights: Path, options: ZeroShotOptions) -> Subject:
    """A run as it was saved, or a space where it is one or other towers are named."""
    if options.image_tower or options.text_tower or is_space(weights):
        return subject_of_space(
            weights,
            root=options.data_root,
            image_tower=options.image_tower,
            text_tower=options.text_tower,
        )
    return subject_of_run(load_method(weights))


def _data(subject: Subject, options: ZeroShotOptions) -> DataConfig:
    """The data set that is asked about; its own options hold only where it is that of the training."""
    trained = subject.data
    if trained is None and not options.data:
        raise ConfigError(
            f"these weights ({subject.name}) name no data set of their training; pass --data, such as "
            f"modelnet40_zero_shot or procedural_models (`anaglyph data` lists all)."
        )
    own = trained is not None and options.data in ("", trained.name)
    chosen: dict[str, Any] = dict(trained.options) if trained is not None and own else {}
    for assignment in options.assignments:
        chosen = override(chosen, assignment)
    name = options.data or (trained.name if trained is not None else "")
    return DataConfig(name=name, options=chosen)


def _write(
    folder: Path,
    subject: Subject,
    config: DataConfig,
    split: EmbeddedObjects,
    measured: Measured,
    *,
    said: str,
    options: ZeroShotOptions,
) -> Path:
    task, metrics = ZeroShot(), measured.metrics
    shown = {heading: metrics[key] for key, heading in task.shown.items() if key in metrics}
    return write_report(
        Report(
            title=f"Naming the objects of {config.name}",
            method=subject.name,
            preset=options.split,
            summary=f"{len(split)} objects. {said}.",
            headlines=dict(list(shown.items())[:4]),
            tables=task.tables(measured),
            heat_maps=measured.heat_maps,
            facts={
                "data": config.name,
                "trained on": "not stated" if subject.data is None else subject.data.name,
                "split": options.split,
                "measured with": said,
                **{f"option {name}": value for name, value in config.options.items()},
                **describe_environment(),
            },
        ),
        folder,
    )
