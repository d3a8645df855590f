"""Folders of objects with a cloud and pictures each, in the layout of CO3D: who is there and what is missing.

<class>/<object>/pointcloud.ply        one cloud: ply, npy or another format of `io.clouds`
<class>/<object>/images/frame1.jpg     pictures: jpg, png or webp; without a folder `images`, wherever they
                                       lie. CO3D has masks and depth maps in folders beside it
train.txt, test.txt                    <class>/<object>, a line each; without both a hash of the keys
                                       decides
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from anaglyph.data.datasets.bad_records import listed
from anaglyph.data.datasets.modelnet_views import SUFFIXES
from anaglyph.data.source import Split
from anaglyph.data.splits import validation_mask
from anaglyph.errors import DataError
from anaglyph.io.clouds import READERS

log = logging.getLogger(__name__)
Unpaired = Literal["drop", "refuse"]


@dataclass(frozen=True)
class ObjectFolder:
    """One object with both."""

    key: str
    """"<class>/<object>"."""
    name: str
    """Its class, as the folder spells it."""
    cloud: Path
    pictures: tuple[Path, ...]
    """One or more, in the order of their names."""


def object_folders(root: Path, classes: Iterable[str], *, unpaired: Unpaired) -> list[ObjectFolder]:
    """Every object of these classes, in order of their keys.

    Raises:
        DataError: none with both a cloud and pictures; several clouds of one object; or, with
            unpaired="refuse", one that lacks either.
    """
    found, bare, blind = [], [], []
    for name in classes:
        for place in sorted(each for each in (root / name).glob("*") if each.is_dir()):
            files = sorted(path for path in place.rglob("*") if path.is_file())
            clouds = [path for path in files if path.suffix.lower() in READERS]
            pictures = _pictures(place, files)
            key = f"{name}/{place.name}"
            if len(clouds) > 1:
                raise DataError(
                    f"'{place}' has {len(clouds)} clouds ({listed([path.name for path in clouds])}); keep "
                    f"one."
                )
            if clouds and pictures:
                found.append(ObjectFolder(key, name, clouds[0], pictures))
            elif clouds:
                blind.append(key)
            elif pictures:
                bare.append(key)
    said = [
        f"{len(keys)} with {has} and without {lacks} ({listed(keys)})"
        for keys, has, lacks in ((blind, "a cloud", "pictures"), (bare, "pictures", "a cloud"))
        if keys
    ]
    if not found:
        raise DataError(
            f"'{root}' has no object with both a cloud and pictures in <class>/<object>/"
            f"{': ' if said else ''}{'; '.join(said)}. Classes looked for: {listed(list(classes))}. Both are "
            f"needed to learn from one another; name clouds and pictures of an object by its folder."
        )
    if said and unpaired == "refuse":
        raise DataError(
            f"'{root}' has objects that are not whole: {'; '.join(said)}. Bring what is missing, remove "
            f"them, or set unpaired: drop."
        )
    if said:
        log.warning("'%s': left out: %s", root, "; ".join(said))
    return found


def _pictures(place: Path, files: Iterable[Path]) -> tuple[Path, ...]:
    folder = place / "images"
    frames = [path for path in files if path.suffix.lower() in SUFFIXES]
    return tuple(path for path in frames if not folder.is_dir() or path.is_relative_to(folder))


def of_split(
    root: Path, objects: list[ObjectFolder], split: Split, *, test_fraction: float, validation_fraction: float
) -> list[ObjectFolder]:
    """The objects of a split: the lists' word, else a hash of the key.

    Raises:
        DataError: one list is there without the other, an object is in both, or the split is empty.
    """
    lists = {each: root / f"{each}.txt" for each in ("train", "test")}
    there = [path for path in lists.values() if path.is_file()]
    if len(there) == 1:
        raise DataError(
            f"'{there[0]}' is there and the other of train.txt and test.txt is not; bring or remove both."
        )
    keys = [each.key for each in objects]
    if there:
        said = {each: set(path.read_text(encoding="utf-8").split()) for each, path in lists.items()}
        both = sorted(said["train"] & said["test"])
        if both:
            raise DataError(f"train.txt and test.txt of '{root}' share {listed(both)}; list each once.")
        unlisted = [key for key in keys if key not in said["train"] | said["test"]]
        if unlisted:
            log.warning("'%s': in neither list and left out: %s", root, listed(unlisted))
        testing = [key in said["test"] for key in keys]
        training = [key in said["train"] for key in keys]
    else:
        testing = validation_mask(keys, fraction=test_fraction, seed=1).tolist()
        training = [not each for each in testing]
    rest = [each for each, taken in zip(objects, training, strict=True) if taken]
    inside = [each.key for each in rest]
    held_out = validation_mask(inside, fraction=validation_fraction, seed=0).tolist() if rest else []
    chosen = {
        "test": [each for each, taken in zip(objects, testing, strict=True) if taken],
        "train": [each for each, out in zip(rest, held_out, strict=True) if not out],
        "validation": [each for each, out in zip(rest, held_out, strict=True) if out],
    }[split]
    if not chosen:
        raise DataError(f"'{root}' has {len(objects)} objects and none for the {split} split; add objects.")
    return chosen
