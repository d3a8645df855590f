"""Work in the background, one at a time: started, watched, cancelled; known while the server runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from anaglyph.errors import AnaglyphError
from anaglyph.serve.errors import Code, RefusedError

log = logging.getLogger(__name__)
State = Literal["running", "done", "failed", "cancelled"]
_KEPT = 100


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is known of one piece of work."""

    id: int
    root: int
    """Number of the root that is indexed."""
    state: State = "running"
    done: int = 0
    total: int | None = None
    message: str = ""
    started: float
    ended: float | None = None


class Report(Protocol):
    """How work tells where it is, and learns that it should stop."""

    def __call__(self, *, done: int, total: int | None, message: str = "") -> None:
        """`done` of `total` files."""

    @property
    def cancelled(self) -> bool:
        """Whether to finish what is begun and return."""


IndexRoot = Callable[[str, Report], None]
"""Indexes a root again; AnaglyphError where it cannot."""


class Jobs:
    """All jobs of a server; safe to share between threads.

    Args:
        roots: what may be indexed; no other folder can be named.
        index: how it is done; None where this server cannot.
        now: UTC seconds.
    """

    def __init__(self, roots: tuple[str, ...], index: IndexRoot | None, *, now: Callable[[], float]) -> None:
        self.roots = roots
        self.index = index
        self.now = now
        self._lock = threading.Lock()
        self._jobs: dict[int, Job] = {}
        self._cancelled: set[int] = set()
        self._last = 0
        self._thread: threading.Thread | None = None

    def start(self, root: int) -> Job:
        """Begin to index a root.

        Raises:
            RefusedError: no such root, another job is running, or this server cannot index.
        """
        if self.index is None:
            raise RefusedError(501, Code.NOT_SUPPORTED, "this server cannot index; use `anaglyph index`.")
        if not 0 <= root < len(self.roots):
            raise RefusedError(
                422, Code.INVALID_REQUEST, f"there is no root {root}; the index has {len(self.roots)}."
            )
        with self._lock:
            running = next((job for job in self._jobs.values() if job.state == "running"), None)
            if running is not None:
                raise RefusedError(409, Code.JOB_RUNNING, f"job {running.id} is running; one at a time.")
            self._last += 1
            job = Job(id=self._last, root=root, started=self.now())
            self._jobs[job.id] = job
            for old in sorted(self._jobs)[:-_KEPT]:
                del self._jobs[old]
        self._thread = threading.Thread(target=self._run, args=(job, self.index), name=f"job-{job.id}")
        self._thread.start()
        return job

    def all(self) -> list[Job]:
        """The newest first."""
        with self._lock:
            return sorted(self._jobs.values(), key=lambda job: -job.id)

    def one(self, id: int) -> Job:
        """One job.

        Raises:
            RefusedError: there is none of this number.
        """
        with self._lock:
            job = self._jobs.get(id)
        if job is None:
            raise RefusedError(404, Code.JOB_NOT_FOUND, f"there is no job {id}.")
        return job

    def cancel(self, id: int) -> Job:
        """Ask a job to stop; it finishes the batch it is at. One that ended stays as it is."""
        self.one(id)
        with self._lock:
            job = self._jobs[id]  # as it is now: what has ended is not cancelled any more
            if job.state == "running":
                self._cancelled.add(id)
        return job

    def wait(self) -> None:
        """Until no job runs."""
        if self._thread is not None:
            self._thread.join()

    def close(self) -> None:
        """Cancel what runs and wait for its end."""
        for job in self.all():
            self.cancel(job.id)
        self.wait()

    def _run(self, job: Job, index: IndexRoot) -> None:
        report = _Report(self, job.id)
        try:
            index(self.roots[job.root], report)
            state: State = "cancelled" if report.cancelled else "done"
            self._change(job.id, state=state, message="")
        except AnaglyphError as error:
            self._change(job.id, state="failed", message=str(error))
        except Exception:
            log.exception("job %d failed", job.id)
            self._change(job.id, state="failed", message="the server failed at this job; its log says more.")

    def _change(self, id: int, *, state: State, message: str) -> None:
        with self._lock:
            self._jobs[id] = replace(self._jobs[id], state=state, message=message, ended=self.now())
            self._cancelled.discard(id)

    def progress(self, id: int, *, done: int, total: int | None, message: str) -> None:
        """Where a running job is."""
        with self._lock:
            self._jobs[id] = replace(self._jobs[id], done=done, total=total, message=message)

    def is_cancelled(self, id: int) -> bool:
        """Whether somebody asked it to stop."""
        with self._lock:
            return id in self._cancelled


class _Report:
    def __init__(self, jobs: Jobs, id: int) -> None:
        self._jobs, self._id = jobs, id

    def __call__(self, *, done: int, total: int | None, message: str = "") -> None:
        self._jobs.progress(self._id, done=done, total=total, message=message)

    @property
    def cancelled(self) -> bool:
        return self._jobs.is_cancelled(self._id)
