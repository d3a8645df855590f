"""Processes that prepare models, one file at a time each; results come in the order of the files.

A process that dies takes its file with it, as a problem of that file, and a fresh one goes on. How much is
under way is bounded: a slow file holds up what comes after it, never the memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

from anaglyph.errors import ConfigError, MeshError
from anaglyph.geometry.sandbox import Sandbox, SandboxError
from anaglyph.geometry.sandbox_pool import SandboxPool, in_order
from anaglyph.search.preparation import Outcome, Preparation, Unusable
from anaglyph.search.preparation_worker import receive_outcome, settings_text

AHEAD = 8
"""Files under way or waiting to be taken, for each process."""
START_SECONDS = 600.0
"""For the imports of a process, torch among them; a busy machine is no reason to stop."""
Tag = TypeVar("Tag")


@dataclass(frozen=True)
class Job(Generic[Tag]):
    """One file to prepare."""

    tag: Tag
    """The caller's."""
    path: Path
    root: Path
    unless: tuple[str, ...] = ()


class Preparers:
    """A context manager; its processes start when they are first needed.

    Args:
        processes: files in work at a time.
        settings: what is made of each.
    """

    def __init__(self, processes: int, settings: Preparation) -> None:
        if processes < 1:
            raise ConfigError(f"processes must be >= 1, got {processes}.")
        self.processes = processes
        self._seconds = settings.limits.seconds + settings.work_seconds
        self._pool = SandboxPool(
            processes,
            lambda: Sandbox(
                "anaglyph.search.preparation_worker",
                arguments=(settings_text(settings),),
                start_seconds=START_SECONDS,
            ),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.close()

    def processes_now(self) -> list[int]:
        """Ids of the processes that run."""
        return [sandbox.pid for sandbox in self._pool.sandboxes if sandbox.pid is not None]

    def prepare(self, job: Job[Tag]) -> Outcome:
        """Prepare one file; from several threads, each waits for a free process."""
        request = {"path": str(job.path), "root": str(job.root), "unless": list(job.unless)}
        try:
            return self._pool.ask(
                request,
                lambda stream, header: receive_outcome(stream, header, job.path),
                seconds=self._seconds,
            )
        except SandboxError as error:
            return Unusable(content="", error=MeshError(job.path, str(error), fault=error.fault))

    def in_order(
        self, jobs: Iterable[Job[Tag]], *, stopped: Callable[[], bool] = lambda: False
    ) -> Iterator[tuple[Job[Tag], Outcome]]:
        """Prepare files, and yield each with what came of it, in the given order.

        After a stop no file is begun, and what is finished without a gap is still yielded.
        """
        preparing = in_order(
            jobs, self.prepare, threads=self.processes, ahead=AHEAD * self.processes, stopped=stopped
        )
        with closing(preparing):
            for job, future in preparing:
                yield job, future.result()
