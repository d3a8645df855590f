"""What a user points at -> objects to name: models by pictures and points, clouds and pictures as such."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.datasets.described_models import described_models
from anaglyph.data.datasets.described_options import DescribedOptions
from anaglyph.data.datasets.model_folder import files_below, key_of
from anaglyph.data.datasets.modelnet_views import SUFFIXES as PICTURES
from anaglyph.data.datasets.rendered_shapes import ShapeFile
from anaglyph.data.described import UNLABELLED
from anaglyph.data.transforms.cloud_changes import in_unit_sphere
from anaglyph.engine.classify import Unnamed
from anaglyph.errors import AnaglyphError, DataError, MeshError
from anaglyph.geometry.load import MeshReaders, UpOption
from anaglyph.geometry.mesh_channel import printable
from anaglyph.geometry.mesh_formats import SUPPORTED
from anaglyph.io.clouds import READERS, read_cloud

log = logging.getLogger(__name__)
CLOUDS = frozenset(READERS) - frozenset(SUPPORTED)
"""Suffixes of files that hold points alone."""
IN_FOLDERS = frozenset(SUPPORTED) | PICTURES | CLOUDS - {".txt", ".csv"}
"""What is taken of a folder; text is seldom a cloud, and is one where it is named."""
PictureReader = Callable[[Path, int], NDArray[np.uint8]]
"""Path and side -> (3, side, side)."""


@dataclass(frozen=True)
class Found:
    """What could be read."""

    objects: tuple[Unnamed, ...]
    """In the order given, files of a folder by path."""
    left_out: dict[str, str]
    """Path -> why."""


def read_unnamed(
    given: Sequence[Path],
    *,
    pixels: int,
    read_picture: PictureReader,
    up: UpOption,
    cache: Path | None,
) -> Found:
    """Objects of files, and of all files of folders; what cannot be read is left out and named.

    Args:
        given: models, clouds (.npy, .npz, .xyz, .ply without faces ...; +y up), pictures, and folders of
            them.
        pixels: side of pictures.
        read_picture: prepares a picture.
        up: axis that points up in models.
        cache: folder for what is rendered.

    Raises:
        DataError: a path that does not exist, or nothing that could be named.
    """
    paths = [path for each in given for path in _files(each)]
    left_out: dict[str, str] = {}
    found: dict[str, Unnamed] = {}
    models: dict[Path, list[Path]] = {}
    for path, root in paths:
        suffix = path.suffix.lower()
        if suffix in SUPPORTED:
            models.setdefault(root, []).append(path)
            continue
        try:
            if suffix in PICTURES:
                found[str(path)] = Unnamed(str(path), pictures=read_picture(path, pixels)[None])
            elif suffix in CLOUDS:
                found[str(path)] = _cloud(path)
            else:
                left_out[str(path)] = "neither a model, a cloud nor a picture"
        except AnaglyphError as error:
            left_out[str(path)] = str(error)
    for root, files in models.items():
        options = DescribedOptions(size=pixels)
        for each in _models(files, root, options=options, up=up, cache=cache):
            found[each.key] = each
        missing = [path for path in dict.fromkeys(files) if str(path) not in found]
        for path, reason in _reasons(missing, root, up=up):
            try:
                found[str(path)] = _cloud_without_faces(path, reason)
            except AnaglyphError as error:
                left_out[str(path)] = str(error)
    if not found:
        raise DataError(
            f"nothing to name in {', '.join(map(str, given))}: {len(left_out)} files could not be used. Give "
            f"3D models ({', '.join(sorted(SUPPORTED))}), pictures ({', '.join(sorted(PICTURES))}), clouds "
            f"({', '.join(sorted(CLOUDS))}), or folders of them."
        )
    order = dict.fromkeys(str(path) for path, _ in paths)
    return Found(tuple(found[key] for key in order if key in found), left_out)


def _files(given: Path) -> list[tuple[Path, Path]]:
    """(file, folder that it may refer into) of a path."""
    if given.is_file():
        return [(given, given.parent)]
    if not given.is_dir():
        raise DataError(f"there is no file or folder '{given}'. Check the path.")
    return [(path, given) for path in files_below(given) if path.suffix.lower() in IN_FOLDERS]


def _cloud(path: Path) -> Unnamed:
    points = read_cloud(path)[:, :3].astype(np.float32)
    return Unnamed(str(path), cloud=in_unit_sphere(points[None])[0])


def _reasons(files: Sequence[Path], root: Path, *, up: UpOption) -> list[tuple[Path, MeshError]]:
    """Why models were left out. They are read once more, since a cache keeps only that they were."""
    with MeshReaders() as readers:
        return [
            (path, read if isinstance(read, MeshError) else _no_surface(path))
            for path, read in readers.load_many(files, up=up, root=root)
        ]


def _no_surface(path: Path) -> MeshError:
    return MeshError(path, "its surface cannot be drawn or sampled", fault="no_area")


def _cloud_without_faces(path: Path, error: MeshError) -> Unnamed:
    """The points of a file such as .ply that holds no faces; else `error`."""
    if error.fault != "no_faces" or path.suffix.lower() not in READERS:
        raise error
    cloud = _cloud(path)
    log.warning("%s: has no faces; named by its points alone", printable(str(path)))
    return cloud


def _models(
    files: Sequence[Path],
    root: Path,
    *,
    options: DescribedOptions,
    up: UpOption,
    cache: Path | None,
) -> list[Unnamed]:
    shapes = [
        ShapeFile(key=key_of(path.relative_to(root).as_posix()), category=UNLABELLED, path=path)
        for path in dict.fromkeys(files)
    ]
    try:
        made = described_models(
            shapes, root=root, cache=cache, name="classify", options=options, up=up,
            max_bad=len(shapes) - 1,
        )  # fmt: skip
    except DataError as error:  # none of them can be used
        log.warning("%s", error)
        return []
    return [
        Unnamed(str(shapes[row].path), pictures=pictures, cloud=cloud)
        for row, pictures, cloud in zip(made.kept.tolist(), made.pictures, made.points, strict=True)
    ]
