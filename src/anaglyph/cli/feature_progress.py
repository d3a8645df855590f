"""Draws a run of `anaglyph features compute`: a bar on a terminal, plain lines when piped."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

if TYPE_CHECKING:
    from anaglyph.engine.events import Note
    from anaglyph.engine.feature_output import FeatureProgress


class FeatureDisplay:
    """A listener for `compute_features`; use as a context manager.

    Args:
        quiet: draw nothing but notes (for --json).
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.console = Console(stderr=True)
        self.live = self.console.is_terminal and not quiet
        self.quiet = quiet
        self.tenth = 0
        self.bar = Progress(
            TextColumn("[bold]towers"),
            BarColumn(bar_width=30),
            TaskProgressColumn(),
            TextColumn("{task.completed:.0f} of {task.total:.0f} objects"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.live,
        )
        self.task = self.bar.add_task("towers", total=1.0)

    def __enter__(self) -> FeatureDisplay:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def __call__(self, event: FeatureProgress | Note) -> None:
        """Draw one event."""
        from anaglyph.engine.events import Note

        if isinstance(event, Note):
            self._say(event.text)
            return
        self.bar.update(self.task, completed=event.objects, total=event.total)
        tenth = int(10 * event.objects / event.total)
        if tenth > self.tenth and not self.live and not self.quiet:
            print(f"{event.objects} of {event.total} objects", file=sys.stderr, flush=True)
        self.tenth = 0 if event.objects == event.total else tenth

    def _say(self, text: str) -> None:
        if self.live:
            self.bar.console.print(Text(text))
        else:
            print(text, file=sys.stderr, flush=True)
