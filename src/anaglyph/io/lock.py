"""One process at a time: advisory locks on a file, which end with their holder, however that one ends.

Windows has no such locks; several processes then do the same work side by side.
"""

from __future__ import annotations

import contextlib
import errno
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":
    import fcntl


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Wait until no other process is inside this block for the same `path`, a file that is made and kept.

    A folder that cannot be written, or a file system without locks, is no reason to stop: nobody waits then.
    """
    with contextlib.ExitStack() as stack:
        if sys.platform != "win32":
            with contextlib.suppress(OSError):
                path.parent.mkdir(parents=True, exist_ok=True)
                file = stack.enter_context(path.open("ab"))
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def claimed(path: Path, places: Iterable[int]) -> Iterator[int | None]:
    """Hold numbered places of the file `path`, which is made and kept; yields the first that another process
    holds, or None.

    Nobody waits here. As above, a file that cannot be locked is no reason to stop: None is yielded then.
    """
    with contextlib.ExitStack() as stack:
        yield _first_taken(path, places, stack)


def _first_taken(path: Path, places: Iterable[int], stack: contextlib.ExitStack) -> int | None:
    if sys.platform != "win32":
        place = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(path.open("ab"))
            for place in places:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES) and error.filename is None:
                return place
    return None
