"""A data root in the layouts of the real one, small and made up, so that every data set can be loaded."""

import gzip
import struct

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from anaglyph.data.datasets.modelnet import MODELNET10
from anaglyph.randomness import numpy_generator

POINTS = {"stored_points": 400, "points": 64, "evaluation_points": 128}
OPTIONS = {
    "digits3d": {"train": 60, "validation": 1725, **POINTS},
    "mnist3d": {"train": [0, 24], "validation": [24, 30], "test": [30, 40], **POINTS},
    "modelnet": {"size": 16, "points": 32, "evaluation_points": 48, "stored_points": 64, "train_views": 2},
}  # fmt: skip
"""Options with which each data set loads in well under a second; digits3d has 12 test objects."""


def write_tiny_data(root):
    """Files for mnist3d (40 digits) and modelnet (6 train and 2 test objects of each of 10 classes)."""
    write_mnist(root / "mnist")
    write_clouds(root / "modelnet40_aligned")
    write_views(root / "modelnet10_views")
    return root


def write_mnist(folder, count=40):
    folder.mkdir(parents=True)
    bundle = load_digits()
    digits = np.kron(bundle.images[:count], np.ones((3, 3))).astype(np.uint8)  # 24 x 24
    digits = np.pad(digits * 15, ((0, 0), (2, 2), (2, 2)))
    images = struct.pack(">HBBIII", 0, 8, 3, count, 28, 28) + digits.tobytes()
    labels = struct.pack(">HBBI", 0, 8, 1, count) + bundle.target[:count].astype(np.uint8).tobytes()
    (folder / "images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
    (folder / "labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))


def ids(split):
    """(id, class) of every object; ids number on from train to test, as ModelNet's do."""
    numbers = range(1, 7) if split == "train" else range(7, 9)
    return [(f"{name}_{number:04d}", name) for name in MODELNET10 for number in numbers]


def cloud(key, points=80):
    """(points, 3) by key; the two chairs 0002 and 0007 are the same model, one in each split."""
    key = "chair_0002" if key == "chair_0007" else key
    return numpy_generator("tiny cloud", key).uniform(-0.5, 0.5, size=(points, 3)).astype(np.float16)


def write_clouds(folder):
    """Two shards of train, one of test, one more class, and the list of repeated clouds."""
    folder.mkdir(parents=True)
    names = sorted([*MODELNET10, "lamp"])
    (folder / "class_names.txt").write_text("\n".join(names) + "\n")
    train = [*ids("train"), ("lamp_0001", "lamp")]
    shards = {"train_0": train[:30], "train_1": train[30:], "test": ids("test")}
    for shard, objects in shards.items():
        np.savez(
            folder / f"{shard}.npz",
            points=np.stack([cloud(key) for key, _ in objects]),
            label=np.array([names.index(name) for _, name in objects], dtype=np.uint8),
            id=np.array([key.encode() for key, _ in objects]),
        )
    rows = ["group,split,class,id", "0,train,chair,chair_0002", "0,test,chair,chair_0007",
            "1,train,bed,bed_0001", "1,train,bed,bed_0003"]  # fmt: skip
    (folder / "duplicates.csv").write_text("\n".join(rows) + "\n")


def write_views(folder):
    """Three views of each train object, four of each test object; stems are not the ids."""
    rows = ["cls,split,image_stem,modelnet40_id,views"]
    for split, views in (("train", 3), ("test", 4)):
        for number, (key, name) in enumerate(ids(split)):
            stem = f"{name if number % 7 else 'desk'}_{number:09d}"
            place = folder / "images" / name / split
            place.mkdir(parents=True, exist_ok=True)
            for view in range(1, views + 1):
                pixels = numpy_generator("tiny view", key, view).integers(
                    0, 256, size=(24, 24), dtype=np.uint8
                )
                Image.fromarray(pixels).save(place / f"{stem}_{view:03d}.png")
            rows.append(
                f"{name},{split},{stem},{key},{' '.join(f'{view:03d}' for view in range(1, views + 1))}"
            )
    (folder / "pairs.csv").write_text("\n".join(rows) + "\n")
