"""uvicorn's protocol with an end to waiting: who never finishes the head of a request is cut off."""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


def patient_protocol(seconds: float) -> type[H11Protocol]:
    """A protocol that closes a connection on which no whole head arrived for so many seconds.

    uvicorn bounds the time between requests, but neither that before the first one nor that of a head which
    comes a byte at a time.
    """

    class PatientProtocol(H11Protocol):
        waiting: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            self._unwatch()
            super().connection_lost(exc)

        def _watch(self) -> None:
            """Keep the clock running while a head is awaited, from its first moment on."""
            if self.conn.their_state is not h11.IDLE:
                self._unwatch()
            elif self.waiting is None:
                self.waiting = self.loop.call_later(seconds, self._give_up)

        def _unwatch(self) -> None:
            if self.waiting is not None:
                self.waiting.cancel()
                self.waiting = None

        def _give_up(self) -> None:
            self.waiting = None
            if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
                self.transport.close()

    return PatientProtocol
