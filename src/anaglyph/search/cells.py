"""How an index is divided for approximate search, kept on disk as plain arrays that can be made again.

FAISS never reads a file here: its reader trusts what it reads, and an index folder may come from anybody.
Kept are the centres of the cells and the cell of every item; the vectors always come from the store. What
stands in this file can therefore cost recall, which is measured, but never bring a wrong score.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from anaglyph.errors import DataError, WeightsError
from anaglyph.io.atomic import write_bytes
from anaglyph.io.safe_header import check_safe_bytes

log = logging.getLogger(__name__)
MAX_BYTES = 1 << 30
_DIGITS = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """Row i of `ids`, `marks` and `cells` belongs to one item."""

    ids: NDArray[np.int64]
    """(N,) ascending."""
    marks: NDArray[np.uint64]
    """(N,) what `marks` makes of their vectors; another one means another vector."""
    cells: NDArray[np.int64]
    """(N,) rows of `centres`."""
    centres: NDArray[np.float32]
    """(C, D)."""
    trained: int
    """Items whose centres these are; those added later only found their place among them."""


def cells_file(cache: Path, fingerprint: str) -> Path:
    """Where the cells of an index are kept."""
    return cache / f"cells-{fingerprint}.bin"


def write_cells(path: Path, cells: Cells) -> None:
    """Keep cells: a SHA-256 in hexadecimal, a line end, and safetensors."""
    arrays = {
        "ids": cells.ids,
        "marks": cells.marks,
        "cells": cells.cells.astype(np.int32),
        "centres": cells.centres,
        "trained": np.array([cells.trained], dtype=np.int64),
    }
    data = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, hashlib.sha256(data).hexdigest().encode() + b"\n" + data)


def read_cells(path: Path, *, dim: int) -> Cells | None:
    """The cells that were kept, or None where there are none that can be used; the log says why.

    Args:
        path: a file of `write_cells`.
        dim: D, of the index.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise DataError(f"it has {size} bytes; at most {MAX_BYTES} are read")
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except (OSError, DataError) as error:
        log.warning("the cache '%s' is made again: %s", path, error)
        return None
    try:
        return _parsed(data, dim)
    except (DataError, WeightsError, SafetensorError, KeyError, ValueError, TypeError) as error:
        log.warning("the cache '%s' is made again: %s", path, error)
        return None


def marks(vectors: NDArray[np.float32]) -> NDArray[np.uint64]:
    """(N, D) -> (N,) a checksum of each row's bits: their sum, each times an odd number of its own."""
    width = vectors.shape[1]
    odd = np.random.default_rng(5).integers(0, 1 << 63, size=width, dtype=np.uint64) * np.uint64(2)
    odd += np.uint64(1)
    made = np.empty(len(vectors), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for first in range(0, len(vectors), 4096):
            bits = np.ascontiguousarray(vectors[first : first + 4096]).view(np.uint32)
            made[first : first + len(bits)] = (bits * odd).sum(axis=1, dtype=np.uint64)
    return made


def _parsed(data: bytes, dim: int) -> Cells:
    digest, content = data[:_DIGITS], data[_DIGITS + 1 :]
    if hashlib.sha256(content).hexdigest().encode() != digest:
        raise DataError("its SHA-256 is not the one in its first line")
    check_safe_bytes(content, what="it")
    arrays = load(content)
    ids, kept, cells, centres, trained = (
        arrays[name] for name in ("ids", "marks", "cells", "centres", "trained")
    )
    count = len(ids)
    kinds = [array.dtype.name for array in (ids, kept, cells, centres, trained)]
    if (
        kinds != ["int64", "uint64", "int32", "float32", "int64"]
        or not ids.shape == kept.shape == cells.shape == (count,)
        or not (centres.ndim == 2 and centres.shape[1] == dim and trained.shape == (1,))
    ):
        raise DataError(f"its arrays are not those of an index of {dim} dimensions")
    if (
        not count
        or not len(centres)
        or not np.isfinite(centres).all()
        or (np.diff(ids) <= 0).any()
        or (cells < 0).any()
        or (cells >= len(centres)).any()
    ):
        raise DataError("its ids are not ascending, its centres not finite, or a cell is none of them")
    return Cells(ids=ids, marks=kept, cells=cells.astype(np.int64), centres=centres, trained=int(trained[0]))
