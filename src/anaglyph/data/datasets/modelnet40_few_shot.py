"""modelnet40_few_shot: the published folds of few labelled ModelNet40 clouds (dossier ACT, 3.5).

A fold has way x shot training clouds and 20 test clouds of each of its classes, and nothing to validate with:
its validation split is its training clouds again, under other names, without augmentation.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.class_lists import class_list
from anaglyph.data.datasets.completeness import Completeness
from anaglyph.data.datasets.modelnet_clouds import Clouds, stored
from anaglyph.data.paired import PairedObjects
from anaglyph.data.source import Split, check_split, folder_in
from anaglyph.data.transforms.points import PointAugmentation
from anaglyph.errors import ConfigError, DataError
from anaglyph.io.arrays import check_npz

STILL = PointAugmentation()
WAYS, SHOTS, FOLDS = (5, 10), (10, 20), 10


@dataclass(frozen=True, kw_only=True)
class ModelNet40FewShot:
    """One fold: its own classes, in the order of ModelNet40's names."""

    title: ClassVar[str] = "Few-shot folds of ModelNet40 clouds"
    licence: ClassVar[str] = "ModelNet (Princeton): models belong to their authors; academic research only"
    obtain: ClassVar[str] = (
        "Put Point-BERT's folder ModelNetFewshot below the data root as 'modelnet40_few_shot', with folders "
        "such as 5way10shot or 5way_10shot, and run: anaglyph data prepare modelnet40_few_shot"
    )

    folder: str = "modelnet40_few_shot"
    """Where the folders of folds lie, relative to the data root."""
    way: int = 5
    """Classes of the fold."""
    shot: int = 10
    """Labelled clouds of each."""
    fold: int = 0
    """Its number, 0 to 9."""
    stored_points: int = 8192
    """Points kept of each cloud."""
    point_augmentation: PointAugmentation = STILL
    """Not read by classifiers, whose clouds the recipe's labelled_clouds changes."""

    def __post_init__(self) -> None:
        if self.way not in WAYS or self.shot not in SHOTS or not 0 <= self.fold < FOLDS:
            raise ConfigError(
                f"way={self.way}, shot={self.shot}, fold={self.fold}; published are 5 and 10 ways, 10 and 20 "
                f"shots, folds 0 to {FOLDS - 1}."
            )

    def load(self, split: Split, *, root: Path, cache: Path | None, seed: int) -> PairedObjects:
        """Read one split of the fold."""
        check_split(split)
        folder = folder_in(root, self.folder, obtain=self.obtain)
        arrays = self._read(self._file(folder))
        names = class_list("modelnet40").official
        labels = arrays["test_label" if split == "test" else "train_label"]
        points = arrays["test_points" if split == "test" else "train_points"]
        classes = sorted({int(label) for label in arrays["train_label"]})
        if set(labels.tolist()) - set(classes) or max(classes) >= len(names) or min(classes) < 0:
            raise DataError(
                f"the fold '{self._file(folder)}' asks about classes that it does not teach. {self.obtain}"
            )
        keys = tuple(
            f"{self.way}way{self.shot}shot-{self.fold}/{split}-{row:03d}" for row in range(len(labels))
        )
        clouds = Clouds(keys, tuple(names[label] for label in labels), list(points))
        return PairedObjects(
            keys=keys,
            class_names=tuple(names[label] for label in classes),
            labels=np.searchsorted(classes, labels).astype(np.int64),
            points=stored(clouds, count=min(self.stored_points, points.shape[1]), frame="unit_sphere"),
            point_augmentation=self.point_augmentation,
            seed=seed,
        )

    def examine(self, root: Path) -> Completeness:
        """How many of the 40 folds are there and converted."""
        complete = Completeness(self.title, self.obtain)
        folder = folder_in(root, self.folder, obtain=self.obtain)
        there = [path for path in folder.glob("*way*shot/*.npz") if path.is_file()]
        complete.expect("folds", len(there), len(WAYS) * len(SHOTS) * FOLDS)
        return complete

    def _file(self, folder: Path) -> Path:
        for name in (f"{self.way}way{self.shot}shot", f"{self.way}way_{self.shot}shot"):
            path = folder / name / f"{self.fold}.npz"
            if path.is_file():
                return path
        raise DataError(f"there is no fold '{folder / name / str(self.fold)}.npz'. {self.obtain}")

    def _read(self, path: Path) -> dict[str, NDArray[Any]]:
        names = ("train_points", "train_label", "test_points", "test_label")
        try:
            with path.open("rb") as file:
                check_npz(file)
                with np.load(file, allow_pickle=False) as arrays:
                    return {name: arrays[name] for name in names}
        except (OSError, KeyError, ValueError, zipfile.BadZipFile, EOFError) as error:
            raise DataError(f"'{path}' is no readable fold: {error}. {self.obtain}") from error
