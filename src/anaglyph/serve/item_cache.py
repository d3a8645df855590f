"""Rows of items that were read before, as long as nothing changes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

from anaglyph.search.items import Item
from anaglyph.search.store import Store

MOST = 50_000
"""Items that are remembered; each takes about 2 KB."""


class ItemCache:
    """Safe to share between threads.

    Args:
        store: whose items.
        most: items that are remembered.
    """

    def __init__(self, store: Store, *, most: int = MOST) -> None:
        self.store = store
        self.most = most
        self._lock = Lock()
        self._generation = -1
        self._known: OrderedDict[int, Item] = OrderedDict()

    def items(self, ids: Sequence[int]) -> list[Item]:
        """Those that exist, in this order, as of one generation or a later one."""
        generation = self.store.generation()
        with self._lock:
            if generation != self._generation:
                self._known.clear()
                self._generation = generation
            known = {id: self._known[id] for id in ids if id in self._known}
        missing = [id for id in ids if id not in known]
        if missing:
            read = {item.id: item for item in self.store.items(missing)}
            known |= read
            self._keep(generation, read)
        return [known[id] for id in ids if id in known]

    def _keep(self, generation: int, read: dict[int, Item]) -> None:
        with self._lock:
            if generation == self._generation:  # else they may be older than what is known by now
                self._known.update(read)
                while len(self._known) > self.most:
                    self._known.popitem(last=False)
