"""One door to every kind of index: a folder, or the address of a PostgreSQL database."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from anaglyph.search.postgres_address import is_address, parse_address
from anaglyph.search.store import Header, Store


def open_store(place: str | os.PathLike[str]) -> Store:
    """Open an index that exists.

    Args:
        place: its folder, or `postgresql://USER@HOST/DATABASE#NAME`.

    Raises:
        IndexFormatError: there is none, it is damaged, or of a newer version.
        DataError: its server cannot be reached.
        MissingExtraError: PostgreSQL without psycopg.
    """
    if is_address(place):
        from anaglyph.search.postgres_open import open_postgres_store

        return open_postgres_store(os.fspath(place))
    from anaglyph.search.sqlite_open import open_sqlite_store

    return open_sqlite_store(Path(place))


def create_store(
    place: str | os.PathLike[str], header: Header, *, notes: Mapping[str, str] | None = None
) -> Store:
    """Make an empty index and open it.

    Args:
        place: its folder, made where it is not there, or `postgresql://USER@HOST/DATABASE#NAME`.
        header: what its vectors come from.
        notes: what it keeps from the first moment, as `Writer.note` would.

    Raises:
        IndexFormatError: there is one already.
        DataError: no room, no right, or its server cannot be reached.
        MissingExtraError: PostgreSQL without psycopg.
    """
    if is_address(place):
        from anaglyph.search.postgres_open import create_postgres_store

        return create_postgres_store(os.fspath(place), header, notes=notes or {})
    from anaglyph.search.sqlite_open import create_sqlite_store

    return create_sqlite_store(Path(place), header, notes=notes or {})


def shown_place(place: str | os.PathLike[str]) -> str:
    """A place as messages and logs may show it: an address without its password."""
    text = os.fspath(place)
    return parse_address(text).shown if is_address(text) else text
