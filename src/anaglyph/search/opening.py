"""One door to every kind of index: a folder, or the address of a PostgreSQL database."""

from __future__ import annotations

import os
from pathlib import Path

from anaglyph.search.store import Header, Store

POSTGRESQL = ("postgresql://", "postgres://")


def open_store(place: str | os.PathLike[str]) -> Store:
    """Open an index that exists.

    Args:
        place: its folder.

    Raises:
        IndexFormatError: there is none, it is damaged, or of a newer version.
    """
    from anaglyph.search.sqlite_open import open_sqlite_store

    return open_sqlite_store(Path(place))


def create_store(place: str | os.PathLike[str], header: Header) -> Store:
    """Make an empty index and open it.

    Args:
        place: its folder, made where it is not there.
        header: what its vectors come from.

    Raises:
        IndexFormatError: there is one already.
    """
    from anaglyph.search.sqlite_open import create_sqlite_store

    return create_sqlite_store(Path(place), header)
