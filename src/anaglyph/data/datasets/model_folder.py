"""model_folder: a folder of your own 3D models and nothing else; views are rendered and clouds sampled here.

Every split is the whole folder: a method that learns without labels is there for these very objects. Where
the models lie in folders of classes, `labels` makes them the truth of an evaluation; nothing else reads it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal
from urllib.parse import quote

import numpy as np

from anaglyph.data.datasets.described_models import described_models
from anaglyph.data.datasets.described_options import DescribedOptions, handed_out
from anaglyph.data.datasets.modelnet_views import SUFFIXES as PICTURES
from anaglyph.data.datasets.rendered_shapes import ShapeFile
from anaglyph.data.described import UNLABELLED, DescribedObjects
from anaglyph.data.source import Split, check_split, folder_in
from anaglyph.errors import DataError
from anaglyph.geometry.load import UpOption
from anaglyph.geometry.mesh_formats import SUPPORTED


@dataclass(frozen=True, kw_only=True)
class ModelFolder(DescribedOptions):
    """Your models, at any depth."""

    title: ClassVar[str] = "a folder of your own 3D models, without labels"
    licence: ClassVar[str] = "that of your models"
    obtain: ClassVar[str] = f"Name a folder of 3D models ({', '.join(SUPPORTED)})."

    folder: str = "models"
    """Where the models lie, at any depth: absolute, or relative to the data root."""
    labels: Literal["none", "folders"] = "none"
    """none: classes are unknown; folders: the folder right below `folder` that a model lies in is its class,
    which evaluation alone reads."""
    up: UpOption = "auto"
    """Which axis is up in the files; auto takes the file's word or its format's convention."""
    bad_files: Literal["skip", "stop"] = "skip"
    """What happens to models that cannot be read: named in the log and left out, or the end of the run."""
    processes: int = 1
    """Models read at a time."""

    def load(self, split: Split, *, root: Path, cache: Path | None, seed: int) -> DescribedObjects:
        """Read all models, whichever the split."""
        check_split(split)
        folder = folder_in(root, self.folder, obtain=self.obtain)
        paths = model_files(folder)
        keys = [key_of(path.relative_to(folder).as_posix()) for path in paths]
        names = [self._class_of(path, folder) for path in paths]
        made = described_models(
            [
                ShapeFile(key=key, category=name, path=path)
                for key, path, name in zip(keys, paths, names, strict=True)
            ],
            root=folder,
            cache=cache,
            name="model_folder",
            options=self,
            up=self.up,
            max_bad=len(paths) - 1 if self.bad_files == "skip" else 0,
            processes=self.processes,
        )
        kept = made.kept.tolist()
        classes = tuple(sorted(set(names)))
        return DescribedObjects(
            keys=tuple(keys[row] for row in kept),
            class_names=classes,
            labels=np.array([classes.index(names[row]) for row in kept], dtype=np.int64),
            points=made.points,
            pictures=made.pictures,
            thumbnails=(None,) * len(kept),
            texts=((),) * len(kept),
            **handed_out(self, seed=seed),
        )

    def _class_of(self, path: Path, folder: Path) -> str:
        if self.labels == "none":
            return UNLABELLED
        first, *rest = path.relative_to(folder).parts
        if not rest:
            raise DataError(
                f"'{path}' lies in no folder of a class, and labels=folders takes classes from there; move "
                f"it into one, or set labels=none."
            )
        return first


def key_of(path: str) -> str:
    """A path as an object id: white space and bytes that are no text, which ids cannot hold, as in addresses
    of the web (%20, %FF).
    """
    marked = (quote(os.fsencode(letter)) if _needs_mark(letter) else letter for letter in path)
    return "".join(marked)


def _needs_mark(letter: str) -> bool:
    return letter.isspace() or letter == "%" or "\ud800" <= letter <= "\udfff"


def model_files(folder: Path) -> list[Path]:
    """Every 3D model below a folder, in the order of their paths; hidden files and folders are passed over.

    Raises:
        DataError: there is none; says what there is in their place.
    """
    files = files_below(folder)
    found = [path for path in files if path.suffix.lower() in SUPPORTED]
    if not found:
        pictures = sum(path.suffix.lower() in PICTURES for path in files)
        photos = (
            f"It holds {pictures} pictures: those can be named (`anaglyph classify`), and learning from them "
            f"wants the models that they show. "
        )
        raise DataError(f"'{folder}' holds no 3D model. {photos if pictures else ''}{ModelFolder.obtain}")
    return found


def files_below(folder: Path) -> list[Path]:
    """Every file at any depth, by path; hidden files and folders are passed over, linked folders too."""
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(place) / name for name in names if not name.startswith(".")]
    return sorted(found)
