"""What is special about the store in PostgreSQL: its address, its graph; killed writers: tests/robustness."""

import traceback
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from anaglyph.errors import ConfigError, DataError, IndexFormatError
from anaglyph.search import postgres_store
from anaglyph.search.filter_sql import POSTGRESQL, condition
from anaglyph.search.finder import Finder
from anaglyph.search.items import Filters
from anaglyph.search.opening import create_store, open_store, shown_place
from anaglyph.search.postgres_address import parse_address
from store_items import entry, header


@pytest.fixture
def store(postgres):
    with closing(create_store(postgres, header())) as store:
        yield store


def put(store, *entries):
    with store.writer(owner="a test") as writer:
        return writer.put(entries)


def test_of_many_who_make_an_index_one_does(postgres):
    with closing(create_store(postgres, header())), pytest.raises(IndexFormatError, match="already"):
        create_store(postgres, header())


def test_indexes_of_one_database_do_not_know_of_each_other(store, postgres):
    with closing(create_store(f"{postgres}_b", header())) as other:
        put(store, entry("a.obj"))
        assert (store.count(Filters()), other.count(Filters())) == (1, 0)


def test_vectors_that_no_page_holds_are_kept(postgres):
    with closing(create_store(postgres, header(dim=4096))) as store:
        (id,) = put(store, entry("a.obj", dim=4096, views=1))
        (found, vectors) = store.vectors()
        assert (found.tolist(), vectors.shape) == ([id], (1, 4096))


def test_equal_scores_beyond_the_first_candidates_are_in_order_of_ids(store):
    vector = np.eye(8, dtype=np.float32)[0]
    ids = put(store, *(entry(f"{number}.obj", vector=vector) for number in range(100)))
    assert store.nearest(vector, filters=Filters(), limit=3, offset=40) == [(id, 1.0) for id in ids[40:43]]


def test_the_graph_finds_neighbours_and_leaves_exact_answers_exact(store):
    entries = [entry(f"{number}.obj") for number in range(300)]
    put(store, *entries)
    query = entries[0].vector
    exact = store.nearest(query, filters=Filters(), limit=5)
    engine = store._engine
    engine.build_graph()
    assert store.nearest(query, filters=Filters(), limit=5) == exact
    with engine.reading() as run:
        found = engine.nearest_by_graph(
            run, query, where=condition(Filters(), POSTGRESQL), limit=5, breadth=200
        )
    assert found == exact


def test_a_built_graph_answers_pages_of_all_items_and_says_its_recall(store, monkeypatch):
    monkeypatch.setattr(postgres_store, "SAMPLE", 10)
    entries = [entry(f"{number % 3}/{number}.obj") for number in range(300)]
    ids, query = put(store, *entries), entries[7].vector
    finder = Finder(store)
    exact = finder.nearest(query, filters=Filters(), limit=40)
    assert finder.recall == 1.0
    graph = store.build_graph()
    assert graph.recall >= 0.98
    asked = []
    by_graph = store.nearest_by_graph
    store.nearest_by_graph = lambda *given, **more: asked.append(more["limit"]) or by_graph(*given, **more)
    pages = [finder.nearest(query, filters=Filters(), limit=20, offset=begin) for begin in (0, 20)]
    assert [hit for page in pages for hit in page] == exact
    assert (asked, finder.recall) == ([20, 40], graph.recall)
    narrow = finder.nearest(query, filters=Filters(folder="1"), limit=5)
    assert narrow == store.nearest(query, filters=Filters(folder="1"), limit=5)
    assert finder.nearest(query, filters=Filters(), limit=20, offset=290) == store.nearest(
        query, filters=Filters(), limit=20, offset=290
    )
    with store.writer(owner="a test") as writer:
        writer.mark_deleted(ids[:299])
    assert [id for id, _ in finder.nearest(query, filters=Filters(), limit=2)] == ids[299:]


def test_a_graph_of_nothing_is_not_built(store):
    with pytest.raises(ConfigError, match="after indexing"):
        store.build_graph()


def test_a_connection_that_the_server_ended_is_replaced(store):
    put(store, entry("a.obj"))
    (connection,) = store._engine.connections.idle
    with closing(open_store_again(store)) as other, other._engine.connections.lent() as killer:
        killer.execute("SELECT pg_terminate_backend(%s, 5000)", (connection.info.backend_pid,))
    assert store.count(Filters()) == 1


def open_store_again(store):
    address = store._engine.address
    return open_store(f"{address.database}#{address.name}")


def test_no_index_is_no_index(postgres):
    with pytest.raises(IndexFormatError, match="no index at"):
        open_store(postgres)


@pytest.mark.parametrize(
    "place",
    [
        "postgresql://me:s3cret%21@localhost:1/models",
        "postgresql://me@localhost:1/models?password=s3cret%21",
        "postgresql://me:s3cret%21@localhost:port/models",
        "postgresql://me:s3cret%21@localhost:1/models?nonsense=1#furniture",
        "postgresql://me:s3cret%21@localhost:1/models#Furniture",
        "postgres://me:s3cret%21@[::1/models",
    ],
)
def test_a_password_is_never_shown(place):
    pytest.importorskip("psycopg")
    with pytest.raises((DataError, ConfigError)) as caught:
        open_store(place)
    shown = "".join(traceback.format_exception(caught.value))
    assert "s3cret" not in shown
    assert "***" in str(caught.value)


def test_an_address_shows_its_index_but_not_its_password():
    address = parse_address("postgresql://me:s3cret@host/models#furniture")
    assert str(address) == "postgresql://me:***@host/models#furniture"
    assert shown_place("postgresql://me:s3cret@host/models#furniture") == str(address)
    assert shown_place(Path("/models/index")) == "/models/index"
    assert "s3cret" not in repr(address)
    assert parse_address("postgres://host/models").name == "anaglyph"


@pytest.mark.parametrize("name", ["Big", "a b", 'a"; DROP TABLE x', "pg_catalog", "x" * 60])
def test_a_name_that_no_schema_should_have_is_refused(name):
    with pytest.raises(ConfigError, match="small letters"):
        parse_address(f"postgresql://host/models#{name}")
