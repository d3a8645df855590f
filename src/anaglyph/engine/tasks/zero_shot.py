"""Objects named without an example of any class, by each inference mode, and retrieval beside it.

Points alone are the headline: with pictures at hand a number says as much about the image tower as about the
shape encoder (dossier MixCon3D, 1.4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor

from anaglyph.data.embedded import EmbeddedObjects
from anaglyph.data.objects import Objects
from anaglyph.engine.input_vectors import InputVectors, choose_inputs
from anaglyph.engine.tasks.base import Asked, Measured
from anaglyph.engine.tasks.directions import retrieval, retrieval_tables
from anaglyph.engine.tasks.tri_modal import TriModal, embed_asked, embed_beside, embedded
from anaglyph.errors import ConfigError
from anaglyph.evaluation.heat_map import HeatMap, confusion_map
from anaglyph.evaluation.report import Cell, Table
from anaglyph.evaluation.zeroshot import ZeroShotScores, chance_level, most_confused, zero_shot
from anaglyph.methods.base import Method

TOPS = (1, 3, 5)
MODES = ("points", "images", "fused", "sum")
MOST_ROWS = 60
"""Classes at either end of a long table."""


@runtime_checkable
class NamesClasses(Protocol):
    """A method that brings class names into its space."""

    def class_vectors(self, features: Tensor) -> Tensor:
        """(C, E) text features of class names -> (C, D) unit vectors."""
        ...


class ZeroShot(TriModal):
    """Which class name is nearest to an object, and what `TriModal` measures."""

    name: ClassVar[str] = "zero_shot"
    title: ClassVar[str] = "Naming without examples, on held-out"
    question: ClassVar[str] = "How often an object's class name is the nearest one"
    note: ClassVar[str] = (
        "Share of held-out objects whose class name is the nearest of all (top-1) or among the nearest "
        "(top-3, top-5), and the mean over classes of top-1. A heading says which inputs were used: points "
        "alone, images alone, the fused vector of both, or the sum of both logits. R@1: an object's own text "
        "is the first hit. Ties count against the method. Spread is the standard deviation over seeds."
    )
    shown: ClassVar[Mapping[str, str]] = {
        "points_top_1": "points top-1",
        "points_top_3": "points top-3",
        "points_top_5": "points top-5",
        "points_class_mean": "points class mean",
        "images_top_1": "images top-1",
        "fused_top_1": "fused top-1",
        "sum_top_1": "sum top-1",
        "points_to_text_recall_at_1": "points→text R@1",
        "text_to_points_recall_at_1": "text→points R@1",
    }
    headline: ClassVar[str] = "points_top_1"

    def measure(self, method: Method, dataset: Objects, asked: Asked) -> Measured:
        """Zero-shot accuracy of every mode, every class by itself, confusions, and retrieval."""
        split = embedded(dataset)
        vectors = embed_asked(method, split, asked)
        modes = choose_inputs(method, split, asked.inputs)
        scores = name_objects(method, split, vectors, modes=modes, device=asked.device)
        metrics = {key: value for mode in modes for key, value in named(mode, scores[mode]).items()}
        metrics["objects"] = float(len(split))
        found, chance = retrieval(vectors, asked, beside=embed_beside(method, asked))
        names = split.class_names
        return Measured(
            metrics | found,
            groups_of(scores, split),
            heat_maps=tuple(heat_map(mode, scores[mode], names) for mode in modes),
            chance=chance | name_chance(split, modes),
            further=confusion_tables(scores, names),
        )

    def chance(self, dataset: Objects, *, seed: int) -> dict[str, float]:
        """What class names, and objects, in random order give on average."""
        return super().chance(dataset, seed=seed) | name_chance(embedded(dataset), MODES)

    def inputs(self, dataset: Objects, asked: Asked) -> str:
        """The same, and the number of class names."""
        classes = len(dataset.class_names)
        return f"{super().inputs(dataset, asked)}; {classes} class names to choose from"

    def tables(self, measured: Measured) -> list[Table]:
        """Modes side by side, every class, the worst confusions, and retrieval."""
        return [
            mode_table(measured),
            *retrieval_tables(measured),
            *class_tables(measured),
            *measured.further,
        ]


def name_objects(
    method: Method,
    split: EmbeddedObjects,
    vectors: InputVectors,
    *,
    modes: Sequence[str],
    device: torch.device,
) -> dict[str, ZeroShotScores]:
    """Mode -> accuracies against the class names of the split."""
    classes = class_vectors(method, split, device=device)
    ks = tuple(k for k in TOPS if k <= len(classes))
    here = vectors.ranked_on(device)
    return {mode: zero_shot(here.parts(mode), classes, vectors.labels, ks=ks) for mode in modes}


@torch.no_grad()
def class_vectors(method: Method, split: EmbeddedObjects, *, device: torch.device) -> Tensor:
    """(C, D) on the CPU: class names in the method's space, through the head that its texts pass.

    Raises:
        ConfigError: the method knows no class names.
    """
    if not isinstance(method, NamesClasses):
        raise ConfigError(
            f"{type(method).__name__} has no class_vectors, so it cannot name objects; that is for "
            f"methods that learn with texts, such as mixcon3d and openshape."
        )
    training = method.training
    method.eval()
    found = method.class_vectors(split.class_tensor().to(device)).float().cpu()
    method.train(training)
    return found


def named(mode: str, scores: ZeroShotScores) -> dict[str, float]:
    """The numbers of a mode under the names of metrics."""
    return {f"{mode}_top_{k}": value for k, value in scores.top.items()} | {
        f"{mode}_class_mean": scores.class_mean
    }


def name_chance(split: EmbeddedObjects, modes: Sequence[str]) -> dict[str, float]:
    """Class names in random order."""
    classes = len(split.class_names)
    level = chance_level(classes, ks=[k for k in TOPS if k <= classes])
    return {key: value for mode in modes for key, value in named(mode, level).items()}


def groups_of(scores: Mapping[str, ZeroShotScores], split: EmbeddedObjects) -> dict[str, dict[str, float]]:
    """Class name -> objects, and top-1 share by mode, for the classes that have objects."""
    per_class = {mode: each.per_class for mode, each in scores.items()}
    totals = torch.bincount(torch.from_numpy(split.labels), minlength=len(split.class_names)).tolist()
    return {
        name: {
            "objects": float(totals[row]),
            **{f"{mode}_top_1": shares[row] for mode, shares in per_class.items()},
        }
        for row, name in enumerate(split.class_names)
        if totals[row]
    }


def heat_map(mode: str, scores: ZeroShotScores, names: Sequence[str]) -> HeatMap:
    """What is taken for what, with these inputs."""
    return confusion_map(f"What is taken for what, by {mode}", scores.confusion, names)


def mode_table(measured: Measured) -> Table:
    """One row an inference mode."""
    metrics = measured.metrics
    kinds = [f"top_{k}" for k in TOPS if any(f"{mode}_top_{k}" in metrics for mode in MODES)]
    kinds.append("class_mean")
    modes = [mode for mode in MODES if f"{mode}_top_1" in metrics]
    rows: list[list[Cell]] = [[mode, *(metrics.get(f"{mode}_{kind}") for kind in kinds)] for mode in modes]
    rows.append(["chance", *(measured.chance.get(f"{modes[0]}_{kind}") for kind in kinds)])
    return Table(
        title="Zero-shot accuracy by inputs",
        columns=["inputs", *(kind.replace("_", "-").replace("class-", "class ") for kind in kinds)],
        rows=rows,
        note="Of the run that is shown. sum adds the logits of points and of images; fused is one vector of "
        "both.",
        bars=["top-1"],
        highlight=[place for place, mode in enumerate(modes) if mode == "points"],
    )


def class_tables(measured: Measured) -> list[Table]:
    """Every class by itself; of very many the worst and the best ones."""
    groups = measured.groups
    if not groups:
        return []
    keys = [key for key in next(iter(groups.values())) if key != "objects"]
    order = sorted(groups, key=lambda name: (groups[name][keys[0]], name))
    shown = order if len(order) <= 2 * MOST_ROWS else order[:MOST_ROWS] + order[-MOST_ROWS:]
    note = f"From the hardest to the easiest by {heading(keys[0])}."
    note += "" if len(shown) == len(order) else f" Of {len(order)} classes the {MOST_ROWS} at either end."
    return [
        Table(
            title="Every class by itself",
            columns=["class", "objects", *map(heading, keys)],
            rows=[
                [name, int(groups[name]["objects"]), *(groups[name][key] for key in keys)] for name in shown
            ],
            note=note,
            bars=[heading(key) for key in keys],
        )
    ]


def heading(key: str) -> str:
    """`points_top_1` -> "points top-1"."""
    mode, _, kind = key.partition("_")
    return f"{mode} {kind.replace('_', '-')}"


def confusion_tables(scores: Mapping[str, ZeroShotScores], names: Sequence[str]) -> tuple[Table, ...]:
    """The classes that are mixed up most often, by every mode."""
    rows: list[list[Cell]] = [
        [mode, names[each.true], names[each.answer], each.objects, each.share]
        for mode, score in scores.items()
        for each in most_confused(score.confusion)
    ]
    if not rows:
        return ()
    return (
        Table(
            title="Taken for one another most often",
            columns=["inputs", "class", "answer", "objects", "share of the class"],
            rows=rows,
            note="Up to ten pairs by each mode.",
        ),
    )
