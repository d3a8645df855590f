"""The data sets by name, and the one way to make one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from anaglyph.config import merge, plain, structure
from anaglyph.data.paired import PairedObjects
from anaglyph.data.source import SPLITS, DataSource, Split, check_split
from anaglyph.errors import DataError
from anaglyph.registry import Catalog, Entry

DATASETS = Catalog(
    kind="dataset",
    entries={
        "digits3d": Entry(
            target="anaglyph.data.datasets.digits3d:Digits3D",
            summary="1,797 real 8 x 8 digits and their extruded shapes; always there",
            source="scikit-learn; UCI Optical Recognition of Handwritten Digits",
            tags=("pairs", "digits"),
        ),
        "mnist3d": Entry(
            target="anaglyph.data.datasets.mnist3d:Mnist3D",
            summary="MNIST digits and their extruded shapes, made here or from the Kaggle files",
            source="LeCun and Cortes; Kaggle daavoo/3d-mnist",
            tags=("pairs", "digits"),
        ),
        "modelnet": Entry(
            target="anaglyph.data.datasets.modelnet:ModelNet",
            summary="ModelNet10/40 clouds, paired with rendered views",
            source="Wu et al., 2015; Su et al., 2015 (views)",
            tags=("pairs", "objects"),
        ),
    },
)


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """A data set by its catalog name and options."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    """Fields of the data set's own dataclass; see `anaglyph data <name>`."""


def list_datasets(pattern: str = "*") -> list[str]:
    """Names of the data sets that match a shell-style pattern."""
    return DATASETS.names(pattern)


def dataset_source(config: DataConfig) -> DataSource:
    """The data set's filled-in options; ConfigError for an unknown name or option."""
    cls = DATASETS.load(config.name)
    # Laid over the defaults at every depth: naming one range of an augmentation leaves the others alone.
    options = merge(plain(cls()), config.options)
    source: DataSource = structure(cls, options, where=f"data.{config.name}")
    return source


def create_dataset(
    config: DataConfig, split: Split, *, root: Path, cache: Path | None = None, seed: int = 0
) -> PairedObjects:
    """Load one split of a data set.

    Args:
        config: name and options.
        split: train, validation or test.
        root: folder below which the data sets' own folders lie.
        cache: folder that keeps generated clouds and pictures; None makes them anew each time.
        seed: the run's seed of augmentation; objects, splits and stored points do not depend on it.

    Raises:
        ConfigError: an unknown name, option or split.
        DataError: files that are missing, damaged or do not belong together.
    """
    check_split(split)
    return dataset_source(config).load(split, root=root, cache=cache, seed=seed)


def describe(config: DataConfig, *, root: Path, cache: Path | None = None) -> dict[str, Any]:
    """What a data set is and holds, as plain data for `anaglyph data`; missing files are said, not raised."""
    source = dataset_source(config)
    about: dict[str, Any] = {
        "name": config.name,
        "title": source.title,
        "licence": source.licence,
        "obtain": source.obtain,
        "root": str(root),
        "available": True,
        "splits": {},
    }
    for split in SPLITS:
        try:
            about["splits"][split] = _described(source.load(split, root=root, cache=cache, seed=0))
        except DataError as error:
            about["available"] = False
            about["missing"] = str(error)
            break
    return about


def _described(dataset: PairedObjects) -> Mapping[str, Any]:
    counts = np.bincount(dataset.labels, minlength=len(dataset.class_names))
    first = dataset.batch([0], epoch=0)
    about: dict[str, Any] = {
        "objects": len(dataset),
        "classes": dict(zip(dataset.class_names, counts.tolist(), strict=True)),
    }
    if dataset.images is not None and first.images is not None:
        about["images"] = {
            "stored": list(dataset.images.shape[1:]),
            "per_access": list(first.images.shape[1:]),
            "range": [int(dataset.images.min()), int(dataset.images.max())],
        }
    if dataset.points is not None and first.points is not None:
        flat = dataset.points.reshape(-1, 3)
        about["points"] = {
            "stored": list(dataset.points.shape[1:]),
            "per_access": list(first.points.shape[1:]),
            "low": [round(float(value), 4) for value in flat.min(axis=0)],
            "high": [round(float(value), 4) for value in flat.max(axis=0)],
        }
    return about
