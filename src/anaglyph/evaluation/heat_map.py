"""What is taken for what, as a table whose cells are shaded: a confusion matrix for people.

Nothing here makes markup: the report's template draws the cells, and every name passes its escaping. With
many classes only those are drawn that are mixed up most, and the note says how many are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

MOST_CLASSES = 40


@dataclass(frozen=True)
class HeatCell:
    """One cell."""

    count: int
    share: float
    """Of its row, in [0, 1]: how dark it is."""
    right: bool
    """Whether it lies on the diagonal."""
    words: str
    """The cell as a sentence, for those who point at it or cannot see it."""


@dataclass(frozen=True)
class HeatMap:
    """A confusion matrix ready to draw."""

    title: str
    names: Sequence[str]
    """Of rows (true classes) and columns (answers)."""
    rows: Sequence[Sequence[HeatCell]]
    note: str = ""


def confusion_map(
    title: str, confusion: Tensor, names: Sequence[str], *, most: int = MOST_CLASSES, note: str = ""
) -> HeatMap:
    """Lay out a confusion matrix; beyond `most` classes those with the most mistakes, in their own order.

    Args:
        title: heading; say which inputs gave the answers.
        confusion: (C, C) int64 objects by true class (row) and answer (column).
        names: (C) classes.
        most: classes to draw.
        note: what the reader should know.
    """
    if tuple(confusion.shape) != (len(names), len(names)):
        raise ValueError(
            f"confusion must be {(len(names),) * 2} for these names, got {tuple(confusion.shape)}"
        )
    kept = _most_mistaken(confusion, most)
    totals = confusion.sum(dim=1).tolist()
    rows = [[_cell(confusion, totals, names, true, answer) for answer in kept] for true in kept]
    left_out = len(names) - len(kept)
    if left_out:
        wrong = confusion.clone().fill_diagonal_(0)
        missing = int(wrong.sum()) - int(wrong[kept][:, kept].sum())
        note = (
            f"{note} Of {len(names)} classes the {len(kept)} with the most mistakes are drawn; {missing} "
            f"mistakes lie outside."
        ).strip()
    return HeatMap(title, [names[row] for row in kept], rows, note)


def _most_mistaken(confusion: Tensor, most: int) -> list[int]:
    """Rows of the classes with objects or answers; of too many, those that take part in the most mistakes."""
    wrong = confusion.clone().fill_diagonal_(0)
    mistakes = wrong.sum(dim=1) + wrong.sum(dim=0)
    used = (confusion.sum(dim=1) + confusion.sum(dim=0)).nonzero()[:, 0]
    order = used[mistakes[used].argsort(descending=True, stable=True)][:most]
    kept: list[int] = torch.sort(order).values.tolist()
    return kept


def _cell(confusion: Tensor, totals: Sequence[int], names: Sequence[str], true: int, answer: int) -> HeatCell:
    count = int(confusion[true, answer])
    share = count / totals[true] if totals[true] else 0.0
    said = "rightly named" if true == answer else f"taken for {names[answer]}"
    return HeatCell(count, share, true == answer, f"{count} of {totals[true]} {names[true]}: {said}")
