"""One process at a time: an advisory lock on a file, which ends with its holder, however that one ends.

Windows has no such locks; several processes then do the same work side by side.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
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
