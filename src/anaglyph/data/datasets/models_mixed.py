"""models_mixed: generated objects and real ones (`procedural_models`, `cc0_models`) as one data set.

Keys begin with the part's name; classes are joined by their words, and the few pairs of words that mean the
same object are one class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from anaglyph.data.datasets.cc0_models import Cc0Models
from anaglyph.data.datasets.described_options import DescribedOptions, handed_out
from anaglyph.data.datasets.procedural_models import ProceduralModels, class_word
from anaglyph.data.datasets.stored_rows import Rows, stored_rows
from anaglyph.data.described import DescribedObjects
from anaglyph.data.procedural.objects import list_categories
from anaglyph.data.source import Split, check_split
from anaglyph.errors import ConfigError, unknown_name

SAME = {
    "airplane": "aeroplane",
    "cooking pot": "pan",
    "night stand": "nightstand",
    "street light": "street lamp",
}
"""Class words of real objects that are another word for a generated category."""


@dataclass(frozen=True, kw_only=True)
class ModelsMixed(DescribedOptions):
    """Both data sets, with the same views, clouds and augmentation."""

    title: ClassVar[str] = "generated and real objects with coloured views, clouds, names and captions"
    licence: ClassVar[str] = f"{Cc0Models.licence}; generated objects have no licence"
    obtain: ClassVar[str] = Cc0Models.obtain

    train: int = ProceduralModels.train
    """Generated objects of the training split."""
    validation: int = ProceduralModels.validation
    """Generated objects of the validation split."""
    test: int = ProceduralModels.test
    """Generated objects of the test split."""
    collection: int = ProceduralModels.collection
    """Another number gives other generated objects."""
    photo_thumbnails: bool = ProceduralModels.photo_thumbnails
    """A photo-like picture of each generated object as its thumbnail."""
    folder: str = Cc0Models.folder
    """Where the real objects' manifest.csv lies, relative to the data root."""
    fold: Literal[0, 1, 2, 3, 4] = 0
    """Which fifth of the real designs is in the test split."""
    validation_fraction: float = Cc0Models.validation_fraction
    """Part of the other real designs that is held out for validation."""
    max_bad: int = Cc0Models.max_bad
    """Real models, and pictures, that may be unusable."""
    held_out_classes: tuple[str, ...] = ()
    """Class names whose objects, generated and real, only the test split has."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._generated(held_out=())  # its options are checked there

    def load(self, split: Split, *, root: Path, cache: Path | None, seed: int) -> DescribedObjects:
        """Make and read one split."""
        check_split(split)
        held_out = set(self.held_out_classes)
        unnamed = tuple(name for name in list_categories() if class_word(name) in held_out)
        real = Cc0Models(
            folder=self.folder, fold=self.fold, validation_fraction=self.validation_fraction,
            max_bad=self.max_bad, **self._common(),
        ).load(split, root=root, cache=cache, seed=seed)  # fmt: skip
        generated = self._generated(held_out=unnamed).load(split, root=root, cache=cache, seed=seed)
        names = sorted({*generated.class_names, *map(joined_word, real.class_names)})
        for name in held_out:
            if name not in names:
                raise ConfigError(unknown_name("class", name, names))
        if split != "test":
            real = _without(real, held_out)
        return self._joined({"procedural": generated, "cc0": real}, tuple(names), cache=cache, seed=seed)

    def _common(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(DescribedOptions)}

    def _generated(self, *, held_out: tuple[str, ...]) -> ProceduralModels:
        return ProceduralModels(
            train=self.train, validation=self.validation, test=self.test, collection=self.collection,
            photo_thumbnails=self.photo_thumbnails, held_out_categories=held_out, **self._common(),
        )  # fmt: skip

    def _joined(
        self,
        parts: Mapping[str, DescribedObjects],
        names: tuple[str, ...],
        *,
        cache: Path | None,
        seed: int,
    ) -> DescribedObjects:
        pictures, points = _stacked(parts, cache)
        place = {name: label for label, name in enumerate(names)}
        words = [part.class_names[label] for part in parts.values() for label in part.labels]
        return DescribedObjects(
            keys=tuple(f"{name}/{key}" for name, part in parts.items() for key in part.keys),
            class_names=names,
            labels=np.array([place[joined_word(word)] for word in words], dtype=np.int64),
            points=points,
            pictures=pictures,
            thumbnails=tuple(picture for part in parts.values() for picture in part.thumbnails),
            texts=tuple(texts for part in parts.values() for texts in part.texts),
            **handed_out(self, seed=seed),
        )


def joined_word(word: str) -> str:
    """The class that a class word of either part belongs to."""
    return SAME.get(word, word)


def _without(part: DescribedObjects, held_out: set[str]) -> DescribedObjects:
    if not held_out:
        return part
    kept = [joined_word(part.class_names[label]) not in held_out for label in part.labels]
    return part.subset(np.flatnonzero(kept))


def _stacked(parts: Mapping[str, DescribedObjects], cache: Path | None) -> tuple[Any, Any]:
    """Pictures and clouds of all parts, one below the other, without holding them in memory."""
    total = sum(map(len, parts.values()))
    arrays = {
        name: [array for part in parts.values() if (array := getattr(part, name)) is not None]
        for name in ("pictures", "points")
    }
    layout = {name: ((total, *each[0].shape[1:]), str(each[0].dtype)) for name, each in arrays.items()}

    def fill(rows: Mapping[str, Rows]) -> None:
        for name, each in arrays.items():
            for place, row in enumerate(row for array in each for row in array):
                rows[name][place] = row

    depends_on = {"parts": {name: part.fingerprint() for name, part in parts.items()}}
    stored = stored_rows(cache, "models_mixed", depends_on, layout, fill)
    return stored["pictures"], stored["points"]
