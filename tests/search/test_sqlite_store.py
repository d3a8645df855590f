"""What is special about the embedded store: its lock, its versions, other processes, a full disk."""

import gzip
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from anaglyph.errors import DataError, IndexFormatError
from anaglyph.search.items import Filters
from anaglyph.search.opening import create_store, open_store
from anaglyph.search.sql_writing import put_item
from anaglyph.search.sqlite_file import connect
from anaglyph.search.sqlite_open import migrate
from anaglyph.search.sqlite_schema import expected_layout, layout
from anaglyph.search.store import FORMAT, InMemory
from search.index_process import BATCH
from store_items import entry, header, plain, random_entries

CLIENT = Path(__file__).with_name("index_process.py")
GOLDEN = Path(__file__).resolve().parents[1] / "golden"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "index"


@pytest.fixture
def store(folder):
    store = create_store(folder, header())
    yield store
    store.close()


@pytest.fixture
def started():
    """Start processes that are gone when the test is."""
    processes = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, str(CLIENT), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def put(store, *entries):
    with store.writer(owner="a test") as writer:
        return writer.put(entries)


def test_a_file_whose_deleted_item_is_purged_while_it_is_put_is_new(store):
    """As another writer of a shared store may do."""
    (id,) = put(store, entry("a.obj", state="deleted"))

    def work(change):
        def run(sql, values):
            found = change.run(sql, values)
            if sql.startswith("SELECT id FROM items"):
                change.run("DELETE FROM items WHERE state = 'deleted'", ())
            return found

        return put_item(run, entry("a.obj").item)

    with store._engine.writing(owner="a test") as session:
        assert session.change(work) == (id + 1, True)


def test_an_index_is_made_once(store, folder):
    with pytest.raises(IndexFormatError, match="holds an index already"):
        create_store(folder, header())


def test_the_file_says_that_it_is_ours_and_which_version(store, folder):
    with closing(sqlite3.connect(folder / "index.sqlite")) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (int.from_bytes(b"anag"),)
        assert connection.execute("PRAGMA user_version").fetchone() == (FORMAT,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_the_lock_says_who_holds_it_which_process_and_since_when(store, folder, started):
    holder = started("hold", folder)
    assert holder.stdout.readline() == "holding\n"
    said = rf"the holder \(process {holder.pid}\), since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
    with pytest.raises(IndexFormatError, match=said), store.writer(owner="me"):
        pass
    assert store.count(Filters()) == 0  # reading goes on


def test_the_lock_of_a_killed_writer_is_free_at_once(store, folder, started):
    holder = started("hold", folder)
    holder.stdout.readline()
    holder.kill()
    holder.wait()
    assert "the holder" in (folder / "lock").read_text(encoding="utf-8")
    assert put(store, entry("a.obj")) == [1]


def test_the_lock_of_a_killed_writer_is_free_though_its_children_live(store, folder, started):
    parent = started("hold_and_fork", folder)
    child = int(parent.stdout.readline())
    try:
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        os.kill(child, 0)  # it is alive
        assert put(store, entry("a.obj")) == [1]
    finally:
        os.kill(child, signal.SIGKILL)


def test_two_writers_and_four_readers_lose_nothing_double_nothing_and_see_whole_batches(
    store, folder, started
):
    batches = 12
    total = 2 * batches * BATCH
    readers = [started("read", folder, total) for _ in range(4)]
    writers = [started("write", folder, name, batches) for name in ("first", "second")]
    for process in (*writers, *readers):
        _, errors = process.communicate()
        assert process.returncode == 0, errors
    expected = {
        f"{name}/{batch}/{number}.obj"
        for name in ("first", "second")
        for batch in range(batches)
        for number in range(BATCH)
    }
    entries = list(store.every())
    assert len(entries) == total
    assert {each.item.path for each in entries} == expected
    assert [plain(each, id=False) for each in entries] == [
        plain(entry(each.item.path), id=False) for each in entries
    ]


class SmallDisk:
    """A real file system of its own, small enough to be filled."""

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(self.folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode != 0:
            pytest.skip("mounting a small file system needs root")
        return self.folder

    def __exit__(self, *_):
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)


def test_a_full_disk_is_named_with_its_free_space_and_leaves_the_index_as_it_was(tmp_path):
    with SmallDisk(tmp_path) as folder, closing(create_store(folder / "index", header())) as store:
        put(store, entry("a.obj"))
        before = [plain(each) for each in store.every()]
        large = [_with_thumbnail(entry(f"{number}.obj"), 200_000) for number in range(40)]
        with pytest.raises(DataError, match=r"no room, [\d,]+ bytes are free"):
            put(store, *large)
        assert [plain(each) for each in store.every()] == before
        assert store.generation() == 1
        put(store, entry("b.obj"))
        assert store.count(Filters()) == 2


def test_a_file_at_its_limit_is_named_too(store):
    put(store, entry("a.obj"))
    before = [plain(each) for each in store.every()]
    for connection in store._engine.connections.idle:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(DataError, match="no room"):
        put(store, *(_with_thumbnail(entry(f"{number}.obj"), 50_000) for number in range(5)))
    assert [plain(each) for each in store.every()] == before


def test_an_open_index_does_not_survive_a_fork(store, monkeypatch):
    monkeypatch.setattr(os, "getpid", lambda: 1)
    with pytest.raises(ValueError, match="open it again"):
        store.count(Filters())


def test_a_closed_index_says_so(tmp_path):
    store = create_store(tmp_path / "index", header())
    store.close()
    with pytest.raises(ValueError, match="is closed"):
        store.count(Filters())


def test_the_matrix_follows_changes_of_another_process(store, folder):
    other = open_store(folder)
    axes = np.eye(8, dtype=np.float32)
    first, second = put(other, entry("a.obj", vector=axes[0]), entry("b.obj", vector=axes[1]))
    assert store.nearest(axes[0], filters=Filters(), limit=2) == [(first, 1.0), (second, 0.0)]
    put(other, entry("a.obj", vector=axes[2]))
    with other.writer(owner="a test") as writer:
        writer.mark_deleted([second])
        writer.purge()
    (third,) = put(other, entry("c.obj", vector=axes[0]))
    assert store.nearest(axes[0], filters=Filters(), limit=3) == [(third, 1.0), (first, 0.0)]
    other.close()


def test_the_vectors_in_memory_are_those_that_pass_and_maybe_removed_ones(store):
    first, second = put(store, entry("a.obj", tags=("red",)), entry("b.obj"))
    assert isinstance(store, InMemory)
    matrix, ids = store.searchable(Filters(tags=("red",)))
    assert (matrix.ids.tolist(), ids.tolist()) == ([first, second], [first])


def test_threads_may_search_while_another_one_writes(store):
    axes = np.eye(8, dtype=np.float32)
    (first,) = put(store, entry("0.obj", vector=axes[0]))
    done = threading.Event()

    def search():
        looks = 0
        while not done.is_set() or not looks:
            found = store.nearest(axes[0], filters=Filters(), limit=100)
            assert found[0] == (first, 1.0)
            assert len(found) % 2 == 1, "half a batch"
            looks += 1
        return looks

    with ThreadPoolExecutor(3) as pool:
        searches = [pool.submit(search) for _ in range(3)]
        for number in range(15):
            put(store, *(entry(f"{number}/{each}.obj", vector=axes[1]) for each in range(2)))
        done.set()
        assert all(each.result() > 0 for each in searches)


NEXT = {
    2: (
        "ALTER TABLE items ADD COLUMN licence TEXT",
        "UPDATE items SET licence = 'unknown'",
        "CREATE INDEX items_by_licence ON items (licence)",
    )
}
BROKEN = {2: ("UPDATE items SET bytes = 0", "ALTER TABLE nowhere ADD COLUMN licence TEXT")}


def test_a_migration_keeps_a_copy_of_what_was_and_changes_all(store, folder):
    put(store, *random_entries("old", 10))
    before = [plain(each) for each in store.every()]
    with closing(connect(folder / "index.sqlite")) as connection:
        copy = migrate(connection, folder, 1, target=2, migrations=NEXT)
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        assert layout(connection) == expected_layout(2, NEXT)
        assert connection.execute("SELECT DISTINCT licence FROM items").fetchall() == [("unknown",)]
    (folder / "copy").mkdir()
    copy.rename(folder / "copy" / "index.sqlite")
    with closing(open_store(folder / "copy")) as old:
        assert [plain(each) for each in old.every()] == before


def test_a_migration_that_fails_changes_nothing(store, folder):
    put(store, *random_entries("old", 10))
    before = [plain(each) for each in store.every()]
    with closing(connect(folder / "index.sqlite")) as connection:
        with pytest.raises(sqlite3.OperationalError, match="nowhere"):
            migrate(connection, folder, 1, target=2, migrations=BROKEN)
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    with closing(open_store(folder)) as again:
        assert [plain(each) for each in again.every()] == before


def test_nobody_migrates_while_somebody_writes(store, folder):
    with (
        store.writer(owner="the indexer"),
        closing(connect(folder / "index.sqlite")) as connection,
        pytest.raises(IndexFormatError, match="the indexer"),
    ):
        migrate(connection, folder, 1, target=2, migrations=NEXT)


@pytest.mark.parametrize("version", range(1, FORMAT + 1))
def test_an_index_of_every_past_version_opens_with_all_that_is_in_it(version, tmp_path):
    folder = tmp_path / "index"
    folder.mkdir()
    packed = GOLDEN / f"index-version-{version}.sqlite.gz"
    with gzip.open(packed) as source, (folder / "index.sqlite").open("wb") as target:
        shutil.copyfileobj(source, target)
    expected = json.loads((GOLDEN / f"index-version-{version}.json").read_text(encoding="utf-8"))
    with closing(open_store(folder)) as store:
        found = [
            {
                "id": each.item.id,
                "path": each.item.path,
                "state": each.item.state,
                "tags": list(each.item.tags),
                "problems": [problem.category for problem in each.item.problems],
                "faces": each.item.facets.faces,
                "vector": None if each.vector is None else each.vector.tolist(),
            }
            for each in store.every()
        ]
        assert store.header.fingerprint == "0123456789abcdef"
        assert store.notes() == {"close_above": "0.25"}
    assert found == expected


def _with_thumbnail(each, size):
    values = {name: getattr(each, name) for name in ("item", "vector", "views")}
    return type(each)(**values, thumbnail=os.urandom(size))
