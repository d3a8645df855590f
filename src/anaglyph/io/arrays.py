"""Arrays out of npy, npz and HDF5 files, looked at before a byte of them is unpacked.

A small file can announce any size, and an HDF5 data set can lie in another file altogether; neither is
followed. Callers turn the ValueError into a DataError that names the file.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tokenize import TokenError
from typing import IO, Any

import h5py
import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

MAX_UNPACKED_BYTES = 2 << 30
CheckShape = Callable[[tuple[int, ...]], None]
"""Raises ValueError for a shape that the caller does not want, before its numbers are read."""


@dataclass(frozen=True)
class NamedArrays:
    """The arrays of one open npz or HDF5 file."""

    names: tuple[str, ...]
    """Those at the top; in HDF5 files groups, too."""
    read: Callable[[str], NDArray[Any]]


@contextmanager
def named_arrays(file: IO[bytes], *, check: CheckShape = lambda shape: None) -> Iterator[NamedArrays]:
    """The arrays of an npz or HDF5 file, told apart by how it begins; none is read before it is asked for.

    Raises:
        ValueError, BadZipFile or OSError: here or from `read`, what is wrong with the file.
    """
    archived = file.read(2) == b"PK"
    file.seek(0)
    if archived:
        check_npz(file)
        with zipfile.ZipFile(file) as archive:
            members = {name.removesuffix(".npy"): name for name in archive.namelist()}

            def read(name: str) -> NDArray[Any]:
                if name not in members:
                    raise ValueError(f"no array '{name}'; it has {', '.join(members)}")
                with archive.open(members[name]) as member:
                    return read_npy(member, check=check)

            yield NamedArrays(tuple(members), read)
    else:
        with h5py.File(file, "r") as group:
            yield NamedArrays(tuple(group), lambda name: read_dataset(group, name, check=check))


def check_npz(file: IO[bytes]) -> None:
    """ValueError or BadZipFile unless `file` is an archive that unpacks to what is allowed; rewinds it."""
    with zipfile.ZipFile(file) as archive:
        _check_size(sum(member.file_size for member in archive.infolist()))
    file.seek(0)


def read_npy(file: IO[bytes], *, check: CheckShape = lambda shape: None) -> NDArray[Any]:
    """The numbers of one npy file or member of an npz, read-only.

    Raises:
        ValueError: no npy file, not numbers, truncated, refused by `check`, or larger than
            MAX_UNPACKED_BYTES.
    """
    shape, by_columns, kind = npy_header(file)
    if kind.hasobject or kind.kind not in "fiu":
        raise ValueError(f"it holds {kind} of shape {shape}; it must hold numbers")
    check(shape)
    needed = math.prod(shape) * kind.itemsize
    _check_size(needed)
    data = file.read(needed)
    if len(data) < needed:
        raise ValueError(f"truncated: shape {shape} needs {needed} bytes, {len(data)} are there")
    numbers: NDArray[Any] = np.frombuffer(data, dtype=kind)
    return numbers.reshape(shape, order="F" if by_columns else "C")


def read_dataset(group: h5py.Group, name: str, *, check: CheckShape = lambda shape: None) -> NDArray[Any]:
    """The numbers of the data set `name` (`a/b` for one within a group), which must lie in the file itself.

    Raises:
        ValueError: absent, reached by a soft or external link, kept in other files, not numbers, refused by
            `check`, or larger than MAX_UNPACKED_BYTES.
    """
    found: Any = group
    for part in name.strip("/").split("/"):
        link = found.get(part, getlink=True) if isinstance(found, h5py.Group) else None
        if link is None:
            raise ValueError(f"no data set '{name}'; it has {', '.join(group)}")
        if type(link) is not h5py.HardLink:
            raise ValueError(f"'{part}' of '{name}' is a link; store the numbers themselves")
        found = found[part]
    if type(found) is not h5py.Dataset:
        raise ValueError(f"'{name}' is a {type(found).__name__.lower()}; name a data set of numbers")
    if found.external is not None or found.is_virtual:
        raise ValueError(f"'{name}' keeps its numbers in other files; store them in this one")
    if found.shape is None or found.dtype.kind not in "fiu":
        raise ValueError(f"'{name}' holds {found.dtype} of shape {found.shape}; it must hold numbers")
    check(found.shape)
    _check_size(max(found.size, math.prod(found.chunks or (0,))) * found.dtype.itemsize)
    return np.asarray(found)


def npy_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether columns lie together, and type; NumPy's own messages advise to trust the file."""
    try:
        version = npy.read_magic(file)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
        if read is None:
            raise ValueError(f"version {version}")
        shape, by_columns, kind = read(file)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError, TokenError) as error:
        raise ValueError("its header is damaged or not that of an npy file of plain numbers") from error
    if any(length < 0 for length in shape):
        raise ValueError(f"its header announces shape {shape}")
    return shape, by_columns, kind


def _check_size(needed: int) -> None:
    if needed > MAX_UNPACKED_BYTES:
        raise ValueError(
            f"it unpacks to {needed} bytes, at most {MAX_UNPACKED_BYTES} are read; split it into more files"
        )
