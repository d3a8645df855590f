"""Where an index lies: a folder, or a database by its address."""

from __future__ import annotations

import os
from pathlib import Path

from anaglyph.errors import IndexFormatError
from anaglyph.search.opening import open_store
from anaglyph.search.postgres_address import is_address
from anaglyph.search.sqlite_file import DATABASE

__all__ = ["index_exists", "is_address"]


def index_exists(place: str | os.PathLike[str]) -> bool:
    """Whether there is an index, whatever its state."""
    if not is_address(place):
        return os.path.lexists(Path(place) / DATABASE)
    try:
        open_store(place).close()
    except IndexFormatError:
        return False
    return True
