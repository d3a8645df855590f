"""Draws a rendering run: a bar with rate and time left on a terminal, plain lines when piped."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

if TYPE_CHECKING:
    from anaglyph.engine.render_files import Rendered


class FilesPerSecond(ProgressColumn):
    """Models rendered per second, those that were there already left out."""

    def render(self, task: Task) -> Text:
        """The mean rate; nothing before the first model."""
        made, elapsed = int(task.fields.get("made", 0)), task.elapsed
        return Text(f"{made / elapsed:,.1f} files/s" if made and elapsed else "", style="progress.data.speed")


class RenderDisplay:
    """A listener for `render_files`; use as a context manager.

    Args:
        total: files of the run.
        quiet: draw nothing (for --json).
    """

    def __init__(self, total: int, *, quiet: bool = False) -> None:
        self.console = Console(stderr=True)
        self.live = self.console.is_terminal and not quiet
        self.quiet = quiet
        self.total = total
        self.ended = self.made = self.failed = self.tenth = 0
        self.bar = Progress(
            TextColumn("[bold]rendering"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[bad]}", style="red"),
            FilesPerSecond(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.live,
        )
        self.task = self.bar.add_task("rendering", total=total, made=0, bad="")

    def __enter__(self) -> RenderDisplay:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def __call__(self, event: Rendered) -> None:
        """Draw the end of one model."""
        self.ended += 1
        self.made += event.state == "made"
        self.failed += event.state == "failed"
        bad = f"{self.failed} not usable" if self.failed else ""
        self.bar.update(self.task, completed=self.ended, made=self.made, bad=bad)
        tenth = 10 * self.ended // self.total
        if tenth > self.tenth and not self.live and not self.quiet:
            self.tenth = tenth
            ending = f", {bad}" if bad else ""
            print(f"{self.ended} of {self.total} files{ending}", file=sys.stderr, flush=True)
