"""Answers about filters, kept while nothing changes: a page of results asks the same as the page before."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")
_MOST = 64


class Answers:
    """The last ones, by question and generation; may be used by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()

    def get(self, generation: int, question: Hashable, answer: Callable[[], T]) -> T:
        """The kept answer, or what `answer` gives, which is then shared and never to be changed."""
        key = (generation, question)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]  # type: ignore[no-any-return]
        value = answer()
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
        with self._lock:
            self._kept[key] = value
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        return value
