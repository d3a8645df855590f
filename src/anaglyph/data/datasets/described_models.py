"""Views and clouds of 3D models from files: coloured pictures, and points of the surface with colours."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.datasets.bad_records import BadRecords
from anaglyph.data.datasets.described_options import DescribedOptions
from anaglyph.data.datasets.model_contents import contents_of
from anaglyph.data.datasets.rendered_shapes import ShapeFile, in_unit_sphere, rendered_repository
from anaglyph.data.datasets.stored_rows import Progress, Rows, stored_rows
from anaglyph.errors import MeshError
from anaglyph.geometry.load import MeshReaders, UpOption
from anaglyph.geometry.mesh import Mesh
from anaglyph.geometry.sample import sample_surface
from anaglyph.randomness import numpy_generator
from anaglyph.render.options import RenderOptions

_VERSION = 1
"""Goes up when clouds change."""
_Meshes = Generator[tuple[Path, Mesh | MeshError], None, None]


@dataclass(frozen=True, eq=False)
class ModelRows:
    """What was made of models; row i of both arrays belongs to model `kept[i]`."""

    kept: NDArray[np.int64]
    """(n,) which models could be used, ascending."""
    pictures: NDArray[np.uint8]
    """(n, V, 3, H, W)."""
    points: NDArray[np.float16]
    """(n, P, 6) +y up in the unit sphere, colours in [0, 1]."""


def described_models(
    models: Sequence[ShapeFile],
    *,
    root: Path,
    cache: Path | None,
    name: str,
    options: DescribedOptions,
    up: UpOption = "y",
    max_bad: int = 0,
    processes: int = 1,
) -> ModelRows:
    """Views and clouds of models, without up to `max_bad` that cannot be read.

    Models that lack a surface to sample count as unreadable, too.

    Args:
        models: at least one.
        root: folder that holds all of the files, textures included.
        cache: folder for what is made; None keeps it in memory.
        name: of the models, for the cache and the log.
        options: cameras, sizes and counts.
        up: which axis is up in the files.
        max_bad: how many files may be unusable; one more is a DataError that names them.
        processes: files read at a time.
    """
    repository = rendered_repository(
        models,
        category_names=tuple(sorted({model.category for model in models})),
        root=root,
        cache=cache,
        name=name,
        up=up,
        views=options.views,
        coloured=True,
        options=RenderOptions(size=options.size),
        max_bad=max_bad,
        processes=processes,
    )
    pictured = set(repository.keys)
    rows = np.flatnonzero([model.key in pictured for model in models])
    contents = contents_of([model.path for model in models], root=root, cache=cache, name=name)
    bad = BadRecords(f"{name}: surfaces", allowed=max_bad - (len(models) - len(rows)))
    chosen, reading = [models[row] for row in rows.tolist()], _Reading(root, up, processes)
    depends_on = {
        "version": _VERSION,
        "contents": [contents[row] for row in rows],
        "keys": [model.key for model in chosen],
        "up": up,
    }
    layout = {
        "points": ((len(chosen), options.stored_points, 6), "float16"),
        "good": ((len(chosen),), "bool"),
    }

    def fill(arrays: Mapping[str, Rows]) -> None:
        _sample(chosen, reading, arrays, count=options.stored_points, bad=bad, name=name)

    stored = stored_rows(cache, f"{name}-clouds", depends_on, layout, fill)
    bad.count_again([model.key for model, fine in zip(chosen, stored["good"], strict=True) if not fine])
    if stored["good"].all():
        return ModelRows(rows, repository.views, stored["points"])
    good = np.flatnonzero(stored["good"])
    return ModelRows(rows[good], repository.views[good], stored["points"][good])


def sampled_cloud(mesh: Mesh, count: int, *key: object) -> NDArray[np.float16]:
    """(count, 6) points of the surface, as many per area everywhere, with colours in [0, 1].

    A function of the mesh and the key.

    Raises:
        ValueError: the mesh has no area.
    """
    sample = sample_surface(mesh, count, generator=numpy_generator("described cloud", *key))
    return np.concatenate([sample.points, sample.colours / np.float32(255.0)], axis=1).astype(np.float16)


@dataclass(frozen=True)
class _Reading:
    """How models are read."""

    root: Path
    up: UpOption
    processes: int


def _sample(
    models: Sequence[ShapeFile],
    reading: _Reading,
    arrays: Mapping[str, Rows],
    *,
    count: int,
    bad: BadRecords,
    name: str,
) -> None:
    progress = Progress(f"{name}: sampling surfaces", len(models))
    with MeshReaders(reading.processes) as readers:
        found = readers.load_many([model.path for model in models], up=reading.up, root=reading.root)
        with closing(cast("_Meshes", found)) as meshes:  # before its readers, as in rendered_shapes
            for row, (path, mesh) in enumerate(meshes):
                progress.step()
                try:
                    cloud = sampled_cloud(in_unit_sphere(mesh, "library", path), count, models[row].key)
                except (MeshError, ValueError) as error:
                    bad.add(models[row].key, str(error))
                    continue
                arrays["points"][row] = cloud
                arrays["good"][row] = np.array(True)
