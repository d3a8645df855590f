"""The moving average of a method's networks: made, and chosen for evaluation."""

from __future__ import annotations

from typing import Protocol

from anaglyph.methods.mixcon3d.alignment import Alignment
from anaglyph.methods.mixcon3d.config import AlignmentConfig
from anaglyph.nn.moving_average import MovingAverage


class Averaging(Protocol):
    """A method that trains an `Alignment` and may keep its average."""

    training: bool
    student: Alignment
    average: MovingAverage | None

    @property
    def config(self) -> AlignmentConfig:
        """Its options."""
        ...


def moving_average(student: Alignment, config: AlignmentConfig) -> MovingAverage | None:
    """The average that the options ask for."""
    if not config.average_decay:
        return None
    return MovingAverage(student, decay=config.average_decay, warm_up=config.average_warm_up)


def averaged(method: Averaging) -> Alignment:
    """The networks that embed: in eval mode the average, where there is one and it is not refused."""
    if method.training or method.average is None or not method.config.evaluate_average:
        return method.student
    module = method.average.module
    assert isinstance(module, Alignment)
    return module
