"""Records that cannot be used: stop at the first unless some are allowed, and say which they were."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from anaglyph.errors import DataError

log = logging.getLogger(__name__)
_SHOWN = 5


class BadRecords:
    """Counts what is left out; one more than `allowed` is a DataError with the names and the last reason."""

    def __init__(self, what: str, *, allowed: int) -> None:
        self.what, self.allowed = what, allowed
        self.names: list[str] = []

    def add(self, name: str, reason: str) -> None:
        """One more is bad; `reason` is a sentence."""
        self.names.append(name)
        log.warning("left out: %s: %s", name, reason)
        if len(self.names) > self.allowed:
            raise DataError(f"{self._sentence()} The last: {name}: {reason}")

    def count_again(self, names: Sequence[str]) -> None:
        """What an earlier run left out, when its outcome is read back; DataError when less is allowed now."""
        self.names = list(names)
        if len(names) > self.allowed:
            raise DataError(self._sentence())
        if names:
            log.warning("%s left out: %s", self.what, listed(names))

    def _sentence(self) -> str:
        return (
            f"{self.what} that cannot be used: {len(self.names)} ({listed(self.names)}), {self.allowed} are "
            f"allowed. Repair or remove them, or set max_bad."
        )


def listed(names: Sequence[str]) -> str:
    """The first few names, and how many there are beyond."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
