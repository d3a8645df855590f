"""Objects classified by a method that learned the classes from labels: one pass, or votes of several.

One pass covers a cloud by farthest points. Votes average the logits of random parts of it, stretched and
moved at random (dossier ACT, 3.4). A fixed number of votes is one measurement. The published number is
another: the *highest* accuracy of many such measurements on the test split; see `Asked.released_maximum_of`.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor

from anaglyph.data.labelled_clouds import LabelledClouds
from anaglyph.data.objects import Objects
from anaglyph.engine.gathered import joined_rows, own_rows
from anaglyph.engine.tasks.base import Asked, Measured
from anaglyph.engine.tasks.naming import own_labels
from anaglyph.errors import ConfigError
from anaglyph.evaluation.heat_map import confusion_map
from anaglyph.evaluation.report import Cell, Gallery, Table
from anaglyph.evaluation.zeroshot import (
    ZeroShotScores,
    chance_level,
    most_confused,
    zero_shot_from_logits,
)
from anaglyph.methods.base import Method
from anaglyph.types import Batch

_OBJECTS = 64
"""Asked at once."""
MAXIMUM = "RELEASED_MAXIMUM_ON_TEST"
"""Metric of the published way to report votes; the name is loud on purpose."""


@runtime_checkable
class Classifies(Protocol):
    """A method with a classifier."""

    @property
    def class_names(self) -> Sequence[str]:
        """Of the answers, in order."""
        ...

    def logits(self, batch: Batch) -> Tensor:
        """(B, C) scores."""
        ...


class Classification:
    """Which of the learned classes an object is."""

    name: ClassVar[str] = "classification"
    title: ClassVar[str] = "Classes learned from labels, of held-out objects of"
    question: ClassVar[str] = "How often the class is right"
    note: ClassVar[str] = (
        "accuracy: share of held-out objects whose class is the first answer; class mean: mean over classes "
        "of their shares. Every object is measured once, none is repeated to fill a batch. Ties count "
        "against the method. The weights are those of the last epoch: no epoch is picked by the test split. "
        "Spread is the standard deviation over seeds."
    )
    shown: ClassVar[Mapping[str, str]] = {
        "accuracy": "accuracy",
        "class_mean": "class mean",
        "correct": "right",
        "objects": "of",
    }
    headline: ClassVar[str] = "accuracy"
    followed: ClassVar[Mapping[str, Mapping[str, str]]] = {}

    def measure(self, method: Method, dataset: Objects, asked: Asked) -> Measured:
        """Accuracy in one pass, and by votes where they are asked for."""
        if asked.mode != "simple" or asked.inputs:
            raise ConfigError("--mode and --inputs are for other tasks; leave them out here.")
        if not isinstance(method, Classifies) or not isinstance(dataset, LabelledClouds):
            raise ConfigError(
                f"{type(method).__name__} has no classifier that learned from labelled clouds; fine-tune it "
                f"first: anaglyph finetune RUN --data NAME."
            )
        names = list(method.class_names)
        labels = own_labels(dataset, names)

        def scored(draw: Callable[[Sequence[int]], Batch]) -> ZeroShotScores:
            logits = ask(method, dataset, asked, draw)
            return zero_shot_from_logits(logits, labels, ks=(1,))

        once = scored(lambda rows: dataset.batch(rows, epoch=None))
        metrics = numbers(once)
        if asked.votes:
            metrics |= self._voted(method, dataset, asked, labels)
        table = class_table(once, names)
        return Measured(
            metrics,
            _groups(once, names),
            heat_maps=(confusion_map("What is taken for what", once.confusion, names),),
            chance=self.chance(dataset, seed=0),
            further=(table, *_confused(once, names)),
        )

    def _voted(
        self, method: Method, dataset: LabelledClouds, asked: Asked, labels: Tensor
    ) -> dict[str, float]:
        """Accuracy of the first repetition, and mean and maximum over all where there are several."""
        found = []
        for repetition in range(max(asked.released_maximum_of, 1)):
            total = sum(
                ask(method, dataset, asked, _vote(dataset, repetition, vote)) for vote in range(asked.votes)
            )
            assert isinstance(total, Tensor)
            found.append(zero_shot_from_logits(total, labels, ks=(1,)))
        voted = {f"voted_{key}": value for key, value in numbers(found[0]).items() if key != "objects"}
        voted["votes"] = float(asked.votes)
        if len(found) > 1:
            accuracies = [each.top[1] for each in found]
            voted["voted_accuracy_mean_of_repetitions"] = statistics.fmean(accuracies)
            voted[MAXIMUM] = max(accuracies)
            voted["repetitions"] = float(len(found))
        return voted

    def chance(self, dataset: Objects, *, seed: int) -> dict[str, float]:
        """Classes in random order."""
        level = chance_level(len(dataset.class_names), ks=(1,))
        return {"accuracy": level.top[1], "class_mean": level.class_mean}

    def inputs(self, dataset: Objects, asked: Asked) -> str:
        """Points of a cloud, and votes."""
        points = dataset.batch([0], epoch=None).require("points").shape[1]
        return f"{points} points of a shape" + (f", one pass and {asked.votes} votes" if asked.votes else "")

    def seen(self, train: Objects, test: Objects, *, labels: bool) -> str:
        """Labelled objects on one side, others on the other."""
        return (
            f"{len(train)} objects of {len(train.class_names)} classes were learned from with their labels; "
            f"{len(test)} others are classified below."
        )

    def tables(self, measured: Measured) -> list[Table]:
        """Every class, and what is mixed up."""
        return list(measured.further)

    def galleries(self, method: Method, dataset: Objects, asked: Asked) -> list[Gallery]:
        """None: a cloud has no picture here."""
        return []


@torch.no_grad()
def ask(
    method: Method, dataset: LabelledClouds, asked: Asked, draw: Callable[[Sequence[int]], Batch]
) -> Tensor:
    """(N, C) logits on the CPU of all rows, as `draw` shows them; the method's mode is put back."""
    assert isinstance(method, Classifies)
    rows = own_rows(len(dataset)) if asked.shared else range(len(dataset))
    parts: list[Tensor] = []
    training = method.training
    method.eval()
    try:
        for first in range(0, len(rows), _OBJECTS):
            batch = draw(rows[first : first + _OBJECTS]).without_labels().to(asked.device)
            parts.append(method.logits(batch).float().cpu())
    finally:
        method.train(training)
    joined = torch.cat(parts) if parts else torch.zeros(0, 0)
    return joined_rows(joined, device=asked.device) if asked.shared else joined


def numbers(scores: ZeroShotScores) -> dict[str, float]:
    """Accuracies with their numerator and denominator."""
    return {
        "accuracy": scores.top[1],
        "class_mean": scores.class_mean,
        "correct": float(scores.confusion.diagonal().sum()),
        "objects": float(scores.objects),
    }


def class_table(scores: ZeroShotScores, names: Sequence[str]) -> Table:
    """Every class by itself, the hardest first."""
    totals, right = scores.confusion.sum(dim=1).tolist(), scores.confusion.diagonal().tolist()
    order = sorted(scores.per_class, key=lambda row: (scores.per_class[row], names[row]))
    return Table(
        title="Every class by itself",
        columns=["class", "right", "of", "share"],
        rows=[[names[row], right[row], totals[row], scores.per_class[row]] for row in order],
        note="The hardest class first.",
        bars=["share"],
    )


def _confused(scores: ZeroShotScores, names: Sequence[str]) -> tuple[Table, ...]:
    rows: list[list[Cell]] = [
        [names[each.true], names[each.answer], each.objects, each.share]
        for each in most_confused(scores.confusion)
    ]
    if not rows:
        return ()
    columns = ["class", "answer", "objects", "share of the class"]
    return (Table(title="Taken for one another most often", columns=columns, rows=rows),)


def _groups(scores: ZeroShotScores, names: Sequence[str]) -> dict[str, dict[str, float]]:
    totals = scores.confusion.sum(dim=1).tolist()
    return {
        names[row]: {"objects": float(totals[row]), "accuracy": share}
        for row, share in scores.per_class.items()
    }


def _vote(dataset: LabelledClouds, repetition: int, vote: int) -> Callable[[Sequence[int]], Batch]:
    return lambda rows: dataset.vote(rows, repetition=repetition, vote=vote)
