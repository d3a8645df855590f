"""Which of an object's texts a batch shows (dossier MixCon3D, 1.7).

Training draws one, or hands out all for losses with several positives; evaluation always hands out all. A
name that a filter rejected is never shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anaglyph.data.records import Record, TextSource
from anaglyph.data.transforms.ranges import Rows
from anaglyph.errors import ConfigError, DataError
from anaglyph.randomness import uniform

Places = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class TextChoice:
    """What training shows of the texts."""

    mode: Literal["one", "all"] = "one"
    """one draws a source, then a text of it; all shows up to `most`, the same number of rows each time."""
    most: int = 16
    """Rows per object of `all`; of more texts so many are drawn anew at each access."""
    caption: float = 0.5
    """Probability that the first captioner is asked and not the second; the other is not tried instead."""

    def __post_init__(self) -> None:
        if self.most < 1 or not 0.0 <= self.caption <= 1.0:
            raise ConfigError(
                f"texts: most={self.most} must be >= 1 and caption={self.caption} between 0 and 1."
            )


def choose_texts(
    records: Sequence[Record], choice: TextChoice, draws: Rows | None
) -> tuple[Tensor | None, Tensor | None]:
    """(B, T, E) float32 vectors and (B, T) bool where they belong to one; None, None of a data set without.

    T is 1 or `choice.most` with draws, and the largest number of texts in the batch without.
    """
    widths = sorted({record.texts.shape[1] for record in records})
    if len(widths) > 1:
        raise DataError(
            f"texts of one batch have vectors of {widths[0]} to {widths[-1]} numbers; one tower makes all."
        )
    if not widths or not widths[0]:
        return None, None
    places = [np.flatnonzero(record.sources != TextSource.REJECTED_NAME) for record in records]
    if draws is None:
        rows = max(1, *map(len, places)) if places else 1
    elif choice.mode == "all":
        places = [_some(place, choice.most, draws[row : row + 1]) for row, place in enumerate(places)]
        rows = choice.most
    else:
        places = _one_each(records, choice, draws)
        rows = 1
    vectors = np.zeros((len(records), rows, widths[0]), dtype=np.float32)
    present = np.zeros((len(records), rows), dtype=np.bool_)
    for row, (record, place) in enumerate(zip(records, places, strict=True)):
        vectors[row, : len(place)] = record.texts[place]
        present[row, : len(place)] = True
    return torch.from_numpy(vectors), torch.from_numpy(present)


def _some(place: Places, most: int, key: Rows) -> Places:
    """All, or `most` of them in their order."""
    if len(place) <= most:
        return place
    lot = uniform(key, "texts/some", len(place))[0]
    chosen: Places = place[np.sort(np.argsort(lot, kind="stable")[:most])]
    return chosen


def _one_each(records: Sequence[Record], choice: TextChoice, draws: Rows) -> list[Places]:
    """One text of each object, or none where it has none: a list of candidates, then one of the list."""
    first = uniform(draws, "texts/captioner") < choice.caption
    lots = uniform(draws, "texts/entry", 3)
    last = uniform(draws, "texts/candidate")
    chosen = []
    for row, record in enumerate(records):
        caption = TextSource.CAPTION if first[row] else TextSource.OTHER_CAPTION
        candidates = [
            _drawn(np.flatnonzero(record.sources == source), lots[row, place])
            for place, source in enumerate((TextSource.NAME, caption, TextSource.RETRIEVED))
        ]
        there = np.concatenate(candidates)
        chosen.append(_drawn(there, last[row]))
    return chosen


def _drawn(places: Places, lot: np.float32) -> Places:
    """One of them by a number in [0, 1), none of none."""
    if not len(places):
        return places
    place = min(int(float(lot) * len(places)), len(places) - 1)
    return places[place : place + 1]
