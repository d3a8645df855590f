"""The layout of `index.sqlite`, and how it came to be: version 1, then what each migration changed.

A file is compared with the layout of its version word for word. One with a trigger, a view, a virtual table
or anything else that is not ours is refused before a statement touches its tables.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

APPLICATION_ID = 0x616E6167
"""`anag`, in the header of the file."""

FIRST = (
    """CREATE TABLE header (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        model TEXT NOT NULL, fingerprint TEXT NOT NULL, dim INTEGER NOT NULL,
        cameras TEXT NOT NULL, pixels INTEGER NOT NULL, generation INTEGER NOT NULL
    ) STRICT""",
    "CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
    """CREATE TABLE items (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        root TEXT NOT NULL, path TEXT NOT NULL, folder TEXT NOT NULL, folded TEXT NOT NULL,
        content TEXT NOT NULL, bytes INTEGER NOT NULL, modified INTEGER NOT NULL, added INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('ready', 'problem', 'deleted')),
        ignored INTEGER NOT NULL CHECK (ignored IN (0, 1)),
        format TEXT NOT NULL, vertices INTEGER NOT NULL, faces INTEGER NOT NULL,
        width REAL NOT NULL, height REAL NOT NULL, depth REAL NOT NULL, longest REAL NOT NULL,
        proportions REAL, area REAL, volume REAL,
        watertight INTEGER NOT NULL CHECK (watertight IN (0, 1)),
        coloured INTEGER NOT NULL CHECK (coloured IN (0, 1)),
        textured INTEGER NOT NULL CHECK (textured IN (0, 1)),
        category TEXT,
        UNIQUE (root, path)
    ) STRICT""",
    "CREATE INDEX items_by_path ON items (path)",
    "CREATE INDEX items_by_folder ON items (folder)",
    "CREATE INDEX items_by_content ON items (content)",
    "CREATE INDEX items_by_state_and_format ON items (state, format)",
    "CREATE INDEX items_by_category ON items (category)",
    "CREATE INDEX items_by_faces ON items (faces)",
    "CREATE INDEX items_by_vertices ON items (vertices)",
    "CREATE INDEX items_by_bytes ON items (bytes)",
    "CREATE INDEX items_by_longest ON items (longest)",
    "CREATE INDEX items_by_added ON items (added)",
    """CREATE TABLE problems (
        item INTEGER NOT NULL REFERENCES items ON DELETE CASCADE, position INTEGER NOT NULL,
        category TEXT NOT NULL, severity TEXT NOT NULL CHECK (severity IN ('serious', 'warning', 'note')),
        reason TEXT NOT NULL, PRIMARY KEY (item, position)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX problems_by_category ON problems (category)",
    """CREATE TABLE tags (
        item INTEGER NOT NULL REFERENCES items ON DELETE CASCADE, tag TEXT NOT NULL, PRIMARY KEY (item, tag)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX tags_by_tag ON tags (tag)",
    """CREATE TABLE embeddings (
        item INTEGER PRIMARY KEY REFERENCES items ON DELETE CASCADE, generation INTEGER NOT NULL,
        vector BLOB NOT NULL
    ) STRICT""",
    "CREATE INDEX embeddings_by_generation ON embeddings (generation)",
    """CREATE TABLE views (
        item INTEGER PRIMARY KEY REFERENCES items ON DELETE CASCADE, vectors BLOB NOT NULL
    ) STRICT""",
    """CREATE TABLE thumbnails (
        item INTEGER PRIMARY KEY REFERENCES items ON DELETE CASCADE, png BLOB NOT NULL
    ) STRICT""",
)
"""Version 1. Never edited once released: a change is a migration."""

MIGRATIONS: Mapping[int, Sequence[str]] = {}
"""Version -> the statements that make it of the one before."""


def statements(version: int, migrations: Mapping[int, Sequence[str]] = MIGRATIONS) -> list[str]:
    """All statements that make an empty index of a version, in the way that old indexes came there."""
    return [*FIRST, *(line for step in range(2, version + 1) for line in migrations[step])]


def layout(connection: sqlite3.Connection) -> list[tuple[str, str, str, str | None]]:
    """Everything that a file defines."""
    return sorted(
        connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema"),
        key=lambda row: tuple(map(str, row)),
    )


def expected_layout(
    version: int, migrations: Mapping[int, Sequence[str]] = MIGRATIONS
) -> list[tuple[str, str, str, str | None]]:
    """What `layout` is for an index of a version that is as we make it."""
    connection = sqlite3.connect(":memory:")
    try:
        for statement in statements(version, migrations):
            connection.execute(statement)
        return layout(connection)
    finally:
        connection.close()
