"""Which texts of an object look for it: captions, since the bare word of a class looks for all of its class.

Names take their place where an object has no caption, and any text where it has neither.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anaglyph.data.embedded import EmbeddedObjects
from anaglyph.data.records import TextSource

_ORDER = ((TextSource.CAPTION, TextSource.OTHER_CAPTION), (TextSource.NAME,))


def asking_texts(split: EmbeddedObjects, rows: Iterable[int]) -> list[NDArray[np.bool_]]:
    """For each row of the split, which of the texts that evaluation shows of it look for it."""
    records = split.records
    return [
        _asking(records.read(row if split.rows is None else int(split.rows[row])).sources) for row in rows
    ]


def text_objects(split: EmbeddedObjects) -> Tensor:
    """(R,) int64 object of every text that looks for one, without touching a cloud."""
    counts = [int(mask.sum()) for mask in asking_texts(split, range(len(split)))]
    return torch.repeat_interleave(torch.arange(len(split)), torch.tensor(counts))


def _asking(sources: NDArray[np.uint8]) -> NDArray[np.bool_]:
    shown = sources[sources != TextSource.REJECTED_NAME]
    for group in _ORDER:
        mask: NDArray[np.bool_] = np.isin(shown, group)
        if mask.any():
            return mask
    return np.ones(len(shown), dtype=np.bool_)
