"""Ctrl-C: the first finishes the step and saves, the second stops now."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(Exception):  # noqa: N818 - not an error: the user asked for it
    """The user asked to stop and the state is on disk."""


class StopRequest:
    """Whether somebody has asked the run to stop after this step."""

    def __init__(self) -> None:
        self.requested = False

    def check(self, where: str) -> None:
        """Raise Interrupted when a stop was asked for while no step was there to notice it."""
        if self.requested:
            raise Interrupted(f"stopped {where}")


@contextmanager
def graceful_interrupt() -> Iterator[StopRequest]:
    """Turn the first SIGINT or SIGTERM into a request; a second one acts as usual.

    Outside the main thread signals cannot be caught, and the request simply never comes.
    """
    stop = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, frame: FrameType | None) -> None:
        stop.requested = True
        signal.signal(number, before[signal.Signals(number)] or signal.SIG_DFL)

    for number in before:
        signal.signal(number, ask)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
