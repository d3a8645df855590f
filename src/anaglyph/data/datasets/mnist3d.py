"""mnist3d: MNIST digits with the shapes of the 3D MNIST generator, or the published Kaggle files.

From idx files, plain or gzipped, any ranges: the clouds are made here and are those of the published
set (dossier RoMo, 5.1). The Kaggle HDF5 files hold pictures and clouds already; their groups, listed as
"0", "1", "10", ..., are put back into numerical order.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.cache import Arrays, cached, digest_of
from anaglyph.data.datasets.extruded import DIGIT_IMAGES, DIGIT_POINTS, ImageKind, extruded, image_changes
from anaglyph.data.datasets.kaggle_digits import read_kaggle
from anaglyph.data.paired import PairedObjects
from anaglyph.data.source import Split, check_split, folder_in
from anaglyph.data.splits import validation_mask
from anaglyph.data.transforms.image import ImageAugmentation
from anaglyph.data.transforms.points import PointAugmentation
from anaglyph.errors import ConfigError, DataError
from anaglyph.io.idx import read_idx

_CLASSES = tuple("0123456789")


@dataclass(frozen=True, kw_only=True)
class Mnist3D:
    """Real 28 x 28 digits and their shapes: longest extent 1, +z up, thickness along x."""

    title: ClassVar[str] = "real MNIST digits (28 x 28) and their extruded shapes"
    licence: ClassVar[str] = "MNIST: Y. LeCun and C. Cortes, commonly distributed as CC BY-SA 3.0"
    obtain: ClassVar[str] = (
        "Put MNIST's idx files (such as train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz) there "
        "and name them in images and labels, or the Kaggle files of daavoo/3d-mnist with source=kaggle."
    )

    source: Literal["idx", "kaggle"] = "idx"
    folder: str = "mnist"
    """Where the files lie, relative to the data root."""
    images: str = "images-idx3-ubyte.gz"
    labels: str = "labels-idx1-ubyte.gz"
    test_images: str = ""
    """Separate files of the test split, when it does not lie in `images`."""
    test_labels: str = ""
    train: tuple[int, int] = (0, 5000)
    """First digit and the one after the last, as for the next two."""
    validation: tuple[int, int] = (5000, 6000)
    test: tuple[int, int] = (6000, 9000)
    kaggle_train: str = "train_point_clouds.h5"
    kaggle_test: str = "test_point_clouds.h5"
    validation_fraction: float = 0.1
    """Part of the Kaggle training file held out; ranges do this for idx files."""
    image: ImageKind = "digit"
    """The digit itself, or the released "rgb" variant: a 30 x 30 rendering of its cloud."""
    points: int = 384
    """Points per augmented access."""
    evaluation_points: int = 1024
    """Points per access without augmentation."""
    stored_points: int = 2048
    """Points kept of each cloud, from which the others are drawn."""
    static_augmentation: bool = False
    """Augment each object once instead of at every access, as RoMo's release does."""
    image_augmentation: ImageAugmentation = DIGIT_IMAGES
    """Renderings are drawn on off-white: with them a `background` left at 0 becomes 0.98."""
    point_augmentation: PointAugmentation = DIGIT_POINTS

    def __post_init__(self) -> None:
        together = [("train", self.train), ("validation", self.validation)]
        together += [] if self.test_images else [("test", self.test)]
        for name, (low, high) in (*together, ("test", self.test)):
            if not 0 <= low < high:
                raise ConfigError(
                    f"the {name} range is ({low}, {high}); give (first, after last), 0 <= first < it."
                )
        ordered = sorted(together, key=lambda item: item[1])
        for (name, (_, high)), (following, (low, _)) in pairwise(ordered):
            if low < high:
                raise ConfigError(f"the ranges of {name} and {following} share digits {low} to {high - 1}.")
        if bool(self.test_images) != bool(self.test_labels):
            raise ConfigError("test_images and test_labels go together; give both or neither.")

    def load(self, split: Split, *, root: Path, cache: Path | None, seed: int) -> PairedObjects:
        """Read one split."""
        check_split(split)
        folder = folder_in(root, self.folder, obtain=self.obtain)
        read = self._from_kaggle if self.source == "kaggle" else self._from_idx
        keys, arrays = read(split, folder, cache)
        return PairedObjects(
            keys=keys,
            class_names=_CLASSES,
            labels=arrays["labels"],
            images=arrays["images"],
            points=arrays["points"],
            points_per_object=self.points,
            evaluation_points=self.evaluation_points,
            image_augmentation=image_changes(self.image_augmentation, self.image),
            point_augmentation=self.point_augmentation,
            static_augmentation=self.static_augmentation,
            seed=seed,
        )

    def _from_idx(self, split: Split, folder: Path, cache: Path | None) -> tuple[tuple[str, ...], Arrays]:
        apart = split == "test" and self.test_images
        files = [
            _existing(folder, self.test_images if apart else self.images),
            _existing(folder, self.test_labels if apart else self.labels),
        ]
        digits, labels = _checked(read_idx(files[0]), read_idx(files[1]), files)
        low, high = getattr(self, split)
        if high > len(digits):
            raise DataError(
                f"the {split} range ({low}, {high}) goes beyond the {len(digits)} digits of '{files[0]}'; "
                f"lower it or bring the full file."
            )
        keys = tuple(f"{row:06d}" for row in range(low, high))
        made = extruded(
            digits[low:high],
            keys,
            stored_points=self.stored_points,
            renderings=self.image == "rendering",
            cache=cache,
            name=f"mnist3d-{split}",
            depends_on={"files": digest_of(files), "range": [low, high]},
        )
        images = made["images"] if self.image == "rendering" else digits[low:high, None, None]
        return keys, {"images": images, "points": made["points"], "labels": labels[low:high]}

    def _from_kaggle(self, split: Split, folder: Path, cache: Path | None) -> tuple[tuple[str, ...], Arrays]:
        file = folder / (self.kaggle_test if split == "test" else self.kaggle_train)
        if not file.is_file():
            raise DataError(f"'{file}' does not exist. {self.obtain}")
        arrays = cached(
            cache,
            f"mnist3d-kaggle-{file.stem}",
            {"file": digest_of([file]), "points": self.stored_points, "rendering": self.image, "version": 1},
            lambda: read_kaggle(file, stored_points=self.stored_points, rendering=self.image == "rendering"),
        )
        keys = [f"{row:06d}" for row in arrays["ids"]]
        chosen = np.ones(len(keys), dtype=np.bool_)
        if split != "test":
            held_out = validation_mask(keys, fraction=self.validation_fraction, seed=0)
            chosen = held_out if split == "validation" else ~held_out
        return tuple(np.asarray(keys)[chosen].tolist()), {
            name: array[chosen] for name, array in arrays.items()
        }


def _checked(
    digits: NDArray[np.generic], labels: NDArray[np.generic], files: list[Path]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    if digits.ndim != 3 or digits.dtype != np.uint8:
        raise DataError(
            f"'{files[0]}' holds {digits.dtype} of shape {digits.shape}, not pictures (N, H, W) of bytes."
        )
    if labels.shape != (len(digits),):
        raise DataError(
            f"'{files[1]}' has {len(labels)} labels for the {len(digits)} digits of '{files[0]}'; "
            f"take the two files of one set."
        )
    return digits.astype(np.uint8), labels.astype(np.int64)


def _existing(folder: Path, name: str) -> Path:
    """The file by its name, or its gzipped or plain twin; the name as given when there is neither."""
    twins = (name, name + ".gz", name.removesuffix(".gz"))
    return next((folder / twin for twin in twins if (folder / twin).is_file()), folder / name)
