"""Draws work on many things: a bar with rate and time left on a terminal, a line at each tenth when piped."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class RateColumn(ProgressColumn):
    """Things made per second since the start; those that were there already are no work.

    Args:
        unit: what is counted, such as "files".
    """

    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        """The mean rate; nothing before the first."""
        made, elapsed = int(task.fields["made"]), task.elapsed
        rate = f"{made / elapsed:,.1f} {self.unit}/s" if made and elapsed else ""
        return Text(rate, style="progress.data.speed")


class RunDisplay:
    """A context manager; `begin`, then `show` what is done.

    Args:
        title: what is going on, such as "indexing".
        unit: what is counted, such as "files".
        quiet: draw nothing but what `say` must say (for --json).
    """

    def __init__(self, title: str, unit: str, *, quiet: bool = False) -> None:
        self.title, self.unit, self.quiet = title, unit, quiet
        self.console = Console(stderr=True)
        self.live = self.console.is_terminal and not quiet
        self.bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[count]}"),
            TextColumn("{task.fields[bad]}", style="red"),
            RateColumn(unit),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.live,
        )
        self.task: TaskID | None = None
        self.total, self.tenth = 1.0, 0

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def begin(self, total: float) -> None:
        """A new bar of `total`, which is more than 0."""
        self.total, self.tenth = total, 0
        self.task = self.bar.add_task(self.title, total=total, made=0, count="", bad="")

    def show(self, completed: float, *, made: int, count: str, bad: str = "") -> None:
        """How far it is.

        Args:
            completed: of `total`.
            made: things done since the start.
            count: how far it is, in words.
            bad: what went wrong so far, in words.
        """
        if self.task is None:
            self.begin(self.total)
        if self.task is not None:
            self.bar.update(self.task, completed=completed, made=made, count=count, bad=bad)
        tenth = int(10 * completed / self.total)
        if tenth > self.tenth and not self.live and not self.quiet:
            self.tenth = tenth
            print(", ".join(filter(None, (count, bad))), file=sys.stderr, flush=True)

    def say(self, text: str, *, always: bool = True) -> None:
        """A sentence for the user, on standard error; with `always`, even when quiet."""
        if self.quiet and not always:
            return
        if self.live:
            self.bar.console.print(Text(text, style="" if always else "dim"))
        else:
            print(text, file=sys.stderr, flush=True)
