"""A task: what is measured on a split, against which chance, and how a report shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol

import torch

from anaglyph.data.objects import Objects
from anaglyph.data.shape_queries import ShapeRepository
from anaglyph.evaluation.report import Gallery, HeatMap, Table
from anaglyph.methods.base import Method

Mode = Literal["simple", "full", "shapenet"]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How to measure."""

    device: torch.device
    views: int | None = None
    """Views of a picture to average, evenly spaced; None takes all there are."""
    mode: Mode = "simple"
    """For pictures that look for shapes: `simple` accuracies, `full` adds surface distances of the first hit,
    `shapenet` measures only those, among the shapes of the query's own category. For clouds, pictures and
    words `full` adds mean average precision by category, and clouds that look for themselves drawn anew."""
    reference: ShapeRepository | None = None
    """Other shapes, which `shapenet` searches."""
    inputs: tuple[str, ...] = ()
    """Inference modes of clouds, pictures and words: points, images, fused, sum; none takes all there are."""
    beside: tuple[Objects, ...] = ()
    """Further splits of clouds, pictures and words, whose objects are looked through and ask nothing."""
    votes: int = 0
    """For classifiers: random views of each cloud whose logits are averaged, beside the one pass."""
    released_maximum_of: int = 0
    """For classifiers: repetitions of all votes, of which the published code reports the best on the test
    split; 0 is none."""
    shared: bool = False
    """Whether all processes of a run measure together, each embedding its part of the rows."""


@dataclass(frozen=True)
class Measured:
    """What a task found on one split."""

    metrics: dict[str, float]
    groups: Mapping[str, Mapping[str, float]]
    """Category -> the same numbers, where a task has them."""
    heat_maps: tuple[HeatMap, ...] = ()
    """What was taken for what, drawn."""
    chance: Mapping[str, float] = field(default_factory=dict)
    """The same numbers for answers at random, where a task knows them on the way."""
    further: tuple[Table, ...] = ()
    """Tables that need more than the numbers."""


class Task(Protocol):
    """What the engine asks of a kind of data."""

    name: ClassVar[str]
    title: ClassVar[str]
    """Of the table and the report."""
    question: ClassVar[str]
    """Heading of the result table."""
    note: ClassVar[str]
    """What its numbers mean."""
    shown: ClassVar[Mapping[str, str]]
    """Metric -> heading of its column, in order."""
    headline: ClassVar[str]
    """The metric that says most; larger is better."""
    followed: ClassVar[Mapping[str, Mapping[str, str]]]
    """Title of a chart over epochs -> metric -> its name there, where more than the headline is drawn."""

    def measure(self, method: Method, dataset: Objects, asked: Asked) -> Measured:
        """Numbers of a method on a split; its training mode is put back afterwards."""
        ...

    def chance(self, dataset: Objects, *, seed: int) -> dict[str, float]:
        """The same numbers for answers at random."""
        ...

    def inputs(self, dataset: Objects, asked: Asked) -> str:
        """In words, what the numbers used."""
        ...

    def seen(self, train: Objects, test: Objects, *, labels: bool) -> str:
        """One sentence: what was trained on, with or without labels, and what is asked about."""
        ...

    def tables(self, measured: Measured) -> list[Table]:
        """Further tables of a report."""
        ...

    def galleries(self, method: Method, dataset: Objects, asked: Asked) -> list[Gallery]:
        """Queries drawn with what they found."""
        ...
