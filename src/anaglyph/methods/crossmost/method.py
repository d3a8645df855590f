"""CrossMoST: classes without labels, each modality teaching the other (arXiv 2404.10146; dossier, 1).

    L = sum over k in {I, P} [ L_ST + w_fair L_fair + w_rec L_rec + w_local L_local ]  +  w_x (L_P2I + L_I2P)

The teacher, an average of the student, sees objects weakly changed and whole; the student strongly changed
and in part. The classifier begins as the text vectors of the class names. With `rule: separate` and
`alignment_weight: 0` it is the baseline: MUST for each modality (arXiv 2206.02967).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.errors import ConfigError
from anaglyph.losses.masked import RowSums, mean_of_sums
from anaglyph.losses.paired import paired_nce
from anaglyph.losses.reduction import at_least_float32
from anaglyph.losses.self_training import fairness, pseudo_label_loss
from anaglyph.methods.base import Method
from anaglyph.methods.crossmost.config import CrossMoSTConfig, check_class_names
from anaglyph.methods.crossmost.running_mean import RunningMean
from anaglyph.methods.crossmost.student import Student, layer_groups
from anaglyph.methods.crossmost.teaching import MODALITIES, Lesson, Teaching
from anaglyph.nn.gather import gather_rows
from anaglyph.nn.moving_average import MovingAverage
from anaglyph.randomness import row_keys, uniform
from anaglyph.types import Batch, StageContext, StepOutput


class CrossMoST(Method):
    """A student, its teacher, and the rule by which one teaches the other."""

    config_cls = CrossMoSTConfig
    inputs: ClassVar[Mapping[str, tuple[str, ...]]] = {"image": ("images",), "shape": ("points",)}
    encoder_names = ("image", "shape")
    names_classes = True
    may_rest = True
    crops = 2
    accumulates = True

    def __init__(self, config: CrossMoSTConfig, *, encoders: Mapping[str, nn.Module], objects: int) -> None:
        super().__init__()
        check_class_names(config.classes)
        self.config = config
        self.student = Student(config, encoders)
        layer_groups(self.student, config.image_layer_decay)  # refused here, not after the data is made
        self.teacher = MovingAverage(
            self.student,
            decay=config.teacher_decay,
            warm_up=False,
            ramp=(config.teacher_start, config.teacher_ramp),
        )
        self.teaching = Teaching(config)
        least, classes = config.fairness_average_from, len(config.classes)
        many = least is not None and classes >= least
        self.predicted = RunningMean(MODALITIES, classes) if many else None

    def param_groups(self) -> list[dict[str, Any]]:
        """The student's, with a slower rate for the earlier blocks of its image encoder."""
        return layer_groups(self.student, self.config.image_layer_decay)

    def start(self, context: StageContext) -> None:
        """The classifier becomes the vectors of the class names, the teacher a copy of the student."""
        if context.class_vectors is None:
            raise ConfigError(
                "crossmost reads class names through a text tower, and the recipe names none; add "
                "class_names: {text: {name: ...}}."
            )
        vectors = context.class_vectors(self.config.classes)
        self.student.name_classes(vectors.to(self.student.classifier.device))
        self.teacher.copy_from(self.student)

    def training_step(self, batch: Batch) -> StepOutput:
        """L over the joined batch of all processes."""
        return self.objective(self.encode(batch))

    def encode(self, batch: Batch) -> dict[str, Tensor]:
        """What the teacher says of the first draw and the student of the second, (B, ...) each.

        A batch of one draw shows both the same.
        """
        strong = batch.crops[0] if batch.crops else batch
        rows = row_keys(batch.keys, "crossmost", int(self.teacher.updates))
        features: dict[str, Tensor] = {}
        with torch.no_grad():
            teacher = self._teacher()
            for modality in MODALITIES:
                features[f"teacher_{modality}"] = teacher.logits(teacher.vectors(modality, batch))
        taught = {
            "image": self.student.image.taught(strong.require("images"), rows),
            "shape": self.student.shape.taught(strong.require("points"), rows),
        }
        for modality, of in taught.items():
            features[modality] = of.vectors
            for name, sums in (("rebuilt", of.rebuilt), ("local", of.local)):
                if sums is not None:
                    features[f"{modality}_{name}"] = torch.stack([sums.total, sums.counted], dim=1)
        coin = torch.from_numpy(uniform(rows, "coin") < 0.5)
        features["coin"] = coin.to(batch.indices.device)
        return features

    def objective(self, features: Mapping[str, Tensor]) -> StepOutput:
        """The losses of the joined batch and their weighted sum."""
        joined = {name: gather_rows(value) for name, value in features.items()}
        lessons = self.teaching.lessons(joined["teacher_image"], joined["teacher_shape"], joined["coin"])
        config, losses = self.config, {}
        for modality, lesson in lessons.items():
            logits = self.student.logits(joined[modality])
            losses[f"{modality}_label"] = pseudo_label_loss(logits, lesson.targets, lesson.kept)
            before = None
            if self.predicted is not None:
                before = self.predicted.before(modality)
                self.predicted.see(modality, logits)
            losses[f"{modality}_fairness"] = config.fairness_weight * fairness(logits, before=before)
            for name, weight in (("rebuilt", "reconstruction_weight"), ("local", "local_weight")):
                sums = joined.get(f"{modality}_{name}")
                if sums is not None:
                    mean = mean_of_sums(*RowSums(sums[:, 0], sums[:, 1]))
                    losses[f"{modality}_{name}"] = getattr(config, f"{modality}_{weight}") * mean
        if config.alignment_weight:
            image, shape = (F.normalize(at_least_float32(joined[name]), dim=1) for name in MODALITIES)
            both = 2 * paired_nce(shape, image, scale=1 / config.alignment_temperature)
            losses["alignment"] = config.alignment_weight * both
        first, *others = losses.values()
        about = _about(lessons, classes=len(config.classes))
        return StepOutput(sum(others, first), {**losses, **about, "scale": self.student.scale().detach()})

    def after_step(self) -> None:
        """The teacher follows, and thresholds with it."""
        self.teacher.update(self.student)
        self.teaching.after_step()
        if self.predicted is not None:
            self.predicted.after_step()

    def embed(self, modality: str, batch: Batch) -> Tensor:
        """One modality -> (B, D) unit vectors; several views of an object become one vector."""
        networks = self.student
        if not self.training and self.config.evaluate_teacher:
            networks = self._teacher()
        return F.normalize(at_least_float32(networks.vectors(modality, batch)), dim=1)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Of the classifier, in order."""
        return self.config.classes

    def class_logits(self, modality: str, batch: Batch, *, teacher: bool = True) -> Tensor:
        """(B, C) logits of the classes for "image" or "shape", by the teacher or by its student."""
        networks = self._teacher() if teacher else self.student
        return networks.logits(networks.vectors(modality, batch))

    def label(self, image: Tensor, shape: Tensor) -> dict[str, Lesson]:
        """(B, C) logits of the teacher for both -> what it would teach with them; nothing is kept of it."""
        coin = torch.arange(len(image), device=image.device) % 2 == 0
        lessons = self.teaching.lessons(image, shape, coin)
        self.teaching.forget()
        return lessons

    def _teacher(self) -> Student:
        module = self.teacher.module
        assert isinstance(module, Student)
        return module


def _about(lessons: Mapping[str, Lesson], *, classes: int) -> dict[str, Tensor]:
    """Shares of kept rows, of labels that came from pictures, and how even the kept labels are, 1 at most."""
    about = {}
    for modality, lesson in lessons.items():
        kept = lesson.kept.float()
        about[f"{modality}_kept"] = kept.mean()
        counts = torch.bincount(lesson.chosen.labels[lesson.kept], minlength=classes)[:classes].float()
        share = counts / counts.sum().clamp(min=1)
        about[f"{modality}_evenness"] = torch.special.entr(share).sum() / math.log(classes)
    about["from_image"] = lessons["image"].chosen.from_image.float().mean()
    return about
