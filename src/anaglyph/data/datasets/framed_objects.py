"""redwood and co3d: scanned objects with frames of the videos that show them.

CrossMoST's own preparation and lists of both are not published (dossier CrossMoST, 8.4); the layout is that
of `object_folders`, which is CO3D's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.class_lists import class_list
from anaglyph.data.datasets.modelnet_clouds import Clouds, stored
from anaglyph.data.datasets.named_options import NamedOptions, named_objects
from anaglyph.data.datasets.object_folders import ObjectFolder, Unpaired, object_folders, of_split
from anaglyph.data.datasets.stored_rows import Progress, Rows, identity_of, stored_rows
from anaglyph.data.described import DescribedObjects
from anaglyph.data.source import Split, check_split, folder_in
from anaglyph.errors import ConfigError
from anaglyph.io.clouds import read_cloud
from anaglyph.io.pictures import read_picture

Axis = Literal["x", "y", "z", "-x", "-y", "-z"]
_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class FramedObjects(NamedOptions):
    """What both sets share."""

    name: ClassVar[str]
    """Of the data set and of its class list."""
    obtain: ClassVar[str]

    folder: str
    """Where the folders of classes lie, relative to the data root."""
    frames: int = 10
    """Pictures of each object, evenly spread over those there are; of fewer some are taken again."""
    axes: tuple[Axis, Axis, Axis] = ("x", "y", "z")
    """Where x, y (up) and z come from in the files' clouds; a minus turns an axis round."""
    unpaired: Unpaired = "drop"
    """Objects with a cloud and no picture, or the other way round: left out and named in the log, or an
    error."""
    test_fraction: float = 0.2
    """Part of the objects that is the test split, by a hash of the keys, where no lists say it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.frames < 1 or not 0.0 < self.test_fraction < 1.0:
            raise ConfigError(
                f"frames={self.frames} must be >= 1 and test_fraction={self.test_fraction} between 0 and 1."
            )
        if sorted(axis[-1] for axis in self.axes) != ["x", "y", "z"]:
            raise ConfigError(f"axes={list(self.axes)} must name x, y and z once each, signs allowed.")

    def load(self, split: Split, *, root: Path, cache: Path | None, seed: int) -> DescribedObjects:
        """Read one split."""
        check_split(split)
        folder = folder_in(root, self.folder, obtain=self.obtain)
        classes = class_list(self.name)
        everything = object_folders(folder, classes.official, unpaired=self.unpaired)
        objects = of_split(
            folder,
            everything,
            split,
            test_fraction=self.test_fraction,
            validation_fraction=self.validation_fraction,
        )
        arrays = self._arrays(objects, folder, cache, name=f"{self.name}-{split}")
        return named_objects(
            self,
            keys=tuple(each.key for each in objects),
            labels=np.array([classes.official.index(each.name) for each in objects], dtype=np.int64),
            classes=classes,
            points=arrays["points"],
            pictures=arrays["pictures"],
            training=split == "train",
            seed=seed,
        )

    def _arrays(
        self, objects: Sequence[ObjectFolder], folder: Path, cache: Path | None, *, name: str
    ) -> dict[str, NDArray[Any]]:
        """`points` and `pictures` of every object."""
        shown = [_spread(each.pictures, self.frames) for each in objects]
        layout = {
            "points": ((len(objects), self.stored_points, 3), "float16"),
            "pictures": ((len(objects), self.frames, 3, self.size, self.size), "uint8"),
        }
        files = [path for each, frames in zip(objects, shown, strict=True) for path in (each.cloud, *frames)]
        depends_on = {
            "version": _VERSION,
            "files": identity_of(files, root=folder),
            "keys": [each.key for each in objects],
            "axes": list(self.axes),
        }

        def fill(rows: Mapping[str, Rows]) -> None:
            progress = Progress(f"{name}: reading", len(objects))
            for row, (each, frames) in enumerate(zip(objects, shown, strict=True)):
                cloud = _turned(read_cloud(each.cloud), self.axes)
                one = Clouds((each.key,), (each.name,), [cloud])
                rows["points"][row] = stored(one, count=self.stored_points, frame="unit_sphere")[0]
                rows["pictures"][row] = np.stack([read_picture(path, size=self.size) for path in frames])
                progress.step()

        return stored_rows(cache, name, depends_on, layout, fill)


@dataclass(frozen=True, kw_only=True)
class Redwood(FramedObjects):
    """Nine classes of the Redwood scans."""

    name: ClassVar[str] = "redwood"
    title: ClassVar[str] = "Redwood scans of nine classes with frames of their videos"
    licence: ClassVar[str] = "Redwood (Intel Labs): public domain scans; check each one"
    obtain: ClassVar[str] = (
        "Get scans and frames at http://redwood-data.org/3dscan and put each object into the folder "
        "'redwood' of the data root as <class>/<object>/ with one cloud (ply or npy) and its frames; "
        "classes are chair, table, trash_container, bench, plant, sign, bicycle, motorcycle and sofa."
    )

    folder: str = "redwood"
    """Where the folders of classes lie, relative to the data root."""


@dataclass(frozen=True, kw_only=True)
class Co3D(FramedObjects):
    """42 classes of CO3D."""

    name: ClassVar[str] = "co3d"
    title: ClassVar[str] = "CO3D: 42 classes of common objects, clouds and frames of their videos"
    licence: ClassVar[str] = "CO3D (Meta): CC BY-NC 4.0"
    obtain: ClassVar[str] = (
        "Download CO3D at https://github.com/facebookresearch/co3d and unpack the categories into the folder "
        "'co3d' of the data root, as they are: <category>/<sequence>/pointcloud.ply and images/."
    )

    folder: str = "co3d"
    """Where the folders of classes lie, relative to the data root; folders of other categories are left
    alone."""
    axes: tuple[Axis, Axis, Axis] = ("y", "x", "z")
    """Where x, y (up) and z come from; CrossMoST's loader exchanges the first two. Sequences of CO3D have
    axes of their own, so look at some before you train."""


def _spread(paths: Sequence[Path], count: int) -> list[Path]:
    return [paths[place * len(paths) // count] for place in range(count)]


def _turned(points: NDArray[np.float32], axes: Sequence[str]) -> NDArray[np.float32]:
    signs = np.array([-1 if axis.startswith("-") else 1 for axis in axes], dtype=np.float32)
    return points[:, ["xyz".index(axis[-1]) for axis in axes]] * signs
