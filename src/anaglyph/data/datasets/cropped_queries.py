"""From photographs and masks to cropped queries, made once and kept.

Every picture is read, cut to its mask (`data.crop`) and written as one row; the arrays are mapped when
read, so that sixteen thousand photographs need no more memory than one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.crop import crop_to_mask
from anaglyph.data.datasets.bad_records import BadRecords
from anaglyph.data.datasets.stored_rows import Progress, Rows, identity_of, stored_rows
from anaglyph.data.shape_queries import ShapeQueries, ShapeRepository
from anaglyph.data.transforms.joint import QueryAugmentation, ViewAugmentation
from anaglyph.errors import DataError
from anaglyph.io.pictures import read_masked_picture

log = logging.getLogger(__name__)
Pixels = NDArray[np.uint8]
_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class QueryFile:
    """One photograph and the shape that it shows."""

    key: str
    """Id, one word."""
    shape: str
    """Key of the shape."""
    image: Path
    mask: Path | None = None
    """None where the picture's own transparency, or something else than a file, is the mask."""
    azimuth: float = float("nan")
    """Degrees of the photograph's camera around the shape, in the library's frame."""


Reader = Callable[[QueryFile], tuple[Pixels, Pixels]]
"""Picture (H, W, 3) and mask (H, W) of a query; DataError where one cannot be had."""


def read_files(query: QueryFile) -> tuple[Pixels, Pixels]:
    """The picture and the mask as their files have them."""
    return read_masked_picture(query.image, mask_path=query.mask)


def cropped_queries(
    queries: Sequence[QueryFile],
    repository: ShapeRepository,
    *,
    root: Path,
    cache: Path | None,
    name: str,
    size: int = 224,
    margin: float = 0.0,
    max_bad: int = 0,
    read: Reader = read_files,
    masks_from: Any = "files",
    query_augmentation: QueryAugmentation | None = None,
    view_augmentation: ViewAugmentation | None = None,
    training_views: int = 0,
    seed: int = 0,
) -> ShapeQueries:
    """All queries whose shape the repository has, in the given order, without up to `max_bad` unusable ones.

    Crops come from the cache where they were cut in the same way from the same files (name, size, time of
    change).

    Args:
        queries: at least one.
        repository: that they search.
        root: folder that holds all of the files.
        cache: folder for the crops; None keeps them in memory.
        name: of the split, for the cache and the log.
        size: side of the crops in pixels.
        margin: see `crop_to_mask`.
        max_bad: how many pictures may be unusable; one more is a DataError that names them.
        read: how a query is read.
        masks_from: plain data that says where masks that are no files come from, for the cache.
        query_augmentation: of training batches; the release's by default.
        view_augmentation: likewise.
        training_views: of each shape in a training batch; 0 is all.
        seed: of all three.
    """
    places = {key: row for row, key in enumerate(repository.keys)}
    known = [query for query in queries if query.shape in places]
    if len(known) < len(queries):
        log.warning("%s: %d queries of shapes that were left out", name, len(queries) - len(known))
    files = [path for query in known for path in (query.image, query.mask) if path is not None]
    depends_on = {
        "version": _VERSION,
        "keys": [(query.key, query.shape) for query in known],
        "files": identity_of(files, root=root),
        "masks": masks_from,
        "crop": [size, margin],
    }
    layout = {
        "images": ((len(known), 3, size, size), "uint8"),
        "masks": ((len(known), size, size), "uint8"),
        "good": ((len(known),), "bool"),
    }
    bad = BadRecords(f"{name}: pictures", allowed=max_bad)

    def fill(rows: Mapping[str, Rows]) -> None:
        _crop(known, rows, read=read, size=size, margin=margin, bad=bad, name=name)

    stored = stored_rows(cache, f"{name}-queries", depends_on, layout, fill)
    good = np.array(stored["good"])
    bad.count_again([query.key for query, fine in zip(known, good, strict=True) if not fine])
    kept = [query for query, fine in zip(known, good, strict=True) if fine]
    return ShapeQueries(
        keys=tuple(query.key for query in kept),
        shapes=np.array([places[query.shape] for query in kept], dtype=np.int64),
        images=stored["images"][: len(kept)],
        masks=stored["masks"][: len(kept)],
        azimuths=np.array([query.azimuth for query in kept], dtype=np.float32),
        repository=repository,
        query_augmentation=query_augmentation or QueryAugmentation(),
        view_augmentation=view_augmentation or ViewAugmentation(),
        training_views=training_views,
        seed=seed,
    )


def _crop(
    queries: Sequence[QueryFile],
    rows: Mapping[str, Rows],
    *,
    read: Reader,
    size: int,
    margin: float,
    bad: BadRecords,
    name: str,
) -> None:
    """Cut in the order of shapes, so that a reader may keep one model; good ones end in the first rows."""
    progress = Progress(f"{name}: cutting out", len(queries))
    good: list[int] = []
    for row in sorted(range(len(queries)), key=lambda row: (queries[row].shape, row)):
        query = queries[row]
        progress.step()
        try:
            picture = read(query)
        except DataError as error:  # which names its file
            bad.add(query.key, str(error))
            continue
        try:
            image, mask = crop_to_mask(*picture, size=size, margin=margin)
        except DataError as error:
            bad.add(query.key, f"'{query.mask or query.image}': {error}")
            continue
        rows["images"][row] = np.ascontiguousarray(image.transpose(2, 0, 1))
        rows["masks"][row] = mask
        rows["good"][row] = np.array(True)
        good.append(row)
    for place, row in enumerate(sorted(good)):
        if place != row:
            for key in ("images", "masks"):
                rows[key][place] = rows[key][row]
