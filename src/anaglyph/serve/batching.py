"""One thread that works through what many requests ask, several of them at once.

Embedding and matrix products use all cores by themselves: in a pool of threads they fight each other
(measured: 10 requests a second instead of hundreds). What waits while a batch is computed is the next batch.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from anaglyph.serve.errors import busy

Task = TypeVar("Task")
Result = TypeVar("Result")


class Batcher(Generic[Task, Result]):
    """Asked from coroutines of one event loop, answered by one thread of its own.

    Args:
        work: tasks -> as many results, an exception in the place of one that failed; may itself raise, and
            then all of them failed.
        most: tasks of a batch.
        waiting: tasks that may wait; the next one is refused.
        name: of the thread.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Task]], Sequence[Result | Exception]],
        *,
        most: int,
        waiting: int,
        name: str,
    ) -> None:
        self.work = work
        self.most = most
        self.limit = waiting
        self.name = name
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._tasks: deque[tuple[Task, asyncio.Future[Result]]] = deque()
        self._working = False
        self._running: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """Tasks that no batch has taken yet."""
        return len(self._tasks)

    async def ask(self, task: Task) -> Result:
        """The result of one task.

        Raises:
            RefusedError: too many wait already.
        """
        if len(self._tasks) >= self.limit:
            raise busy(f"{len(self._tasks)} queries wait, which is the most. Try again in a second.")
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._tasks.append((task, future))
        if not self._working:
            self._working = True
            running = asyncio.create_task(self._drain())
            self._running.add(running)
            running.add_done_callback(self._running.discard)
        return await future

    def close(self) -> None:
        """End the thread when its batch is done; what waits is dropped."""
        self._tasks.clear()
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._tasks:
                batch = self._take()
                if not batch:
                    continue
                tasks = [task for task, _ in batch]
                try:
                    results = await loop.run_in_executor(self._thread, self.work, tasks)
                except Exception as error:  # noqa: BLE001 - it belongs to those who asked
                    results = [error] * len(batch)
                for (_, future), result in zip(batch, results, strict=True):
                    _settle(future, result)
        finally:
            self._working = False

    def _take(self) -> list[tuple[Task, asyncio.Future[Result]]]:
        """The next batch, without tasks whose callers went away."""
        batch: list[tuple[Task, asyncio.Future[Result]]] = []
        while self._tasks and len(batch) < self.most:
            task, future = self._tasks.popleft()
            if not future.done():
                batch.append((task, future))
        return batch


def _settle(future: asyncio.Future[Result], result: Result | Exception) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
