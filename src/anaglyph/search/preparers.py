"""Processes that prepare models, one file at a time each; results come in the order of the files.

A process that dies takes its file with it, as a problem of that file, and a fresh one goes on. How much is
under way is bounded: a slow file holds up what comes after it, never the memory.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

from anaglyph.errors import ConfigError, MeshError
from anaglyph.geometry.sandbox import Sandbox, SandboxError
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
        self._sandboxes = [
            Sandbox(
                "anaglyph.search.preparation_worker",
                arguments=(settings_text(settings),),
                start_seconds=START_SECONDS,
            )
            for _ in range(processes)
        ]
        self._idle: queue.LifoQueue[Sandbox] = queue.LifoQueue()
        for sandbox in self._sandboxes:
            self._idle.put(sandbox)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for sandbox in self._sandboxes:
            sandbox.close()

    def processes_now(self) -> list[int]:
        """Ids of the processes that run."""
        return [sandbox.pid for sandbox in self._sandboxes if sandbox.pid is not None]

    def prepare(self, job: Job[Tag]) -> Outcome:
        """Prepare one file; from several threads, each waits for a free process."""
        sandbox = self._idle.get()
        try:
            return self._asked(sandbox, job)
        finally:
            self._idle.put(sandbox)

    def in_order(
        self, jobs: Iterable[Job[Tag]], *, stopped: Callable[[], bool] = lambda: False
    ) -> Iterator[tuple[Job[Tag], Outcome]]:
        """Prepare files, and yield each with what came of it, in the given order.

        After a stop no file is begun, and what is finished without a gap is still yielded.
        """
        remaining = iter(jobs)
        waiting: deque[tuple[Job[Tag], Future[Outcome]]] = deque()
        with ThreadPoolExecutor(self.processes, thread_name_prefix="prepare") as threads:
            try:
                while True:
                    while (
                        len(waiting) < AHEAD * self.processes
                        and not stopped()
                        and (job := next(remaining, None)) is not None
                    ):
                        waiting.append((job, threads.submit(self.prepare, job)))
                    if stopped():
                        for _, future in waiting:
                            future.cancel()
                    if not waiting:
                        return
                    job, future = waiting.popleft()
                    try:
                        outcome = future.result()
                    except CancelledError:
                        return
                    yield job, outcome
            finally:
                threads.shutdown(wait=True, cancel_futures=True)

    def _asked(self, sandbox: Sandbox, job: Job[Tag]) -> Outcome:
        fresh = sandbox.pid is None
        request = {"path": str(job.path), "root": str(job.root), "unless": list(job.unless)}
        try:
            return sandbox.ask(
                request,
                lambda stream, header: receive_outcome(stream, header, job.path),
                seconds=self._seconds,
            )
        except SandboxError as error:
            if error.overdue or fresh:
                return Unusable(content="", error=MeshError(job.path, str(error), fault=error.fault))
            return self._asked(sandbox, job)  # an earlier file may have damaged the process
