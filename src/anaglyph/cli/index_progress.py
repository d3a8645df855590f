"""Draws an indexing run: a bar with files a second and time left on a terminal, plain lines when piped."""

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
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

if TYPE_CHECKING:
    from anaglyph.search.indexer import Indexed, IndexEvent, Scanned


class FilesPerSecond(ProgressColumn):
    """Files done per second since the folder was walked."""

    def render(self, task: Task) -> Text:
        """The mean rate; nothing before the first file."""
        elapsed = task.elapsed
        rate = f"{task.completed / elapsed:,.1f} files/s" if task.completed and elapsed else ""
        return Text(rate, style="progress.data.speed")


class IndexDisplay:
    """A listener for `index_folder`; use as a context manager.

    Args:
        quiet: draw nothing (for --json).
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.console = Console(stderr=True)
        self.live = self.console.is_terminal and not quiet
        self.quiet = quiet
        self.tenth = 0
        self.bar = Progress(
            TextColumn("[bold]indexing"),
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
        self.task: TaskID | None = None

    def __enter__(self) -> IndexDisplay:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def __call__(self, event: IndexEvent) -> None:
        """Draw one event."""
        from anaglyph.search.indexer import Scanned

        if isinstance(event, Scanned):
            self._begin(event)
        else:
            self._advance(event)

    def _begin(self, event: Scanned) -> None:
        self._say(
            f"{event.root}: {event.tasks} files to look into, {event.same} as before, {event.gone} gone"
        )
        self.tenth = 0
        if event.tasks:
            self.task = self.bar.add_task("indexing", total=event.tasks, bad="")

    def _advance(self, event: Indexed) -> None:
        bad = f"{event.problems} not usable" if event.problems else ""
        if self.task is not None:
            self.bar.update(self.task, completed=event.done, bad=bad)
        tenth = 10 * event.done // event.tasks
        if tenth > self.tenth and not self.live:
            self.tenth = tenth
            self._say(f"{event.done} of {event.tasks} files{', ' if bad else ''}{bad}")

    def _say(self, text: str) -> None:
        if self.quiet:
            return
        if self.live:
            self.bar.console.print(Text(text, style="dim"))
        else:
            print(text, file=sys.stderr, flush=True)
