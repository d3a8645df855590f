"""Draws a run's events: rich bars with rate and time left on a terminal, plain lines when piped."""

from __future__ import annotations

import sys
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from anaglyph.engine.events import Event, Metrics, Note, StageFinished, StageStarted, Step


class RateColumn(ProgressColumn):
    """Objects per second."""

    def render(self, task: Task) -> Text:
        """The task's speed in steps, times the objects of a step."""
        speed = (task.speed or 0.0) * float(task.fields.get("objects", 0))
        return Text(f"{speed:,.0f}/s" if speed else "", style="progress.data.speed")


class WaitColumn(ProgressColumn):
    """Share of the time that was spent on waiting for data."""

    def render(self, task: Task) -> Text:
        """In percent; nothing where it is not measured."""
        share = task.fields.get("data_wait_share")
        return Text("" if share is None else f"data {share:.0%}", style="progress.data.speed")


class Display:
    """A listener for `run_recipe`; use as a context manager.

    Args:
        title: what stands before each stage's name.
        quiet: draw nothing but notes (for --json).
    """

    def __init__(self, title: str = "", *, quiet: bool = False) -> None:
        self.title = f"{title} " if title else ""
        self.quiet = quiet
        self.console = Console(stderr=True)
        self.live = self.console.is_terminal and not quiet
        self.bars = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("epoch {task.fields[epoch]}"),
            RateColumn(),
            TextColumn("loss {task.fields[loss]:.3f}"),
            WaitColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.live,
        )
        self.tasks: dict[str, int] = {}

    def __enter__(self) -> Display:
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bars.stop()

    def __call__(self, event: Event) -> None:
        """Draw one event."""
        match event:
            case StageStarted():
                self.tasks[event.stage] = self.bars.add_task(
                    self.title + event.stage,
                    total=event.steps,
                    completed=event.step,
                    epoch=0,
                    loss=0.0,
                    objects=0,
                    data_wait_share=None,
                )
            case Step():
                self.bars.update(
                    self.tasks[event.stage],  # type: ignore[arg-type]
                    completed=event.step,
                    epoch=event.epoch + 1,
                    loss=event.loss,
                    objects=event.objects,
                    data_wait_share=event.data_wait_share,
                )
            case Metrics():
                self._line(event)
            case StageFinished():
                self._say(f"{self.title}{event.stage}: {'already finished' if event.skipped else 'finished'}")
            case Note():
                self._say(event.text, always=True)

    def _line(self, event: Metrics) -> None:
        shown = (
            "loss", "validation_average_map", "validation_top_1", "label_agreement", "data_wait_share",
        )  # fmt: skip
        numbers = "  ".join(f"{name} {event.values[name]:.4g}" for name in shown if name in event.values)
        if numbers and not self.live and not self.quiet:
            print(f"{self.title}{event.stage} step {event.step}: {numbers}", file=sys.stderr, flush=True)

    def _say(self, text: str, *, always: bool = False) -> None:
        if self.quiet and not always:
            return
        if self.live:
            self.bars.console.print(Text(text, style="dim"))
        else:
            print(text, file=sys.stderr, flush=True)
