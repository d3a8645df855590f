"""The data sets by name, and the one way to make one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from anaglyph.config import merge, plain, structure
from anaglyph.data.described import DescribedObjects
from anaglyph.data.embedded import EmbeddedObjects
from anaglyph.data.objects import Objects
from anaglyph.data.shape_queries import ShapeQueries
from anaglyph.data.source import DataSource, Split, check_split, splits_of
from anaglyph.errors import DataError
from anaglyph.registry import Catalog, Entry

DATASETS = Catalog(
    kind="dataset",
    entries={
        "cc0_objects": Entry(
            target="anaglyph.data.datasets.cc0_objects:Cc0Objects",
            summary="real low-poly models and their makers' own pictures; split by object",
            source="Kenney, Quaternius (CC0)",
            tags=("queries", "objects"),
        ),
        "compcars3d": Entry(
            target="anaglyph.data.datasets.compcars3d:CompCars3D",
            summary="CompCars photographs with their ShapeNet cars",
            source="Yang et al., 2015; Wang et al., 2018",
            tags=("queries", "objects"),
        ),
        "future3d": Entry(
            target="anaglyph.data.datasets.future3d:Future3D",
            summary="3D-FUTURE furniture and rendered scenes that show it",
            source="Fu et al., 2021",
            tags=("queries", "objects"),
        ),
        "pix3d": Entry(
            target="anaglyph.data.datasets.pix3d:Pix3D",
            summary="photographs of furniture with their exact models; IBSR, S1 and S2 splits",
            source="Sun et al., 2018",
            tags=("queries", "objects"),
        ),
        "modelnet40_zero_shot": Entry(
            target="anaglyph.data.datasets.zero_shot_clouds:ModelNet40ZeroShot",
            summary="ModelNet40's 2,468 test objects with class vectors, for zero-shot classification",
            source="Wu et al., 2015; Liu et al., 2023 (OpenShape)",
            tags=("embedded", "zero_shot", "objects"),
        ),
        "openshape": Entry(
            target="anaglyph.data.datasets.openshape:OpenShape",
            summary="876k shapes with vectors of their pictures and texts; test is Objaverse-LVIS",
            source="Liu et al., 2023",
            tags=("embedded", "objects"),
        ),
        "scanobjectnn_zero_shot": Entry(
            target="anaglyph.data.datasets.zero_shot_clouds:ScanObjectNNZeroShot",
            summary="ScanObjectNN's 581 test scans with class vectors, for zero-shot classification",
            source="Uy et al., 2019; Liu et al., 2023 (OpenShape)",
            tags=("embedded", "zero_shot", "objects"),
        ),
        "shards": Entry(
            target="anaglyph.data.datasets.shard_folder:ShardFolder",
            summary="a folder of tar shards with clouds and vectors of pictures and texts",
            source="this project; WebDataset",
            tags=("embedded", "objects"),
        ),
        "procedural": Entry(
            target="anaglyph.data.datasets.procedural:Procedural",
            summary="generated real-world-like objects and photo-like pictures of them; always there",
            source="this project",
            tags=("queries", "objects"),
        ),
        "stanford_cars3d": Entry(
            target="anaglyph.data.datasets.stanford_cars3d:StanfordCars3D",
            summary="Stanford Cars photographs with their ShapeNet cars",
            source="Krause et al., 2013; Wang et al., 2018",
            tags=("queries", "objects"),
        ),
        "captioned_folder": Entry(
            target="anaglyph.data.datasets.captioned_folder:CaptionedFolder",
            summary="your own 3D models and a table of captions; views and clouds are made here",
            source="you",
            tags=("described", "objects"),
        ),
        "model_folder": Entry(
            target="anaglyph.data.datasets.model_folder:ModelFolder",
            summary="your own 3D models without labels; views and clouds are made here",
            source="you",
            tags=("described", "objects"),
        ),
        "cc0_models": Entry(
            target="anaglyph.data.datasets.cc0_models:Cc0Models",
            summary="real low-poly models with coloured views, clouds, names and their makers' pictures",
            source="Kenney, Quaternius (CC0)",
            tags=("described", "objects"),
        ),
        "features": Entry(
            target="anaglyph.data.datasets.features:Features",
            summary="clouds and stored vectors of their pictures and texts, by `anaglyph features compute`",
            source="you",
            tags=("embedded", "objects"),
        ),
        "modelnet40_clouds": Entry(
            target="anaglyph.data.datasets.modelnet40_clouds:ModelNet40Clouds",
            summary="ModelNet40 clouds and class names, where asked with pictures drawn of the clouds",
            source="Wu et al., 2015",
            tags=("described", "named", "objects"),
        ),
        "modelnet40_few_shot": Entry(
            target="anaglyph.data.datasets.modelnet40_few_shot:ModelNet40FewShot",
            summary="the published few-shot folds of ModelNet40 clouds",
            source="Wu et al., 2015; Yu et al., 2022 (folds)",
            tags=("classified", "objects"),
        ),
        "co3d": Entry(
            target="anaglyph.data.datasets.framed_objects:Co3D",
            summary="scans of 42 kinds of common objects with frames of their videos, and class names",
            source="Reizenstein et al., 2021",
            tags=("described", "named", "objects"),
        ),
        "modelnet10_pairs": Entry(
            target="anaglyph.data.datasets.modelnet10_pairs:ModelNet10Pairs",
            summary="ModelNet10 clouds with rendered views and class names, for learning from names alone",
            source="Wu et al., 2015; Su et al., 2015 (views)",
            tags=("described", "named", "objects"),
        ),
        "redwood": Entry(
            target="anaglyph.data.datasets.framed_objects:Redwood",
            summary="scans of nine kinds of objects with frames of their videos, and class names",
            source="Choi et al., 2016",
            tags=("described", "named", "objects"),
        ),
        "scanobjectnn": Entry(
            target="anaglyph.data.datasets.scanobjectnn:ScanObjectNN",
            summary="scans of 15 kinds of objects, three variants, with pictures drawn of their clouds",
            source="Uy et al., 2019",
            tags=("described", "named", "objects"),
        ),
        "shapenet55": Entry(
            target="anaglyph.data.datasets.shapenet55:ShapeNet55",
            summary="ShapeNet-55 clouds with renderings and synonyms, ULIP's training data",
            source="Chang et al., 2015; Xue et al., 2023",
            tags=("described", "objects"),
        ),
        "models_mixed": Entry(
            target="anaglyph.data.datasets.models_mixed:ModelsMixed",
            summary="procedural_models and cc0_models together",
            source="this project; Kenney, Quaternius (CC0)",
            tags=("described", "objects"),
        ),
        "procedural_models": Entry(
            target="anaglyph.data.datasets.procedural_models:ProceduralModels",
            summary="generated objects with coloured views, clouds, words and captions; always there",
            source="this project",
            tags=("described", "objects"),
        ),
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
) -> Objects:
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
    for split in splits_of(source):
        try:
            about["splits"][split] = _described(source.load(split, root=root, cache=cache, seed=0))
        except DataError as error:
            about["available"] = False
            about["missing"] = str(error)
            break
    return about


def _described(dataset: Objects) -> Mapping[str, Any]:
    counts = np.bincount(dataset.labels, minlength=len(dataset.class_names))
    first = dataset.batch([0], epoch=0)
    about: dict[str, Any] = {
        "objects": len(dataset),
        "classes": dict(zip(dataset.class_names, counts.tolist(), strict=True)),
    }
    if isinstance(dataset, ShapeQueries):
        about["shapes"] = len(dataset.repository)
    if isinstance(dataset, EmbeddedObjects):
        for name in sorted(dataset.fields - {"labels"}):
            about[name] = {"per_access": list(first.require(name).shape[1:])}
        return about
    if isinstance(dataset, DescribedObjects):
        about["texts"] = {
            "stored": sum(map(len, dataset.texts)),
            "objects_without": sum(not texts for texts in dataset.texts),
        }
        about["thumbnails"] = sum(picture is not None for picture in dataset.thumbnails)
    for name, array in _stored(dataset).items():
        given = getattr(first, name)
        if array is None or given is None:
            continue
        about[name] = {"stored": list(array.shape[1:]), "per_access": list(given.shape[1:])}
        if name == "images":
            about[name]["range"] = [int(array.min()), int(array.max())]
        else:
            flat = array[..., :3].reshape(-1, 3)
            about[name]["low"] = [round(float(value), 4) for value in flat.min(axis=0)]
            about[name]["high"] = [round(float(value), 4) for value in flat.max(axis=0)]
    return about


def _stored(dataset: Objects) -> dict[str, Any]:
    """Arrays of pictures and clouds by the field of `Batch` that they fill."""
    if isinstance(dataset, DescribedObjects):
        return {"images": dataset.pictures, "points": dataset.points}
    return {name: getattr(dataset, name, None) for name in ("images", "points")}
