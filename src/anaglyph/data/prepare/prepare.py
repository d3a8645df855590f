"""`anaglyph data prepare NAME`: convert what has to be converted once, and say what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from anaglyph.data.catalog import DataConfig, dataset_source
from anaglyph.data.datasets.cars3d import Cars3D
from anaglyph.data.datasets.completeness import Completeness
from anaglyph.data.datasets.modelnet40_clouds import ModelNet40Clouds
from anaglyph.data.datasets.modelnet40_few_shot import ModelNet40FewShot
from anaglyph.data.datasets.openshape import OpenShape
from anaglyph.data.datasets.zero_shot_clouds import ZeroShotClouds
from anaglyph.data.prepare.car_annotations import convert_annotations
from anaglyph.data.prepare.few_shot import convert_few_shot
from anaglyph.data.prepare.modelnet40_files import convert_modelnet40
from anaglyph.data.prepare.openshape import Share, convert_openshape
from anaglyph.data.prepare.zero_shot_clouds import convert_zero_shot
from anaglyph.data.source import folder_in, splits_of
from anaglyph.errors import ConfigError


@runtime_checkable
class Examined(Protocol):
    """A data set that can say what is there of its files."""

    def examine(self, root: Path) -> Completeness:
        """What was found below `root`, and what is missing."""
        ...


@dataclass(frozen=True)
class Prepared:
    """What was done and found."""

    name: str
    written: tuple[Path, ...]
    """Files that were made."""
    found: tuple[str, ...]
    """What is there, in sentences."""
    missing: tuple[str, ...]
    """What is not, in sentences with the first names; empty when the data set is complete."""
    obtain: str
    """Where the missing files come from."""
    queries: Mapping[str, int]
    """Queries of each split, where views and crops were made."""


def prepare(
    name: str,
    *,
    root: Path,
    cache: Path | None = None,
    options: Mapping[str, Any] | None = None,
    share: Share | None = None,
) -> Prepared:
    """Convert annotations where the data set has any to convert, and compare its files with the published
    numbers.

    Args:
        name: of the data set in the catalog.
        root: folder of data sets.
        cache: where to render all views and cut out all queries now; None leaves that to the first use.
        options: of the data set.
        share: convert only this share of the records, where a data set has many.

    Raises:
        ConfigError: unknown, or a data set that is read as it is.
        DataError: the folder or the annotations are missing or damaged.
    """
    source = dataset_source(DataConfig(name=name, options=dict(options or {})))
    if share is not None and not isinstance(source, OpenShape):
        raise ConfigError(f"'{name}' is prepared as a whole; leave out the shard.")
    if not isinstance(source, Examined):
        raise ConfigError(f"'{name}' needs no preparation; 'anaglyph data {name}' says what is there of it.")
    written: tuple[Path, ...] = ()
    if isinstance(source, Cars3D):
        folder = folder_in(root, source.folder, obtain=source.obtain)
        written = (convert_annotations(source, folder),)
    elif isinstance(source, OpenShape):
        folder = folder_in(root, source.folder, obtain=source.obtain)
        written = convert_openshape(source, folder, share or Share())
    elif isinstance(source, ModelNet40FewShot):
        written = convert_few_shot(source, folder_in(root, source.folder, obtain=source.obtain))
    elif isinstance(source, ModelNet40Clouds):
        folder = folder_in(root, source.folder, obtain=source.obtain)
        written = convert_modelnet40(folder, obtain=source.obtain)
    elif isinstance(source, ZeroShotClouds):
        written = convert_zero_shot(source, folder_in(root, source.folder, obtain=source.obtain))
    complete = source.examine(root)
    queries: dict[str, int] = {}
    if cache is not None:
        for split in splits_of(source):
            queries[split] = len(source.load(split, root=root, cache=cache, seed=0))
    return Prepared(name, written, tuple(complete.found), tuple(complete.problems), source.obtain, queries)
