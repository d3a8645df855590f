"""The layout of an index in PostgreSQL, version 1; the columns are those of `sqlite_schema`."""

from __future__ import annotations

IN_ROW = 2000
"""Numbers of a vector that surely fit a page of 8 kB."""
VERSION_1 = (
    """CREATE TABLE header (
        one integer PRIMARY KEY CHECK (one = 1), format integer NOT NULL,
        model text NOT NULL, fingerprint text NOT NULL, dim integer NOT NULL,
        cameras text NOT NULL, pixels integer NOT NULL, generation bigint NOT NULL
    )""",
    "CREATE TABLE notes (name text PRIMARY KEY, value text NOT NULL)",
    """CREATE TABLE items (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        root text NOT NULL, path text NOT NULL, folder text NOT NULL, folded text NOT NULL,
        content text NOT NULL, bytes bigint NOT NULL, modified bigint NOT NULL, added bigint NOT NULL,
        state text NOT NULL CHECK (state IN ('ready', 'problem', 'deleted')), ignored boolean NOT NULL,
        format text NOT NULL, vertices bigint NOT NULL, faces bigint NOT NULL,
        width double precision NOT NULL, height double precision NOT NULL, depth double precision NOT NULL,
        longest double precision NOT NULL,
        proportions double precision, area double precision, volume double precision,
        watertight boolean NOT NULL, coloured boolean NOT NULL, textured boolean NOT NULL,
        category text,
        UNIQUE (root, path)
    )""",
    'CREATE INDEX items_by_path ON items (path COLLATE "C", id)',
    'CREATE INDEX items_by_folder ON items (folder COLLATE "C")',
    "CREATE INDEX items_by_content ON items (content)",
    "CREATE INDEX items_by_state_and_format ON items (state, format)",
    "CREATE INDEX items_by_category ON items (category)",
    "CREATE INDEX items_by_faces ON items (faces)",
    "CREATE INDEX items_by_vertices ON items (vertices)",
    "CREATE INDEX items_by_bytes ON items (bytes)",
    "CREATE INDEX items_by_longest ON items (longest)",
    "CREATE INDEX items_by_added ON items (added)",
    """CREATE TABLE problems (
        item bigint NOT NULL REFERENCES items ON DELETE CASCADE, position integer NOT NULL,
        category text NOT NULL, severity text NOT NULL CHECK (severity IN ('serious', 'warning', 'note')),
        reason text NOT NULL, PRIMARY KEY (item, position)
    )""",
    "CREATE INDEX problems_by_category ON problems (category)",
    """CREATE TABLE tags (
        item bigint NOT NULL REFERENCES items ON DELETE CASCADE, tag text NOT NULL, PRIMARY KEY (item, tag)
    )""",
    "CREATE INDEX tags_by_tag ON tags (tag)",
    """CREATE TABLE views (
        item bigint PRIMARY KEY REFERENCES items ON DELETE CASCADE, vectors bytea NOT NULL
    )""",
    """CREATE TABLE thumbnails (
        item bigint PRIMARY KEY REFERENCES items ON DELETE CASCADE, png bytea NOT NULL
    )""",
    # Pictures and half-precision numbers are as small as they get: no time is spent on pressing them.
    "ALTER TABLE views ALTER COLUMN vectors SET STORAGE EXTERNAL",
    "ALTER TABLE thumbnails ALTER COLUMN png SET STORAGE EXTERNAL",
)


def embeddings(dim: int) -> tuple[str, ...]:
    """The table of vectors of D numbers; in the row, where a scan finds them, as long as a page holds one."""
    storage = "PLAIN" if dim <= IN_ROW else "EXTERNAL"
    return (
        "CREATE TABLE embeddings (item bigint PRIMARY KEY REFERENCES items ON DELETE CASCADE, "
        f"vector vector({int(dim)}) NOT NULL)",
        f"ALTER TABLE embeddings ALTER COLUMN vector SET STORAGE {storage}",
    )
