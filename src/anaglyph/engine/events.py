"""What a run tells the outside while it works. The engine emits events; the command line draws them."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class StageStarted:
    """A stage begins, or goes on at `step`."""

    stage: str
    steps: int
    step: int


@dataclass(frozen=True)
class Step:
    """One optimiser step is done."""

    stage: str
    epoch: int
    step: int
    steps: int
    objects: int
    loss: float
    data_wait_share: float | None = None
    """Of the epoch's time since it began or was resumed, what this process waited for data, in [0, 1]; None
    where it is not measured."""


@dataclass(frozen=True)
class Metrics:
    """Named numbers, as written to metrics.jsonl."""

    stage: str
    step: int
    values: dict[str, float]


@dataclass(frozen=True)
class StageFinished:
    """A stage has left its artefact."""

    stage: str
    skipped: bool = False


@dataclass(frozen=True)
class Note:
    """A sentence for the user: what was resumed, skipped or refused."""

    text: str


Event = StageStarted | Step | Metrics | StageFinished | Note
Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """A listener for callers that do not care."""
