"""Described objects through frozen towers: vectors of their pictures, of their texts and of class names.

Deterministic: the same rows in the same batches give the same bytes on one machine, so a run that was stopped
makes the parts that are missing and no others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from anaglyph.data.array_records import ArrayRecords
from anaglyph.data.described import DescribedObjects, in_colour
from anaglyph.data.records import Floats, TextSource
from anaglyph.encoders.towers.tower import ImageTower, TextTower
from anaglyph.engine.towers import Towers
from anaglyph.errors import ConfigError, DataError
from anaglyph.evaluation.templates import average_text_features, clean_class_name, expand, templates

PROMPTED = frozenset({TextSource.NAME, TextSource.CAPTION, TextSource.OTHER_CAPTION})
"""Sources whose texts OpenShape puts into sentences; retrieved ones are sentences already."""


@dataclass(frozen=True, kw_only=True)
class FeatureSettings:
    """How vectors are made of pictures and texts."""

    templates: str = "official64"
    """Family of sentences around class names; `evaluation.templates` lists them."""
    prompt_texts: bool = False
    """Names and captions in those sentences too, averaged, as in OpenShape's data."""
    clean_names: bool = True
    """Class names as a person writes them, without underscores."""
    storage: Literal["float32", "float16"] = "float32"
    """Type of the stored vectors."""
    batch: int = 64
    """Pictures or texts at once."""

    def __post_init__(self) -> None:
        templates(self.templates)
        if self.batch < 1:
            raise ConfigError(f"batch must be >= 1, got {self.batch}.")


def embed_rows(
    objects: DescribedObjects, rows: Sequence[int], towers: Towers, settings: FeatureSettings
) -> ArrayRecords:
    """The records of some rows.

    Raises:
        DataError: objects without clouds, or a tower that refuses a picture or a text, with the first key.
    """
    if objects.points is None:
        raise DataError("features are stored beside clouds, and this data set has none; choose one that has.")
    keys = tuple(objects.keys[row] for row in rows)
    try:
        images = _views(objects, rows, towers.image, settings)
        thumbnails, pictured = _thumbnails(objects, rows, towers.image, settings)
        texts, sources, offsets = _texts(objects, rows, towers.text, settings)
    except DataError as error:
        raise DataError(f"objects from '{keys[0]}' to '{keys[-1]}': {error}") from error
    return ArrayRecords(
        keys=keys,
        points=np.ascontiguousarray(objects.points[list(rows)]),
        images=images,
        thumbnails=thumbnails,
        pictured=pictured,
        texts=texts,
        sources=sources,
        offsets=offsets,
    )


def embed_classes(
    class_names: Sequence[str], tower: TextTower | None, settings: FeatureSettings
) -> NDArray[np.float32] | None:
    """(C, E) unit vectors of class names: each sentence's, averaged; None without a tower."""
    if tower is None:
        return None
    names = [clean_class_name(name) if settings.clean_names else name for name in class_names]
    return _prompted(names, tower, settings)


def _views(
    objects: DescribedObjects, rows: Sequence[int], tower: ImageTower | None, settings: FeatureSettings
) -> Floats | None:
    """(n, V, D)."""
    if tower is None or objects.pictures is None:
        return None
    views = objects.pictures.shape[1]
    pictures = (in_colour(objects.pictures[row, view]) for row in rows for view in range(views))
    return _pictures(pictures, len(rows) * views, tower, settings).reshape(len(rows), views, -1)


def _thumbnails(
    objects: DescribedObjects, rows: Sequence[int], tower: ImageTower | None, settings: FeatureSettings
) -> tuple[Floats | None, NDArray[np.bool_] | None]:
    """(n, D), 0 where there is none, and (n,) where there is one."""
    there = np.array([objects.thumbnails[row] is not None for row in rows])
    if tower is None or not there.any():
        return None, None
    pictures = (picture for row in rows if (picture := objects.thumbnails[row]) is not None)
    vectors = _pictures(pictures, int(there.sum()), tower, settings)
    result = np.zeros((len(rows), tower.dim), vectors.dtype)
    result[there] = vectors
    return result, there


def _texts(
    objects: DescribedObjects, rows: Sequence[int], tower: TextTower | None, settings: FeatureSettings
) -> tuple[Floats | None, NDArray[np.uint8] | None, NDArray[np.int64] | None]:
    """(S, E) vectors, (S,) sources and (n + 1,) offsets."""
    if tower is None:
        return None, None, None
    flat = [(source, text) for row in rows for source, text in objects.texts[row]]
    offsets = np.cumsum([0, *(len(objects.texts[row]) for row in rows)]).astype(np.int64)
    sources = np.array([source for source, _ in flat], dtype=np.uint8)
    # Words of categories come again and again; each text is embedded once.
    prompted = [settings.prompt_texts and source in PROMPTED for source, _ in flat]
    vectors: dict[tuple[bool, str], Floats] = {}
    for kind in (False, True):
        unique = list(
            dict.fromkeys(text for (_, text), own in zip(flat, prompted, strict=True) if own == kind)
        )
        if unique:
            made = _prompted(unique, tower, settings) if kind else _sentences(unique, tower, settings)
            vectors |= {(kind, text): row for text, row in zip(unique, made, strict=True)}
    result = np.zeros((len(flat), tower.dim), settings.storage)
    for place, ((_, text), kind) in enumerate(zip(flat, prompted, strict=True)):
        result[place] = vectors[kind, text]
    return result, sources, offsets


def _pictures(
    pictures: Iterator[NDArray[np.uint8]], count: int, tower: ImageTower, settings: FeatureSettings
) -> Floats:
    """`count` pictures (3, H, W), 0 to 255 -> (count, D)."""
    result = np.zeros((count, tower.dim), settings.storage)
    for start in range(0, count, settings.batch):
        chosen = [next(pictures) for _ in range(min(settings.batch, count - start))]
        for size in dict.fromkeys(picture.shape for picture in chosen):  # thumbnails may differ in size
            places = [place for place, picture in enumerate(chosen) if picture.shape == size]
            stacked = torch.from_numpy(np.stack([chosen[place] for place in places])).float() / 255.0
            result[[start + place for place in places]] = _finite(tower(stacked), tower.name)
    return result


def _sentences(texts: Sequence[str], tower: TextTower, settings: FeatureSettings) -> NDArray[np.float32]:
    """Texts -> (n, E)."""
    made = [
        _finite(tower(texts[start : start + settings.batch]), tower.name)
        for start in range(0, len(texts), settings.batch)
    ]
    return np.concatenate(made)


def _prompted(names: Sequence[str], tower: TextTower, settings: FeatureSettings) -> NDArray[np.float32]:
    """Names -> (n, E) unit vectors, the average over their sentences."""
    sentences = [sentence for name in names for sentence in expand(name, settings.templates)]
    vectors = torch.from_numpy(_sentences(sentences, tower, settings)).reshape(len(names), -1, tower.dim)
    result: NDArray[np.float32] = average_text_features(vectors).numpy()
    return result


def _finite(vectors: torch.Tensor, name: str) -> NDArray[np.float32]:
    if not bool(torch.isfinite(vectors).all()):
        raise DataError(f"the tower {name} gives numbers that are not finite; check its weights.")
    result: NDArray[np.float32] = vectors.cpu().numpy()
    return result
