"""Point clouds with their colours, one or many to a file: npy, npz, h5, ply, off, txt, xyz, csv.

Nothing is guessed. Arrays and PLY properties with names mean what they are called; what columns 4 to 6 of a
plain table are, the caller says. Whole numbers are colours from 0 to 255, reals are colours from 0 to 1
unless the caller says otherwise: a wrong range costs more accuracy than any layer (dossier MixCon3D, 7.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import DataError
from anaglyph.io.clouds import finite_cloud, largest_coordinate, read_stored

Columns = Literal["xyz", "xyzrgb", "xyznormal"]
"""What a table without names holds; "xyz" leaves out whatever follows, colours with names included."""
ColourRange = Literal[1, 255]
COARSEST = 1e-3
"""Steps between stored coordinates that are refused, as a share of the cloud's extent.

float16 clouds in the unit sphere, which are common, have steps a third as large."""


@dataclass(frozen=True)
class Cloud:
    """One cloud in the file's own units and axes."""

    points: NDArray[np.floating[Any]]
    """(N, 3) xyz as precise as stored: far from the origin float32 would round a shape away."""
    colours: NDArray[np.float32] | None
    """(N, 3) red, green, blue in [0, 1]."""


@dataclass(frozen=True, kw_only=True)
class CloudFile:
    """What one file holds: one cloud, or `count` of them in one array. Each is checked when it is taken."""

    path: Path
    points: NDArray[Any]
    """(N, C) or (count, N, C)."""
    colours: NDArray[Any] | None
    """The same shape with three channels, as stored."""
    colour_range: ColourRange | None

    @property
    def count(self) -> int | None:
        """Clouds in the array; None when the file is one cloud."""
        return len(self.points) if self.points.ndim == 3 else None

    def cloud(self, row: int | None = None) -> Cloud:
        """The cloud of the file, or of one row of its array.

        Raises:
            DataError: it is empty, not finite or stored too coarsely, or its colours are not what they
                should be.
        """
        where = f"'{self.path}'" if row is None else f"'{self.path}#{row}'"
        points, colours = self.points, self.colours
        if row is not None:
            points, colours = points[row], None if colours is None else colours[row]
        checked = finite_cloud(points, where=where)
        _refuse_coarse(checked, where=where)
        if colours is None:
            return Cloud(checked, None)
        if colours.shape != checked.shape or colours.dtype.kind not in "fiu":
            raise DataError(
                f"{where} has colours of shape {colours.shape} ({colours.dtype}) for {len(checked)} points; "
                f"three numbers for each point are needed."
            )
        return Cloud(checked, unit_colours(colours, self.colour_range, where=where))


def open_clouds(
    path: Path,
    *,
    columns: Columns | None = None,
    colour_range: ColourRange | None = None,
    dataset: str | None = None,
) -> CloudFile:
    """Read a file of one or many clouds.

    Args:
        path: the file; the suffix says the format.
        columns: what the columns of arrays and text without names are. None allows three alone, and takes
            colours that have a name: PLY's red, green and blue, arrays rgb or colors beside the points.
        colour_range: largest value of colours; None is 255 for whole numbers and 1 for reals.
        dataset: name of the points in npz and h5 files; by default points, xyz or data.

    Raises:
        DataError: absent, too large, damaged, of a kind not known, or with columns that nobody explained.
    """
    stored = read_stored(path, dataset=dataset)
    points = stored.points
    if points.ndim not in (2, 3) or points.shape[-1] < 3:
        raise DataError(
            f"'{path}' holds {points.dtype} of shape {points.shape}; a cloud is (N, 3) numbers, "
            f"many are (clouds, N, 3)."
        )
    if points.ndim == 3 and not len(points):
        raise DataError(f"'{path}' holds 0 clouds; at least one is needed.")
    colours = _chosen_colours(points, stored.colours, columns, where=f"'{path}'")
    return CloudFile(path=path, points=points, colours=colours, colour_range=colour_range)


def unit_colours(
    colours: NDArray[Any], colour_range: ColourRange | None, *, where: str
) -> NDArray[np.float32]:
    """Colours as float32 in [0, 1]; DataError, naming the range found, when they exceed what is meant."""
    whole = colours.dtype.kind in "iu"
    top = colour_range or (255 if whole else 1)
    low, high = float(colours.min()), float(colours.max())
    if not 0.0 <= low <= high <= top:  # false for NaN, too
        kind = "whole numbers" if whole else "reals"
        advice = (
            "if 255 is meant, say so with --colour-range 255 (colour_range=255)"
            if 0.0 <= low <= high <= 255 and top == 1
            else "repair them, or leave them out with --columns xyz"
        )
        raise DataError(
            f"{where} has colours from {low:g} to {high:g} ({kind}); expected are 0 to {top}: {advice}."
        )
    return np.asarray(colours / np.float64(top), dtype=np.float32)


def _refuse_coarse(points: NDArray[np.floating[Any]], *, where: str) -> None:
    """DataError where the type of the numbers has rounded the shape away."""
    step = float(np.spacing(points.dtype.type(largest_coordinate(points))))
    low, high = (corner.astype(np.float64) for corner in (points.min(axis=0), points.max(axis=0)))
    extent = float((high - low).max())
    if extent == 0.0 and len(points) > 1:
        raise DataError(
            f"{where} has all its {len(points)} points in one place, so it has no shape; check how it was "
            f"stored: float32 keeps seven digits."
        )
    if len(points) > 1 and step > COARSEST * extent:
        raise DataError(
            f"{where} is {extent:.3g} wide and so far from the origin that {points.dtype} stores it in steps "
            f"of {step:.3g}; store it as float64, or with coordinates relative to its middle."
        )


def _chosen_colours(
    points: NDArray[Any], named: NDArray[Any] | None, columns: Columns | None, *, where: str
) -> NDArray[Any] | None:
    width = points.shape[-1]
    if columns is None and width > 3:
        raise DataError(
            f"{where} has {width} columns; say what 4 to 6 are: --columns xyzrgb, xyznormal, "
            f"or xyz to leave them out (columns=...)."
        )
    if columns == "xyz":
        return None
    if columns == "xyznormal" and 3 < width < 6:
        raise DataError(f"{where} has {width} columns; xyznormal needs 6. Say what they are with --columns.")
    if columns == "xyzrgb" and named is None:
        if width < 6:
            raise DataError(
                f"{where} has {width} columns and no colours by name; xyzrgb needs 6. Use --columns xyz."
            )
        return points[..., 3:6]
    return named
