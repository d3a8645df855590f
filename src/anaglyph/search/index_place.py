"""Where an index lies: a folder, or a database by its address."""

from __future__ import annotations

import os
from pathlib import Path

from anaglyph.errors import IndexFormatError
from anaglyph.search import postgres_address
from anaglyph.search.opening import open_store
from anaglyph.search.sqlite_file import DATABASE


def is_address(place: str | os.PathLike[str]) -> bool:
    """Whether a place is the address of a database."""
    return postgres_address.is_address(os.fspath(place))


def index_exists(place: str | os.PathLike[str]) -> bool:
    """Whether there is an index, whatever its state."""
    if not is_address(place):
        return os.path.lexists(Path(place) / DATABASE)
    try:
        open_store(place).close()
    except IndexFormatError:
        return False
    return True
