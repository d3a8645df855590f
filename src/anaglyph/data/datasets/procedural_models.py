"""Generated objects with coloured views, clouds, category words and captions: descriptions without any file.

Splits hold different objects. Texts of source NAME are the category's words and synonyms, so training on them
is training on class names; `held_out_categories` keeps objects of categories, and their texts, out of
training and validation, for a test of unseen classes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from anaglyph.config import plain
from anaglyph.data.cache import cached
from anaglyph.data.crop import crop_to_mask
from anaglyph.data.datasets.described_models import sampled_cloud
from anaglyph.data.datasets.described_options import DescribedOptions, handed_out
from anaglyph.data.datasets.rendered_shapes import view_planes
from anaglyph.data.datasets.stored_rows import Progress, Rows, stored_rows
from anaglyph.data.described import DescribedObjects, Picture, Text
from anaglyph.data.procedural.catalog import CATEGORIES
from anaglyph.data.procedural.objects import ProceduralObject, list_categories, make_object
from anaglyph.data.records import TextSource
from anaglyph.data.source import Split, check_split
from anaglyph.errors import ConfigError, unknown_name
from anaglyph.geometry.cameras import view_cameras
from anaglyph.geometry.normalize import normalized
from anaglyph.render.backends import choose_backend
from anaglyph.render.options import RenderOptions, fingerprint
from anaglyph.render.photo import PHOTO_VERSION, PhotoOptions, take_photo
from anaglyph.render.studio import subject

_VERSION = 1
"""Goes up when clouds or thumbnails change."""
_FRAME = 1.35
"""Side of a photograph in sides of the thumbnail that is cut from it."""
_MARGIN = 0.05
"""Room around the object in a thumbnail, as a part of its long side."""
TRUE_COLOURS = PhotoOptions(recolour=0.0)
"""New colours would contradict the captions."""


@dataclass(frozen=True, kw_only=True)
class ProceduralModels(DescribedOptions):
    """Generated objects; equal options give equal objects on every machine."""

    title: ClassVar[str] = "generated objects with coloured views, clouds, words and captions"
    licence: ClassVar[str] = "made by Anaglyph from nothing; no licence applies"
    obtain: ClassVar[str] = "Made here; nothing to fetch."

    train: int = 940
    """Objects of the training split, spread evenly over its categories; more of them leave the first as they
    are."""
    validation: int = 94
    """Objects of the validation split."""
    test: int = 188
    """Objects of the test split, spread over all categories."""
    categories: tuple[str, ...] = ()
    """Names to take; none takes all."""
    held_out_categories: tuple[str, ...] = ()
    """Those that only the test split has."""
    variation: float = 1.0
    """0 to 1, how far objects of a category differ."""
    collection: int = 0
    """Another number gives other objects."""
    photo_thumbnails: bool = False
    """A photo-like picture of each object, with background and lights, as its thumbnail; otherwise none."""
    photo: PhotoOptions = TRUE_COLOURS
    """Bounds of what is drawn for it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in (*self.categories, *self.held_out_categories):
            if name not in list_categories():
                raise ConfigError(unknown_name("category", name, list_categories()))
        if not set(self._names) - set(self.held_out_categories):
            raise ConfigError("held_out_categories leaves none for training; hold out fewer.")
        if min(self.train, self.validation, self.test) < 1 or not 0.0 <= self.variation <= 1.0:
            raise ConfigError(
                f"train={self.train}, validation={self.validation} and test={self.test} must be >= 1 and "
                f"variation={self.variation} in 0 to 1."
            )

    def load(self, split: Split, *, root: Path, cache: Path | None, seed: int) -> DescribedObjects:
        """Make one split, or take it from the cache; `root` is not read."""
        check_split(split)
        shown = [name for name in self._names if split == "test" or name not in self.held_out_categories]
        objects = _Objects(
            tuple(shown[row % len(shown)] for row in range(getattr(self, split))),
            tuple(f"{self.collection}/{split}/{row // len(shown)}" for row in range(getattr(self, split))),
            self.variation,
        )
        keys = tuple(f"{name}/{split}-{row // len(shown):05d}" for row, name in enumerate(objects.categories))
        made_by = {"version": _VERSION, "objects": plain(objects), "first": objects.identity()}
        captions = cached(cache, f"procedural_models-captions-{split}", made_by, objects.captions)
        stored = self._rows(split, objects, made_by, cache)
        return DescribedObjects(
            keys=keys,
            class_names=tuple(class_word(name) for name in self._names),
            labels=np.array([self._names.index(name) for name in objects.categories], dtype=np.int64),
            points=stored["points"],
            pictures=stored["views"],
            thumbnails=tuple(self._thumbnails(split, objects, made_by, cache)),
            texts=tuple(
                texts_of(name, str(caption))
                for name, caption in zip(objects.categories, captions["captions"], strict=True)
            ),
            **handed_out(self, seed=seed),
        )

    @property
    def _names(self) -> tuple[str, ...]:
        return self.categories or tuple(list_categories())

    def _rows(
        self, split: Split, objects: _Objects, made_by: Mapping[str, Any], cache: Path | None
    ) -> dict[str, NDArray[Any]]:
        """`views` and `points` of every object."""
        cameras, options = view_cameras(self.views), RenderOptions(size=self.size)
        pictures = fingerprint(options, cameras, backend=choose_backend(options.backend, "cpu"))
        count, side = len(objects), self.size
        layout = {
            "views": ((count, len(cameras), 3, side, side), "uint8"),
            "points": ((count, self.stored_points, 6), "float16"),
        }

        def fill(rows: Mapping[str, Rows]) -> None:
            progress = Progress(f"procedural_models: rendering {split}", count)
            for row in range(count):
                unit = normalized(objects.made(row).mesh, "sphere")
                rows["views"][row] = view_planes(unit, cameras, options=options, coloured=True)
                rows["points"][row] = sampled_cloud(
                    unit, self.stored_points, objects.categories[row], objects.keys[row]
                )
                progress.step()

        return stored_rows(
            cache, f"procedural_models-{split}", {**made_by, "pictures": pictures}, layout, fill
        )

    def _thumbnails(
        self, split: Split, objects: _Objects, made_by: Mapping[str, Any], cache: Path | None
    ) -> Sequence[Picture | None]:
        if not self.photo_thumbnails:
            return [None] * len(objects)
        depends_on = {**made_by, "photo": plain(self.photo), "photo_version": PHOTO_VERSION}
        layout = {"pictures": ((len(objects), 3, self.size, self.size), "uint8")}

        def fill(rows: Mapping[str, Rows]) -> None:
            progress = Progress(f"procedural_models: photographing {split}", len(objects))
            for row in range(len(objects)):
                model = subject(normalized(objects.made(row).mesh, "sphere"))
                photo = take_photo(
                    model,
                    "procedural_models",
                    objects.categories[row],
                    objects.keys[row],
                    size=round(_FRAME * self.size),
                    options=self.photo,
                )
                cut, _ = crop_to_mask(photo.pixels, photo.mask, size=self.size, margin=_MARGIN)
                rows["pictures"][row] = cut.transpose(2, 0, 1)
                progress.step()

        name = f"procedural_models-thumbnails-{split}"
        return list(stored_rows(cache, name, depends_on, layout, fill)["pictures"])


def class_word(category: str) -> str:
    """A category's name in plain words."""
    return CATEGORIES[category].words[0]


def texts_of(category: str, caption: str) -> tuple[Text, ...]:
    """The category's words, then what the object looks like."""
    names = tuple((TextSource.NAME, word) for word in CATEGORIES[category].words)
    return (*names, (TextSource.CAPTION, caption))


@dataclass(frozen=True)
class _Objects:
    """Which objects are made."""

    categories: tuple[str, ...]
    keys: tuple[str, ...]
    """What each is made from."""
    variation: float

    def __len__(self) -> int:
        return len(self.keys)

    def made(self, row: int) -> ProceduralObject:
        """Object `row`; making it takes milliseconds."""
        return make_object(self.categories[row], key=self.keys[row], variation=self.variation)

    def captions(self) -> dict[str, NDArray[Any]]:
        """(N,) what each looks like."""
        return {"captions": np.array([self.made(row).caption for row in range(len(self))])}

    def identity(self) -> str:
        """A hash of the first object of every category: the generator itself, on which all depends."""
        total = hashlib.sha256()
        for category in dict.fromkeys(self.categories):
            first = self.made(self.categories.index(category))
            for array in (first.mesh.vertices, first.mesh.faces):
                total.update(np.ascontiguousarray(array).data)
            total.update(first.caption.encode())
        return total.hexdigest()
