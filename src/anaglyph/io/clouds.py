"""One point cloud from one file: npy, npz, ply, off, txt, xyz, csv, h5.

Every reader is small, runs no code from the file, and checks size, shape and finiteness; whatever is wrong
ends in one DataError that names the file.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import DataError
from anaglyph.io.arrays import check_npz, read_dataset
from anaglyph.io.ply import ply_vertices

MAX_BYTES = 2 << 30
MAX_POINTS = 20_000_000


def read_cloud(path: Path, *, dataset: str = "points") -> NDArray[np.float32]:
    """Read one cloud as (N, 3) float32 in the file's own units and axes.

    Further columns (normals, colours) are left out; of a mesh the vertices are taken. `dataset` names the
    array inside npz and h5 files.

    Raises:
        DataError: absent, too large, of a kind not known, damaged, empty, or not finite.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise unknown_cloud(path)
    with cloud_trouble(path):
        points = np.asarray(reader(cloud_bytes(path), dataset))
    return checked_cloud(points, where=f"'{path}'")


def unknown_cloud(path: Path) -> DataError:
    """The error for a file whose suffix no reader has."""
    return DataError(f"'{path}' is no point cloud by its name; known: {', '.join(sorted(READERS))}.")


def cloud_bytes(path: Path) -> bytes:
    """The content of a file; DataError when it is larger than what is read."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise DataError(f"'{path}' has {size} bytes; at most {MAX_BYTES} are read.")
    return path.read_bytes()


@contextmanager
def cloud_trouble(path: Path) -> Iterator[None]:
    """Whatever goes wrong while `path` is read becomes one DataError that names it."""
    try:
        yield
    except OSError as error:
        raise DataError(f"cannot read '{path}': {error.strerror or error}. Check the file.") from error
    except (ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile, MemoryError) as error:
        raise DataError(f"'{path}' is not a readable {path.suffix} cloud: {error}") from error


def checked_cloud(points: NDArray[Any], *, where: str) -> NDArray[np.float32]:
    """`points` as (N, 3) float32; DataError, naming `where`, unless it is a finite, non-empty cloud."""
    if points.ndim != 2 or points.shape[1] < 3 or points.dtype.kind not in "fiu":
        raise DataError(f"{where} holds {points.dtype} of shape {points.shape}; a cloud is (N, 3) numbers.")
    if not 1 <= len(points) <= MAX_POINTS:
        raise DataError(f"{where} has {len(points)} points; a cloud has 1 to {MAX_POINTS}.")
    result = points[:, :3].astype(np.float32)
    broken = ~np.isfinite(result).all(axis=1)
    if broken.any():
        raise DataError(
            f"{where} has {int(broken.sum())} points that are not finite, the first in "
            f"row {int(broken.argmax())}; repair or remove it."
        )
    return result


def _npy(data: bytes, dataset: str) -> NDArray[Any]:
    array: NDArray[Any] = np.load(io.BytesIO(data), allow_pickle=False)
    return array


def _npz(data: bytes, dataset: str) -> NDArray[Any]:
    check_npz(io.BytesIO(data))
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        if dataset not in arrays:
            raise ValueError(f"no array '{dataset}'; it has {', '.join(arrays)}")
        array: NDArray[Any] = arrays[dataset]
    return array


def _hdf5(data: bytes, dataset: str) -> NDArray[Any]:
    with h5py.File(io.BytesIO(data), "r") as file:
        return read_dataset(file, dataset)


def _text(data: bytes, dataset: str) -> NDArray[Any]:
    """Columns by spaces, commas or semicolons; a first line without numbers is a heading."""
    lines = data.decode("utf-8").replace(",", " ").replace(";", " ").splitlines()
    rows = [line.split() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if rows and not _is_number(rows[0][0]):
        rows = rows[1:]
    widths = {len(row) for row in rows}
    if len(widths) != 1:
        raise ValueError(f"its lines have {sorted(widths) or 'no'} columns")
    return np.array(rows, dtype=np.float64)


def _off(data: bytes, dataset: str) -> NDArray[Any]:
    """Vertices of an OFF mesh; some ModelNet files have the counts on the first line, after 'OFF'."""
    lines = (line.partition(b"#")[0].strip() for line in data.split(b"\n"))
    words = b" ".join(line for line in lines if line).split()
    if not words or not words[0].startswith(b"OFF"):
        raise ValueError("it does not begin with OFF")
    rest = [word for word in (words[0][3:], *words[1:]) if word]
    count = int(rest[0])
    numbers = rest[3 : 3 + 3 * count]
    if count < 0 or len(numbers) < 3 * count:
        raise ValueError(f"truncated: {count} vertices announced, {len(numbers) // 3} are there")
    return np.array([float(number) for number in numbers]).reshape(-1, 3)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


READERS: dict[str, Callable[[bytes, str], NDArray[Any]]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".h5": _hdf5,
    ".hdf5": _hdf5,
    ".ply": lambda data, dataset: ply_vertices(data),
    ".off": _off,
    ".txt": _text,
    ".xyz": _text,
    ".csv": _text,
}
