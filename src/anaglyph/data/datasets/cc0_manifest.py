"""The table of `cc0_objects`: objects with their meshes and their makers' pictures, and the two halves.

The halves are fixed by a hash of the object's design (`cc0_twins`), so that copies under other names or in
other packs never end on both sides.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

from anaglyph.data.datasets.cc0_twins import designs
from anaglyph.errors import DataError

Kind = Literal["isometric", "top", "side", "thumbnail"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Half = Literal["train", "test"]
_KIND_OF: dict[str, Kind] = {
    "NE": "isometric", "NW": "isometric", "SE": "isometric", "SW": "isometric", "Topdown": "top",
    "Side": "side", "thumb": "thumbnail",
}  # fmt: skip
_COLUMNS = ("id", "category", "name", "mesh", "images")
_LONGEST_FIELD = 20_000


@dataclass(frozen=True, kw_only=True)
class Cc0Object:
    """One object."""

    name: str
    """In plain words; not unique."""
    category: str
    key: str
    """Unique, "category/id"."""
    mesh: Path
    images: tuple[Path, ...]
    """The makers' own pictures, with transparent backgrounds for the most part; often none."""
    design: str
    """The same for objects of one name, one shape or one picture."""

    @property
    def half(self) -> Half:
        """Where the object belongs."""
        digest = hashlib.blake2b(f"cc0_objects/halves/{self.design}".encode(), digest_size=8).digest()
        return "train" if digest[0] < 128 else "test"


def kind_of(image: Path) -> Kind:
    """How a picture was taken, by the end of its name; DataError for one that is not known."""
    ending = image.stem.rpartition("__")[2]
    if ending not in _KIND_OF:
        raise DataError(
            f"'{image}' ends in '{ending}'; pictures of this data set end in {', '.join(_KIND_OF)}."
        )
    return _KIND_OF[ending]


def read_manifest(folder: Path) -> list[Cc0Object]:
    """All objects, in the order of the table.

    Raises:
        DataError: no table, columns that are missing, ids that repeat, or a path that leaves the folder.
    """
    path = folder / "manifest.csv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read '{path}': {error}. Copy the data set again.") from error
    found = []
    for number, row in enumerate(rows, start=2):
        values = [row.get(name) for name in _COLUMNS]
        if any(value is None or len(value) > _LONGEST_FIELD for value in values) or not all(values[:4]):
            raise DataError(f"'{path}' line {number} lacks one of the columns {', '.join(_COLUMNS)}.")
        images = tuple(_inside(folder, place, path) for place in row["images"].split(";") if place)
        absent = [image for image in images if not image.is_file()]
        if absent:
            raise DataError(f"'{path}' line {number} names '{absent[0]}', which is not there. Copy it again.")
        found.append((row, _inside(folder, row["mesh"], path), images))
    same = designs(
        [row["name"] for row, _, _ in found], [mesh for _, mesh, _ in found], [i for *_, i in found]
    )
    objects = [
        Cc0Object(
            name=row["name"], category=row["category"], key=f"{row['category']}/{row['id']}",
            mesh=mesh, images=images, design=design,
        )
        for (row, mesh, images), design in zip(found, same, strict=True)
    ]  # fmt: skip
    if len({item.key for item in objects}) != len(objects) or not objects:
        raise DataError(f"'{path}' has {len(objects)} objects; there must be some, with different ids.")
    return objects


def _inside(folder: Path, place: str, table: Path) -> Path:
    parts = PurePosixPath(place)
    if parts.is_absolute() or ".." in parts.parts or "\\" in place or "\0" in place:
        raise DataError(f"'{table}' names '{place}', which lies outside of its folder.")
    return folder / parts
