import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from anaglyph.data.labelled_clouds import LabelledClouds, LabelledSpec
from anaglyph.engine.rehearsal import check_classes
from anaglyph.engine.tasks.base import Asked
from anaglyph.engine.tasks.choice import task_of
from anaglyph.engine.tasks.classification import MAXIMUM, Classification
from anaglyph.errors import ConfigError
from anaglyph.methods.base import Method

CPU = torch.device("cpu")
NAMES = ("low", "middle", "high")
ROWS = 12


class ByHeight(Method):
    """Scores classes by the first point's height, which the data makes the label, plus what points wobble."""

    def __init__(self, wobble: float = 0.0, class_names=NAMES) -> None:
        super().__init__()
        self.class_names, self.wobble = class_names, wobble
        self.layer = nn.Linear(1, 1)
        self.asked = 0

    def logits(self, batch):
        self.asked += len(batch)
        height = batch.points[..., 1].mean(dim=1)
        noise = self.wobble * batch.points[..., 0].mean(dim=1)
        return -(height[:, None] + noise[:, None] - torch.arange(len(NAMES))).abs()


def clouds(labels=None, **spec):
    height = np.arange(ROWS) % 3
    rng = np.random.default_rng(0)
    points = rng.normal(size=(ROWS, 30, 3)).astype(np.float32)
    points[..., 1] = height[:, None]
    return LabelledClouds(
        keys=tuple(f"{row:02d}" for row in range(ROWS)),
        class_names=NAMES,
        labels=height if labels is None else np.asarray(labels),
        points=points,
        spec=LabelledSpec(points=20, **spec),
    )


def measured(method, split, **asked):
    return Classification().measure(method, split, Asked(device=CPU, **asked))


def test_labelled_clouds_are_classified():
    assert isinstance(task_of(clouds()), Classification)


def test_a_number_comes_with_its_numerator_and_denominator():
    labels = (np.arange(ROWS) % 3).copy()
    labels[[0, 3, 7]] = [1, 1, 0]  # classes are then of 3, 5 and 4 objects, of which 2, 3 and 4 are right
    metrics = measured(ByHeight(), clouds(labels)).metrics
    assert (metrics["correct"], metrics["objects"], metrics["accuracy"]) == (9.0, 12.0, 0.75)
    assert metrics["class_mean"] == pytest.approx((2 / 3 + 3 / 5 + 1) / 3)


def test_an_object_is_asked_exactly_once_however_large_the_split_is():
    method = ByHeight()
    measured(method, clouds())
    assert method.asked == ROWS


def test_votes_are_a_fixed_number_and_repeat_exactly():
    method = ByHeight(wobble=3.0)
    first = measured(method, clouds(), votes=4).metrics
    assert method.asked == ROWS * (1 + 4)
    assert measured(method, clouds(), votes=4).metrics == first
    assert first["votes"] == 4.0
    assert MAXIMUM not in first


def test_the_released_maximum_is_named_loudly_and_never_below_the_mean():
    metrics = measured(ByHeight(wobble=3.0), clouds(), votes=2, released_maximum_of=6).metrics
    assert MAXIMUM.isupper() or "MAXIMUM" in MAXIMUM
    assert metrics[MAXIMUM] >= metrics["voted_accuracy_mean_of_repetitions"]
    assert metrics["repetitions"] == 6.0
    assert (
        measured(ByHeight(wobble=3.0), clouds(), votes=2).metrics["voted_accuracy"]
        == metrics["voted_accuracy"]
    )


def test_the_method_goes_back_to_training():
    method = ByHeight().train()
    measured(method, clouds())
    assert method.training


def test_classes_of_the_data_in_another_order_are_refused_before_training():
    with pytest.raises(ConfigError, match="differ from number 0 on \\('high' here, 'low' in the data\\)"):
        check_classes(ByHeight(class_names=NAMES[::-1]), clouds(), where="stages.x.config.classes")
    with pytest.raises(ConfigError, match="from number 2 on \\(nothing here, 'high' in the data\\)"):
        check_classes(ByHeight(class_names=NAMES[:2]), clouds(), where="stages.x.config.classes")
    check_classes(ByHeight(), clouds(), where="stages.x.config.classes")


def test_spellings_of_one_name_are_one_class():
    spelled = dataclasses.replace(clouds(), class_names=("Low", "middle", "high"))
    check_classes(ByHeight(), spelled, where="stages.x.config.classes")


def test_a_method_without_a_classifier_is_told_to_be_fine_tuned():
    with pytest.raises(ConfigError, match="fine-tune it first"):
        measured(Method(), clouds())
