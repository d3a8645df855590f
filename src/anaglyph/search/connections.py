"""A pool of connections: each reader has one to itself, so that threads do not wait for one another."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar


class Closing(Protocol):
    """What can be closed."""

    def close(self) -> None:
        """Give back its resources."""


C = TypeVar("C", bound=Closing)
_IDLE = 8
"""Connections kept open for the next reader."""


class Connections(Generic[C]):
    """Lends connections; may be used by several threads, but not by a forked process.

    Args:
        first: an open one.
        connect: opens another.
        usable: whether a returned one may be lent again, after ending what its borrower left.
        place: of the index, for errors.
    """

    def __init__(
        self, first: C, *, connect: Callable[[], C], usable: Callable[[C], bool], place: str
    ) -> None:
        self.idle = [first]
        self._connect, self._usable, self._place = connect, usable, place
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._closed = False

    @contextmanager
    def lent(self) -> Iterator[C]:
        """A connection for the length of the block.

        Raises:
            ValueError: the index was closed, or opened by the process that this one was forked from.
        """
        with self._lock:
            if self._closed:
                raise ValueError(f"the index '{self._place}' is closed")
            if self._process != os.getpid():
                raise ValueError("an open index does not survive a fork; open it again in the new process")
            connection = self.idle.pop() if self.idle else None
        connection = connection or self._connect()
        keep = False
        try:
            yield connection
        finally:
            try:
                keep = self._usable(connection)
            finally:
                with self._lock:
                    keep = keep and not self._closed and len(self.idle) < _IDLE
                    if keep:
                        self.idle.append(connection)
                if not keep:
                    connection.close()

    def close(self) -> None:
        """Close those that are not lent; the others are closed when they come back."""
        with self._lock:
            self._closed, idle, self.idle = True, self.idle, []
        for connection in idle:
            connection.close()
