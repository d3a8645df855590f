"""digits3d: the 1,797 real handwritten digits that come with scikit-learn, with their extruded shapes.

Always there, so that the demo and the tests need no download. At 8 x 8 pixels with blurred edges
"occupied = not 0" melts the strokes together; shapes are therefore made from the digit enlarged three
times, where the value is at least 7 of 16. The generator itself is the published one in both cases.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anaglyph.data.datasets.extruded import DIGIT_IMAGES, DIGIT_POINTS, ImageKind, extruded, image_changes
from anaglyph.data.paired import PairedObjects
from anaglyph.data.source import Split, check_split
from anaglyph.data.transforms.image import ImageAugmentation
from anaglyph.data.transforms.points import PointAugmentation
from anaglyph.errors import ConfigError
from anaglyph.randomness import numpy_generator

_OBJECTS = 1797
_BRIGHTEST = 16.0
_CLASSES = tuple("0123456789")


@dataclass(frozen=True, kw_only=True)
class Digits3D:
    """Real 8 x 8 digits and their shapes: longest extent 1, +z up, thickness along x."""

    title: ClassVar[str] = "1,797 real handwritten digits (8 x 8) and their extruded shapes"
    licence: ClassVar[str] = "UCI Optical Recognition of Handwritten Digits (Alpaydin and Kaynak), CC BY 4.0"
    obtain: ClassVar[str] = "Comes with scikit-learn; nothing to fetch."

    train: int = 1200
    """Objects to train on; splits are drawn once and for all."""
    validation: int = 197
    """Objects to select on; the rest is the test split."""
    image: ImageKind = "digit"
    """The digit itself, or the released "rgb" variant: a 30 x 30 rendering of its cloud."""
    size: int = 16
    """Side of the digit pictures in pixels, enlarged from 8."""
    shape_enlargement: int = 3
    """Factor by which the digit is enlarged before it is extruded; 1 is the literal generator."""
    shape_threshold: float = 7.0
    """A pixel of the enlarged digit is solid from this value on, of 16; 0 takes every value above 0."""
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
        if self.train < 1 or self.validation < 1 or self.train + self.validation >= _OBJECTS:
            raise ConfigError(
                f"train={self.train} and validation={self.validation} must be at least 1 and leave some of "
                f"the {_OBJECTS} digits for the test split."
            )
        if self.size < 8 or not 1 <= self.shape_enlargement <= 8:
            raise ConfigError(
                f"size={self.size} must be >= 8, shape_enlargement={self.shape_enlargement} from 1 to 8."
            )

    def load(self, split: Split, *, root: Path, cache: Path | None, seed: int) -> PairedObjects:
        """Read one split; neither `root` nor a download is needed."""
        check_split(split)
        digits, labels = _digits()
        rows = self._rows(split)
        keys = tuple(f"{row:06d}" for row in rows)
        made = extruded(
            np.stack([self._solid(digit) for digit in digits[rows]]),
            keys,
            stored_points=self.stored_points,
            renderings=self.image == "rendering",
            cache=cache,
            name=f"digits3d-{split}",
            depends_on={
                "digits": hashlib.sha256(digits.tobytes()).hexdigest(),
                "keys": keys,
                "enlargement": self.shape_enlargement,
                "threshold": self.shape_threshold,
            },
        )
        images = made["images"]
        if self.image == "digit":
            images = np.stack([self._picture(digit) for digit in digits[rows]])
        return PairedObjects(
            keys=keys,
            class_names=_CLASSES,
            labels=labels[rows],
            images=images,
            points=made["points"],
            points_per_object=self.points,
            evaluation_points=self.evaluation_points,
            image_augmentation=image_changes(self.image_augmentation, self.image),
            point_augmentation=self.point_augmentation,
            static_augmentation=self.static_augmentation,
            seed=seed,
        )

    def solids(self, split: Split, *, each: int) -> list[tuple[int, str, NDArray[np.bool_]]]:
        """The first digits of every class of a split: label, key and (S, S) pixels that are extruded."""
        digits, labels = _digits()
        rows = self._rows(split)
        chosen = [
            row for label in range(len(_CLASSES)) for row in rows[labels[rows] == label][:each].tolist()
        ]
        return [(int(labels[row]), f"{row:06d}", self._solid(digits[row])) for row in chosen]

    def _rows(self, split: Split) -> NDArray[np.int64]:
        order = numpy_generator("digits3d", "splits").permutation(_OBJECTS)
        start = {"train": 0, "validation": self.train, "test": self.train + self.validation}[split]
        stop = {"train": self.train, "validation": self.train + self.validation, "test": _OBJECTS}[split]
        return np.sort(order[start:stop])

    def _solid(self, digit: NDArray[np.float32]) -> NDArray[np.bool_]:
        enlarged = _enlarged(digit, digit.shape[0] * self.shape_enlargement)
        return enlarged >= self.shape_threshold if self.shape_threshold > 0 else enlarged > 0

    def _picture(self, digit: NDArray[np.float32]) -> NDArray[np.uint8]:
        """(1, 1, size, size), 0 to 255."""
        enlarged = _enlarged(digit, self.size) * (255.0 / _BRIGHTEST)
        return np.round(enlarged).astype(np.uint8)[None, None]


def _digits() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """(1797, 8, 8) values 0 to 16, (1797,) labels."""
    from sklearn.datasets import load_digits  # half a second, for those who need it

    bundle: Any = load_digits()
    return bundle.images.astype(np.float32), bundle.target.astype(np.int64)


def _enlarged(digit: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Bilinear, pixel centres kept in place."""
    if size == len(digit):
        return digit
    return np.asarray(Image.fromarray(digit).resize((size, size), Image.Resampling.BILINEAR))
