"""Index folders from somebody else: refused in our words, and nothing outside of them is touched."""

import random
import shutil
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from anaglyph.errors import AnaglyphError, IndexFormatError
from anaglyph.search.items import Filters
from anaglyph.search.opening import create_store, open_store
from anaglyph.search.sqlite_schema import layout
from store_items import header, random_entries


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    folder = tmp_path_factory.mktemp("honest") / "index"
    store = create_store(folder, header())
    with store.writer(owner="a test") as writer:
        writer.put(random_entries("honest", 12))
    store.close()
    return folder


@pytest.fixture
def index(honest, tmp_path):
    return shutil.copytree(honest, tmp_path / "index")


def tamper(folder, *statements):
    with closing(sqlite3.connect(folder / "index.sqlite")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def rewritten_schema(folder, table, old, new):
    """Change what the file says that a table is, without touching its rows."""
    with closing(sqlite3.connect(folder / "index.sqlite")) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE name = ?", (old, new, table)
        )
        connection.commit()


def loosely(folder, table, statement):
    """Run a statement while the table takes values of any type, then make it look as before."""
    with closing(sqlite3.connect(folder / "index.sqlite")) as connection:
        before = layout(connection)
    rewritten_schema(folder, table, ") STRICT", ")")
    with closing(sqlite3.connect(folder / "index.sqlite")) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(statement)
        connection.commit()
        connection.execute("PRAGMA writable_schema = ON")
        (sql,) = (row[3] for row in before if row[1] == table)
        connection.execute("UPDATE sqlite_schema SET sql = ? WHERE name = ?", (sql, table))
        connection.commit()
        connection.execute("PRAGMA writable_schema = RESET")
        assert layout(connection) == before


def read_everything(folder):
    store = open_store(folder)
    try:
        ids = [entry.item.id for entry in store.every()]
        store.known("/models")
        store.select(Filters(states=()), limit=50)
        store.facet_counts(Filters())
        store.problems(limit=50)
        store.views(ids)
        store.notes()
        store.nearest(np.ones(8, np.float32), filters=Filters(), limit=5)
    finally:
        store.close()


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER UPDATE ON header BEGIN DELETE FROM items; END",
        "CREATE VIEW v AS SELECT * FROM items",
        "CREATE TABLE extra (a)",
        "CREATE VIRTUAL TABLE f USING fts5 (a)",
        "CREATE INDEX i ON items (abs(bytes))",
        "ALTER TABLE items ADD COLUMN g BLOB GENERATED ALWAYS AS (zeroblob(1000000000))",
        "DROP INDEX items_by_faces",
        "DROP TABLE notes",
    ],
)
def test_a_file_that_defines_anything_else_is_refused(index, statement):
    tamper(index, statement)
    with pytest.raises(IndexFormatError, match="damaged or hostile"):
        open_store(index)


def test_a_view_in_place_of_a_table_is_refused(index):
    tamper(index, "ALTER TABLE items RENAME TO hidden", "CREATE VIEW items AS SELECT * FROM hidden")
    with pytest.raises(IndexFormatError, match="damaged or hostile"):
        open_store(index)


def test_a_file_of_something_else_is_refused(index):
    tamper(index, "PRAGMA application_id = 7")
    with pytest.raises(IndexFormatError, match="not an index of Anaglyph"):
        open_store(index)


def test_a_newer_version_is_refused_with_the_way_out(index):
    tamper(index, "PRAGMA user_version = 2")
    with pytest.raises(IndexFormatError, match=r"version 2.*reads 1 to 1.*pip install --upgrade"):
        open_store(index)


def test_a_version_below_the_first_is_refused(index):
    tamper(index, "PRAGMA user_version = 0")
    with pytest.raises(IndexFormatError, match="version 0"):
        open_store(index)


@pytest.mark.parametrize("dim", [0, -1, 10**9])
def test_a_width_that_no_space_has_is_refused(index, dim):
    tamper(index, f"UPDATE header SET dim = {dim}")
    with pytest.raises(IndexFormatError, match="its header is"):
        open_store(index)


def test_a_missing_header_is_refused(index):
    tamper(index, "DELETE FROM header")
    with pytest.raises(IndexFormatError, match="its header is"):
        open_store(index)


@pytest.mark.parametrize(
    "vector",
    [
        b"",
        bytes(31),
        bytes(33),
        bytes(4 * 9),
        np.full(8, np.nan, "<f4").tobytes(),
        np.full(8, -np.inf, "<f4").tobytes(),
        np.full(8, 3e38, "<f4").tobytes(),
    ],
    ids=["empty", "short", "long", "one more", "nan", "infinite", "overflowing"],
)
def test_a_vector_that_no_space_makes_is_refused_by_its_item(index, vector):
    with closing(sqlite3.connect(index / "index.sqlite")) as connection:
        (id,) = connection.execute("SELECT min(item) FROM embeddings").fetchone()
        connection.execute("UPDATE embeddings SET vector = ? WHERE item = ?", (vector, id))
        connection.commit()
    with pytest.raises(IndexFormatError, match=f"the vector of item {id}"):
        read_everything(index)


@pytest.mark.parametrize("vectors", [b"", bytes(15), np.full(8, np.nan, "<f2").tobytes()])
def test_view_vectors_that_no_space_makes_are_refused(index, vectors):
    with closing(sqlite3.connect(index / "index.sqlite")) as connection:
        connection.execute("UPDATE views SET vectors = ?", (vectors,))
        connection.commit()
    with pytest.raises(IndexFormatError, match="the view vectors"):
        read_everything(index)


@pytest.mark.parametrize(
    "path", ["../../etc/passwd", "/etc/passwd", "a/../../b", "", "a//b", "nul' || char(0) || 'l"]
)
def test_a_path_that_leads_elsewhere_is_refused(index, path):
    tamper(index, f"UPDATE items SET path = '{path}' WHERE id = 1")
    with pytest.raises(IndexFormatError, match="path of item 1"):
        read_everything(index)


@pytest.mark.parametrize(
    ("table", "statement"),
    [
        ("items", "UPDATE items SET bytes = 'many' WHERE id = 1"),
        ("items", "UPDATE items SET path = x'00ff' WHERE id = 1"),
        ("items", "UPDATE items SET content = x'00' WHERE id = 1"),
        ("items", "UPDATE items SET state = 'odd' WHERE id = 1"),
        ("items", "UPDATE items SET watertight = 7 WHERE id = 1"),
        ("items", "UPDATE items SET width = 9e999 WHERE id = 1"),
        ("items", "UPDATE items SET area = 'x' WHERE id = 1"),
        ("items", "UPDATE items SET root = cast(x'ff' AS TEXT) WHERE id = 1"),
        ("embeddings", "UPDATE embeddings SET vector = 'text of 32 bytes, as long as it is'"),
        ("embeddings", "UPDATE embeddings SET vector = 5"),
        ("views", "UPDATE views SET vectors = 5"),
        ("thumbnails", "UPDATE thumbnails SET png = 'text'"),
    ],
)
def test_a_value_of_another_type_is_refused(index, table, statement):
    loosely(index, table, statement)
    with pytest.raises(IndexFormatError, match="damaged"):
        read_everything(index)


@pytest.mark.parametrize("content", [b"", b"no database at all", b"SQLite format 3\0" + bytes(200)])
def test_a_file_that_is_no_database_is_refused(index, content):
    (index / "index.sqlite").write_bytes(content)
    with pytest.raises(IndexFormatError):
        open_store(index)


def test_a_folder_without_an_index_is_refused_with_the_command_that_makes_one(tmp_path):
    with pytest.raises(IndexFormatError, match="anaglyph index"):
        open_store(tmp_path)


def test_a_journal_beside_the_file_is_refused_since_sqlite_would_delete_what_it_names(index):
    (index / "index.sqlite-journal").write_bytes(b"")
    with pytest.raises(IndexFormatError, match="where none belongs"):
        open_store(index)


@pytest.mark.parametrize("name", ["index.sqlite", "index.sqlite-wal", "index.sqlite-shm"])
def test_a_link_in_place_of_a_file_is_not_followed(index, tmp_path, name):
    target = tmp_path / "elsewhere"
    if (index / name).exists():
        (index / name).rename(target)
    (index / name).symlink_to(target)
    with pytest.raises(IndexFormatError, match="is a link"):
        open_store(index)


def test_a_lock_that_is_a_link_is_not_written_through(index, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("dear", encoding="utf-8")
    (index / "lock").unlink(missing_ok=True)
    (index / "lock").symlink_to(victim)
    store = open_store(index)
    with pytest.raises(IndexFormatError, match="is a link"), store.writer(owner="a test"):
        pass
    store.close()
    assert victim.read_text(encoding="utf-8") == "dear"


def test_bytes_changed_anywhere_end_in_our_errors_or_do_no_harm(honest, tmp_path):
    whole = (honest / "index.sqlite").read_bytes()
    folder = shutil.copytree(honest, tmp_path / "index")
    draw = random.Random("flips")
    used = [place for place, byte in enumerate(whole) if byte]
    for _ in range(40):
        damaged = bytearray(whole)
        for _ in range(draw.choice((1, 3, 30))):
            damaged[draw.choice(used)] ^= 1 << draw.randrange(8)
        if draw.random() < 0.2:
            damaged = damaged[: draw.randrange(len(damaged))]
        (folder / "index.sqlite").write_bytes(damaged)
        try:
            read_everything(folder)
        except AnaglyphError:
            continue
