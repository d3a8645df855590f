"""A frozen point encoder measured by a linear machine: on a whole data set, or over few-shot episodes."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from anaglyph.data.catalog import DataConfig, create_dataset
from anaglyph.data.episodes import episode_splits
from anaglyph.data.labelled_clouds import Episode, LabelledClouds, LabelledSpec
from anaglyph.data.source import SPLITS, Split
from anaglyph.engine.devices import choose_device
from anaglyph.engine.encoder_of import FoundEncoder, open_point_encoder
from anaglyph.engine.finetuning import PUBLISHED_FOLDS
from anaglyph.engine.point_features import features_of
from anaglyph.engine.splits import as_labelled
from anaglyph.engine.tasks.classification import numbers
from anaglyph.evaluation.linear_svm import COSTS, linear_svm

FEW_SHOT_COST = (0.1,)
"""C of the machine of an episode, whose few objects leave nothing to choose it on."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What to measure."""

    encoder: FoundEncoder
    data: DataConfig
    split: Split = "test"
    points: int = 1024
    """Points of each cloud; all where fewer are stored."""
    episode: Episode | None = None
    folds: int = 10
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"


def probe(asked: Probe, *, data_root: Path, cache: Path | None) -> dict[str, Any]:
    """Accuracy of a linear machine on frozen features, with C and how it was found; or over episodes."""
    device = torch.device(choose_device(asked.device))
    encoder = open_point_encoder(asked.encoder, seed=asked.seed)
    if asked.episode is not None and asked.data.name == PUBLISHED_FOLDS:
        return _published(asked, asked.episode, encoder, device, data_root=data_root, cache=cache)
    train, validation, test = (_clouds(asked, split, data_root=data_root, cache=cache) for split in SPLITS)
    measured = {"train": train, "validation": validation, "test": test}[asked.split]
    about: dict[str, Any] = {
        "encoder": asked.encoder.title,
        "data": asked.data.name,
        "split": asked.split,
        "inputs": f"{train.shown} points of a shape, frozen features",
    }
    if asked.episode is not None:
        return about | _episodes(asked, encoder, (train, validation, test), device)
    found = linear_svm(
        features_of(encoder, train, device=device),
        train.labels,
        features_of(encoder, measured, device=device),
        measured.labels,
        classes=len(train.class_names),
        costs=COSTS,
        seed=asked.seed,
    )
    return about | {
        "metrics": numbers(found.scores) | {"C": found.cost},
        "cross_validation": found.tried,
        "converged": found.converged,
    }


def _published(
    asked: Probe,
    episode: Episode,
    encoder: nn.Module,
    device: torch.device,
    *,
    data_root: Path,
    cache: Path | None,
) -> dict[str, Any]:
    """The folds of the data set, each with its own classes."""
    accuracies = []
    for fold in range(asked.folds):
        own = {"way": episode.way, "shot": episode.shot, "fold": fold}
        one = replace(asked, data=DataConfig(name=asked.data.name, options={**asked.data.options, **own}))
        train, test = (_clouds(one, split, data_root=data_root, cache=cache) for split in ("train", "test"))
        vectors = [features_of(encoder, clouds, device=device) for clouds in (train, test)]
        found = linear_svm(
            vectors[0], train.labels, vectors[1], test.labels,
            classes=episode.way, costs=FEW_SHOT_COST, seed=asked.seed,
        )  # fmt: skip
        accuracies.append(found.scores.top[1])
    about = {"encoder": asked.encoder.title, "data": asked.data.name, "split": "test"}
    return about | {"episode": f"{episode.way}way{episode.shot}shot", **spread_over_folds(accuracies)}


def _clouds(asked: Probe, split: Split, *, data_root: Path, cache: Path | None) -> LabelledClouds:
    objects = create_dataset(asked.data, split, root=data_root, cache=cache, seed=asked.seed)
    clouds = as_labelled(objects, LabelledSpec(), data=asked.data.name, training=False)
    points = min(asked.points, clouds.points.shape[1])
    return replace(clouds, spec=LabelledSpec(points=points))


def _episodes(
    asked: Probe, encoder: nn.Module, splits: tuple[LabelledClouds, ...], device: torch.device
) -> dict[str, Any]:
    """Every object goes through the encoder at most once."""
    assert asked.episode is not None
    folds = [episode_splits(splits, replace(asked.episode, fold=fold)) for fold in range(asked.folds)]
    vectors: dict[str, np.ndarray[Any, np.dtype[np.float32]]] = {}
    for place in (0, 2):
        used = {key for fold in folds for key in fold[place].keys}
        whole = splits[place]
        needed = whole.subset([row for row, key in enumerate(whole.keys) if key in used])
        vectors |= dict(zip(needed.keys, features_of(encoder, needed, device=device), strict=True))
    accuracies = []
    for train, _, test in folds:
        found = linear_svm(
            np.stack([vectors[key] for key in train.keys]),
            train.labels,
            np.stack([vectors[key] for key in test.keys]),
            test.labels,
            classes=len(train.class_names),
            costs=FEW_SHOT_COST,
            seed=asked.seed,
        )
        accuracies.append(found.scores.top[1])
    return {"episode": f"{asked.episode.way}way{asked.episode.shot}shot", **spread_over_folds(accuracies)}


def spread_over_folds(accuracies: list[float]) -> dict[str, Any]:
    """Mean and sample standard deviation over folds, and each fold."""
    spread = statistics.stdev(accuracies) if len(accuracies) > 1 else 0.0
    return {
        "metrics": {
            "accuracy": statistics.fmean(accuracies),
            "accuracy_spread": spread,
            "folds": float(len(accuracies)),
        },
        "fold_accuracies": accuracies,
    }
