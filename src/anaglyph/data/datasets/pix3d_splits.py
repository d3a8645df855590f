"""The records of pix3d.json, the shapes they show, and the three ways to divide them that must not be mixed.

- ibsr (Grabner et al., 2018; CMIC): bed, chair, sofa and table; only images that are neither occluded, nor
  slightly occluded, nor truncated; of each shape one half of the images trains and the other tests. The
  published halves are in a list (pix3d_test_list.txt); without it ours are taken: images of a shape in the
  order of a hash of their names, the first half, rounded up, trains. So every shape that is tested was seen
  in training.
- s1, s2 (Mesh R-CNN, Gkioxari et al., 2019): all nine categories; images divided at random, or by 3D model.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from anaglyph.data.datasets.annotation_files import numbers_of, one_word, path_of, read_json, rows_of, text_of
from anaglyph.errors import DataError

Protocol = Literal["ibsr", "s1", "s2"]
CATEGORIES = ("bed", "bookcase", "chair", "desk", "misc", "sofa", "table", "tool", "wardrobe")
IBSR_CATEGORIES = ("bed", "chair", "sofa", "table")
IMAGES = 10_069
S1_IMAGES = {"train": 7_539, "test": 2_530}
_FLAGS = ("occluded", "slightly_occluded", "truncated")


@dataclass(frozen=True)
class Pix3DRecord:
    """One photograph of pix3d.json; paths are relative to the data set's folder."""

    image: str
    mask: str
    model: str
    category: str
    hard: bool
    """Occluded, slightly occluded or truncated."""
    camera: tuple[float, ...] | None
    """Position in the model's frame, the object at the origin."""

    @property
    def key(self) -> str:
        """Id of the photograph, "category/file"."""
        return one_word(self.category, PurePosixPath(self.image).name)

    @property
    def shape(self) -> str:
        """Id of the shape, "category/folder": all models in one folder are one shape, as for CMIC."""
        return one_word(self.category, PurePosixPath(self.model).parent.name)


def read_records(folder: Path, *, obtain: str) -> list[Pix3DRecord]:
    """All of pix3d.json, in its order."""
    path = folder / "pix3d.json"
    rows = rows_of(read_json(path, obtain=obtain), "", where=path)
    return [_record(row, f"record {number} of '{path}'") for number, row in enumerate(rows)]


def model_of_shapes(records: Sequence[Pix3DRecord]) -> dict[str, str]:
    """Shape -> model file, in order of the ids; of several in a folder the one that most images name."""
    named: dict[str, Counter[str]] = defaultdict(Counter)
    for record in records:
        named[record.shape][record.model] += 1
    chosen = {}
    for shape, models in sorted(named.items()):
        most = max(models.values())
        chosen[shape] = min(model for model, times in models.items() if times == most)
    return chosen


def ibsr_halves(records: Sequence[Pix3DRecord]) -> tuple[set[str], set[str]]:
    """Images that train and those that test, by the hash of their names, one half of each shape each."""
    by_shape: dict[str, list[str]] = defaultdict(list)
    for record in records:
        by_shape[record.shape].append(record.image)
    train: set[str] = set()
    for images in by_shape.values():
        train.update(sorted(images, key=_place)[: (len(images) + 1) // 2])
    return train, {record.image for record in records} - train


def read_test_list(path: Path, records: Sequence[Pix3DRecord], *, obtain: str) -> set[str]:
    """Images of a published list, one a line: `img/bed/0001.png`, with or without the folder's name.

    Raises:
        DataError: no such file, or a name that pix3d.json does not have.
    """
    try:
        lines = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the test list '{path}' ({error}). {obtain}") from error
    images = {"img/" + line.strip().lstrip("/").removeprefix("img/") for line in lines}
    unknown = sorted(images - {record.image for record in records})
    if unknown:
        raise DataError(
            f"'{path}' lists {len(unknown)} images that pix3d.json does not have, such as '{unknown[0]}'; "
            f"take the list that belongs to this data set."
        )
    return images


def read_mesh_rcnn(path: Path, records: Sequence[Pix3DRecord], *, obtain: str) -> set[str]:
    """Images of one of Mesh R-CNN's files, which are COCO-like; only `images[].file_name` is read.

    Raises:
        DataError: no such file, or a name that pix3d.json does not have.
    """
    rows = rows_of(read_json(path, obtain=obtain), "images", where=path)
    images = {text_of(row, "file_name", where=f"image {n} of '{path}'") for n, row in enumerate(rows)}
    unknown = sorted(images - {record.image for record in records})
    if unknown:
        raise DataError(
            f"'{path}' names {len(unknown)} images that pix3d.json does not have, such as '{unknown[0]}'; "
            f"both must be of the same release."
        )
    return images


def _record(row: Mapping[str, Any], where: str) -> Pix3DRecord:
    image = path_of(row, "img", where=where)
    where = f"{where} ('{image}')"
    model = path_of(row, "model", where=where)
    if not PurePosixPath(model).parent.name:
        raise DataError(f"{where} has model='{model}'; its folder names the shape, so it must lie in one.")
    return Pix3DRecord(
        image=image,
        mask=path_of(row, "mask", where=where),
        model=model,
        category=text_of(row, "category", where=where),
        hard=any(_flag(row, name, where) for name in _FLAGS),
        camera=numbers_of(row.get("cam_position"), 3),
    )


def _flag(row: Mapping[str, Any], name: str, where: str) -> bool:
    value = row.get(name)
    known = {True: True, False: False, "true": True, "false": False}
    if not isinstance(value, bool | str) or value not in known:
        raise DataError(f"{where} has {name}={value!r}; it must be true or false.")
    return known[value]


def _place(image: str) -> bytes:
    return hashlib.blake2b(f"ibsr/{image}".encode(), digest_size=8).digest()
