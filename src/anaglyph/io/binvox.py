"""Voxel grids in Patrick Min's binvox format, the one the 128^3 grids of IBSR and ShapeNet come in.

A text header (`dim`, `translate`, `scale`), then run lengths: pairs of bytes, a value and how often it comes.
Cells are listed with y running fastest, then z, then x; the grid here has the axes in the usual order x, y,
z. The centre of cell (i, j, k) lies at `translate + scale * (i + .5, j + .5, k + .5) / resolution` in the
units of the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import DataError

MAX_RESOLUTION = 1024
_MAX_HEADER = 1 << 12


@dataclass(frozen=True, eq=False)
class VoxelGrid:
    """Cells and where they stand."""

    filled: NDArray[np.bool_]
    """(R, R, R), axes x, y, z."""
    translate: tuple[float, float, float]
    """Corner of the first cell, in the units of the model."""
    scale: float
    """Length of a side of the whole cube, in the units of the model."""


def read_binvox(path: Path) -> VoxelGrid:
    """Read one .binvox file; nothing larger than the grid it announces is ever made.

    Raises:
        DataError: absent, no binvox file, not a cube of 1 to 1024 cells a side, or run lengths that do not
            add up to its cells.
    """
    try:
        with path.open("rb") as file:
            header = file.read(_MAX_HEADER)
            resolution, translate, scale, start = _header(header)
            file.seek(start)
            runs = np.frombuffer(
                file.read(2 * resolution**3 + 2), dtype=np.uint8
            )  # a cell a run is the longest
        return VoxelGrid(_cells(runs, resolution), translate, scale)
    except OSError as error:
        raise DataError(f"cannot read the voxel file '{path}': {error.strerror or error}.") from error
    except ValueError as error:
        raise DataError(f"cannot use the voxel file '{path}': {error}. Make it again with binvox.") from error


def _header(data: bytes) -> tuple[int, tuple[float, float, float], float, int]:
    """Resolution, translate, scale and where the run lengths begin."""
    end = data.find(b"\ndata\n")
    if not data.startswith(b"#binvox") or end < 0:
        raise ValueError("it does not begin with a binvox header")
    fields = {
        words[0]: words[1:]
        for line in data[:end].decode("ascii", errors="replace").splitlines()
        if (words := line.split())
    }
    sides = _numbers(fields, "dim", 3)
    resolution = int(sides[0]) if sides[0].is_integer() else 0
    if len(set(sides)) != 1 or not 1 <= resolution <= MAX_RESOLUTION:
        raise ValueError(
            f"its dim is '{' '.join(fields['dim'])[:60]}'; grids must be cubes of 1 to "
            f"{MAX_RESOLUTION} cells a side"
        )
    x, y, z = _numbers(fields, "translate", 3) if "translate" in fields else (0.0, 0.0, 0.0)
    (scale,) = _numbers(fields, "scale", 1) if "scale" in fields else (1.0,)
    if scale <= 0:
        raise ValueError(f"its scale is {scale}; it must be above 0")
    return resolution, (x, y, z), scale, end + len(b"\ndata\n")


def _numbers(fields: dict[str, list[str]], name: str, count: int) -> list[float]:
    words = fields.get(name, [])
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        numbers = []
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise ValueError(f"its {name} is '{' '.join(words)[:60]}'; {count} finite numbers are needed")
    return numbers


def _cells(runs: NDArray[np.uint8], resolution: int) -> NDArray[np.bool_]:
    if len(runs) % 2:
        raise ValueError("its run lengths end in the middle of a pair")
    values, counts = runs[::2], runs[1::2]
    total, wanted = int(counts.sum(dtype=np.int64)), resolution**3
    if total != wanted:
        raise ValueError(f"its run lengths hold {total} cells, and {resolution} a side make {wanted}")
    if len(values) and values.max() > 1:
        raise ValueError(f"a cell has the value {values.max()}; 0 and 1 are allowed")
    listed = np.repeat(values.astype(bool), counts).reshape((resolution,) * 3)  # x, z, y
    return np.ascontiguousarray(listed.transpose(0, 2, 1))
