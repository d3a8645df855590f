"""How much of the time of training passes until the next batch is there.

Times are read from a clock that the caller gives, for the log alone: they are in no checkpoint, and nothing
that is learned depends on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

Clock = Callable[[], float]
"""Seconds since any fixed moment, such as `time.monotonic`."""
Item = TypeVar("Item")


class Waiting:
    """Share of an interval that was spent on waiting for the items of an iterator.

    Args:
        clock: what time is read from; None measures nothing.
    """

    def __init__(self, clock: Clock | None) -> None:
        self.clock = clock
        self.began = self.waited = 0.0

    def over(self, items: Iterator[Item]) -> Iterator[Item]:
        """The same items; a new interval begins, and the time until each of them is there is counted."""
        if self.clock is None:
            yield from items
            return
        self.began, self.waited = self.clock(), 0.0
        while True:
            asked = self.clock()
            try:
                item = next(items)
            except StopIteration:
                return
            finally:
                self.waited += self.clock() - asked
            yield item

    def share(self) -> float | None:
        """In [0, 1], of the interval so far; None where nothing is measured or no time has passed."""
        if self.clock is None:
            return None
        passed = self.clock() - self.began
        return self.waited / passed if passed > 0 else None
