"""cc0_objects: real low-poly objects, queried with their makers' own pictures (Kenney, Quaternius; CC0).

Half of the objects, by design, are trained on; the other half and its pictures are never seen. The
makers' renderers, lights and colours are not ours, so this is a search across a real gap. Their
isometric cameras are not described, so a query has no true azimuth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from anaglyph.config import plain
from anaglyph.data.crop import mask_box
from anaglyph.data.datasets.backdrops import find_backdrops, read_backdrops
from anaglyph.data.datasets.cc0_manifest import KINDS, Cc0Object, Kind, kind_of, read_manifest
from anaglyph.data.datasets.cc0_pictures import CUT_VERSION, drawn_picture
from anaglyph.data.datasets.cropped_queries import QueryFile, cropped_queries
from anaglyph.data.datasets.rendered_shapes import ShapeFile, rendered_repository
from anaglyph.data.datasets.stored_rows import identity_of, stored_rows
from anaglyph.data.shape_queries import ShapeQueries
from anaglyph.data.source import Split, check_split, folder_in
from anaglyph.data.splits import validation_mask
from anaglyph.data.transforms.joint import QueryAugmentation, ViewAugmentation
from anaglyph.errors import ConfigError, DataError, MeshError, unknown_name
from anaglyph.geometry.load import MeshReaders
from anaglyph.geometry.normalize import normalized
from anaglyph.randomness import numpy_generator
from anaglyph.render.options import RenderOptions
from anaglyph.render.photo import PHOTO_VERSION, PhotoOptions, take_photo
from anaglyph.render.studio import Subject, subject

Pixels = NDArray[np.uint8]
_FRAME = 1.35
"""Side of a made photograph in sides of the query that is cut from it."""


@dataclass(frozen=True, kw_only=True)
class Cc0Objects:
    """682 objects of about 100 categories; every second has pictures that its maker drew of it."""

    title: ClassVar[str] = "682 real low-poly objects and their makers' own pictures of them"
    licence: ClassVar[str] = "CC0 1.0 (Kenney, Quaternius); no attribution required, credit is kind"
    obtain: ClassVar[str] = (
        "Lies in '../shared/data/cc0_objects' of Anaglyph's workplace (manifest.csv, meshes/, images/); its "
        "sources are the packs of kenney.nl and quaternius.com."
    )

    folder: str = "cc0_objects"
    """Where manifest.csv lies, relative to the data root."""
    gallery: Literal["split", "all"] = "split"
    """Shapes that test queries search: those of the test half, or all. Training never sees the test half."""
    pictures: tuple[Kind, ...] = KINDS
    """Which of the makers' pictures are queries."""
    least_side: int = 16
    """Pictures whose object is shorter and narrower than this, in pixels, are left out."""
    validation_fraction: float = 0.15
    """Part of the training half's designs that is held out for validation."""
    rendered_queries: int = 0
    """Photo-like renderings of each training object, added to the training queries."""
    photographs: str = ""
    """Folder of pictures below the data root whose parts serve as their backgrounds; empty for none."""
    photo: PhotoOptions = field(default_factory=PhotoOptions)
    """Bounds of what is drawn for them."""
    views: str = "ring12"
    """Cameras of the repository's pictures."""
    coloured_views: bool = False
    """The repository's pictures in the shapes' own colours; gray as published."""
    training_views: int = 0
    """Different random views of each shape in a training batch; 0 is all."""
    size: int = 96
    """Side of views and queries in pixels."""
    margin: float = 0.0
    """Room around the mask's box, as a part of its long side."""
    max_bad: int = 0
    """Pictures, and models, that may be unusable."""
    processes: int = 1
    """Models read at a time."""
    query_augmentation: QueryAugmentation = field(default_factory=QueryAugmentation)
    view_augmentation: ViewAugmentation = field(default_factory=ViewAugmentation)

    def __post_init__(self) -> None:
        for kind in self.pictures:
            if kind not in KINDS:
                raise ConfigError(unknown_name("kind of picture", kind, KINDS))
        if not self.pictures or self.rendered_queries < 0 or self.size < 8 or self.least_side < 1:
            raise ConfigError(
                f"pictures={self.pictures} must name a kind; rendered_queries={self.rendered_queries} must "
                f"be >= 0, size={self.size} >= 8 and least_side={self.least_side} >= 1."
            )

    def load(self, split: Split, *, root: Path, cache: Path | None, seed: int) -> ShapeQueries:
        """Read one split; `validation` searches among the training half."""
        check_split(split)
        folder = folder_in(root, self.folder, obtain=self.obtain)
        objects = read_manifest(folder)
        names = tuple(sorted({item.category for item in objects}))
        half = "test" if split == "test" else "train"
        everything = self.gallery == "all" and split == "test"
        searched = objects if everything else [item for item in objects if item.half == half]
        repository = rendered_repository(
            [ShapeFile(key=item.key, category=item.category, path=item.mesh) for item in searched],
            category_names=names,
            root=folder,
            cache=cache,
            name=f"cc0_objects-{'all' if everything else half}",
            views=self.views,
            coloured=self.coloured_views,
            options=RenderOptions(size=self.size),
            max_bad=self.max_bad,
            processes=self.processes,
        )
        chosen = objects_of(split, objects, validation_fraction=self.validation_fraction)
        queries = self._drawn(chosen, folder, cache)
        if split == "train":
            queries += _made(chosen, self.rendered_queries)
        if not queries:
            raise DataError(f"'{folder}' has no picture for the {split} split. {self.obtain}")
        backdrops = find_backdrops(root, self.photographs)
        with MeshReaders(root=folder) as readers:
            return cropped_queries(
                queries,
                repository,
                root=root,
                cache=cache,
                name=f"cc0_objects-{split}",
                size=self.size,
                margin=self.margin,
                max_bad=self.max_bad,
                read=_Reader(readers, self.photo, round(_FRAME * self.size), backdrops),
                masks_from=self._made_by(backdrops, root),
                query_augmentation=self.query_augmentation,
                view_augmentation=self.view_augmentation,
                training_views=self.training_views,
                seed=seed,
            )

    def _drawn(self, objects: Sequence[Cc0Object], folder: Path, cache: Path | None) -> list[QueryFile]:
        """Queries from the makers' pictures that are large enough."""
        pairs = [
            (item, image) for item in objects for image in item.images if kind_of(image) in self.pictures
        ]
        paths = [image for _, image in pairs]
        depends_on = {"files": identity_of(paths, root=folder), "cut": CUT_VERSION}
        layout = {"sides": ((len(paths),), "int64")}

        def fill(rows: Any) -> None:
            for row, path in enumerate(paths):
                left, top, right, bottom = mask_box(drawn_picture(path)[1])
                rows["sides"][row] = np.array(max(right - left, bottom - top))

        sides = stored_rows(cache, "cc0_objects-sides", depends_on, layout, fill)["sides"]
        return [
            QueryFile(key=image.stem, shape=item.key, image=image)
            for (item, image), side in zip(pairs, sides, strict=True)
            if side >= self.least_side
        ]

    def _made_by(self, backdrops: Sequence[Path], root: Path) -> dict[str, Any]:
        made = {"photo": plain(self.photo), "version": PHOTO_VERSION,
                "photographs": identity_of(backdrops, root=root)}  # fmt: skip
        return {"cut": CUT_VERSION, "made": made if self.rendered_queries else None}


def objects_of(split: Split, objects: Sequence[Cc0Object], *, validation_fraction: float) -> list[Cc0Object]:
    """The objects whose pictures a split may show."""
    half = [item for item in objects if item.half == ("test" if split == "test" else "train")]
    if split == "test":
        return half
    held_out = validation_mask(
        [item.key for item in half],
        fraction=validation_fraction,
        seed=0,
        groups=[item.design for item in half],
    )
    return [item for item, out in zip(half, held_out, strict=True) if out == (split == "validation")]


@dataclass
class _Reader:
    """Reads the makers' pictures, and takes photographs of meshes; keeps the last mesh."""

    readers: MeshReaders
    options: PhotoOptions
    size: int
    backdrops: list[Path]
    last: tuple[Path, Subject] | None = None
    pixels: list[Pixels] = field(default_factory=list)

    def __call__(self, query: QueryFile) -> tuple[Pixels, Pixels]:
        if query.image.suffix != ".ply":
            return drawn_picture(query.image)
        if self.last is None or self.last[0] != query.image:
            self.last = query.image, self._subject(query.image)
        if self.backdrops and not self.pixels:
            self.pixels = read_backdrops(self.backdrops)
        photo = take_photo(self.last[1], "cc0_objects", query.key, size=self.size, options=self.options,
                           photographs=self.pixels, azimuth=query.azimuth)  # fmt: skip
        return photo.pixels, photo.drawn_mask

    def _subject(self, path: Path) -> Subject:
        try:
            return subject(normalized(self.readers.load(path, up="y"), "sphere"))
        except ValueError as error:
            raise MeshError(path, str(error)) from error


def _made(objects: Sequence[Cc0Object], count: int) -> list[QueryFile]:
    """`count` photographs of each object, from evenly drawn sides."""
    keys = [(item, f"{item.key}/photo{number}") for item in objects for number in range(count)]
    return [
        QueryFile(
            key=key,
            shape=item.key,
            image=item.mesh,
            azimuth=float(numpy_generator("cc0_objects azimuth", key).uniform(0.0, 360.0)),
        )
        for item, key in keys
    ]
