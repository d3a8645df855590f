"""From mesh files to a repository of rendered views, made once and kept.

Each file is read by the sandboxed readers, turned into the library's frame, put into the unit sphere and
pictured by the cameras of a ring. One array holds all views; it is written row by row and mapped when read,
so that ten thousand shapes need no more memory than one.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.datasets.bad_records import BadRecords
from anaglyph.data.datasets.frames import Frame, in_library_frame
from anaglyph.data.datasets.stored_rows import Layout, Progress, Rows, forget_rows, identity_of, stored_rows
from anaglyph.data.shape_queries import ShapeRepository
from anaglyph.errors import MeshError
from anaglyph.geometry.cameras import Camera, view_cameras
from anaglyph.geometry.load import MeshReaders, load_mesh
from anaglyph.geometry.mesh import Mesh
from anaglyph.geometry.normalize import normalized
from anaglyph.render.backends import choose_backend
from anaglyph.render.options import Output, RenderOptions, fingerprint
from anaglyph.render.views import render_views

log = logging.getLogger(__name__)
_VERSION = 2
_PART = 256
"""Shapes whose views are kept by themselves while more are made."""
_Meshes = Generator[tuple[Path, Mesh | MeshError], None, None]


@dataclass(frozen=True, kw_only=True)
class ShapeFile:
    """One shape of a repository."""

    key: str
    """Id, "category/instance", one word."""
    category: str
    path: Path
    """The model file."""


@dataclass(frozen=True)
class MeshFiles:
    """The `MeshSource` of files: meshes in the library's frame, as large as their files say."""

    paths: tuple[Path, ...]
    root: Path
    """Folder that models may refer into (textures)."""
    frame: Frame = "library"

    def __call__(self, row: int) -> Mesh:
        """Read row `row` in a child process; MeshError where that fails."""
        return in_library_frame(load_mesh(self.paths[row], up="y", root=self.root), self.frame)


def rendered_repository(
    shapes: Sequence[ShapeFile],
    *,
    category_names: tuple[str, ...],
    root: Path,
    cache: Path | None,
    name: str,
    frame: Frame = "library",
    views: str = "ring12",
    coloured: bool = False,
    options: RenderOptions | None = None,
    max_bad: int = 0,
    processes: int = 1,
) -> ShapeRepository:
    """All shapes with their views, in the given order, without up to `max_bad` that cannot be read.

    Views come from the cache where they were rendered from the same files (name, size, time of change) with
    the same options, cameras, renderer and back-end.

    Args:
        shapes: at least one.
        category_names: all categories, in the order of their labels.
        root: folder that holds all of the files, textures included.
        cache: folder for the views; None keeps them in memory.
        name: of the repository, for the cache and the log.
        frame: how the models stand in their files.
        views: name of a set of cameras, see `geometry.cameras.VIEWS`.
        coloured: pictures in the models' own colours instead of gray ones.
        options: how the pictures look; the dossier's by default.
        max_bad: how many files may be unreadable; one more is a DataError that names them.
        processes: files read at a time.
    """
    job = _Job(
        tuple(shapes), root, name, frame, view_cameras(views), coloured, options or RenderOptions(), processes
    )
    bad = BadRecords(f"{name}: 3D models", allowed=max_bad)
    parts = [replace(job, shapes=job.shapes[at : at + _PART]) for at in range(0, len(shapes), _PART)]
    whole = len(parts) < 2 or cache is None
    progress = Progress(f"{name}: rendering", len(shapes))

    def fill(rows: Mapping[str, Rows]) -> None:
        if whole:
            _render(job, rows, bad, progress)
        else:
            _joined(parts, rows, cache, bad, progress)

    stored = stored_rows(cache, f"{name}-views", job.depends_on, job.layout, fill)
    if cache is not None and not whole:
        for part in parts:
            forget_rows(cache, f"{name}-part", part.depends_on, part.layout)
    kept = _good(job.shapes, stored["good"], bad)
    return ShapeRepository(
        keys=tuple(shape.key for shape in kept),
        category_names=category_names,
        categories=np.array([category_names.index(shape.category) for shape in kept], dtype=np.int64),
        views=stored["views"][: len(kept)],
        azimuths=np.array([camera.azimuth for camera in job.cameras], dtype=np.float32),
        meshes=MeshFiles(tuple(shape.path for shape in kept), root, frame),
    )


@dataclass(frozen=True)
class _Job:
    """Which shapes are pictured how."""

    shapes: tuple[ShapeFile, ...]
    root: Path
    name: str
    frame: Frame
    cameras: tuple[Camera, ...]
    coloured: bool
    options: RenderOptions
    processes: int

    @property
    def depends_on(self) -> dict[str, Any]:
        """What decides the pixels."""
        backend = choose_backend(self.options.backend, "cpu")
        return {
            "version": _VERSION,
            "files": identity_of((shape.path for shape in self.shapes), root=self.root),
            "frame": self.frame,
            "coloured": self.coloured,
            "pictures": fingerprint(self.options, self.cameras, backend=backend),
        }

    @property
    def layout(self) -> Layout:
        """Good shapes fill the first rows of `views`, in order; `good` says which they are."""
        count, size = len(self.shapes), self.options.size
        return {
            "views": ((count, len(self.cameras), 3 if self.coloured else 1, size, size), "uint8"),
            "good": ((count,), "bool"),
        }


def _joined(
    parts: Sequence[_Job], rows: Mapping[str, Rows], cache: Path | None, bad: BadRecords, progress: Progress
) -> None:
    """Render part by part, each kept by itself, so that a run that was ended goes on where it was."""
    row = place = 0
    for part in parts:

        def fill(part_rows: Mapping[str, Rows], part: _Job = part) -> None:
            _render(part, part_rows, bad, progress)

        before = list(bad.names)
        stored = stored_rows(cache, f"{part.name}-part", part.depends_on, part.layout, fill)
        progress.reach(row + len(part.shapes))
        for fine in stored["good"]:
            rows["good"][row] = np.array(fine)
            row += 1
        good = np.array(stored["good"])
        names = [shape.key for shape, fine in zip(part.shapes, good, strict=True) if not fine]
        bad.count_again([*before, *names])
        for views in stored["views"][: int(good.sum())]:
            rows["views"][place] = views
            place += 1


def _good(shapes: Sequence[ShapeFile], good: NDArray[np.bool_], bad: BadRecords) -> list[ShapeFile]:
    bad.count_again([shape.key for shape, fine in zip(shapes, good, strict=True) if not fine])
    return [shape for shape, fine in zip(shapes, good, strict=True) if fine]


def _render(job: _Job, rows: Mapping[str, Rows], bad: BadRecords, progress: Progress) -> None:
    paths = [shape.path for shape in job.shapes]
    place = 0
    with MeshReaders(job.processes) as readers:
        meshes = cast("_Meshes", readers.load_many(paths, up="y", root=job.root))
        with closing(meshes):  # before its readers: its threads would start children again
            for row, (shape, (path, mesh)) in enumerate(zip(job.shapes, meshes, strict=True)):
                progress.step()
                try:
                    unit = _unit(mesh, job.frame, path)
                except MeshError as error:
                    bad.add(shape.key, str(error))
                    continue
                rows["views"][place] = view_planes(
                    unit, job.cameras, options=job.options, coloured=job.coloured
                )
                rows["good"][row] = np.array(True)
                place += 1


def view_planes(
    mesh: Mesh, cameras: Sequence[Camera], *, options: RenderOptions, coloured: bool
) -> NDArray[np.uint8]:
    """(V, C, H, W) pictures of a mesh in the unit sphere, C = 3 coloured or 1 gray."""
    output: Output = "colour" if coloured else "gray"
    views = render_views(mesh, cameras, options=options, outputs=(output,))
    planes = views.colour.transpose(0, 3, 1, 2) if views.colour is not None else views.gray[:, None]
    return np.ascontiguousarray(planes)


def _unit(mesh: Mesh | MeshError, frame: Frame, path: Path) -> Mesh:
    """In the library's frame and the unit sphere; MeshError where it has no extent, too."""
    if isinstance(mesh, MeshError):
        raise mesh
    try:
        return normalized(in_library_frame(mesh, frame), "sphere")
    except ValueError as error:
        raise MeshError(path, str(error)) from error
