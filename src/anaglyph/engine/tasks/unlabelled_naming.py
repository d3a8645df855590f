"""Objects of unknown classes, named: how far picture and cloud say the same, how sure, and how evenly.

No number here says how many answers are right; that picture and cloud agree is the nearest that can be known
without labels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import torch

from anaglyph.data.objects import Objects
from anaglyph.engine.tasks.base import Asked, Measured
from anaglyph.engine.tasks.naming import ChoosesClasses, Naming, ask
from anaglyph.errors import ConfigError
from anaglyph.evaluation.report import Gallery, Table
from anaglyph.methods.base import Method


class UnlabelledNaming:
    """Which of the classes an object is, where nobody knows."""

    name: ClassVar[str] = "unlabelled_naming"
    title: ClassVar[str] = "Classes by their names alone, of objects without labels,"
    question: ClassVar[str] = "How far picture and cloud agree"
    note: ClassVar[str] = (
        "Nothing here counts right answers: these objects have no labels. agreement is the share of objects "
        "whose picture and cloud are given the same class by the teacher; sureness its mean highest "
        "probability; evenness the entropy of the classes given over that of even ones."
    )
    shown: ClassVar[Mapping[str, str]] = {
        "agreement": "agreement",
        "image_sureness": "image sureness",
        "shape_sureness": "shape sureness",
        "joint_evenness": "evenness",
    }
    headline: ClassVar[str] = "agreement"
    followed: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "labels taught": {"image_label_coverage": "to pictures", "shape_label_coverage": "to clouds"},
    }

    def measure(self, method: Method, dataset: Objects, asked: Asked) -> Measured:
        """Agreement, sureness, and how many objects each class is given."""
        if asked.mode != "simple" or asked.inputs:
            raise ConfigError("--mode and --inputs are for other tasks; leave them out here.")
        if not isinstance(method, ChoosesClasses):
            raise ConfigError(
                f"{type(method).__name__} does not choose among named classes; that is for methods such as "
                f"crossmost."
            )
        names, logits = list(method.class_names), ask(method, dataset, asked)
        said = {name: logits[name].double().softmax(dim=1) for name in ("image", "shape")}
        given = (said["image"] + said["shape"]).argmax(dim=1)
        counts = torch.bincount(given, minlength=len(names))
        same = said["image"].argmax(dim=1) == said["shape"].argmax(dim=1)
        share = counts.double() / counts.sum().clamp(min=1)
        metrics = {
            "objects": float(len(given)),
            "agreement": float(same.double().mean()),
            "joint_evenness": float(torch.special.entr(share).sum()) / math.log(len(names)),
        }
        for name, each in said.items():
            metrics[f"{name}_sureness"] = float(each.amax(dim=1).mean())
        for modality, taught in method.label(logits["image"], logits["shape"]).items():
            metrics[f"{modality}_label_coverage"] = float(taught.kept.double().mean())
        order = counts.argsort(descending=True, stable=True).tolist()
        table = Table(
            title="What the objects are taken for",
            columns=["class", "objects", "of which picture and cloud agree"],
            rows=[[names[c], int(counts[c]), int((same & (given == c)).sum())] for c in order],
            note="By both together. Nobody has checked these answers.",
        )
        return Measured(metrics, {}, further=(table,))

    def chance(self, dataset: Objects, *, seed: int) -> dict[str, float]:
        """None: how often random answers agree says nothing here."""
        return {}

    def inputs(self, dataset: Objects, asked: Asked) -> str:
        """Views of a picture and points of a cloud."""
        return Naming().inputs(dataset, asked)

    def seen(self, train: Objects, test: Objects, *, labels: bool) -> str:
        """The same objects on both sides."""
        return f"{len(train)} objects without labels were learned from; the same are named below."

    def tables(self, measured: Measured) -> list[Table]:
        """How many objects each class was given."""
        return list(measured.further)

    def galleries(self, method: Method, dataset: Objects, asked: Asked) -> list[Gallery]:
        """None."""
        return []
