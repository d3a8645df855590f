"""Time, from outside: the logic of a server reads no clock by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Clocks:
    """The two clocks of a server, given by whoever starts it."""

    now: Callable[[], float]
    """UTC seconds."""
    monotonic: Callable[[], float]
    """Seconds, only forward."""
