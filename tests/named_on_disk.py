"""ScanObjectNN's files, and folders of objects with frames, small and made up."""

import json

import h5py
import numpy as np
from PIL import Image

from anaglyph.data.class_lists import SHAPENET55_SYNSETS
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


def write_shapenet(folder, *, objects=(6, 3), renderings=4, points=80):
    """ULIP's files: lists, clouds, renderings with a depth map each, and synonyms."""
    synsets = list(SHAPENET55_SYNSETS)
    (folder / "shapenet-55" / "shapenet_pc").mkdir(parents=True)
    for split, count in zip(("train", "test"), objects, strict=True):
        keys = [f"{synsets[number]}-{split}{number}" for number in range(count)]
        (folder / "shapenet-55" / f"{split}.txt").write_text("".join(f"{key}.npy\n" for key in keys))
        for key in keys:
            drawn = numpy_generator("shapenet", key)
            np.save(folder / "shapenet-55" / "shapenet_pc" / f"{key}.npy", drawn.normal(size=(points, 3)))
            place = folder / "rendered_images" / key
            place.mkdir(parents=True)
            for view in range(renderings):
                pixels = drawn.integers(0, 255, size=(20, 20, 3), dtype=np.uint8)
                for ending in ("", "_depth0001"):
                    Image.fromarray(pixels).save(place / f"{key}_r_{12 * view:03d}{ending}.png")
    names = [
        {"synsetId": synset, "name": f"{name}, other {name}"} for synset, name in SHAPENET55_SYNSETS.items()
    ]
    (folder / "taxonomy.json").write_text(json.dumps(names))
    return folder
