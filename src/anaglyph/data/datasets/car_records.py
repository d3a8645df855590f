"""The annotations of car benchmarks, once they are JSON: photographs with a CAD model and a pose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from anaglyph.data.datasets.annotation_files import one_word, path_of, read_json, rows_of
from anaglyph.data.datasets.car_poses import CarPose

Release = Literal["first", "refined"]
Part = Literal["train", "test"]
PARTS: tuple[Part, ...] = ("train", "test")
CATEGORY = "car"


@dataclass(frozen=True)
class CarBenchmark:
    """What a benchmark consists of, and the published numbers."""

    name: str
    """In the catalog."""
    annotations: str
    """Folder of the pickles, relative to the checkout."""
    listed: str
    """File that names the CAD model of each fine class, relative to the checkout."""
    photographs: Mapping[Part, str]
    """Folder of each split's photographs, relative to that of all."""
    classes: int
    models: int
    images: Mapping[Part, int]


@dataclass(frozen=True)
class CarRecord:
    """One annotated photograph."""

    image: str
    """Path relative to the folder of all photographs; different in train and test."""
    model: str
    pose: CarPose

    @property
    def shape(self) -> str:
        """Id of the CAD model; ids are text and never padded, some lost a leading zero long ago."""
        return one_word(CATEGORY, self.model)


def read_car_records(path: Path, benchmark: CarBenchmark, *, obtain: str) -> dict[Part, list[CarRecord]]:
    """The records of both splits from the JSON of `anaglyph data prepare`; DataError names a bad one."""
    content = read_json(path, obtain=obtain)
    return {
        part: [
            _record(benchmark.photographs[part], row, f"record {number} of '{part}' in '{path}'")
            for number, row in enumerate(rows_of(content, part, where=path))
        ]
        for part in PARTS
    }


def _record(folder: str, row: Mapping[str, Any], where: str) -> CarRecord:
    image = (PurePosixPath(folder) / path_of(row, "image", where=where)).as_posix()
    where = f"{where} ('{image}')"
    return CarRecord(image, path_of(row, "model_id", where=where), CarPose.of(row, where=where))
