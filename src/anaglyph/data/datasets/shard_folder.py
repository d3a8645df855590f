"""shards: a folder of tar shards, one's own or from elsewhere.

    train-00000.tar ...    records (`data.shards.layout`); likewise test-*.tar, and validation-*.tar if any
    classes.safetensors    names and vectors of the classes (`data.shards.class_vectors`), for zero-shot tests

A record's class is the "label" of its json member; without one it is "object".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from anaglyph.data.embedded import EmbeddedObjects
from anaglyph.data.shards.class_vectors import read_class_vectors
from anaglyph.data.shards.records import ShardRecords, shards_in
from anaglyph.data.source import Split, check_split, folder_in
from anaglyph.data.splits import validation_mask
from anaglyph.data.transforms.clouds import CloudPipeline
from anaglyph.data.transforms.texts import TextChoice
from anaglyph.data.transforms.views import ViewChoice
from anaglyph.errors import ConfigError, DataError

CLASSES = "classes.safetensors"
UNLABELLED = "object"


@dataclass(frozen=True, kw_only=True)
class ShardFolder:
    """Clouds with vectors of pictures and texts; axes and scale are those of whoever made the shards."""

    title: ClassVar[str] = "a folder of tar shards with clouds and vectors of pictures and texts"
    licence: ClassVar[str] = "that of the shards"
    obtain: ClassVar[str] = (
        "Put train-*.tar and test-*.tar there, made with anaglyph.data.shards or in the manner of WebDataset."
    )

    folder: str = "shards"
    """Where the shards lie, relative to the data root."""
    validation_fraction: float = 0.1
    """Part of the training shards that is held out where there are no validation-*.tar."""
    max_bad: int = 0
    """Records of a split that may be damaged or lost; each is named and left out."""
    verify: bool = True
    """Read shards once as a whole before they are used the first time, and again when they have changed."""
    clouds: CloudPipeline = field(default_factory=CloudPipeline)
    texts: TextChoice = field(default_factory=TextChoice)
    views: ViewChoice = field(default_factory=ViewChoice)

    def __post_init__(self) -> None:
        if self.max_bad < 0:
            raise ConfigError(f"max_bad={self.max_bad} must be >= 0.")

    def load(self, split: Split, *, root: Path, cache: Path | None, seed: int) -> EmbeddedObjects:
        """Read one split; nothing is cached, shards are read where they lie."""
        check_split(split)
        folder = folder_in(root, self.folder, obtain=self.obtain)
        carved = split == "validation" and not any(folder.glob("validation-*.tar"))
        name = "train" if carved else split
        records = ShardRecords(
            shards_in(folder, name=f"{name}-*", obtain=self.obtain), max_bad=self.max_bad, verify=self.verify
        )
        rows = None
        if name == "train" and not any(folder.glob("validation-*.tar")):
            held_out = validation_mask(records.keys, fraction=self.validation_fraction, seed=0)
            rows = np.flatnonzero(held_out if carved else ~held_out)
        places = range(len(records)) if rows is None else rows.tolist()
        labels = [str(records.about(row).get("label", UNLABELLED)) for row in places]
        names, vectors = tuple(sorted(set(labels))), None
        if (folder / CLASSES).is_file():
            names, vectors = read_class_vectors(folder / CLASSES)
        numbers = {label: number for number, label in enumerate(names)}
        unknown = sorted(set(labels) - set(names))
        if unknown:
            raise DataError(
                f"'{folder / CLASSES}' has no vector of the class '{unknown[0]}' ({len(unknown)} in all); "
                f"add it, or remove the file to do without zero-shot tests."
            )
        return EmbeddedObjects(
            records=records,
            class_names=names,
            labels=np.array([numbers[label] for label in labels], dtype=np.int64),
            class_features=vectors,
            rows=rows,
            clouds=self.clouds,
            texts=self.texts,
            views=self.views,
            seed=seed,
        )
