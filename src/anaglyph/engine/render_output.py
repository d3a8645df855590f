"""The pictures of one model on disk, and whether those that are there are the ones wanted.

chair.obj/
├── cameras.json            what was rendered and how, the camera of every view, SHA-256 of the files
├── gray_000.png ...        one file a view and output
├── sheet.png               all views at a glance
└── points.ply              where points were asked for

The folder appears whole or not at all (`io.atomic`).
"""

from __future__ import annotations

import json
import math
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anaglyph.errors import DataError
from anaglyph.geometry.cameras import Camera
from anaglyph.geometry.sample import SurfaceSample
from anaglyph.io.atomic import new_folder, remove_leftovers, sha256, write_json
from anaglyph.render.views import Views

FORMAT = "anaglyph pictures 1"
RECORD = "cameras.json"
DEPTH_STEP = 1e-4
"""Model units in one step of a depth picture; 0 is nothing."""
_TILE = 256
"""Side of a view on the contact sheet in pixels, at most."""


def read_record(folder: Path) -> dict[str, Any] | None:
    """What `write_pictures` wrote into a folder's cameras.json; None where it did not write there."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and record.get("format") == FORMAT else None


def is_finished(folder: Path, facts: Mapping[str, Any]) -> bool:
    """Whether a folder holds pictures with these facts, and each file as it was written."""
    record = read_record(folder)
    if record is None or any(record.get(name) != value for name, value in facts.items()):
        return False
    files = record.get("files")
    if not isinstance(files, dict):
        return False
    there = all((folder / name).is_file() for name in files)
    return there and all(sha256(folder / name) == digest for name, digest in files.items())


def remove_unfinished(output: Path, names: Iterable[str]) -> None:
    """Remove what killed runs left of these folders below `output`, and nothing of others."""
    wanted: dict[Path, set[str]] = {}
    for name in names:
        folder = output / name
        wanted.setdefault(folder.parent, set()).add(folder.name[:200])
    for parent, ours in wanted.items():
        left = {path.name[1:].rsplit(".", 2)[0] for path in parent.glob(".*.partial")}
        for name in left & ours:
            remove_leftovers(parent, of=name)


def is_foreign(folder: Path) -> bool:
    """Whether something lies at `folder` that `write_pictures` did not write."""
    return folder.exists() and read_record(folder) is None


def write_pictures(
    folder: Path,
    views: Views,
    facts: Mapping[str, Any],
    *,
    outputs: tuple[str, ...],
    points: SurfaceSample | None,
) -> None:
    """Put the pictures of one model at `folder`, in place of what an earlier call wrote there.

    Args:
        folder: becomes the folder of the docstring above.
        views: pictures and cameras.
        facts: plain data for the record, which `is_finished` compares.
        outputs: which pictures become files.
        points: becomes points.ply.

    Raises:
        DataError: something else lies there, or the disk is full.
    """
    _make_room(folder)
    with new_folder(folder) as place:
        names = [_write_view(place, views, number, outputs) for number in range(len(views.cameras))]
        sheet = views.gray if views.colour is None else views.colour
        Image.fromarray(contact_sheet(sheet)).save(place / "sheet.png")
        if points is not None:
            (place / "points.ply").write_bytes(ply_bytes(points))
        size = views.gray.shape[1]
        cameras = [
            {**describe_camera(camera, size), "files": files}
            for camera, files in zip(views.cameras, names, strict=True)
        ]
        files = {path.name: sha256(path) for path in sorted(place.iterdir())}
        write_json(place / RECORD, {"format": FORMAT, **facts, "views": cameras, "files": files})


def describe_camera(camera: Camera, size: int) -> dict[str, Any]:
    """A camera as plain data: angles in degrees, matrices row by row."""
    return {
        "azimuth": camera.azimuth,
        "elevation": camera.elevation,
        "position": list(camera.position),
        "target": list(camera.target),
        "up": list(camera.up),
        "field_of_view": camera.field_of_view if camera.height is None else None,
        "height": camera.height,
        "world_to_camera": camera.view().tolist(),
        "intrinsics": camera.intrinsics(size).tolist(),
    }


def contact_sheet(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(V, H, W) or (V, H, W, 3) -> one picture with all, row by row, about 4 by 3."""
    views, height, width = pictures.shape[:3]
    step = max(1, -(-max(height, width) // _TILE))
    small = pictures[:, ::step, ::step] if step == 1 else _reduced(pictures, step)
    columns = math.ceil(math.sqrt(views * 4 / 3))
    rows = -(-views // columns)
    sheet = np.full((rows * columns, *small.shape[1:]), 255, dtype=np.uint8)
    sheet[:views] = small
    grid = sheet.reshape(rows, columns, *small.shape[1:]).swapaxes(1, 2)
    return np.ascontiguousarray(
        grid.reshape(rows * small.shape[1], columns * small.shape[2], *small.shape[3:])
    )


def ply_bytes(sample: SurfaceSample) -> bytes:
    """Points with normals and colours as a binary PLY file."""
    fields = [(name, "<f4") for name in ("x", "y", "z", "nx", "ny", "nz")]
    fields += [(name, "u1") for name in ("red", "green", "blue")]
    rows = np.empty(len(sample.points), dtype=fields)
    for columns, values in (
        (("x", "y", "z"), sample.points),
        (("nx", "ny", "nz"), sample.normals),
        (("red", "green", "blue"), sample.colours),
    ):
        for column, value in zip(columns, values.T, strict=True):
            rows[column] = value
    kinds = {"<f4": "float", "u1": "uchar"}
    lines = [
        "ply",
        "format binary_little_endian 1.0",
        "comment +y up, centred, farthest vertex at distance 1",
    ]
    lines += [f"element vertex {len(rows)}", *(f"property {kinds[kind]} {name}" for name, kind in fields)]
    return "\n".join([*lines, "end_header", ""]).encode("ascii") + rows.tobytes()


def _write_view(place: Path, views: Views, number: int, outputs: tuple[str, ...]) -> dict[str, str]:
    """Write one view; the file of each output."""
    files = {}
    for output, picture in _encoded(views, number, outputs):
        files[output] = f"{output}_{number:03}.png"
        Image.fromarray(picture).save(place / files[output])
    return files


def _encoded(views: Views, number: int, outputs: tuple[str, ...]) -> Iterator[tuple[str, NDArray[Any]]]:
    """What PNG can hold of each output of a view."""
    for output in outputs:
        picture = getattr(views, output)[number]
        if output == "depth":
            steps = np.where(np.isfinite(picture), picture / DEPTH_STEP, 0.0)
            yield output, np.clip(np.rint(steps), 0, 65535).astype(np.uint16)
        elif output == "normals":
            there = np.abs(picture).sum(axis=2, keepdims=True) > 0
            yield output, np.where(there, np.rint((picture + 1.0) * 127.5), 0.0).astype(np.uint8)
        else:
            yield output, picture


def _reduced(pictures: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """Every picture at 1 / step of its size."""
    size = (pictures.shape[2] // step, pictures.shape[1] // step)
    return np.stack([np.asarray(Image.fromarray(one).resize(size, Image.Resampling.BOX)) for one in pictures])


def _make_room(folder: Path) -> None:
    """Move earlier pictures at `folder` out of the way, all at once; nothing else is ever removed."""
    if not folder.exists():
        return
    if is_foreign(folder):
        raise DataError(f"'{folder}' exists and was not written by `anaglyph render`; it stays as it is.")
    aside = folder.with_name(f".{folder.name[:200]}.{secrets.token_hex(6)}.partial")  # a leftover when killed
    folder.rename(aside)
    shutil.rmtree(aside)
