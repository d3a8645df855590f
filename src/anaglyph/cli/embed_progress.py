"""Draws an embedding run: a bar with rate and time left on a terminal, plain lines when piped."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

if TYPE_CHECKING:
    from anaglyph.engine.embed_output import EmbedProgress
    from anaglyph.engine.events import Note


class CloudsPerSecond(ProgressColumn):
    """Clouds embedded per second since this start."""

    def render(self, task: Task) -> Text:
        """The mean rate; nothing before the first cloud."""
        new, elapsed = int(task.fields.get("new", 0)), task.elapsed
        return Text(f"{new / elapsed:,.1f} clouds/s" if new and elapsed else "", style="progress.data.speed")


class EmbedDisplay:
    """A listener for `embed_to_file`; use as a context manager.

    Args:
        quiet: draw nothing but notes (for --json).
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.console = Console(stderr=True)
        self.live = self.console.is_terminal and not quiet
        self.quiet = quiet
        self.first: int | None = None
        self.tenth = 0
        self.bar = Progress(
            TextColumn("[bold]embedding"),
            BarColumn(bar_width=30),
            TaskProgressColumn(),
            TextColumn("{task.fields[clouds]} clouds"),
            CloudsPerSecond(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.live,
        )
        self.task = self.bar.add_task("embedding", total=1.0, new=0, clouds=0)

    def __enter__(self) -> EmbedDisplay:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def __call__(self, event: EmbedProgress | Note) -> None:
        """Draw one event."""
        from anaglyph.engine.events import Note

        if isinstance(event, Note):
            self.say(event.text)
        else:
            self._advance(event)

    def say(self, text: str) -> None:
        """A sentence for the user, on standard error."""
        if self.live:
            self.bar.console.print(Text(text))
        else:
            print(text, file=sys.stderr, flush=True)

    def _advance(self, event: EmbedProgress) -> None:
        if self.first is None:
            self.first = event.clouds
        new = event.clouds - self.first
        self.bar.update(self.task, completed=event.share, new=new, clouds=event.clouds)
        tenth = int(10 * event.share)
        if tenth > self.tenth and not self.live and not self.quiet:
            self.tenth = tenth
            left = f", {event.skipped} skipped" if event.skipped else ""
            print(f"{event.clouds} clouds, {event.share:.0%} of the files{left}", file=sys.stderr, flush=True)
