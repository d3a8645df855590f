"""Objects named by a method that chooses among classes: each modality, both together, teacher and student.

The joint answer is ours, the published code has none: the sum of the probabilities of the teacher for picture
and cloud; beside it stands that of the surer modality. True labels are read here and nowhere else, also to
say how good the labels are that the method would teach itself with.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor

from anaglyph.data.objects import Objects
from anaglyph.engine.evaluate import choose_views
from anaglyph.engine.gathered import joined_rows, own_rows
from anaglyph.engine.tasks.base import Asked, Measured
from anaglyph.errors import ConfigError, unknown_name
from anaglyph.evaluation.heat_map import confusion_map
from anaglyph.evaluation.report import Gallery, Table
from anaglyph.evaluation.zeroshot import ZeroShotScores, chance_level, zero_shot_from_logits
from anaglyph.losses.pseudo_labels import Chosen
from anaglyph.methods.base import Method
from anaglyph.types import Batch

TOPS = (1, 5)
TEACHER = ("joint", "surer", "image", "shape")
"""Whose answers are measured; the student's have `student_` before them."""
_OBJECTS = 64
"""Asked at once."""


class Taught(Protocol):
    """What a branch would be taught."""

    @property
    def kept(self) -> Tensor:
        """(N,) bool."""
        ...

    @property
    def chosen(self) -> Chosen:
        """Labels and where they came from."""
        ...


@runtime_checkable
class ChoosesClasses(Protocol):
    """A method that chooses among named classes."""

    @property
    def class_names(self) -> Sequence[str]:
        """Of its classifier, in order."""
        ...

    def class_logits(self, modality: str, batch: Batch, *, teacher: bool = True) -> Tensor:
        """(B, C) of "image" or "shape"."""
        ...

    def label(self, image: Tensor, shape: Tensor) -> Mapping[str, Taught]:
        """(N, C) logits of the teacher -> what the branches "image" and "shape" would be taught."""
        ...


class Naming:
    """Which of the classes an object is."""

    name: ClassVar[str] = "naming"
    title: ClassVar[str] = "Classes by their names alone, on held-out"
    question: ClassVar[str] = "How often an object is named right"
    note: ClassVar[str] = (
        "Share of held-out objects whose class is the first answer (top-1). By the teacher, an average of "
        "the network over training, unless a heading says student. joint adds the probabilities of picture "
        "and cloud. Pictures: the mean over fixed views. Ties count against the method. Spread is the "
        "standard deviation over seeds."
    )
    shown: ClassVar[Mapping[str, str]] = {
        "joint_top_1": "joint",
        "image_top_1": "image",
        "shape_top_1": "shape",
        "student_image_top_1": "student image",
        "student_shape_top_1": "student shape",
        "joint_class_mean": "joint class mean",
    }
    headline: ClassVar[str] = "joint_top_1"
    followed: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "accuracy": {"joint_top_1": "joint", "image_top_1": "image", "shape_top_1": "shape"},
        "pseudo labels of pictures": {
            "image_label_precision": "precision", "image_label_coverage": "coverage",
            "image_label_evenness": "evenness",
        },
        "pseudo labels of clouds": {
            "shape_label_precision": "precision", "shape_label_coverage": "coverage",
            "shape_label_evenness": "evenness",
        },
    }  # fmt: skip

    def measure(self, method: Method, dataset: Objects, asked: Asked) -> Measured:
        """Accuracies, every class by itself, confusions, and the labels it would teach itself with."""
        if asked.mode != "simple" or asked.inputs:
            raise ConfigError("--mode and --inputs are for other tasks; leave them out here.")
        if not isinstance(method, ChoosesClasses):
            raise ConfigError(
                f"{type(method).__name__} does not choose among named classes; that is for methods such as "
                f"crossmost."
            )
        names = list(method.class_names)
        labels = own_labels(dataset, names)
        logits = ask(method, dataset, asked)
        ks = tuple(k for k in TOPS if k <= len(names))
        found = {name: zero_shot_from_logits(each, labels, ks=ks) for name, each in _answers(logits).items()}
        metrics = {"objects": float(len(labels))}
        for name, scores in found.items():
            metrics |= {f"{name}_top_{k}": value for k, value in scores.top.items()}
            metrics[f"{name}_class_mean"] = scores.class_mean
        for modality, taught in method.label(logits["image"], logits["shape"]).items():
            metrics |= label_quality(modality, taught, labels, classes=len(names))
        maps = (
            confusion_map(f"What is taken for what, {n}", found[n].confusion, names) for n in TEACHER[::2]
        )
        return Measured(
            metrics,
            _groups(found, labels, names),
            heat_maps=tuple(maps),
            chance=_chance(len(names)),
            further=(class_table(found, labels, names), label_table(metrics)),
        )

    def chance(self, dataset: Objects, *, seed: int) -> dict[str, float]:
        """Classes in random order."""
        return _chance(len(dataset.class_names))

    def inputs(self, dataset: Objects, asked: Asked) -> str:
        """Views of a picture and points of a cloud."""
        batch = dataset.batch([0], epoch=None)
        views, points = batch.require("images").shape[1], batch.require("points").shape[1]
        return f"{asked.views or views} view(s) of a picture and {points} points of a shape"

    def seen(self, train: Objects, test: Objects, *, labels: bool) -> str:
        """Objects on both sides."""
        if train.keys == test.keys:
            return f"{len(train)} objects were learned from without labels; the same are named below."
        return (
            f"{len(train)} objects were seen in training, {'WITH' if labels else 'without'} labels but with "
            f"the names of the {len(test.class_names)} classes; {len(test)} others are named below."
        )

    def tables(self, measured: Measured) -> list[Table]:
        """Every class, and the labels it would teach itself with."""
        return list(measured.further)

    def galleries(self, method: Method, dataset: Objects, asked: Asked) -> list[Gallery]:
        """None so far."""
        return []


@torch.no_grad()
def ask(method: Method, dataset: Objects, asked: Asked) -> dict[str, Tensor]:
    """(N, C) logits on the CPU: "image" and "shape" of the teacher, "student_image", "student_shape"."""
    assert isinstance(method, ChoosesClasses)
    rows = own_rows(len(dataset)) if asked.shared else range(len(dataset))
    names = [
        (who + modality, modality, not who) for who in ("", "student_") for modality in ("image", "shape")
    ]
    parts: dict[str, list[Tensor]] = {name: [] for name, _, _ in names}
    training = method.training
    method.eval()
    try:
        for first in range(0, len(rows), _OBJECTS):
            batch = dataset.batch(rows[first : first + _OBJECTS], epoch=None).without_labels()
            batch = choose_views(batch, asked.views).to(asked.device)
            for name, modality, teacher in names:
                parts[name].append(method.class_logits(modality, batch, teacher=teacher).float().cpu())
    finally:
        method.train(training)
    joined = {name: torch.cat(each) if each else torch.zeros(0, 0) for name, each in parts.items()}
    if not asked.shared:
        return joined
    return {name: joined_rows(each, device=asked.device) for name, each in joined.items()}


def own_labels(dataset: Objects, names: Sequence[str]) -> Tensor:
    """(N,) true classes in the method's numbering; ConfigError for a class that it does not choose among."""
    places = {same_name(name): place for place, name in enumerate(names)}
    used = sorted(set(dataset.labels.tolist()))
    for label in used:
        if same_name(dataset.class_names[label]) not in places:
            raise ConfigError(
                unknown_name("class of the method", dataset.class_names[label], names)
                + ". Objects of that class cannot be named right; add it to `classes`, or leave them out."
            )
    table = torch.zeros(len(dataset.class_names), dtype=torch.int64)
    for label in used:
        table[label] = places[same_name(dataset.class_names[label])]
    return table[torch.from_numpy(dataset.labels)]


def label_quality(modality: str, taught: Taught, labels: Tensor, *, classes: int) -> dict[str, float]:
    """Share of kept labels that are right, of rows kept, and how even the kept labels are (1: all alike)."""
    own, kept = taught.chosen.labels, taught.kept
    counts = torch.bincount(own[kept].clamp(max=classes - 1), minlength=classes).double()
    share = counts / counts.sum().clamp(min=1)
    right = (own == labels) & kept
    return {
        f"{modality}_label_precision": float(right.sum() / kept.sum().clamp(min=1)),
        f"{modality}_label_coverage": float(kept.double().mean()),
        f"{modality}_label_evenness": float(torch.special.entr(share).sum()) / math.log(classes),
    }


def class_table(found: Mapping[str, ZeroShotScores], labels: Tensor, names: Sequence[str]) -> Table:
    """Every class by itself, the hardest first."""
    shares = {name: found[name].per_class for name in TEACHER}
    totals = torch.bincount(labels, minlength=len(names)).tolist()
    there = sorted((row for row in range(len(names)) if totals[row]), key=lambda row: shares["joint"][row])
    return Table(
        title="Every class by itself",
        columns=["class", "objects", *TEACHER],
        rows=[[names[row], totals[row], *(shares[name][row] for name in TEACHER)] for row in there],
        note="Share of its objects that are named right, by the teacher; the hardest class first.",
        bars=["joint"],
    )


def label_table(metrics: Mapping[str, float]) -> Table:
    """The labels that it would teach itself with."""
    kinds = ("precision", "coverage", "evenness")
    return Table(
        title="The labels it would teach itself with",
        columns=["branch", *kinds],
        rows=[[m, *(metrics[f"{m}_label_{kind}"] for kind in kinds)] for m in ("image", "shape")],
        note="For these held-out objects, unchanged: the share of kept labels that are right, of objects "
        "with a kept label, and the entropy of kept labels over that of even ones.",
    )


def _answers(logits: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Who answers -> (N, C) scores to rank classes by."""
    image, shape = (logits[name].double().softmax(dim=1) for name in ("image", "shape"))
    surer = torch.where((image.amax(dim=1) >= shape.amax(dim=1))[:, None], image, shape)
    return {"joint": image + shape, "surer": surer, **logits}


def _groups(
    found: Mapping[str, ZeroShotScores], labels: Tensor, names: Sequence[str]
) -> dict[str, dict[str, float]]:
    totals = torch.bincount(labels, minlength=len(names)).tolist()
    return {
        name: {
            "objects": float(totals[row]),
            **{f"{who}_top_1": scores.per_class[row] for who, scores in found.items()},
        }
        for row, name in enumerate(names)
        if totals[row]
    }


def _chance(classes: int) -> dict[str, float]:
    level = chance_level(classes, ks=[k for k in TOPS if k <= classes])
    who = [*TEACHER, "student_image", "student_shape"]
    return {f"{name}_top_{k}": value for name in who for k, value in level.top.items()} | {
        f"{name}_class_mean": level.class_mean for name in who
    }


def same_name(name: str) -> str:
    """A class name without what spellings differ in: case, underscores and repeated spaces."""
    return " ".join(name.replace("_", " ").split()).casefold()
