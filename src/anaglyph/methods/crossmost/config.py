"""Options of CrossMoST. Defaults are the preset `paper`; `released` is what only the published code does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from anaglyph.errors import ConfigError
from anaglyph.losses.pseudo_labels import Rule


@dataclass(frozen=True, kw_only=True)
class CrossMoSTConfig:
    """A teacher's labels, what the student does with them, and what it is kept busy with beside."""

    classes: tuple[str, ...] = ()
    """Names of the classes, two or more, as a person writes them; the text tower of `class_names` reads them
    once. A recipe must give them."""
    embed_dim: int = 512
    """Size of the space of pictures, shapes and words; that of the text tower."""
    scale_start: float = 100.0
    """One over the temperature of the classifier at the start; learned and not bounded."""
    rule: Rule = "joint"
    """Whose label is taken: joint, the surer modality's; separate, each branch its own (the baseline);
    agreement, where both say the same; naive, a coin's; image or shape, one modality's for both."""
    alpha: float = 0.9
    """Factor on the cloud's score for joint and naive; the paper has 0.9 or 1 by data set."""
    threshold: float = 0.84
    """tau: labels are kept whose score exceeds it; 0.80 to 0.84 by data set, 0.2 for agreement."""
    shape_threshold: float | None = None
    """tau of the clouds for separate; null is `threshold`."""
    threshold_kind: Literal["fixed", "adaptive"] = "fixed"
    """adaptive: tau of each class from how sure the teacher is on average, and of that class (FreeMatch)."""
    soft_labels: bool = False
    """Teach the teacher's distribution instead of its first class."""
    balance: float = 0.0
    """How far the teacher's distributions are moved to classes of equal size by optimal transport over the
    joined batch, 0 to 1."""
    fairness_weight: float = 1.0
    fairness_average_from: int | None = None
    """Number of classes from which on the fairness term follows a running average of the predictions, half
    old, half new, and counts twice; 512 in MUST. null: never, as in CrossMoST."""
    image_reconstruction_weight: float = 1.0
    """Of the hidden patches of a picture; needs an encoder with a map of tokens."""
    shape_reconstruction_weight: float = 1.0
    """Of the hidden patches of a cloud; needs a point transformer."""
    shape_target: Literal["tokens", "chamfer"] = "tokens"
    """What is rebuilt of a hidden patch: tokens, what its own small network makes of it; chamfer, its points,
    by the squared Chamfer distance in model units."""
    image_local_weight: float = 0.2
    """Of hidden patches like their whole picture; needs an encoder with a map of tokens."""
    shape_local_weight: float = 0.2
    """Of hidden patches like their whole cloud; needs a point transformer."""
    alignment_weight: float = 1.0
    """Of a picture and its cloud close together; 0 for the baseline."""
    alignment_temperature: float = 1.0
    """1 as published, where the term can hardly move; 0.07 is usual elsewhere."""
    image_mask: float = 0.3
    """Share of a picture that is hidden from the student."""
    image_mask_pixels: int = 32
    """Side of a hidden square; a multiple of the encoder's patch where it has one."""
    shape_mask: tuple[float, float] = (0.3, 0.4)
    """Least and most of a cloud that is hidden from the student, one block."""
    freeze_patches: bool = True
    """Keep the small network that reads the patches of a point transformer as it is, but for its running
    statistics."""
    image_layer_decay: float = 0.65
    """Learning rate of each block of `clip_vit` as a share of the next one's; 1 for other encoders."""
    teacher_start: float = 0.99
    """Decay of the teacher at the first step,"""
    teacher_decay: float = 0.9998
    """from `teacher_ramp` on,"""
    teacher_ramp: int = 400
    """steps over which it rises evenly."""
    evaluate_teacher: bool = True
    """Embed with the teacher; otherwise with the student."""
    released_ties: bool = False
    """Equal scores give the sum of both class numbers, which may be no class and then ends the run."""
    released_image_divisor: bool = False
    """Divide the pictures' reconstruction by 197 instead of 3, the channels."""
    released_shape_target: bool = False
    """Reconstruct the mask token itself, divided by the batch once more."""

    def __post_init__(self) -> None:
        if self.classes:
            check_class_names(self.classes)
        low, high = self.shape_mask
        weights = [name for name in vars(self) if name.endswith("_weight")]
        rules = (
            ("embed_dim", self.embed_dim >= 1, ">= 1"),
            ("scale_start", self.scale_start > 0, "> 0"),
            ("alpha", self.alpha > 0, "> 0"),
            ("threshold", 0 <= self.threshold < 1, "in [0, 1)"),
            ("shape_threshold", self.shape_threshold is None or 0 <= self.shape_threshold < 1, "in [0, 1)"),
            ("balance", 0 <= self.balance <= 1, "in [0, 1]"),
            *((name, getattr(self, name) >= 0, ">= 0") for name in weights),
            ("fairness_average_from", (self.fairness_average_from or 2) >= 2, "null or >= 2"),
            ("alignment_temperature", self.alignment_temperature > 0, "> 0"),
            ("image_mask", 0 <= self.image_mask <= 1, "in [0, 1]"),
            ("image_mask_pixels", self.image_mask_pixels >= 1, ">= 1"),
            ("shape_mask", 0 <= low <= high < 1, "two numbers, 0 <= least <= most < 1"),
            ("image_layer_decay", 0 < self.image_layer_decay <= 1, "in (0, 1]"),
            ("teacher_start", 0 <= self.teacher_start <= self.teacher_decay, "from 0 to teacher_decay"),
            ("teacher_decay", self.teacher_decay < 1, "below 1"),
            ("teacher_ramp", self.teacher_ramp >= 1, ">= 1"),
        )
        if self.released_shape_target and self.shape_target != "tokens":
            raise ConfigError(
                f"released_shape_target is a fault of shape_target: tokens, got {self.shape_target}. Leave "
                f"one of them out."
            )
        for name, holds, rule in rules:
            if not holds:
                raise ConfigError(f"{name} must be {rule}, got {getattr(self, name)}.")


def check_class_names(names: tuple[str, ...]) -> None:
    """ConfigError unless there are at least two names, none empty and none given twice."""
    if len(names) < 2:
        raise ConfigError(
            f"classes must name at least two classes, got {list(names)}; with one there is nothing to "
            f"choose. Name what else the objects may be."
        )
    empty = [place for place, name in enumerate(names) if not name.strip()]
    if empty:
        raise ConfigError(
            f"classes: name {empty[0] + 1} of {len(names)} is empty; write a word or leave it out."
        )
    seen: dict[str, str] = {}
    for name in names:
        same = seen.setdefault(" ".join(name.split()).casefold(), name)
        if same is not name:
            raise ConfigError(f"classes names '{same}' and '{name}', which are one; leave one of them out.")
