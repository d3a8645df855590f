"""Objects as MixCon3D sees them: clouds, and what frozen towers said of their pictures and texts.

Which text and which views a training row shows is drawn by its key (`data.transforms`); without an
epoch all texts and evenly spaced views are handed out, so evaluation never draws.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anaglyph.data.records import Record, Records
from anaglyph.data.schema import check_keys, check_labels
from anaglyph.data.transforms.clouds import CloudPipeline, prepare_clouds
from anaglyph.data.transforms.ranges import Rows
from anaglyph.data.transforms.texts import TextChoice, choose_texts
from anaglyph.data.transforms.views import ViewChoice, choose_views
from anaglyph.errors import DataError
from anaglyph.randomness import row_keys
from anaglyph.types import Batch


@dataclass(frozen=True, kw_only=True, eq=False)
class EmbeddedObjects:
    """One split. Checked when made: DataError says what does not fit."""

    records: Records
    class_names: tuple[str, ...]
    labels: NDArray[np.int64]
    """(N,) true classes, for evaluation."""
    class_features: NDArray[np.float32] | None = None
    """(C, E) vectors of the class names by the text tower, templates averaged; None where there are none."""
    rows: NDArray[np.int64] | None = None
    """(N,) records of this split; None takes all."""
    clouds: CloudPipeline = field(default_factory=CloudPipeline)
    texts: TextChoice = field(default_factory=TextChoice)
    views: ViewChoice = field(default_factory=ViewChoice)
    seed: int = 0
    """Run seed of the augmentation."""

    def __post_init__(self) -> None:
        check_keys(self.keys)
        check_labels(self.labels, objects=len(self), classes=len(self.class_names))
        vectors = self.class_features
        if vectors is not None and (vectors.ndim != 2 or len(vectors) != len(self.class_names)):
            raise DataError(
                f"{len(self.class_names)} classes have vectors of shape {vectors.shape}; give one row each."
            )

    def __len__(self) -> int:
        return len(self.records.keys) if self.rows is None else len(self.rows)

    @property
    def keys(self) -> tuple[str, ...]:
        """(N) ids, unique."""
        if self.rows is None:
            return self.records.keys
        return tuple(self.records.keys[row] for row in self.rows)

    @property
    def fields(self) -> frozenset[str]:
        """What batches hold beside keys and indices."""
        first = self._record(0)
        there = {"points", "labels"}
        there |= {"image_features"} if len(first.images) else set()
        there |= {"text_features", "text_present"} if first.texts.shape[1] else set()
        return frozenset(there)

    @property
    def blocks(self) -> NDArray[np.int64]:
        """(K + 1,) row where each run of neighbouring records of one block begins, then N."""
        if self.rows is None:
            return self.records.blocks
        block = np.searchsorted(self.records.blocks, self.rows, side="right")
        starts = np.flatnonzero(np.diff(block, prepend=-1))
        return np.append(starts, len(self.rows)).astype(np.int64)

    def fingerprint(self) -> str:
        """16 hexadecimal digits over the records of this split; labels do not enter."""
        rows = b"" if self.rows is None else np.ascontiguousarray(self.rows).tobytes()
        return _digest(self.records.fingerprint(), rows)

    def batch(self, indices: Sequence[int] | NDArray[np.int64], *, epoch: int | None, crop: int = 0) -> Batch:
        """These rows, augmented for `epoch`, or as they are when `epoch` is None."""
        chosen = np.asarray(indices, dtype=np.int64)
        keys = tuple(self._key(row) for row in chosen)
        records = [self._record(int(row)) for row in chosen]
        draws: Rows | None = None if epoch is None else row_keys(keys, self.seed, epoch, crop)
        texts, present = choose_texts(records, self.texts, draws)
        return Batch(
            keys=keys,
            indices=torch.from_numpy(chosen.copy()),
            points=prepare_clouds([record.points for record in records], self.clouds, draws),
            image_features=choose_views(records, self.views, draws),
            text_features=texts,
            text_present=present,
            labels=torch.from_numpy(self.labels[chosen]),
        )

    def subset(self, rows: Sequence[int] | NDArray[np.int64]) -> EmbeddedObjects:
        """The objects of these rows, in this order."""
        chosen = np.asarray(rows, dtype=np.int64)
        records = chosen if self.rows is None else self.rows[chosen]
        return replace(self, rows=records, labels=self.labels[chosen])

    def class_tensor(self) -> Tensor:
        """(C, E) vectors of the class names; DataError where there are none."""
        if self.class_features is None:
            raise DataError(
                "this data set has no vectors of its class names; compute them with a text tower."
            )
        return torch.from_numpy(np.ascontiguousarray(self.class_features)).float()

    def _key(self, row: int) -> str:
        return self.records.keys[row if self.rows is None else int(self.rows[row])]

    def _record(self, row: int) -> Record:
        return self.records.read(row if self.rows is None else int(self.rows[row]))


def _digest(stored: str, rows: bytes) -> str:
    return hashlib.sha256(stored.encode() + rows).hexdigest()[:16]
