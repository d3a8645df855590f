"""A server process: a socket, uvicorn, and an end that leaves nothing behind."""

from __future__ import annotations

import gc
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

from anaglyph.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    import uvicorn

    from anaglyph.serve.served import Served
    from anaglyph.serve.settings import ServeSettings

_COLLECT = (10_000, 20, 100)
"""Objects, and rounds of younger ones, after which Python looks for what nobody holds any more."""
_GRACE = 5
"""Seconds that answers under way may take at the end."""


def listening(settings: ServeSettings) -> socket.socket:
    """A socket that listens where the settings say.

    Raises:
        ConfigError: the address is in use, is not ours, or may not be used.
    """
    host, port = settings.host, settings.port
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        made = socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {host} port {port}: {error.strerror or error}. Choose another with --port "
            f"(0 takes a free one) or --host."
        ) from error
    made.setblocking(False)
    return made


def address(settings: ServeSettings, made: socket.socket) -> str:
    """The address for a browser on this machine, with the token where one is needed."""
    name = f"[{settings.host}]" if ":" in settings.host else settings.host
    name = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(name, name)
    token = f"#token={settings.token}" if settings.token is not None else ""
    return f"http://{name}:{made.getsockname()[1]}/{token}"


def run_server(served: Served, made: socket.socket, *, ready: Callable[[], None] = lambda: None) -> None:
    """Serve until a signal says stop; then answers under way are finished and the index is closed.

    Args:
        served: closed at the end.
        made: from `listening`; closed at the end.
        ready: called when requests are answered.

    Raises:
        KeyboardInterrupt: it was Ctrl-C.
        MissingExtraError: uvicorn is not installed.
    """
    try:
        import uvicorn
        from threadpoolctl import threadpool_limits

        from anaglyph.serve.app import create_app
        from anaglyph.serve.patience import patient_protocol
    except ModuleNotFoundError as error:
        raise missing() from error
    limits = served.settings.limits
    config = uvicorn.Config(
        create_app(served, ready=ready),
        http=patient_protocol(limits),
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        proxy_headers=False,  # what a client says of itself is not believed
        server_header=False,
        limit_concurrency=limits.connections,
        timeout_keep_alive=int(max(5, limits.idle_seconds)),
        timeout_graceful_shutdown=_GRACE,
    )
    # What is in memory stays: looking through all of it again and again would hold up everybody meanwhile.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT)
    # One thread multiplies for all searchers at once; more of them wait for one another, spinning.
    with made, threadpool_limits(limits=1, user_api="blas"):
        server = uvicorn.Server(config)
        stopped = _told_to_stop(server)
        server.run(sockets=[made])
    if signal.SIGINT in stopped:  # uvicorn sends it again, which a loop that is ending may swallow
        raise KeyboardInterrupt


def _told_to_stop(server: uvicorn.Server) -> list[int]:
    """A list that will hold the signals that the server was sent."""
    signals: list[int] = []
    handle = server.handle_exit

    def noted(sig: int, frame: FrameType | None) -> None:
        signals.append(sig)
        handle(sig, frame)

    server.handle_exit = noted  # type: ignore[method-assign]
    return signals


def missing() -> MissingExtraError:
    """The error for a machine without FastAPI and uvicorn."""
    return MissingExtraError(what="the HTTP server", extra="serve")
