"""One point cloud from one file: npy, npz, ply, off, txt, xyz, csv, h5.

Every reader is small, runs no code from the file, and checks size, shape and finiteness; whatever is wrong
ends in one DataError that names the file. Nothing is guessed: arrays and PLY properties with names mean what
they are called.
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import DataError
from anaglyph.io.arrays import named_arrays, read_npy
from anaglyph.io.number_text import read_off, read_table
from anaglyph.io.ply import ply_cloud

MAX_BYTES = 2 << 30
MAX_POINTS = 20_000_000
POINT_ARRAYS = ("points", "xyz", "data")
COLOUR_ARRAYS = ("rgb", "colors", "colours")


@dataclass(frozen=True)
class Stored:
    """What a file holds, as it stores it."""

    points: NDArray[Any]
    """(N, C) or (clouds, N, C)."""
    colours: NDArray[Any] | None = None
    """Those with a name of their own."""


def read_cloud(path: Path, *, dataset: str | None = None) -> NDArray[np.float32]:
    """Read one cloud as (N, 3) float32 in the file's own units and axes.

    Further columns (normals, colours) are left out; of a mesh the vertices are taken. `dataset` names the
    array inside npz and h5 files, by default points, xyz or data.

    Raises:
        DataError: absent, too large, of a kind not known, damaged, empty, or not finite.
    """
    return checked_cloud(read_stored(path, dataset=dataset).points, where=f"'{path}'")


def read_stored(path: Path, *, dataset: str | None = None) -> Stored:
    """Read what the file holds; its points are numbers, and nothing more is known of them.

    Raises:
        DataError: absent, too large, of a kind not known, or damaged.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"'{path}' is no point cloud by its name; known: {', '.join(sorted(READERS))}.")
    with _trouble(path):
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise DataError(f"'{path}' is no regular file; name a file.")
        if about.st_size > MAX_BYTES:
            raise DataError(f"'{path}' has {about.st_size} bytes; at most {MAX_BYTES} are read.")
        with path.open("rb") as file:
            return reader(file, dataset)


def checked_cloud(points: NDArray[Any], *, where: str) -> NDArray[np.float32]:
    """`points` as (N, 3) float32; DataError, naming `where`, unless it is a finite, non-empty cloud."""
    return finite_cloud(points, where=where).astype(np.float32)


def finite_cloud(points: NDArray[Any], *, where: str) -> NDArray[np.floating[Any]]:
    """The first three columns as stored, whole numbers as float64.

    Raises:
        DataError: naming `where`, unless it is a non-empty cloud of finite numbers that float32 can hold.
    """
    if points.ndim != 2 or points.shape[1] < 3 or points.dtype.kind not in "fiu":
        raise DataError(f"{where} holds {points.dtype} of shape {points.shape}; a cloud is (N, 3) numbers.")
    if not 1 <= len(points) <= MAX_POINTS:
        raise DataError(f"{where} has {len(points)} points; a cloud has 1 to {MAX_POINTS}.")
    result = points[:, :3] if points.dtype.kind == "f" else points[:, :3].astype(np.float64)
    broken = ~np.isfinite(result).all(axis=1)
    if broken.any():
        raise DataError(
            f"{where} has {int(broken.sum())} points that are not finite, the first in "
            f"row {int(broken.argmax())}; repair or remove it."
        )
    largest, limit = largest_coordinate(result), float(np.finfo(np.float32).max)
    if largest > limit:
        raise DataError(
            f"{where} has coordinates up to {largest:.3g}; at most {limit:.3g} are read: scale it down."
        )
    return result


def largest_coordinate(points: NDArray[np.floating[Any]]) -> float:
    """The largest absolute value of (N, 3) finite points, without a copy of them."""
    return max(float(points.max()), -float(points.min()))


@contextmanager
def _trouble(path: Path) -> Iterator[None]:
    """Whatever goes wrong while `path` is read becomes one DataError that names it."""
    try:
        yield
    except OSError as error:
        raise DataError(f"cannot read '{path}': {error.strerror or error}. Check the file.") from error
    except (
        ValueError, KeyError, IndexError, EOFError, OverflowError, NotImplementedError, RuntimeError,
        zipfile.BadZipFile, zlib.error, MemoryError,
    ) as error:  # fmt: skip
        raise DataError(f"'{path}' is not a readable {path.suffix} cloud: {error}") from error


def _check_shape(shape: tuple[int, ...]) -> None:
    """ValueError for more points in one cloud than are read, before they are unpacked."""
    if len(shape) > 1 and shape[-2] > MAX_POINTS:
        raise ValueError(f"it has {shape[-2]} points; at most {MAX_POINTS} are read")


def _npy(file: IO[bytes], dataset: str | None) -> Stored:
    return Stored(read_npy(file, check=_check_shape))


def _named(file: IO[bytes], dataset: str | None) -> Stored:
    with named_arrays(file, check=_check_shape) as arrays:
        there = arrays.names
        points = dataset or next((name for name in POINT_ARRAYS if name in there), None)
        if points is None or (points not in there and "/" not in points):
            raise ValueError(
                f"no array '{points or ' or '.join(POINT_ARRAYS)}'; it has {', '.join(there)}; "
                f"name the one with the points (--dataset)"
            )
        colours = next((name for name in COLOUR_ARRAYS if name in there and name != points), None)
        return Stored(arrays.read(points), None if colours is None else arrays.read(colours))


def _ply(file: IO[bytes], dataset: str | None) -> Stored:
    return Stored(*ply_cloud(file.read(), most=MAX_POINTS))


def _off(file: IO[bytes], dataset: str | None) -> Stored:
    return Stored(read_off(file.read(), most=MAX_POINTS))


def _text(file: IO[bytes], dataset: str | None) -> Stored:
    return Stored(read_table(file.read(), most=MAX_POINTS))


READERS: dict[str, Callable[[IO[bytes], str | None], Stored]] = {
    ".npy": _npy,
    ".npz": _named,
    ".h5": _named,
    ".hdf5": _named,
    ".ply": _ply,
    ".off": _off,
    ".txt": _text,
    ".xyz": _text,
    ".csv": _text,
}
