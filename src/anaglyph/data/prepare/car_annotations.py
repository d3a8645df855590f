"""The pickled poses of cars as JSON: read once, restricted to plain values, checked record by record."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anaglyph.data.datasets.annotation_files import path_of, text_of
from anaglyph.data.datasets.car_poses import CarPose
from anaglyph.data.datasets.car_records import PARTS, Release
from anaglyph.data.datasets.cars3d import Cars3D
from anaglyph.errors import DataError
from anaglyph.io.atomic import sha256, write_json
from anaglyph.io.plain_pickle import read_plain_pickle

_SUFFIX: dict[Release, str] = {"first": "", "refined": "_v2"}


def convert_annotations(source: Cars3D, folder: Path) -> Path:
    """Write the JSON of the chosen release beside its pickles and return its path.

    Raises:
        DataError: a pickle is missing, holds more than plain values, or a record is not a pose.
    """
    place = folder / source.benchmark.annotations
    pickles = {part: place / f"{part}_anno{_SUFFIX[source.release]}.pkl" for part in PARTS}
    for path in pickles.values():
        if not path.is_file():
            raise DataError(f"there is no '{path}'. {source.obtain}")
    content: dict[str, Any] = {part: _records(path) for part, path in pickles.items()}
    content["source"] = {path.name: sha256(path) for path in pickles.values()}
    target = source.annotations_file(folder)
    try:
        write_json(target, content)
    except OSError as error:
        raise DataError(
            f"cannot write '{target}': {error.strerror}. Copy the annotations to a folder that can be "
            f"written."
        ) from error
    return target


def _records(path: Path) -> list[dict[str, Any]]:
    """One record a photograph, in the order of their names."""
    annotations = read_plain_pickle(path)
    if not isinstance(annotations, Mapping):
        raise DataError(f"'{path}' holds a {type(annotations).__name__}; it must map photographs to poses.")
    return [_record(name, annotations[name], path) for name in sorted(annotations, key=str)]


def _record(name: Any, value: Any, path: Path) -> dict[str, Any]:
    where = f"the record {ascii(name)[:80]} of '{path}'"
    if not isinstance(name, str) or not isinstance(value, Mapping):
        raise DataError(f"{where} is no photograph with a pose.")
    path_of({"name": name}, "name", where=where)
    model = text_of(value, "model_id", where=where)
    if not model.isalnum():
        raise DataError(f"{where} has model_id={ascii(model)[:80]}; ids are letters and digits.")
    pose = CarPose.of(value, where=where)
    return {"image": name, "model_id": model, **vars(pose)}
