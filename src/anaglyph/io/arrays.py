"""Arrays out of npz and HDF5 files, looked at before a byte of them is unpacked.

A small file can announce any size, and an HDF5 data set can lie in another file altogether; neither is
followed. Callers turn the ValueError into a DataError that names the file.
"""

from __future__ import annotations

import math
import zipfile
from typing import Any, BinaryIO

import h5py
import numpy as np
from numpy.typing import NDArray

MAX_UNPACKED_BYTES = 2 << 30


def check_npz(file: BinaryIO) -> None:
    """ValueError or BadZipFile unless `file` is an archive that unpacks to what is allowed; rewinds it."""
    with zipfile.ZipFile(file) as archive:
        _check_size(sum(member.file_size for member in archive.infolist()))
    file.seek(0)


def read_dataset(group: h5py.Group, name: str) -> NDArray[Any]:
    """The numbers of the data set `name` (`a/b` for one within a group), which must lie in the file itself.

    Raises:
        ValueError: absent, reached by a soft or external link, kept in other files, not numbers, or larger
            than MAX_UNPACKED_BYTES.
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
    _check_size(max(found.size, math.prod(found.chunks or (0,))) * found.dtype.itemsize)
    return np.asarray(found)


def _check_size(needed: int) -> None:
    if needed > MAX_UNPACKED_BYTES:
        raise ValueError(
            f"it unpacks to {needed} bytes, at most {MAX_UNPACKED_BYTES} are read; split it into more files"
        )
