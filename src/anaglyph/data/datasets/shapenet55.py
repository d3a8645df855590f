"""shapenet55: ULIP's training triplets, ShapeNet-55 clouds with renderings and the names of their synsets.

    shapenet-55/train.txt, test.txt                   <synset>-<model>.npy, a line each
    shapenet-55/shapenet_pc/<synset>-<model>.npy      8,192 points, +y up
    rendered_images/<synset>-<model>/*_r_000.png ...  30 renderings, 12 degrees apart; *_depth0001.png beside
    taxonomy.json                                     synsetId, and name: synonyms with commas between

(Dossier CrossMoST, 2.2.) A training row shows one synonym, without a template. So captions are class names,
and `class_names` are the synsets' first ones.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.class_lists import SHAPENET55_SYNSETS, class_list
from anaglyph.data.datasets.annotation_files import read_json, rows_of, text_of
from anaglyph.data.datasets.bad_records import listed
from anaglyph.data.datasets.completeness import Check, Completeness
from anaglyph.data.datasets.modelnet_clouds import Clouds, stored
from anaglyph.data.datasets.named_options import NamedOptions, named_objects, spread
from anaglyph.data.datasets.stored_rows import Progress, Rows, identity_of, stored_rows
from anaglyph.data.described import DescribedObjects, Text
from anaglyph.data.records import TextSource
from anaglyph.data.source import Split, check_split, folder_in
from anaglyph.data.splits import validation_mask
from anaglyph.errors import ConfigError, DataError
from anaglyph.io.clouds import read_cloud
from anaglyph.io.pictures import read_picture

log = logging.getLogger(__name__)
_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class ShapeNet55(NamedOptions):
    """Clouds, pictures and names of up to 52,470 shapes."""

    title: ClassVar[str] = "ShapeNet-55: clouds, renderings and synonyms, as ULIP trains on them"
    licence: ClassVar[str] = "ShapeNet's terms: non-commercial research and education only; no redistribution"
    obtain: ClassVar[str] = (
        "Get shapenet-55, taxonomy.json and the renderings (only_rgb_depth_images, 420 GB) of ULIP "
        "(https://github.com/salesforce/ULIP) and put them into the folder 'shapenet55' of the data root as "
        "shapenet-55/, taxonomy.json and rendered_images/<synset>-<model>/."
    )

    folder: str = "shapenet55"
    """Where the files lie, relative to the data root."""
    size: int = 224
    """Side of the pictures in pixels."""
    renderings: int = 10
    """Of the 30 of each shape, evenly spread; at 224 pixels, ten of all shapes take 79 GB of the cache."""
    stored_points: int = 8192
    """Points kept of each cloud."""
    whole: bool = False
    """Train on the test list too, as ULIP does."""
    validation_fraction: float = 0.01
    """Part of the training list that is the validation split, by a hash of the keys."""
    check: Check = "strict"
    """strict stops where counts differ from the published ones, report says so in the log."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.renderings < 1:
            raise ConfigError(f"renderings={self.renderings} must be >= 1; 30 are published.")

    def load(self, split: Split, *, root: Path, cache: Path | None, seed: int) -> DescribedObjects:
        """Read one split."""
        check_split(split)
        folder = folder_in(root, self.folder, obtain=self.obtain)
        keys = self._keys(folder, split)
        synonyms = _synonyms(folder / "taxonomy.json", obtain=self.obtain)
        synsets = list(SHAPENET55_SYNSETS)
        unknown = [key for key in keys if _synset(key) not in SHAPENET55_SYNSETS or set(key) & set("/\\:")]
        if unknown:
            raise DataError(
                f"'{folder}' lists shapes of other synsets, or no names of shapes ({listed(unknown)}). "
                f"{self.obtain}"
            )
        arrays = self._arrays(keys, folder, cache, name=f"shapenet55-{split}")
        named = named_objects(
            self,
            keys=keys,
            labels=np.array([synsets.index(_synset(key)) for key in keys], dtype=np.int64),
            classes=class_list("shapenet55"),
            points=arrays["points"],
            pictures=arrays["pictures"],
            training=split == "train",
            seed=seed,
        )
        return named.with_texts([synonyms[_synset(key)] for key in keys])

    def _keys(self, folder: Path, split: Split) -> tuple[str, ...]:
        lists = {
            name: _listed(folder / "shapenet-55" / f"{name}.txt", self.obtain) for name in ("train", "test")
        }
        complete = Completeness(self.title, self.obtain)
        expected = class_list("shapenet55")
        complete.expect("training shapes", len(lists["train"]), expected.train)
        complete.expect("test shapes", len(lists["test"]), expected.test)
        complete.settle(self.check)
        if split == "test":
            return lists["test"]
        keys = lists["train"] + (lists["test"] if self.whole else ())
        held_out = validation_mask(keys, fraction=self.validation_fraction, seed=0)
        return tuple(key for key, out in zip(keys, held_out, strict=True) if out == (split == "validation"))

    def _arrays(
        self, keys: Sequence[str], folder: Path, cache: Path | None, *, name: str
    ) -> dict[str, NDArray[Any]]:
        clouds = [folder / "shapenet-55" / "shapenet_pc" / f"{key}.npy" for key in keys]
        shown = [self._renderings(folder / "rendered_images" / key) for key in keys]
        depends_on = {
            "version": _VERSION,
            "files": identity_of([*clouds, *(path for paths in shown for path in paths)], root=folder),
        }
        layout = {
            "points": ((len(keys), self.stored_points, 3), "float16"),
            "pictures": ((len(keys), self.renderings, 3, self.size, self.size), "uint8"),
        }

        def fill(rows: Mapping[str, Rows]) -> None:
            progress = Progress(f"{name}: reading", len(keys))
            for row, (key, cloud, paths) in enumerate(zip(keys, clouds, shown, strict=True)):
                one = Clouds((key,), (_synset(key),), [read_cloud(cloud)])
                rows["points"][row] = stored(one, count=self.stored_points, frame="unit_sphere")[0]
                rows["pictures"][row] = np.stack([read_picture(path, size=self.size) for path in paths])
                progress.step()

        return stored_rows(cache, name, depends_on, layout, fill)

    def _renderings(self, folder: Path) -> list[Path]:
        found = sorted(path for path in folder.glob("*_r_*.png") if "depth" not in path.name)
        if len(found) < self.renderings:
            raise DataError(
                f"'{folder}' has {len(found)} renderings *_r_<degrees>.png, {self.renderings} are asked for. "
                f"{self.obtain}"
            )
        return [found[place] for place in spread(len(found), self.renderings).tolist()]


def _synset(key: str) -> str:
    return key.partition("-")[0]


def _listed(path: Path, obtain: str) -> tuple[str, ...]:
    if not path.is_file():
        raise DataError(f"there is no list '{path}'. {obtain}")
    return tuple(line.removesuffix(".npy") for line in path.read_text(encoding="utf-8").split())


def _synonyms(path: Path, *, obtain: str) -> dict[str, tuple[Text, ...]]:
    """Synset -> its names, the first being the usual one."""
    found: dict[str, tuple[Text, ...]] = {}
    for number, row in enumerate(rows_of(read_json(path, obtain=obtain), "", where=path)):
        where = f"record {number} of '{path}'"
        names = dict.fromkeys(name.strip() for name in text_of(row, "name", where=where).split(","))
        found[text_of(row, "synsetId", where=where)] = tuple(
            (TextSource.NAME, name) for name in names if name
        )
    missing = sorted(set(SHAPENET55_SYNSETS) - set(found))
    if missing:
        raise DataError(f"'{path}' has no names of the synsets {listed(missing)}. {obtain}")
    return found
