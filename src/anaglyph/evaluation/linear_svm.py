"""A linear support vector machine on frozen features, its C chosen by cross-validation on the training split.

The published values of C (0.01, 0.0093, 0.075) were tuned on the test split (dossier ACT, 3.6); this one
never sees it.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from anaglyph.errors import DataError
from anaglyph.evaluation.zeroshot import ZeroShotScores, zero_shot_from_logits
from anaglyph.randomness import numpy_generator, seed_for

COSTS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Values of C that are tried."""
_FOLDS = 3
_MOST = 2000
"""Objects that C is chosen on; the machine itself learns from all."""


@dataclass(frozen=True)
class SvmResult:
    """What came out."""

    scores: ZeroShotScores
    cost: float
    """C that was chosen, or the only one."""
    tried: dict[float, float]
    """C -> accuracy in cross-validation; empty where one was given or no class has two objects."""
    converged: bool


def linear_svm(
    train: NDArray[np.float32],
    train_labels: NDArray[np.int64],
    test: NDArray[np.float32],
    test_labels: NDArray[np.int64],
    *,
    classes: int,
    costs: Sequence[float] = COSTS,
    seed: int = 0,
) -> SvmResult:
    """One against the rest, squared hinge, on features as they are.

    Args:
        train: (N, D).
        train_labels: (N,) classes below `classes`, two or more of them.
        test: (M, D).
        test_labels: (M,).
        classes: of the answers; one that `train` lacks is never answered.
        costs: values of C; several are compared by 3-fold cross-validation on at most 2,000 of `train`.
        seed: of the folds and of the solver.

    Raises:
        DataError: features that are not finite, or one class alone.
    """
    for name, features in (("training", train), ("test", test)):
        if not np.isfinite(features).all():
            raise DataError(f"{name} features hold NaN or infinity; the encoder's weights are damaged.")
    if len(np.unique(train_labels)) < 2:
        raise DataError("a support vector machine needs objects of two classes; the training split has one.")
    tried = _compared(train, train_labels, costs, seed) if len(costs) > 1 else {}
    cost = max(costs, key=lambda c: tried.get(c, 0.0)) if tried else costs[len(costs) // 2]
    machine, converged = _fitted(train, train_labels, cost, seed)
    margins = machine.decision_function(test)
    if margins.ndim == 1:  # of two classes it gives one number
        margins = np.stack([-margins, margins], axis=1)
    logits = torch.full((len(test), classes), float(margins.min()) - 1.0, dtype=torch.float64)
    logits[:, torch.from_numpy(machine.classes_.astype(np.int64))] = torch.from_numpy(margins)
    scores = zero_shot_from_logits(logits, torch.from_numpy(test_labels), ks=(1,))
    return SvmResult(scores, cost, tried, converged)


def _compared(
    train: NDArray[np.float32], labels: NDArray[np.int64], costs: Sequence[float], seed: int
) -> dict[float, float]:
    from sklearn.model_selection import StratifiedKFold

    rows = numpy_generator(seed, "svm rows").permutation(len(train))[:_MOST]
    counts = np.bincount(labels[rows])
    folds = min(_FOLDS, int(counts[counts > 0].min()))
    if folds < 2:
        return {}
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed_for(seed, "svm folds") % 2**32)
    parts = list(splitter.split(train[rows], labels[rows]))
    found = {}
    for cost in costs:
        right = 0
        for learn, ask in parts:
            machine, _ = _fitted(train[rows[learn]], labels[rows[learn]], cost, seed)
            right += int((machine.predict(train[rows[ask]]) == labels[rows[ask]]).sum())
        found[cost] = right / len(rows)
    return found


class _Machine(Protocol):
    classes_: NDArray[np.int64]

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.int64]: ...

    def decision_function(self, features: NDArray[np.float32]) -> NDArray[np.float64]: ...


def _fitted(
    train: NDArray[np.float32], labels: NDArray[np.int64], cost: float, seed: int
) -> tuple[_Machine, bool]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    machine = LinearSVC(C=cost, dual="auto", random_state=seed_for(seed, "svm") % 2**32, max_iter=2000)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", ConvergenceWarning)
        machine.fit(train, labels)
    return machine, not any(issubclass(each.category, ConvergenceWarning) for each in said)
