"""Reader of the published 3D MNIST files (Kaggle `daavoo/3d-mnist`, `train_point_clouds.h5`).

One group per digit, named by its number: `points` (n, 3), `img` 30 x 30 in [0, 1] with a border of one
pixel, attribute `label`. HDF5 lists groups as text ("0", "1", "10", ...); rows here are in numerical order.
"""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from anaglyph.data.cache import Arrays
from anaglyph.data.datasets.extruded import render, stored_cloud
from anaglyph.errors import DataError
from anaglyph.io.arrays import read_dataset
from anaglyph.io.clouds import checked_cloud


def read_kaggle(file: Path, *, stored_points: int, rendering: bool) -> Arrays:
    """`ids`, `labels` (N,), `images` (N, 1, C, H, W) uint8, `points` (N, stored_points, 3) float16."""
    try:
        with h5py.File(file, "r") as groups:
            names = sorted(groups, key=int)
            rows = [_digit(groups, name, file, stored_points, rendering) for name in names]
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise DataError(f"'{file}' is not a readable 3D MNIST file: {error}. Download it again.") from error
    if not rows:
        raise DataError(f"'{file}' has no digits. Download it again.")
    images, points, labels = zip(*rows, strict=True)
    return {
        "ids": np.array([int(name) for name in names], dtype=np.int64),
        "labels": np.array(labels, dtype=np.int64),
        "images": np.stack(images)[:, None],
        "points": np.stack(points),
    }


def _digit(
    groups: h5py.Group, name: str, file: Path, stored_points: int, rendering: bool
) -> tuple[NDArray[np.uint8], NDArray[np.float16], int]:
    cloud = checked_cloud(read_dataset(groups, f"{name}/points"), where=f"group '{name}' of '{file}'")
    image = render(cloud) if rendering else _bytes(read_dataset(groups, f"{name}/img"))[None]
    label = int(groups[name].attrs["label"])
    return image, stored_cloud(cloud, stored_points, key=f"{int(name):06d}"), label


def _bytes(picture: NDArray[np.floating]) -> NDArray[np.uint8]:
    """(30, 30) in [0, 1] -> (28, 28) bytes without the border."""
    if picture.ndim != 2 or min(picture.shape) < 3:
        raise ValueError(f"img has shape {picture.shape}, not (30, 30)")
    return np.asarray(np.round(255 * np.clip(picture[1:-1, 1:-1], 0.0, 1.0)), dtype=np.uint8)
