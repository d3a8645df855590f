"""The layout of an index in PostgreSQL: that of `sqlite_schema` in PostgreSQL's words, and what is its own.

Its own are the table of vectors, which pgvector reads, indices in the order of code points, and the version,
which SQLite keeps outside of tables.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from anaglyph.search.sqlite_schema import FIRST

IN_ROW = 2000
"""Numbers of a vector that surely fit a page of 8 kB."""
_WORDS = (
    (r"INTEGER PRIMARY KEY AUTOINCREMENT", "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
    (r"INTEGER NOT NULL CHECK \(\w+ IN \(0, 1\)\)", "boolean NOT NULL"),
    (r"INTEGER", "bigint"),
    (r"REAL", "double precision"),
    (r"BLOB", "bytea"),
    (r"\) STRICT(, WITHOUT ROWID)?$", ")"),
    (r"^(CREATE INDEX \w+ ON items) \(path\)$", r'\1 (path COLLATE "C", id)'),
    (r"^(CREATE INDEX \w+ ON items) \(folder\)$", r'\1 (folder COLLATE "C")'),
)
_OWN = re.compile(r"CREATE (TABLE embeddings |INDEX embeddings_)")


def tables(dim: int) -> tuple[str, ...]:
    """All statements that make an empty index of version 1, with vectors of D numbers."""
    storage = "PLAIN" if dim <= IN_ROW else "EXTERNAL"
    return (
        *in_words_of_postgresql(FIRST),
        "ALTER TABLE header ADD COLUMN format bigint NOT NULL",
        # Pictures and half-precision numbers are as small as they get: no time is spent on pressing them.
        "ALTER TABLE views ALTER COLUMN vectors SET STORAGE EXTERNAL",
        "ALTER TABLE thumbnails ALTER COLUMN png SET STORAGE EXTERNAL",
        "CREATE TABLE embeddings (item bigint PRIMARY KEY REFERENCES items ON DELETE CASCADE, "
        f"vector vector({int(dim)}) NOT NULL)",
        # In the row, where a scan finds them, as long as a page holds one.
        f"ALTER TABLE embeddings ALTER COLUMN vector SET STORAGE {storage}",
    )


def in_words_of_postgresql(statements: Sequence[str]) -> list[str]:
    """Statements of `sqlite_schema`, but for those about vectors."""
    translated = []
    for statement in statements:
        if _OWN.match(statement):
            continue
        for pattern, words in _WORDS:
            statement = re.sub(pattern, words, statement)
        translated.append(statement)
    return translated
