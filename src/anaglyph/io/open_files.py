"""Reads at known places of many large files, which stay open between reads, a few at a time."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

KEPT = 32
"""Files that stay open; processes may open about a thousand."""


class OpenFiles:
    """Opened when first read from. Threads and processes may share it: no read depends on a position.

    A pickled copy opens its files anew.
    """

    def __init__(self) -> None:
        self._files: OrderedDict[Path, IO[bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        with suppress(AttributeError):  # an object that was never finished
            self.close()

    def __getstate__(self) -> dict[str, object]:
        return {}

    def __setstate__(self, _: dict[str, object]) -> None:
        self._files = OrderedDict()
        self._lock = threading.Lock()

    def read(self, path: Path, offset: int, size: int) -> bytes:
        """`size` bytes from `offset` on, fewer where the file ends; OSError when it cannot be read."""
        with self._lock:  # or two threads open one file, or one closes what the other reads
            file = self._opened(path)
            if hasattr(os, "pread"):
                return os.pread(file.fileno(), size, offset)
            file.seek(offset)
            return file.read(size)

    def close(self) -> None:
        """Close all; a later read opens them again."""
        while self._files:
            self._files.popitem()[1].close()

    def _opened(self, path: Path) -> IO[bytes]:
        file = self._files.get(path)
        if file is None:
            file = path.open("rb", buffering=0)
            self._files[path] = file
            while len(self._files) > KEPT:
                self._files.popitem(last=False)[1].close()
        self._files.move_to_end(path)
        return file
