"""Folders that were checked against their manifest by this process, and have not changed since.

Every split of a data set, every run of a study and its report open the same arrays; hashing gigabytes each
time would cost more than reading them. A folder's state (size, inode and times of change of its files) costs
next to nothing to ask for, and any other state than the verified one has the folder hashed again.
"""

from __future__ import annotations

import functools
from pathlib import Path

from anaglyph.io.atomic import verify_manifest

State = tuple[tuple[str, int, int, int, int], ...]
"""Name, bytes, inode, and time of the last change of content and of entry in ns, of each file."""
_FOLDERS = 4096
"""How many verdicts are remembered."""


def verify_manifest_once(folder: Path) -> str | None:
    """`verify_manifest`, whose verdict is remembered for as long as no file in the folder changes."""
    return _verdict(folder.absolute(), _state(folder))


@functools.lru_cache(maxsize=_FOLDERS)
def _verdict(folder: Path, state: State) -> str | None:
    """The verdict on a folder in this state, which is only here to tell states apart."""
    return verify_manifest(folder)


def _state(folder: Path) -> State:
    found = []
    for path in sorted(folder.rglob("*")):
        facts = path.stat()
        found.append(
            (str(path), facts.st_size, facts.st_ino, facts.st_mtime_ns, facts.st_ctime_ns),
        )
    return tuple(found)
