"""Made objects and made photographs of them: CMIC's data set that is always there.

Objects come from `data.procedural`, photographs from `render.photo`; both are functions of keys, so the
collection is the same on every machine and in every run. It depends on `collection`, never on a run's seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from anaglyph.config import plain
from anaglyph.data.crop import crop_to_mask
from anaglyph.data.datasets.backdrops import find_backdrops, read_backdrops
from anaglyph.data.datasets.rendered_shapes import view_planes
from anaglyph.data.datasets.stored_rows import Progress, Rows, identity_of, stored_rows
from anaglyph.data.procedural.objects import list_categories, make_object
from anaglyph.data.shape_queries import ShapeQueries, ShapeRepository
from anaglyph.data.source import Split, check_split
from anaglyph.data.transforms.joint import QueryAugmentation, ViewAugmentation
from anaglyph.errors import ConfigError, unknown_name
from anaglyph.geometry.cameras import view_cameras
from anaglyph.geometry.mesh import Mesh
from anaglyph.geometry.mesh_hash import mesh_hash
from anaglyph.geometry.normalize import normalized
from anaglyph.randomness import numpy_generator
from anaglyph.render.backends import choose_backend
from anaglyph.render.options import RenderOptions, fingerprint
from anaglyph.render.photo import PHOTO_VERSION, PhotoOptions, take_photo
from anaglyph.render.studio import subject

_FRAME = 1.35
"""Side of a photograph in sides of the query that is cut from it."""
_MARGIN = 0.06
"""Largest room that a query leaves around the object's mask."""


@dataclass(frozen=True)
class ProceduralMeshes:
    """The `MeshSource` of a collection: objects are made again, which takes milliseconds."""

    categories: tuple[str, ...]
    """Of each row."""
    collection: int
    variation: float

    def __call__(self, row: int) -> Mesh:
        """The mesh of row `row`, in metres, +y up, its front at +z."""
        key = f"{self.collection}/{row}"
        return make_object(self.categories[row], key=key, variation=self.variation).mesh

    def opened(self) -> AbstractContextManager[Callable[[int], Mesh]]:
        """Itself: rows share nothing."""
        return nullcontext(self)


@dataclass(frozen=True, kw_only=True)
class Procedural:
    """Parametric objects, gray views of them, and photo-like queries with masks and true azimuths."""

    title: ClassVar[str] = "made objects of real-world categories and photo-like pictures of them"
    licence: ClassVar[str] = "made by Anaglyph from nothing; no licence applies"
    obtain: ClassVar[str] = "Made here; nothing to fetch."

    shapes: int = 320
    """Objects in the repository, spread evenly over the categories."""
    categories: tuple[str, ...] = ()
    """Names to take; none takes all."""
    variation: float = 1.0
    """0 to 1, how far objects of a category differ."""
    collection: int = 0
    """Another number gives other objects and photographs."""
    train: int = 8
    """Training queries of each shape."""
    validation: int = 1
    """Validation queries of each shape."""
    test: int = 2
    """Test queries of each shape, of unseen ones too."""
    unseen_shapes: float = 0.0
    """Part of the shapes that no training or validation query shows."""
    views: str = "ring12"
    """Cameras of the repository's pictures."""
    coloured_views: bool = False
    """The repository's pictures in the shapes' own colours; gray as published."""
    training_views: int = 0
    """Different random views of each shape in a training batch; 0 is all."""
    size: int = 96
    """Side of views and queries in pixels."""
    photographs: str = ""
    """Folder of pictures below the data root whose parts serve as backgrounds; empty for none."""
    photo: PhotoOptions = field(default_factory=PhotoOptions)
    """Bounds of what is drawn for each query."""
    query_augmentation: QueryAugmentation = field(default_factory=QueryAugmentation)
    view_augmentation: ViewAugmentation = field(default_factory=ViewAugmentation)

    def __post_init__(self) -> None:
        for name in self.categories:
            if name not in list_categories():
                raise ConfigError(unknown_name("category", name, list_categories()))
        if self.shapes < 1 or min(self.train, self.validation, self.test) < 1 or self.size < 8:
            raise ConfigError(
                f"shapes={self.shapes}, train={self.train}, validation={self.validation} and "
                f"test={self.test} must be >= 1, size={self.size} >= 8."
            )
        if not 0.0 <= self.unseen_shapes < 1.0 or not 0.0 <= self.variation <= 1.0:
            raise ConfigError(
                f"unseen_shapes is {self.unseen_shapes} and variation {self.variation}; the first lies in "
                f"[0, 1), the second in [0, 1]."
            )

    def load(self, split: Split, *, root: Path, cache: Path | None, seed: int) -> ShapeQueries:
        """Make one split, or take it from the cache; `root` matters only for `photographs`."""
        check_split(split)
        names = self.categories or tuple(list_categories())
        meshes = ProceduralMeshes(
            tuple(names[row % len(names)] for row in range(self.shapes)), self.collection, self.variation
        )
        made_by = {"objects": self._objects(meshes, names), "size": self.size}
        repository = self._repository(meshes, names, made_by, cache)
        shapes = np.repeat(self.shapes_of(split), getattr(self, split))
        numbers = np.arange(len(shapes)) % getattr(self, split)
        keys = tuple(
            f"{repository.keys[row]}/{split}{number}" for row, number in zip(shapes, numbers, strict=True)
        )
        stored = self._queries(split, shapes, keys, meshes, made_by, root=root, cache=cache)
        return ShapeQueries(
            keys=keys,
            shapes=shapes,
            images=stored["images"],
            masks=stored["masks"],
            azimuths=np.array(stored["azimuths"]),
            repository=repository,
            query_augmentation=self.query_augmentation,
            view_augmentation=self.view_augmentation,
            training_views=self.training_views,
            seed=seed,
        )

    def shapes_of(self, split: Split) -> NDArray[np.int64]:
        """Rows of the shapes that a split's queries show: all in `test`, elsewhere those that are seen."""
        rows = np.arange(self.shapes, dtype=np.int64)
        unseen = round(self.unseen_shapes * self.shapes)
        if split == "test" or unseen == 0:
            return rows
        order = numpy_generator("procedural", self.collection, "unseen").permutation(self.shapes)
        return np.sort(order[: self.shapes - unseen]).astype(np.int64)

    def _objects(self, meshes: ProceduralMeshes, names: tuple[str, ...]) -> dict[str, Any]:
        """What the shapes depend on; each category's first object stands for the generator."""
        first = [mesh_hash(meshes(row)) for row in range(min(len(names), self.shapes))]
        return {"shapes": self.shapes, "categories": names, "variation": self.variation,
                "collection": self.collection, "first": first}  # fmt: skip

    def _repository(
        self,
        meshes: ProceduralMeshes,
        names: tuple[str, ...],
        made_by: Mapping[str, Any],
        cache: Path | None,
    ) -> ShapeRepository:
        cameras, options = view_cameras(self.views), RenderOptions(size=self.size)
        backend = choose_backend(options.backend, "cpu")
        pictures = fingerprint(options, cameras, backend=backend)
        depends_on = {**made_by, "pictures": pictures, "coloured": self.coloured_views}
        channels = 3 if self.coloured_views else 1
        layout = {"views": ((self.shapes, len(cameras), channels, self.size, self.size), "uint8")}

        def fill(rows: Mapping[str, Rows]) -> None:
            progress = Progress("procedural: rendering", self.shapes)
            for row in range(self.shapes):
                unit = normalized(meshes(row), "sphere")
                rows["views"][row] = view_planes(unit, cameras, options=options, coloured=self.coloured_views)
                progress.step()

        stored = stored_rows(cache, "procedural-views", depends_on, layout, fill)
        order = {name: label for label, name in enumerate(names)}
        return ShapeRepository(
            keys=tuple(f"{name}/{row:05d}" for row, name in enumerate(meshes.categories)),
            category_names=names,
            categories=np.array([order[name] for name in meshes.categories], dtype=np.int64),
            views=stored["views"],
            azimuths=np.array([camera.azimuth for camera in cameras], dtype=np.float32),
            meshes=meshes,
        )

    def _queries(
        self,
        split: Split,
        shapes: NDArray[np.int64],
        keys: Sequence[str],
        meshes: ProceduralMeshes,
        made_by: Mapping[str, Any],
        *,
        root: Path,
        cache: Path | None,
    ) -> dict[str, NDArray[Any]]:
        """`images`, `masks` and `azimuths` of the split's queries."""
        files = find_backdrops(root, self.photographs)
        depends_on = {**made_by, "photo": plain(self.photo), "version": PHOTO_VERSION, "keys": list(keys),
                      "cut": [_FRAME, _MARGIN], "photographs": identity_of(files, root=root)}  # fmt: skip
        side = self.size
        layout = {
            "images": ((len(keys), 3, side, side), "uint8"),
            "masks": ((len(keys), side, side), "uint8"),
            "azimuths": ((len(keys),), "float32"),
        }

        def fill(rows: Mapping[str, Rows]) -> None:
            progress = Progress(f"procedural: photographing {split}", len(keys))
            pictures = read_backdrops(files)
            for row, (shape, key) in enumerate(zip(shapes, keys, strict=True)):
                if row == 0 or shape != shapes[row - 1]:
                    model = subject(normalized(meshes(int(shape)), "sphere"))
                photo = take_photo(model, self.collection, key, size=round(_FRAME * side),
                                   options=self.photo, photographs=pictures)  # fmt: skip
                margin = float(numpy_generator("procedural crop", self.collection, key).uniform(0, _MARGIN))
                image, mask = crop_to_mask(photo.pixels, photo.drawn_mask, size=side, margin=margin)
                rows["images"][row] = image.transpose(2, 0, 1)
                rows["masks"][row] = mask
                rows["azimuths"][row] = np.array(photo.azimuth)
                progress.step()

        return stored_rows(cache, f"procedural-{split}", depends_on, layout, fill)
