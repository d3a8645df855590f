"""Zero-shot classification: which class name is nearest to an object, without an example of any class.

Top-k, the mean over classes, every class by itself, and what is taken for what (dossier MixCon3D, 2.3).
Ties count against the method: the rank of the true class is the number of classes that score at least as
high, and where another class ties for the first place, that one counts as the answer. So equal scores for
everything score nothing, and no accuracy depends on the order of the classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from anaglyph.errors import DataError
from anaglyph.evaluation.cosines import check_finite, check_ks, products, summed_rows


@dataclass(frozen=True)
class ZeroShotScores:
    """The metrics of some objects; every share is in [0, 1]."""

    objects: int
    top: Mapping[int, float]
    """k -> share of objects whose true class is among the first k."""
    class_mean: float
    """Mean of the classes' top-1 shares: every class that has objects counts the same."""
    confusion: Tensor
    """(C, C) int64 objects by true class (row) and answer (column)."""

    @property
    def per_class(self) -> dict[int, float]:
        """Class -> top-1 share of its objects, for the classes that have any, in order."""
        return _per_class(self.confusion)


@dataclass(frozen=True)
class Mistake:
    """One class that is taken for another."""

    true: int
    answer: int
    objects: int
    share: float
    """Of the objects of the true class."""


def zero_shot(
    vectors: Tensor | Sequence[Tensor],
    classes: Tensor,
    labels: Tensor,
    *,
    ks: Sequence[int] = (1, 3, 5),
    chunk: int | None = None,
) -> ZeroShotScores:
    """Measure objects against class names by cosine; several inputs of an object add their cosines.

    Args:
        vectors: (N, D) finite features, one tensor for each input whose logits are summed, normalised here.
        classes: (C, D) finite class vectors in the same space, normalised here.
        labels: (N,) int64 true classes.
        ks: how many first classes to look at, each >= 1.
        chunk: objects scored at once; the result does not depend on it.

    Raises:
        DataError: there are fewer classes than the largest k.
        ValueError: shapes that do not fit, NaN or infinity, or labels that are no rows of the classes.
    """
    given = summed_rows(vectors, "vectors")
    _check(len(given), len(classes), labels, ks)
    scored = products(given, summed_rows(classes, "classes").to(given.device), chunk)
    return _measure((scores for _, scores in scored), labels, classes=len(classes), ks=ks)


def zero_shot_from_logits(logits: Tensor, labels: Tensor, *, ks: Sequence[int] = (1, 3, 5)) -> ZeroShotScores:
    """The same from raw logits, compared exactly as they are; add those of several inputs first.

    Args:
        logits: (N, C) floating point, no NaN or infinity.
        labels: (N,) int64 true classes.
        ks: how many first classes to look at, each >= 1.
    """
    if logits.ndim != 2:
        raise ValueError(f"logits must be (N, C), got {tuple(logits.shape)}")
    check_finite(logits, "logits")
    _check(len(logits), logits.shape[1], labels, ks)
    return _measure([logits.detach()], labels, classes=logits.shape[1], ks=ks)


def most_confused(confusion: Tensor, *, limit: int = 10) -> list[Mistake]:
    """The pairs of classes that are mixed up most often, at most `limit`; equal ones in order of their rows.

    Args:
        confusion: (C, C) int64 objects by true class and answer.
        limit: how many pairs.
    """
    wrong = confusion.clone().fill_diagonal_(0)
    totals = confusion.sum(dim=1)
    order = wrong.flatten().argsort(descending=True, stable=True)[:limit].tolist()
    pairs = [(place // len(wrong), place % len(wrong)) for place in order]
    return [
        Mistake(true, answer, count, count / int(totals[true]))
        for true, answer in pairs
        if (count := int(wrong[true, answer]))
    ]


def chance_level(classes: int, *, ks: Sequence[int] = (1, 3, 5)) -> ZeroShotScores:
    """What class names in random order give on average, whatever the classes' sizes; no confusions."""
    top = {k: min(k / classes, 1.0) for k in ks}
    return ZeroShotScores(0, top, 1 / classes, torch.zeros(classes, classes, dtype=torch.int64))


def _measure(scored: Iterable[Tensor], labels: Tensor, *, classes: int, ks: Sequence[int]) -> ZeroShotScores:
    ranks, confusion, start = [], torch.zeros(classes * classes, dtype=torch.int64), 0
    for scores in scored:
        truth = labels[start : start + len(scores)].to(scores.device)
        start += len(scores)
        own = scores.gather(1, truth[:, None])
        ranks.append((scores >= own).sum(dim=1).cpu())
        # The best of the others where it is at least as high, else the true class.
        others = scores.scatter(1, truth[:, None], float("-inf"))
        best, answer = others.max(dim=1)
        answer = torch.where(best >= own[:, 0], answer, truth)
        confusion += torch.bincount((truth * classes + answer).cpu(), minlength=classes * classes)
    rank = torch.cat(ranks)
    table = confusion.reshape(classes, classes)
    shares = _per_class(table)
    return ZeroShotScores(
        objects=len(rank),
        top={k: float((rank <= k).double().mean()) for k in ks},
        class_mean=sum(shares.values()) / len(shares),
        confusion=table,
    )


def _per_class(confusion: Tensor) -> dict[int, float]:
    totals, right = confusion.sum(dim=1), confusion.diagonal()
    return {row: int(right[row]) / int(totals[row]) for row in totals.nonzero()[:, 0].tolist()}


def _check(objects: int, classes: int, labels: Tensor, ks: Sequence[int]) -> None:
    if tuple(labels.shape) != (objects,) or labels.is_floating_point() or not objects:
        raise ValueError(
            f"labels must be ({objects},) integers, one for each object, and at least one object, got "
            f"{tuple(labels.shape)} {labels.dtype}"
        )
    check_ks(ks)
    if classes < max(ks):
        raise DataError(
            f"top-{max(ks)} accuracy needs at least {max(ks)} classes, and this set has {classes}; ask for "
            f"a smaller k."
        )
    if not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise ValueError(
            f"labels must be rows of the classes, 0 to {classes - 1}, got {int(labels.min())} to "
            f"{int(labels.max())}"
        )
