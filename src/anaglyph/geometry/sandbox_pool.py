"""Several sandboxes of one kind, and work on many things that comes out in the order in which it went in."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from typing import IO, Any, TypeVar

from anaglyph.geometry.sandbox import Sandbox, SandboxError

A = TypeVar("A")
B = TypeVar("B")


class SandboxPool:
    """From several threads at once, each waits for a free sandbox; they start when they are first needed.

    Args:
        count: how many.
        make: one of them.
    """

    def __init__(self, count: int, make: Callable[[], Sandbox]) -> None:
        self.sandboxes = tuple(make() for _ in range(count))
        self._idle: queue.LifoQueue[Sandbox] = queue.LifoQueue()
        for sandbox in self.sandboxes:
            self._idle.put(sandbox)

    def ask(
        self,
        request: Mapping[str, object],
        receive: Callable[[IO[bytes], dict[str, Any]], B],
        *,
        seconds: float,
        spent: Callable[[B], bool] = lambda answer: False,
    ) -> B:
        """`Sandbox.ask`; what a used child died of is tried once more in a fresh one.

        Args:
            request: what is sent.
            receive: reads the answer.
            seconds: until the child is stopped.
            spent: whether, after this answer, a fresh child should take the place of this one.

        Raises:
            SandboxError: no answer.
        """
        sandbox = self._idle.get()
        try:
            fresh = sandbox.pid is None
            try:
                answer = sandbox.ask(request, receive, seconds=seconds)
            except SandboxError as error:
                if error.overdue or fresh:
                    raise
                answer = sandbox.ask(request, receive, seconds=seconds)  # an earlier file may be to blame
            if spent(answer):
                sandbox.close()
            return answer
        finally:
            self._idle.put(sandbox)

    def close(self) -> None:
        """End the children; a later `ask` would start them again."""
        for sandbox in self.sandboxes:
            sandbox.close()


def in_order(
    things: Iterable[A],
    work: Callable[[A], B],
    *,
    threads: int,
    ahead: int,
    stopped: Callable[[], bool] = lambda: False,
) -> Generator[tuple[A, Future[B]], None, None]:
    """Each thing with the end of `work` on it, in the given order.

    After a stop nothing is begun, and what is finished without a gap is still given.

    Args:
        things: read as they are needed.
        work: done in threads.
        threads: things in work at a time.
        ahead: things at most that are in work or wait to be taken: a slow one holds up what comes after it,
            never the memory.
        stopped: asked often.
    """
    remaining = iter(things)
    waiting: deque[tuple[A, Future[B]]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="in-order") as pool:
        try:
            while True:
                while len(waiting) < ahead and not stopped():
                    try:
                        thing = next(remaining)
                    except StopIteration:
                        break
                    waiting.append((thing, pool.submit(work, thing)))
                if stopped():
                    for _, future in waiting:
                        future.cancel()
                if not waiting:
                    return
                thing, future = waiting.popleft()
                if future.cancelled():
                    return
                wait_for([future])
                yield thing, future
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
