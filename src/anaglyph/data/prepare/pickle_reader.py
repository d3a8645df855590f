"""Pickles from elsewhere through a child process under limits; every failure is a DataError with the path."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import DataError
from anaglyph.geometry.mesh_channel import ChannelError, printable, receive_array
from anaglyph.geometry.sandbox import Sandbox, SandboxError

_KINDS = ("<f2", "<f4", "<f8", "|u1", "<i8")


@dataclass(frozen=True, kw_only=True)
class PickleLimits:
    """Bounds of one file."""

    file_bytes: int = 64 << 20
    """Size of the file."""
    seconds: float = 60.0
    """Time for it, in seconds of the wall clock."""
    memory_bytes: int = 2 << 30
    """Address space of the reading process, and most bytes of an answer."""


@dataclass(frozen=True)
class Answer:
    """What was in a file."""

    arrays: dict[str, NDArray[Any]]
    facts: dict[str, Any]


class PickleReader:
    """One child that reads one file after another; a context manager."""

    def __init__(self, limits: PickleLimits | None = None) -> None:
        self.limits = limits or PickleLimits()
        self._sandbox = Sandbox(
            "anaglyph.data.prepare.pickle_worker", arguments=(str(self.limits.memory_bytes),)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the child."""
        self._sandbox.close()

    def read(self, path: Path, kind: str, **options: object) -> Answer:
        """The content of a file of this kind (`openshape_values.KINDS`).

        Raises:
            DataError: whatever is wrong with the file.
        """
        if not path.is_file():
            raise DataError(f"there is no file '{path}'.")
        request: Mapping[str, object] = {
            "path": str(path.resolve()),
            "kind": kind,
            "options": options,
            "most": self.limits.file_bytes,
            "seconds": self.limits.seconds,
        }
        try:
            answer = self._sandbox.ask(request, self._received, seconds=self.limits.seconds)
        except SandboxError as error:
            raise DataError(f"'{path}' is not read: {error}.") from error
        if isinstance(answer, str):
            raise DataError(f"'{path}' is not read: {answer.rstrip('.')}.")
        return answer

    def _received(self, stream: IO[bytes], header: dict[str, Any]) -> Answer | str:
        if "error" in header:
            return printable(str(header["error"]))
        try:
            announced = {
                str(name): (np.dtype(kind), tuple(int(length) for length in shape))
                for name, (kind, shape) in header["arrays"].items()
                if kind in _KINDS
            }
            shapes = [shape for _, shape in announced.values()]
            total = sum(kind.itemsize * math.prod(shape) for kind, shape in announced.values())
            if len(announced) < len(header["arrays"]) or any(min(shape, default=0) < 0 for shape in shapes):
                raise ValueError("an array of another kind is announced")
            if total > self.limits.memory_bytes:
                raise ValueError(f"{total} bytes are announced")
            facts = dict(header["facts"])
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise ChannelError(f"the answer makes no sense: {error}") from error
        arrays = {name: receive_array(stream, shape, kind) for name, (kind, shape) in announced.items()}
        return Answer(arrays, facts)
