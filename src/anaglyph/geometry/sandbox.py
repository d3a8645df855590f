"""A process of its own for work on hostile files: bounded from inside, watched and replaced from outside.

The child is `python -m <module>`, speaks `mesh_channel` on its standard input and output, gets a small
environment instead of the caller's (no secrets, one thread for numeric libraries) and starts at the root of
the file system, so that nothing is imported from the folder the user happens to stand in.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Self, TypeVar

from anaglyph.errors import AnaglyphError
from anaglyph.geometry.mesh_channel import ChannelClosedError, ChannelError, receive_header, send

T = TypeVar("T")
START_SECONDS = 120.0
_PASSED_ON = (
    "PATH",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "SYSTEMROOT",
    "TMPDIR",
    "VIRTUAL_ENV",
    "NUMBA_CACHE_DIR",
)
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_PACKAGE_ROOT = Path(__file__).resolve().parents[2]


class SandboxError(Exception):
    """The child did not answer; the message says why in a few words."""

    def __init__(self, message: str, *, fault: str = "crash") -> None:
        self.fault = fault
        """"timeout", "memory" or "crash"."""
        super().__init__(message)

    @property
    def overdue(self) -> bool:
        """Whether it was stopped by the clock, rather than ending by itself."""
        return self.fault == "timeout"


class Sandbox:
    """One child that is started when it is first needed and replaced when it is gone.

    Not for several threads at once. Use it as a context manager, or call `close`. Headers of its answers are
    bounded by `materials`, as `receive_header` says. Its imports may take `start_seconds`.
    """

    def __init__(
        self,
        module: str,
        *,
        arguments: tuple[str, ...] = (),
        materials: int = 0,
        start_seconds: float = START_SECONDS,
    ) -> None:
        self._materials = materials
        self._start_seconds = start_seconds
        self._command = (sys.executable, "-P", "-m", module, *arguments)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Process id of the child; None while there is none."""
        return None if self._process is None else self._process.pid

    def ask(
        self,
        request: Mapping[str, object],
        receive: Callable[[IO[bytes], dict[str, Any]], T],
        *,
        seconds: float,
    ) -> T:
        """Send `request`, read the answer's header and let `receive` read the rest.

        Raises:
            SandboxError: the child died, was killed after `seconds`, or answered nonsense. The next call
                starts another one.
            AnaglyphError: no child can be started.
        """
        try:
            return self._exchange(self._running(), request, receive, seconds)
        except BaseException:
            self.kill()  # whatever happened, Ctrl-C included: the channel is between two messages
            raise

    def close(self) -> None:
        """Let the child end: it does so when its input is closed."""
        process, self._process = self._process, None
        if process is None:
            return
        _close_quietly(process.stdin)
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _close_quietly(process.stdout)

    def kill(self) -> int | None:
        """End the child now; returns its exit code."""
        process, self._process = self._process, None
        if process is None:
            return None
        process.kill()
        code = process.wait()
        _close_quietly(process.stdin)
        _close_quietly(process.stdout)
        return code

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is not None:
            self.kill()  # it died between two files; only its pipes are left to close
        if self._process is None:
            with _interrupts_held():
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    cwd=Path(__file__).anchor,
                    start_new_session=True,  # Ctrl-C in a terminal is for the caller, who ends the child
                    env=_environment(),
                )
            try:
                self._exchange(
                    self._process, {"hello": 1}, lambda _stream, _header: None, self._start_seconds
                )
            except SandboxError as error:
                self.kill()
                raise AnaglyphError(
                    f"the process that reads 3D models did not start ({error}). "
                    f"Run '{' '.join(self._command)}' to see why."
                ) from error
        return self._process

    def _exchange(
        self,
        process: subprocess.Popen[bytes],
        request: Mapping[str, object],
        receive: Callable[[IO[bytes], dict[str, Any]], T],
        seconds: float,
    ) -> T:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the sandbox has no pipes")
        watch = _Watch(process, seconds)
        try:
            send(process.stdin, request)
            answer = receive(process.stdout, receive_header(process.stdout, materials=self._materials))
        except (ChannelClosedError, BrokenPipeError) as error:
            watch.stop()
            code = process.wait() if watch.fired else _exit_code(process)
            message, fault = _cause(watch.fired, code, seconds)
            raise SandboxError(message, fault=fault) from error
        except ChannelError as error:
            raise SandboxError(f"its reader answered nonsense: {error}") from error
        finally:
            watch.stop()
        if watch.fired:
            self.kill()  # the answer came in the same moment; it is whole, the child is gone
        return answer


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C waits until a child has its own session; the child keeps it held until it ignores it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Watch:
    """Kills a process after some seconds unless it is stopped before."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        self.fired = False
        self._process = process
        self._timer = threading.Timer(seconds, self._fire)
        self._timer.daemon = True
        self._timer.start()

    def _fire(self) -> None:
        self.fired = True
        self._process.kill()

    def stop(self) -> None:
        self._timer.cancel()
        self._timer.join()


def _exit_code(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(timeout=5)
    except subprocess.TimeoutExpired:  # it closed its channel and lives on
        process.kill()
        return process.wait()


def _cause(overdue: bool, code: int, seconds: float) -> tuple[str, str]:
    """Why a child gave no answer: in words, and as a `fault`."""
    if overdue:
        return f"reading it took longer than {seconds:g} seconds and was stopped", "timeout"
    if code == -getattr(signal, "SIGXCPU", 0):
        return "reading it used up its computing time and was stopped", "timeout"
    if code == -getattr(signal, "SIGKILL", 0):
        return "the system stopped its reader, most likely for lack of memory", "memory"
    if code < 0:
        return f"its reader crashed ({signal.Signals(-code).name})", "crash"
    return f"its reader ended without an answer (exit code {code})", "crash"


def _environment() -> dict[str, str]:
    """What the child may know of the caller's environment, and one thread for every numeric library."""
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    path = os.pathsep.join([str(_PACKAGE_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**passed, **dict.fromkeys(_THREADS, "1"), "PYTHONPATH": path, "PYTHONUTF8": "1"}


def _close_quietly(stream: IO[bytes] | None) -> None:
    if stream is not None:
        with suppress(OSError):  # what was left in its buffer has nobody to read it
            stream.close()
