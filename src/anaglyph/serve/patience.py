"""uvicorn's protocol with bounds on what it waits for and keeps: heads, trailers, and answers nobody reads.

uvicorn bounds the time between requests, but not that before the first one, nor that of a head which comes a
byte at a time, nor its size, nor how long an answer waits for its reader.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from enum import Enum
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from anaglyph.serve.settings import ServeLimits

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application


class _At(Enum):
    """What of a request is expected next."""

    NOTHING = 0
    HEAD = 1
    BODY = 2


class PatientProtocol(HttpToolsProtocol):
    """Ends connections on which nobody makes headway; `patient_protocol` makes it with its limits."""

    limits: ServeLimits
    at = _At.HEAD
    head = 0
    """Bytes of the head that is not whole yet."""
    deaf = False
    """Whether what else comes is not looked at."""
    answered: RequestResponseCycle | None = None
    waiting: asyncio.TimerHandle | None = None
    reading: asyncio.TimerHandle | None = None
    unread = 0
    """Bytes that nobody had read at the last look."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Await a head."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Read on, unless this was a head without an end."""
        if self.deaf:
            return
        before = self.at
        super().data_received(data)
        if self.transport.is_closing() or self.at is _At.BODY:
            return
        if self.at is _At.HEAD:
            self.head += len(data)
            if self.head > self.limits.head_bytes + len(data):
                self.send_400_response("The head of this request is too long.")
                return
        if self.at is before or self.at is _At.HEAD:  # empty lines before a request are no headway either
            self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell all requests of the connection."""
        self._unwatch()
        self._stop_reading()
        # uvicorn tells the newest request only, and the others would write on.
        for cycle in (self.answered, *(waiting for waiting, _ in self.pipeline)):
            if cycle is not None:
                cycle.disconnected = True
        self.pipeline.clear()
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self.answered = cycle
        super()._start_asgi_task(cycle, app)

    def on_message_begin(self) -> None:
        """A head has begun."""
        self.at = _At.HEAD
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        if self.at is _At.HEAD:  # else a trailer, which nobody checks and nobody needs
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """A head is whole."""
        self.at, self.head = _At.BODY, 0
        self._unwatch()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """A body is whole."""
        self.at = _At.NOTHING
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        self.deaf = True
        if self._answering() and not self.cycle.more_body:
            self.cycle.keep_alive = False  # a whole request is answered before its connection ends
        else:
            super().send_400_response(msg)

    def _unsupported_upgrade_warning(self) -> None:
        # What follows may be the body of this request or another protocol: nobody may take it for requests.
        self.deaf = True
        self.cycle.keep_alive = False

    def pause_writing(self) -> None:
        """Begin to look whether the answer is read."""
        super().pause_writing()
        self._look()

    def resume_writing(self) -> None:
        """It is."""
        self._stop_reading()
        super().resume_writing()

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _watch(self) -> None:
        if self.waiting is None:
            self.waiting = self.loop.call_later(self.limits.idle_seconds, self._give_up)

    def _unwatch(self) -> None:
        if self.waiting is not None:
            self.waiting.cancel()
            self.waiting = None

    def _give_up(self) -> None:
        self.waiting = None
        if self._answering():
            self._watch()
        elif not self.transport.is_closing():
            self.transport.close()

    def _look(self) -> None:
        """See again whether an answer is read that the transport has more of than it likes."""
        self._stop_reading()
        self.unread = self.transport.get_write_buffer_size()
        self.reading = self.loop.call_later(self.limits.idle_seconds, self._give_up_reader)

    def _give_up_reader(self) -> None:
        self.reading = None
        read = self.unread - self.transport.get_write_buffer_size()
        if read < self.limits.least_rate * self.limits.idle_seconds:
            # Without lingering: else the system keeps what nobody reads, megabytes, for minutes.
            connection = self.transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()
        else:
            self._look()

    def _stop_reading(self) -> None:
        if self.reading is not None:
            self.reading.cancel()
            self.reading = None


def patient_protocol(limits: ServeLimits) -> type[PatientProtocol]:
    """The protocol with limits.

    Args:
        limits: `idle_seconds` is how long a head may take, `head_bytes` how much of one is kept before it is
            whole, `least_rate` how fast an answer must be read.
    """

    class Limited(PatientProtocol):
        pass

    Limited.limits = limits
    return Limited
