"""cc0_models: the real low-poly objects of `cc0_objects` with coloured views, clouds, words and thumbnails.

A fifth of the designs is kept out of training; objects of one design (`cc0_twins`) never end on two sides.
Texts are names and phrases made of name and category, so training on them is training on class names, of
other objects; thumbnails are the makers' own pictures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from anaglyph.data.datasets.bad_records import BadRecords
from anaglyph.data.datasets.cc0_manifest import Cc0Object, read_manifest
from anaglyph.data.datasets.cc0_pictures import CUT_VERSION, most_telling, thumbnail
from anaglyph.data.datasets.cc0_words import class_word, texts_of
from anaglyph.data.datasets.described_models import described_models
from anaglyph.data.datasets.described_options import DescribedOptions, handed_out
from anaglyph.data.datasets.rendered_shapes import ShapeFile
from anaglyph.data.datasets.stored_rows import Rows, identity_of, stored_rows
from anaglyph.data.described import DescribedObjects, Picture
from anaglyph.data.source import Split, check_split, folder_in
from anaglyph.data.splits import validation_mask
from anaglyph.errors import ConfigError, DataError, unknown_name

_FOLDS = 5


@dataclass(frozen=True, kw_only=True)
class Cc0Models(DescribedOptions):
    """682 objects of about 100 categories; every second has a picture that its maker drew of it."""

    title: ClassVar[str] = "682 real low-poly objects with coloured views, clouds, names and makers' pictures"
    licence: ClassVar[str] = "CC0 1.0 (Kenney, Quaternius); no attribution required, credit is kind"
    obtain: ClassVar[str] = (
        "Lies in '../shared/data/cc0_objects' of Anaglyph's workplace (manifest.csv, meshes/, images/); its "
        "sources are the packs of kenney.nl and quaternius.com."
    )

    folder: str = "cc0_objects"
    """Where manifest.csv lies, relative to the data root."""
    fold: Literal[0, 1, 2, 3, 4] = 0
    """Which fifth of the designs is the test split."""
    validation_fraction: float = 0.1
    """Part of the other designs that is held out for validation."""
    held_out_categories: tuple[str, ...] = ()
    """Categories, by their names in the manifest, that are left out of training and validation."""
    margin: float = 0.05
    """Room around the object in a thumbnail, as a part of its long side."""
    least_side: int = 16
    """Makers' pictures whose object is shorter and narrower than this, in pixels, are no thumbnails."""
    max_bad: int = 0
    """Models, and pictures, that may be unusable."""
    processes: int = 1
    """Models read at a time."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.0 <= self.margin <= 1.0 or self.least_side < 1:
            raise ConfigError(
                f"margin={self.margin} must lie in 0 to 1, least_side={self.least_side} be >= 1."
            )

    def load(self, split: Split, *, root: Path, cache: Path | None, seed: int) -> DescribedObjects:
        """Read one split."""
        check_split(split)
        folder = folder_in(root, self.folder, obtain=self.obtain)
        objects = read_manifest(folder)
        categories = sorted({item.category for item in objects})
        for name in self.held_out_categories:
            if name not in categories:
                raise ConfigError(unknown_name("category", name, categories))
        chosen = objects_of(
            split, objects, fold=self.fold, validation_fraction=self.validation_fraction,
            held_out=self.held_out_categories,
        )  # fmt: skip
        if not chosen:
            raise DataError(f"'{folder}' has no object for the {split} split. {self.obtain}")
        made = described_models(
            [ShapeFile(key=item.key, category=item.category, path=item.mesh) for item in chosen],
            root=folder,
            cache=cache,
            name=f"cc0_models-{split}",
            options=self,
            max_bad=self.max_bad,
            processes=self.processes,
        )
        kept = [chosen[row] for row in made.kept]
        return DescribedObjects(
            keys=tuple(item.key for item in kept),
            class_names=tuple(class_word(name) for name in categories),
            labels=np.array([categories.index(item.category) for item in kept], dtype=np.int64),
            points=made.points,
            pictures=made.pictures,
            thumbnails=self._thumbnails(split, kept, folder, cache),
            texts=tuple(texts_of(item.name, item.category) for item in kept),
            **handed_out(self, seed=seed),
        )

    def _thumbnails(
        self, split: Split, objects: Sequence[Cc0Object], folder: Path, cache: Path | None
    ) -> tuple[Picture | None, ...]:
        """The maker's most telling picture of each, cut out; None where none is large enough."""
        paths = {row: path for row, item in enumerate(objects) if (path := most_telling(item.images))}
        bad = BadRecords("cc0_models: makers' pictures", allowed=self.max_bad)
        depends_on = {
            "files": identity_of(paths.values(), root=folder), "rows": list(paths), "cut": CUT_VERSION,
            "margin": self.margin, "least_side": self.least_side,
        }  # fmt: skip
        layout = {
            "pictures": ((len(objects), 3, self.size, self.size), "uint8"),
            "there": ((len(objects),), "bool"),
            "good": ((len(objects),), "bool"),
        }

        def fill(rows: Mapping[str, Rows]) -> None:
            for row, path in paths.items():
                try:
                    cut = thumbnail(path, size=self.size, margin=self.margin, least_side=self.least_side)
                except DataError as error:
                    bad.add(path.name, str(error))
                    continue
                rows["good"][row] = np.array(True)
                if cut is not None:
                    rows["pictures"][row], rows["there"][row] = cut, np.array(True)

        stored = stored_rows(cache, f"cc0_models-thumbnails-{split}", depends_on, layout, fill)
        bad.count_again([path.name for row, path in paths.items() if not stored["good"][row]])
        there = zip(stored["pictures"], stored["there"], strict=True)
        return tuple(picture if present else None for picture, present in there)


def objects_of(
    split: Split,
    objects: Sequence[Cc0Object],
    *,
    fold: int,
    validation_fraction: float,
    held_out: Sequence[str] = (),
) -> list[Cc0Object]:
    """The objects of a split: test is one fifth of the designs, whatever their category."""
    if split == "test":
        return [item for item in objects if fold_of(item.design) == fold]
    rest = [item for item in objects if fold_of(item.design) != fold]
    masked = validation_mask(
        [item.key for item in rest],
        fraction=validation_fraction,
        seed=0,
        groups=[item.design for item in rest],
    )
    return [
        item
        for item, out in zip(rest, masked, strict=True)
        if out == (split == "validation") and item.category not in held_out
    ]


def fold_of(design: str) -> int:
    """0 to 4, by a hash of the design."""
    digest = hashlib.blake2b(f"cc0_models/folds/{design}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") % _FOLDS
