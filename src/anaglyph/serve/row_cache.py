"""What was read of items before, as long as nothing changes in the index."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Generic, TypeVar

Row = TypeVar("Row")


class RowCache(Generic[Row]):
    """Safe to share between threads.

    Args:
        generation: of the index, now.
        read: ids -> what there is of them.
        most: rows that are remembered; those that were asked for longest ago are dropped.
    """

    def __init__(
        self,
        generation: Callable[[], int],
        read: Callable[[Sequence[int]], Mapping[int, Row]],
        *,
        most: int,
    ) -> None:
        self.generation = generation
        self.read = read
        self.most = most
        self._lock = Lock()
        self._as_of = -1
        self._known: OrderedDict[int, Row] = OrderedDict()

    def rows(self, ids: Sequence[int]) -> dict[int, Row]:
        """Of those ids of which there is something, as of one generation or a later one."""
        generation = self.generation()
        known: dict[int, Row] = {}
        with self._lock:
            if generation != self._as_of:
                self._known.clear()
                self._as_of = generation
            for id in ids:
                if id in self._known:
                    known[id] = self._known[id]
                    self._known.move_to_end(id)
        missing = [id for id in ids if id not in known]
        if missing:
            read = self.read(missing)
            known.update(read)
            self._keep(generation, read)
        return known

    def _keep(self, generation: int, read: Mapping[int, Row]) -> None:
        with self._lock:
            if generation != self._as_of:  # they may be older than what is known by now
                return
            self._known.update(read)
            while len(self._known) > self.most:
                self._known.popitem(last=False)
