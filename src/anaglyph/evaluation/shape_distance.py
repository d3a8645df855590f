"""How far a retrieved shape is from the true one: modified Hausdorff distance and overlap of solid grids.

Both as the official CMIC evaluation has them (dossier CMIC, 3.2), without its brute-force distance matrix and
without the 1e-8 it adds to every voxel. Shapes share a canonical pose; nothing is registered.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree


def hausdorff_modified(
    first: NDArray[np.floating], second: NDArray[np.floating], *, pooled: bool = True
) -> float:
    """HAU, the mean distance to the nearest point of the other cloud; 0 is equal, lower is better.

        HAU = ( sum_x min_y |x - y|  +  sum_y min_x |x - y| ) / ( |X| + |Y| )

    With equally many points pooled and not pooled agree. The official program halves coordinates in [-1, 1]
    first, so distances are relative to a size of about 1: pass points of shapes whose longest side is 1
    (`geometry.normalize.normalized(mesh, "side")`) as they are, and points in [-1, 1] times 0.5.

    Args:
        first: (N, 3) points on the surface of one shape, N >= 1; the published values use 10 000.
        second: (M, 3) of the other.
        pooled: False takes the mean of the two directions' means, the rule of the first release.

    Raises:
        ValueError: a cloud is empty, not (N, 3), or not finite.
    """
    clouds = _checked(first, "first"), _checked(second, "second")
    forth = cKDTree(clouds[1]).query(clouds[0])[0]
    back = cKDTree(clouds[0]).query(clouds[1])[0]
    if pooled:
        return float((forth.sum() + back.sum()) / (len(forth) + len(back)))
    return float((forth.mean() + back.mean()) / 2)


def grid_iou(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Intersection over union of two boolean grids of one size, not aligned; 1 is equal, higher is better.

    `geometry.voxels.solid_grid` makes them as binvox does, 128 cells a side.

    Raises:
        ValueError: the grids differ in shape, are not boolean, or are both empty.
    """
    if first.shape != second.shape or first.dtype != np.bool_ or second.dtype != np.bool_:
        raise ValueError(
            f"grids must be boolean and of one shape, got {first.dtype} {first.shape} "
            f"and {second.dtype} {second.shape}"
        )
    union = np.count_nonzero(first | second)
    if not union:
        raise ValueError("both grids are empty, so their overlap means nothing")
    return np.count_nonzero(first & second) / union


def _checked(points: NDArray[np.floating], name: str) -> NDArray[np.float64]:
    if points.ndim != 2 or points.shape[1] != 3 or not len(points):
        raise ValueError(f"{name} must be (N, 3) with N >= 1, got {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError(f"{name} has NaN or infinite coordinates; sample the surface again")
    return points.astype(np.float64)
