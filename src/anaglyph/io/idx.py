"""The idx format of the MNIST files (LeCun and Cortes), plain or gzipped, any element type and rank.

byte 2 the type, byte 3 the rank, then one big-endian uint32 per dimension, then the elements
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import DataError

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MAX_BYTES = 2 << 30


def read_idx(path: Path) -> NDArray[Any]:
    """Read one idx file as an array of its own shape, in native byte order.

    Raises:
        DataError: absent, not idx, truncated, longer than announced, or beyond 2 GiB.
    """
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if not zipped:
                return _parse(file, path)
            with gzip.GzipFile(fileobj=file) as unzipped:
                return _parse(unzipped, path)
    except FileNotFoundError as error:
        raise DataError(
            f"'{path}' does not exist. Put the MNIST file there (plain or .gz), or set the data set's "
            f"folder and file names to where yours lie."
        ) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"'{path}' is a damaged gzip file ({error}). Download it again.") from error
    except OSError as error:
        raise DataError(
            f"cannot read '{path}': {error.strerror}. Check the path and its permissions."
        ) from error


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def _parse(file: _Readable, path: Path) -> NDArray[Any]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES or not 1 <= magic[3] <= 8:
        raise DataError(
            f"'{path}' is not an idx file: it begins with {magic.hex() or 'nothing'}, expected 0000, a type "
            f"and a rank (00000803 for MNIST images, 00000801 for labels). Download it again."
        )
    raw = file.read(4 * magic[3])
    if len(raw) < 4 * magic[3]:
        raise DataError(f"'{path}' is truncated inside its header. Download it again.")
    shape = tuple(int(size) for size in np.frombuffer(raw, dtype=">u4"))
    kind = np.dtype(TYPES[magic[2]])
    needed = math.prod(shape) * kind.itemsize
    if needed > MAX_BYTES:
        raise DataError(f"'{path}' announces {needed} bytes ({shape}); at most {MAX_BYTES} are read.")
    data = file.read(needed + 1)
    if len(data) != needed:
        found = f"only {len(data)}" if len(data) < needed else "more"
        raise DataError(
            f"'{path}' announces {needed} bytes of data ({shape}) and holds {found}. Download it again."
        )
    return np.frombuffer(data, dtype=kind).reshape(shape).astype(kind.newbyteorder("="))
