"""From mesh files to a repository of rendered views, made once and kept.

Each file is read by the sandboxed readers, turned into the library's frame, put into the unit sphere and
pictured by the cameras of a ring. Each shape's views are kept under the hash of its content and of the
settings: a run that was ended goes on where it was, a model that changed is the only one pictured again, and
data sets that hold the same model share its views. One array holds the views of all shapes; it is written row
by row and mapped when read, so that ten thousand shapes need no more memory than one.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.datasets.bad_records import BadRecords
from anaglyph.data.datasets.frames import Frame, in_library_frame
from anaglyph.data.datasets.model_contents import contents_of
from anaglyph.data.datasets.stored_rows import Layout, Progress, Rows, stored_rows
from anaglyph.data.shape_queries import ShapeRepository
from anaglyph.errors import MeshError
from anaglyph.geometry.cameras import Camera, view_cameras
from anaglyph.geometry.load import MeshReaders, UpOption, load_mesh
from anaglyph.geometry.mesh import Mesh
from anaglyph.geometry.normalize import normalized, to_y_up
from anaglyph.render.backends import choose_backend
from anaglyph.render.cache import cached_views, has_views
from anaglyph.render.options import Output, RenderOptions, fingerprint
from anaglyph.render.views import Views, render_views

_VERSION = 3
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
    up: UpOption = "y"

    def __call__(self, row: int) -> Mesh:
        """Read row `row` in a child process; MeshError where that fails."""
        mesh = to_y_up(load_mesh(self.paths[row], up=self.up, root=self.root))
        return in_library_frame(mesh, self.frame)


def rendered_repository(
    shapes: Sequence[ShapeFile],
    *,
    category_names: tuple[str, ...],
    root: Path,
    cache: Path | None,
    name: str,
    frame: Frame = "library",
    up: UpOption = "y",
    views: str = "ring12",
    coloured: bool = False,
    options: RenderOptions | None = None,
    max_bad: int = 0,
    processes: int = 1,
) -> ShapeRepository:
    """All shapes with their views, in the given order, without up to `max_bad` that cannot be read.

    Views come from the cache where they were rendered from the same content, materials and textures included,
    with the same options, cameras, renderer and back-end.

    Args:
        shapes: at least one.
        category_names: all categories, in the order of their labels.
        root: folder that holds all of the files, textures included.
        cache: folder for the views; None keeps them in memory.
        name: of the repository, for the cache and the log.
        frame: how the models stand in their files.
        up: which axis is up there, as for `load_mesh`; a frame other than "library" begins at +y.
        views: name of a set of cameras, see `geometry.cameras.VIEWS`.
        coloured: pictures in the models' own colours instead of gray ones.
        options: how the pictures look; the dossier's by default.
        max_bad: how many files may be unreadable; one more is a DataError that names them.
        processes: files read at a time.
    """
    contents = contents_of([shape.path for shape in shapes], root=root, cache=cache, name=name)
    job = _Job(
        tuple(shapes),
        contents,
        root,
        frame,
        up,
        view_cameras(views),
        coloured,
        options or RenderOptions(),
        processes,
        None if cache is None else cache / "views",
    )
    bad = BadRecords(f"{name}: 3D models", allowed=max_bad)
    progress = Progress(f"{name}: rendering", len(shapes))

    def fill(rows: Mapping[str, Rows]) -> None:
        _render(job, rows, bad, progress)

    stored = stored_rows(cache, f"{name}-views", job.depends_on, job.layout, fill)
    kept = _good(job.shapes, stored["good"], bad)
    return ShapeRepository(
        keys=tuple(shape.key for shape in kept),
        category_names=category_names,
        categories=np.array([category_names.index(shape.category) for shape in kept], dtype=np.int64),
        views=stored["views"][: len(kept)],
        azimuths=np.array([camera.azimuth for camera in job.cameras], dtype=np.float32),
        meshes=MeshFiles(tuple(shape.path for shape in kept), root, frame, up),
    )


@dataclass(frozen=True)
class _Job:
    """Which shapes are pictured how."""

    shapes: tuple[ShapeFile, ...]
    contents: tuple[str, ...]
    """Hash of each, empty for one that cannot be read."""
    root: Path
    frame: Frame
    up: UpOption
    cameras: tuple[Camera, ...]
    coloured: bool
    options: RenderOptions
    processes: int
    folder: Path | None
    """Where the views of each shape are kept."""

    @property
    def depends_on(self) -> dict[str, Any]:
        """What decides the pixels."""
        backend = choose_backend(self.options.backend, "cpu")
        return {
            "version": _VERSION,
            "contents": self.contents,
            "frame": self.frame,
            "coloured": self.coloured,
            "pictures": fingerprint(self.options, self.cameras, backend=backend),
            **({} if self.up == "y" else {"up": self.up}),
        }

    @property
    def layout(self) -> Layout:
        """Good shapes fill the first rows of `views`, in order; `good` says which they are."""
        count, size = len(self.shapes), self.options.size
        return {
            "views": ((count, len(self.cameras), 3 if self.coloured else 1, size, size), "uint8"),
            "good": ((count,), "bool"),
        }


def _good(shapes: Sequence[ShapeFile], good: NDArray[np.bool_], bad: BadRecords) -> list[ShapeFile]:
    bad.count_again([shape.key for shape, fine in zip(shapes, good, strict=True) if not fine])
    return [shape for shape, fine in zip(shapes, good, strict=True) if fine]


def _render(job: _Job, rows: Mapping[str, Rows], bad: BadRecords, progress: Progress) -> None:
    place = 0
    outputs: tuple[Output, ...] = ("colour",) if job.coloured else ("gray",)
    with MeshReaders(job.processes) as readers:
        missing = [row for row in range(len(job.shapes)) if not _is_kept(job, row, outputs)]
        wanted = [job.shapes[row].path for row in missing]
        meshes = cast("_Meshes", readers.load_many(wanted, up=job.up, root=job.root))
        read_ahead = set(missing)
        with closing(meshes):  # before its readers: its threads would start children again
            for row, shape in enumerate(job.shapes):
                source = _Source(job, shape.path, meshes if row in read_ahead else None, readers)
                progress.step()
                try:
                    views = _views(job, row, source, outputs)
                except MeshError as error:
                    bad.add(shape.key, str(error))
                    continue
                rows["views"][place] = _planes(views)
                rows["good"][row] = np.array(True)
                place += 1


def _is_kept(job: _Job, row: int, outputs: tuple[Output, ...]) -> bool:
    content = job.contents[row]
    return bool(content) and has_views(
        job.folder, _key(job, content), job.cameras, options=job.options, outputs=outputs
    )


def _views(job: _Job, row: int, source: _Source, outputs: tuple[Output, ...]) -> Views:
    content = job.contents[row]
    if not content:  # it could not be hashed, so nothing is known to be the same
        return render_views(source(), job.cameras, options=job.options, outputs=outputs)
    return cached_views(
        job.folder, _key(job, content), source, job.cameras, options=job.options, outputs=outputs
    )


def _key(job: _Job, content: str) -> str:
    """What a shape's views are made from."""
    up = "" if job.up == "y" else f"{job.up} up "
    return f"{content} {up}{job.frame} in the unit sphere"


@dataclass(frozen=True)
class _Source:
    """The mesh of one file, in the unit sphere."""

    job: _Job
    path: Path
    ahead: _Meshes | None
    """Read ahead in the order of the shapes, this one among them; those whose views came from an equal shape
    meanwhile are passed over. None for views that were kept, should they turn out to be damaged."""
    readers: MeshReaders

    def __call__(self) -> Mesh:
        for path, mesh in self.ahead or ():
            if path == self.path:
                return in_unit_sphere(mesh, self.job.frame, path)
        mesh = self.readers.load(self.path, up=self.job.up, root=self.job.root)
        return in_unit_sphere(mesh, self.job.frame, self.path)


def view_planes(
    mesh: Mesh, cameras: Sequence[Camera], *, options: RenderOptions, coloured: bool
) -> NDArray[np.uint8]:
    """(V, C, H, W) pictures of a mesh in the unit sphere, C = 3 coloured or 1 gray."""
    output: Output = "colour" if coloured else "gray"
    return _planes(render_views(mesh, cameras, options=options, outputs=(output,)))


def _planes(views: Views) -> NDArray[np.uint8]:
    planes = views.colour.transpose(0, 3, 1, 2) if views.colour is not None else views.gray[:, None]
    return np.ascontiguousarray(planes)


def in_unit_sphere(mesh: Mesh | MeshError, frame: Frame, path: Path) -> Mesh:
    """The mesh in the library's frame and the unit sphere; MeshError where it has no extent, too."""
    if isinstance(mesh, MeshError):
        raise mesh
    try:
        return normalized(in_library_frame(to_y_up(mesh), frame), "sphere")
    except ValueError as error:
        raise MeshError(path, str(error)) from error
