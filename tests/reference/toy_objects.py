"""A small made-up data set of random pictures and clouds, for the tests of what uses one."""

import numpy as np
import torch

from anaglyph.data.paired import PairedObjects
from anaglyph.data.transforms.image import ImageAugmentation
from anaglyph.data.transforms.points import PointAugmentation
from anaglyph.randomness import numpy_generator


def objects(count=8, **options):
    generator = numpy_generator("objects")
    arrays = {
        "images": generator.integers(0, 256, size=(count, 4, 1, 10, 10), dtype=np.uint8),
        "points": generator.normal(size=(count, 40, 3)).astype(np.float16),
        "labels": np.arange(count) % 3,
        "keys": tuple(f"k{i}" for i in range(count)),
    }
    return PairedObjects(class_names=("a", "b", "c"), **{**arrays, **options})


CHANGED = {
    "image_augmentation": ImageAugmentation(rotation=10, noise=0.1),
    "point_augmentation": PointAugmentation(rotation=20, jitter=0.01),
    "points_per_object": 16,
    "evaluation_points": 24,
    "views_per_object": 2,
}


def equal(a, b):
    return a.keys == b.keys and all(
        torch.equal(getattr(a, name), getattr(b, name)) for name in ("indices", "images", "points", "labels")
    )
