"""An index that takes the place of another one: two renames, put right where a run died between them."""

from __future__ import annotations

import shutil
from pathlib import Path

from anaglyph.search.writer_lock import writer_lock

_NEW, _OLD = ".rebuild", ".replaced"


def growing_beside(target: Path) -> Path:
    """Where the index grows that shall replace the one at `target`."""
    return target.with_name(target.name + _NEW)


def swap_in(target: Path) -> None:
    """Put the grown index in the place of the old one, which then lies beside it until `drop_replaced`."""
    target.rename(_replaced(target))
    growing_beside(target).rename(target)


def drop_replaced(target: Path) -> None:
    """Remove the old index after a swap."""
    shutil.rmtree(_replaced(target), ignore_errors=True)


def finish_swap(target: Path) -> None:
    """Put things right where a rebuild was killed between the two renames; nothing to do otherwise.

    Raises:
        IndexFormatError: another process is just about to do the second one.
    """
    replaced = _replaced(target)
    if not replaced.exists():
        return
    with writer_lock(replaced, owner="putting a rebuild right"):
        if target.exists():
            shutil.rmtree(replaced)
        else:
            replaced.rename(target)


def _replaced(target: Path) -> Path:
    return target.with_name(target.name + _OLD)
