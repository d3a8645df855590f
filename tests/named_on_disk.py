"""ScanObjectNN's files, and folders of objects with frames, small and made up."""

import h5py
import numpy as np
from PIL import Image

from anaglyph.data.datasets.scanobjectnn import FILES
from anaglyph.randomness import numpy_generator


def write_scans(folder, *, variant="obj_only", counts=(9, 5), points=80):
    """Both files of a variant."""
    for split, count in zip(("training", "test"), counts, strict=True):
        path = folder / FILES[variant].format(split=split)
        path.parent.mkdir(parents=True, exist_ok=True)
        drawn = numpy_generator("scans", split)
        with h5py.File(path, "w") as file:
            file["data"] = drawn.uniform(-1, 1, size=(count, points, 3)).astype(np.float32)
            file["label"] = (np.arange(count) % 15).astype(np.int32)
    return folder


def write_frames(folder, classes, *, objects=6, frames=4, points=70):
    """Objects in CO3D's layout: a cloud, and frames in a folder below."""
    for name in classes:
        for number in range(objects):
            write_object(folder / name / f"object{number}", frames=frames, points=points)
    return folder


def write_object(place, *, frames=4, points=70):
    """One object; without frames or points it lacks them."""
    drawn = numpy_generator("frames", place.name)
    (place / "images").mkdir(parents=True)
    if points:
        np.save(place / "cloud.npy", drawn.uniform(-1, 1, size=(points, 3)).astype(np.float32))
    for frame in range(frames):
        pixels = drawn.integers(0, 255, size=(30, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(place / "images" / f"frame{frame:04d}.png")
