"""Large arrays made row by row in bounded memory, kept on disk and mapped when read.

The counterpart of `data.cache` for what does not fit into memory: rows go to their files as they are made,
and what comes back are read-only memory maps. Files are written, never mapped while they grow: a full disk is
then an error with a name and not the end of the process.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from anaglyph.config import fingerprint
from anaglyph.errors import DataError
from anaglyph.io.atomic import new_folder, write_manifest
from anaglyph.io.mapped import map_array
from anaglyph.io.verified import verify_manifest_once

log = logging.getLogger(__name__)
Layout = Mapping[str, tuple[tuple[int, ...], str]]
"""Shape, rows first, and type of each array by its name."""


class Rows(Protocol):
    """An array that is read and written row by row."""

    def __getitem__(self, row: int, /) -> NDArray[Any]: ...

    def __setitem__(self, row: int, value: NDArray[Any], /) -> None: ...


def stored_rows(
    cache: Path | None,
    name: str,
    depends_on: Mapping[str, Any],
    layout: Layout,
    fill: Callable[[Mapping[str, Rows]], None],
) -> dict[str, NDArray[Any]]:
    """Arrays of `layout` that `fill` writes, from `cache` where they lie there for the same `depends_on`.

    Rows that `fill` leaves out are 0. Without a cache the arrays are made in memory.

    Raises:
        DataError: the disk is full or the cache cannot be written; what `fill` raises passes through and
            nothing is kept.
    """
    if cache is None:
        arrays = {key: np.zeros(shape, dtype=kind) for key, (shape, kind) in layout.items()}
        fill(arrays)
        return arrays
    place = cache / f"{name}-{fingerprint({**depends_on, 'layout': layout})}"
    if not _usable(place):
        _make(place, layout, fill)
    return {key: map_array(place / f"{key}.npy") for key in layout}


def identity_of(paths: Iterable[Path], *, root: Path) -> list[tuple[str, int, int]]:
    """Name, bytes and time of change of photographs, for `depends_on`: reading them all costs too much.

    Names are relative to `root`, of files outside of it, too.

    Raises:
        DataError: a file is not there.
    """
    found = []
    for path in paths:
        try:
            about = path.stat()
        except OSError as error:
            raise DataError(f"cannot read '{path}': {error.strerror}. Check the data set's files.") from error
        found.append((Path(os.path.relpath(path, root)).as_posix(), about.st_size, about.st_mtime_ns))
    return found


class Progress:
    """Says in the log how far a long loop is, about every twentieth of it."""

    def __init__(self, what: str, total: int) -> None:
        self.what, self.total, self.done = what, total, 0

    def step(self) -> None:
        """One more is done."""
        self.reach(self.done + 1)

    def reach(self, done: int) -> None:
        """So many are done."""
        each = max(1, self.total // 20)
        if done > self.done and (done == self.total or done // each > self.done // each):
            log.info("%s: %d of %d", self.what, done, self.total)
        self.done = max(self.done, done)


def _make(place: Path, layout: Layout, fill: Callable[[Mapping[str, Rows]], None]) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(place.parent, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise DataError(
            f"the cache folder '{place.parent}' cannot be written ({error.strerror}), and these arrays are "
            f"too large to be made anew each time; set ANAGLYPH_CACHE to a folder that can."
        ) from error
    try:
        with new_folder(place) as temporary:
            with ExitStack() as files:
                fill(
                    {
                        key: files.enter_context(_RowFile(temporary / f"{key}.npy", shape, kind))
                        for key, (shape, kind) in layout.items()
                    }
                )
            write_manifest(temporary)
    except DataError:
        if not place.exists():
            raise
        log.info("'%s' was made by another process meanwhile; that one is used", place)


def _usable(place: Path) -> bool:
    if not place.exists():
        return False
    problem = verify_manifest_once(place)
    if problem is None:
        return True
    log.warning("the cache is damaged and made again: %s", problem)
    shutil.rmtree(place)
    return False


class _RowFile:
    """An npy file whose rows are read and written one at a time."""

    def __init__(self, path: Path, shape: tuple[int, ...], kind: str) -> None:
        self.row_shape, self.kind = shape[1:], np.dtype(kind)
        self.row_bytes = int(np.prod(self.row_shape, dtype=np.int64)) * self.kind.itemsize
        self.file = path.open("w+b")
        header = {"descr": npy.dtype_to_descr(self.kind), "fortran_order": False, "shape": shape}
        npy.write_array_header_1_0(self.file, header)
        self.start = self.file.tell()
        self.file.truncate(self.start + shape[0] * self.row_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def __getitem__(self, row: int) -> NDArray[Any]:
        self.file.seek(self.start + row * self.row_bytes)
        return np.frombuffer(self.file.read(self.row_bytes), dtype=self.kind).reshape(self.row_shape)

    def __setitem__(self, row: int, value: NDArray[Any]) -> None:
        if value.shape != self.row_shape:
            raise ValueError(f"a row must be {self.row_shape}, got {value.shape}")
        self.file.seek(self.start + row * self.row_bytes)
        self.file.write(np.ascontiguousarray(value, dtype=self.kind).tobytes())
