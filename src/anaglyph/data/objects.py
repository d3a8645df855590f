"""What every split of a data set can do, whatever it holds: the seam between data and engine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from anaglyph.types import Batch


class Objects(Protocol):
    """Rows that can be batched; such as `PairedObjects`, `ShapeQueries` and `DescribedObjects`."""

    @property
    def keys(self) -> tuple[str, ...]:
        """(N) ids, unique."""
        ...

    @property
    def labels(self) -> NDArray[np.int64]:
        """(N,) true classes, for evaluation."""
        ...

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, by label."""
        ...

    @property
    def fields(self) -> frozenset[str]:
        """Fields of `Batch` that training batches have beside keys and indices."""
        ...

    def __len__(self) -> int: ...

    def batch(self, indices: Sequence[int] | NDArray[np.int64], *, epoch: int | None, crop: int = 0) -> Batch:
        """These rows, augmented for `epoch`, or as they are when `epoch` is None."""
        ...

    def fingerprint(self) -> str:
        """16 hexadecimal digits over everything but the labels."""
        ...


def digest(keys: Iterable[str], arrays: Iterable[NDArray[Any] | None]) -> str:
    """16 hexadecimal digits over ids and the bytes of arrays."""
    total = hashlib.sha256("\x1f".join(keys).encode())
    for array in arrays:
        if array is not None:
            total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()[:16]
