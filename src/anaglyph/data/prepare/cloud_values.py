"""What pickles of labelled clouds hold, as arrays (dossier ACT, 3.5 and 3.9); runs in the limited child."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
Facts = dict[str, Any]


def labelled_list(value: Any) -> tuple[Arrays, Facts]:
    """`[clouds, labels]`, Point-BERT's cache of ModelNet: points (N, P, 3) and label (N,)."""
    if not isinstance(value, Sequence) or isinstance(value, str | bytes) or len(value) != 2:
        raise TypeError("it holds no pair of a list of clouds and a list of labels")
    clouds, labels = value
    if len(clouds) != len(labels) or not len(clouds):
        raise ValueError(f"it holds {len(clouds)} clouds and {len(labels)} labels")
    return {"points": _stacked(clouds), "label": _labels(labels)}, {}


def episode(value: Any) -> tuple[Arrays, Facts]:
    """`{"train": [...], "test": [...]}` of (points, label in the episode, label in ModelNet), a fold.

    Gives points (N, P, 3) and label (N,) in ModelNet's numbering, by split.
    """
    if not isinstance(value, Mapping) or not {"train", "test"} <= set(value):
        raise TypeError("it holds no mapping with the lists train and test")
    arrays: Arrays = {}
    for split in ("train", "test"):
        items = value[split]
        if not isinstance(items, list) or not items or any(len(item) != 3 for item in items):
            raise ValueError(f"'{split}' is no list of (points, label, label of ModelNet)")
        arrays[f"{split}_points"] = _stacked([item[0] for item in items])
        arrays[f"{split}_label"] = _labels([item[2] for item in items])
    return arrays, {}


CLOUD_KINDS: dict[str, Callable[..., tuple[Arrays, Facts]]] = {
    "labelled_list": labelled_list,
    "episode": episode,
}


def _stacked(clouds: Sequence[Any]) -> NDArray[np.float32]:
    """(N, P, 3) of clouds of one size; further columns (normals) are left out."""
    made = []
    for row, cloud in enumerate(clouds):
        if not isinstance(cloud, np.ndarray) or cloud.dtype.kind != "f" or cloud.ndim != 2:
            raise ValueError(f"cloud {row} is no table of numbers")
        if cloud.shape[1] < 3 or cloud.shape[0] != len(clouds[0]) or not np.isfinite(cloud).all():
            raise ValueError(
                f"cloud {row} has shape {cloud.shape}; expected are finite numbers, {len(clouds[0])} rows as "
                f"in the first, 3 columns or more"
            )
        made.append(cloud[:, :3].astype(np.float32))
    return np.stack(made)


def _labels(labels: Sequence[Any]) -> NDArray[np.int64]:
    """(N,) of whole numbers, or of arrays of one each."""
    flat = [np.asarray(label).reshape(-1) for label in labels]
    if any(len(each) != 1 or each.dtype.kind not in "iu" for each in flat):
        raise ValueError("a label is not one whole number")
    return np.array([int(each[0]) for each in flat], dtype=np.int64)
