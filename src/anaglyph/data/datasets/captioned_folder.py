"""captioned_folder: your own 3D models with a table of captions; views are rendered and clouds sampled here.

See `caption_table` for the table. Texts are the captions alone; categories are for evaluation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from anaglyph.data.datasets.caption_table import CaptionedModel, read_captions
from anaglyph.data.datasets.described_models import described_models
from anaglyph.data.datasets.described_options import DescribedOptions, handed_out
from anaglyph.data.datasets.model_contents import contents_of
from anaglyph.data.datasets.rendered_shapes import ShapeFile
from anaglyph.data.described import DescribedObjects
from anaglyph.data.records import TextSource
from anaglyph.data.source import Split, check_split, folder_in
from anaglyph.data.splits import validation_mask
from anaglyph.errors import ConfigError, DataError
from anaglyph.geometry.load import UpOption

WITHOUT_CATEGORY = "model"
"""The one class of a table without categories."""


@dataclass(frozen=True, kw_only=True)
class CaptionedFolder(DescribedOptions):
    """A folder of models and its captions.csv."""

    title: ClassVar[str] = "your own 3D models and captions"
    licence: ClassVar[str] = "that of your models and texts"
    obtain: ClassVar[str] = (
        "Put 3D models (obj, ply, stl, off, gltf, glb, 3mf, dae, fbx) into the folder, at any depth, and a "
        "table captions.csv with the columns file and caption, and, if you like, category and split."
    )

    folder: str = "captioned_models"
    """Where the table lies and its files begin, relative to the data root."""
    table: str = "captions.csv"
    """The table, relative to the folder."""
    up: UpOption = "auto"
    """Which axis is up in the files; auto takes the file's word or its format's convention."""
    validation_fraction: float = 0.1
    """Part of the models without a split that is held out for validation, by a hash of their keys."""
    test_fraction: float = 0.1
    """Part of them that is the test split."""
    max_bad: int = 0
    """Models of a split that may be unusable; they are named in the log and left out."""
    processes: int = 1
    """Models read at a time."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.validation_fraction, self.test_fraction) <= 0.0 or (
            self.validation_fraction + self.test_fraction >= 1.0
        ):
            raise ConfigError(
                f"validation_fraction={self.validation_fraction} and test_fraction={self.test_fraction} must "
                f"be above 0 and leave something for training."
            )

    def load(self, split: Split, *, root: Path, cache: Path | None, seed: int) -> DescribedObjects:
        """Read one split."""
        check_split(split)
        folder = folder_in(root, self.folder, obtain=self.obtain)
        models = read_captions(folder / self.table, folder, obtain=self.obtain)
        names = tuple(sorted({model.category or WITHOUT_CATEGORY for model in models}))
        splits = self._splits(models, folder, cache)
        chosen = [model for model, own in zip(models, splits, strict=True) if own == split]
        if not chosen:
            raise DataError(
                f"'{folder / self.table}' has no model for the {split} split among its {len(models)}; add "
                f"models, or write the column split."
            )
        made = described_models(
            [
                ShapeFile(key=model.key, category=model.category or WITHOUT_CATEGORY, path=model.path)
                for model in chosen
            ],
            root=folder,
            cache=cache,
            name=f"captioned_folder-{split}",
            options=self,
            up=self.up,
            max_bad=self.max_bad,
            processes=self.processes,
        )
        kept = [chosen[row] for row in made.kept]
        return DescribedObjects(
            keys=tuple(model.key for model in kept),
            class_names=names,
            labels=np.array(
                [names.index(model.category or WITHOUT_CATEGORY) for model in kept], dtype=np.int64
            ),
            points=made.points,
            pictures=made.pictures,
            thumbnails=(None,) * len(kept),
            texts=tuple(tuple((TextSource.CAPTION, text) for text in model.captions) for model in kept),
            **handed_out(self, seed=seed),
        )

    def _splits(self, models: Sequence[CaptionedModel], folder: Path, cache: Path | None) -> list[Split]:
        """The table's word, else a hash of the key; copies of a model go where it goes."""
        if all(model.split for model in models):
            return [model.split or "train" for model in models]
        paths = [model.path for model in models]
        contents = contents_of(paths, root=folder, cache=cache, name="captioned_folder")
        same = [content or model.key for content, model in zip(contents, models, strict=True)]
        said = {mark: model.split for mark, model in zip(same, models, strict=True) if model.split}
        first: dict[str, str] = {}
        for mark, model in zip(same, models, strict=True):
            first[mark] = min(model.key, first.get(mark, model.key))
        groups = sorted({first[mark] for mark in same if mark not in said})
        hashed = self._hashed(groups)
        return [
            model.split or said.get(mark) or hashed[first[mark]]
            for mark, model in zip(same, models, strict=True)
        ]

    def _hashed(self, keys: Sequence[str]) -> dict[str, Split]:
        """A split for each key, by its hash alone where there are many."""
        result: dict[str, Split] = dict.fromkeys(keys, "train")
        parts: tuple[tuple[Split, float], ...] = (
            ("test", self.test_fraction),
            ("validation", self.validation_fraction / (1.0 - self.test_fraction)),
        )
        for seed, (split, fraction) in enumerate(parts):
            rest = [key for key in keys if result[key] == "train"]
            held_out = validation_mask(rest, fraction=fraction, seed=seed)
            result.update((key, split) for key, out in zip(rest, held_out, strict=True) if out)
        return result
