"""What every store does, embedded or not; the slow twin in memory is held to the same."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anaglyph.errors import ConfigError, DataError, IndexFormatError
from anaglyph.search.items import Filters, Problem
from anaglyph.search.opening import create_store, open_store
from anaglyph.search.store import InMemory
from reference.memory_store import MemoryStore
from store_items import CODES, FOLDERS, NAMES, TAGS, entry, header, plain, random_entries

KINDS = ("memory", "sqlite", "postgresql")
EVERYTHING = Filters(states=())


def made(kind, folder, request, **notes):
    if kind == "memory":
        return MemoryStore(header())
    if kind == "sqlite":
        return create_store(folder / "index", header(), **notes)
    server = request.getfixturevalue("postgres_server")
    name = hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:16]
    return create_store(f"{server}#test_{name}", header(), **notes)


@pytest.fixture(params=KINDS)
def store(request, tmp_path):
    store = made(request.param, tmp_path, request)
    yield store
    store.close()


@pytest.fixture(scope="module", params=[kind for kind in KINDS if kind != "memory"])
def twins(request, tmp_path_factory):
    """A store of 120 items of every kind, and the slow twin with the same ones."""
    twin, store = MemoryStore(header()), made(request.param, tmp_path_factory.mktemp("twins"), request)
    for each in (twin, store):
        put(each, *random_entries("twins", 120))
    yield store, twin
    store.close()


def put(store, *entries):
    with store.writer(owner="a test") as writer:
        return writer.put(entries)


def paths(items):
    return [item.path for item in items]


def test_what_is_put_comes_back_as_it_was(store):
    entries = random_entries("back", 30)
    ids = put(store, *entries)
    by_place = {
        (e.item.root, e.item.path): (id, plain(e, id=False)) for id, e in zip(ids, entries, strict=True)
    }
    expected = [(by_place[place][0], *by_place[place][1]) for place in sorted(by_place)]
    assert [plain(each) for each in store.every()] == expected


def test_a_new_store_is_empty(store):
    assert store.count(EVERYTHING) == 0
    assert store.nearest(np.ones(8, np.float32), filters=Filters(), limit=5) == []
    assert store.vectors()[1].shape == (0, 8)
    assert list(store.every()) == []


def test_ids_are_never_given_again(store):
    first, second = put(store, entry("a.obj"), entry("b.obj"))
    with store.writer(owner="a test") as writer:
        writer.mark_deleted([second])
        assert writer.purge() == 1
    (third,) = put(store, entry("c.obj"))
    assert first < second < third


def test_the_same_path_again_replaces_the_file_and_keeps_id_tags_and_date(store):
    (id,) = put(store, entry("a.obj", added=3, tags=("red",), problems=(Problem("x", "note", "y"),)))
    with store.writer(owner="a test") as writer:
        writer.ignore([id], True)
    again = entry("a.obj", content="new", added=9, tags=("blue",), state="problem")
    assert put(store, again) == [id]
    item = store.item(id)
    assert (item.content, item.state, item.problems) == ("new", "problem", ())
    assert (item.added, item.tags, item.ignored) == (3, ("red",), True)
    assert store.vectors(np.array([id]))[0].tolist() == []
    assert store.views([id]) == {}
    assert store.thumbnail(id) is None


def test_a_replaced_vector_is_what_queries_meet(store):
    axes = np.eye(8, dtype=np.float32)
    (id,) = put(store, entry("a.obj", vector=axes[0]))
    assert store.nearest(axes[0], filters=Filters(), limit=1) == [(id, 1.0)]
    put(store, entry("a.obj", vector=axes[1]), entry("b.obj", vector=axes[2]))
    assert store.nearest(axes[1], filters=Filters(), limit=1) == [(id, 1.0)]
    assert store.nearest(axes[0], filters=Filters(), limit=1)[0][1] == 0.0


def test_equal_paths_in_two_roots_are_two_items(store):
    first, second = put(store, entry("a.obj", root="/one"), entry("a.obj", root="/two"))
    assert first != second
    assert set(store.known("/one")) == {"a.obj"}
    assert store.known("/one")["a.obj"].id == first


def test_known_says_what_a_scanner_compares(store):
    first, second, _ = put(
        store, entry("a.obj"), entry("b.obj", state="problem"), entry("c.obj", state="deleted")
    )
    known = store.known("/models")
    assert {path: (each.id, each.state) for path, each in known.items()} == {
        "a.obj": (first, "ready"),
        "b.obj": (second, "problem"),
    }
    assert (known["a.obj"].bytes, known["a.obj"].modified, known["a.obj"].content) == (
        100,
        5,
        "hash of a.obj",
    )


def test_what_is_gone_is_known_as_deleted_until_it_is_purged(store):
    _, second = put(store, entry("a.obj"), entry("b.obj"))
    with store.writer(owner="a test") as writer:
        writer.mark_deleted([second])
    assert [row.id for row in store.deleted("/models").values()] == [second]
    assert list(store.known("/models")) == ["a.obj"]
    with store.writer(owner="a test") as writer:
        writer.purge()
    assert store.deleted("/models") == {}


def test_a_touched_file_has_its_new_size_and_time(store):
    (id,) = put(store, entry("a.obj"))
    with store.writer(owner="a test") as writer:
        writer.touch([(id, 12, 34)])
    assert (store.item(id).bytes, store.item(id).modified) == (12, 34)


def test_a_moved_file_keeps_id_vector_and_tags(store):
    vector = np.eye(8, dtype=np.float32)[3]
    (id,) = put(store, entry("a.obj", vector=vector, tags=("red",)))
    with store.writer(owner="a test") as writer:
        assert writer.move([(id, "a.obj", "lamps/É.obj")]) == [id]
    item = store.item(id)
    assert (item.path, item.folder, item.tags, item.state) == ("lamps/É.obj", "lamps", ("red",), "ready")
    assert store.nearest(vector, filters=Filters(folder="lamps", name="é"), limit=1) == [(id, 1.0)]


def test_a_category_that_was_the_top_folder_follows_the_file(store):
    entries = random_entries("moving", 1)
    (id,) = put(store, entry("chair/a.obj", facets=replace(entries[0].item.facets, category="chair")))
    (other,) = put(store, entry("chair/b.obj", facets=replace(entries[0].item.facets, category="stool")))
    with store.writer(owner="a test") as writer:
        writer.move([(id, "chair/a.obj", "lamp/a.obj"), (other, "chair/b.obj", "lamp/b.obj")])
    assert store.item(id).facets.category == "lamp"
    assert store.item(other).facets.category == "stool"


def test_files_may_swap_their_names(store):
    first, second = put(store, entry("a.obj"), entry("b.obj"))
    with store.writer(owner="a test") as writer:
        writer.move([(first, "a.obj", "b.obj"), (second, "b.obj", "a.obj")])
    assert (store.item(first).path, store.item(second).path) == ("b.obj", "a.obj")


def test_a_move_takes_the_place_of_a_deleted_file_but_of_no_other(store):
    first, second, third = put(store, entry("a.obj"), entry("b.obj", state="deleted"), entry("c.obj"))
    with store.writer(owner="a test") as writer:
        writer.move([(first, "a.obj", "b.obj")])
        with pytest.raises(DataError, match=rf"item {third} lies there"):
            writer.move([(first, "b.obj", "c.obj")])
    assert store.item(first).path == "b.obj"
    with pytest.raises(DataError, match="no item"):
        store.item(second)


def test_an_item_that_another_indexer_moved_stays_where_it_is(store):
    first, second = put(store, entry("a.obj"), entry("b.obj"))
    with store.writer(owner="a test") as writer:
        writer.move([(first, "a.obj", "c.obj")])
        assert writer.move([(first, "a.obj", "d.obj"), (second, "b.obj", "a.obj")]) == [second]
    assert (store.item(first).path, store.item(second).path) == ("c.obj", "a.obj")


def test_a_deleted_item_is_found_no_more_until_its_file_is_back(store):
    vector = np.eye(8, dtype=np.float32)[0]
    (id,) = put(store, entry("a.obj", vector=vector))
    with store.writer(owner="a test") as writer:
        writer.mark_deleted([id])
    assert store.nearest(vector, filters=Filters(), limit=1) == []
    assert store.item(id).state == "deleted"
    assert put(store, entry("a.obj", vector=vector)) == [id]
    assert store.nearest(vector, filters=Filters(), limit=1) == [(id, 1.0)]


def test_tags_are_added_and_removed_once(store):
    first, second = put(store, entry("a.obj"), entry("b.obj", tags=("red",)))
    with store.writer(owner="a test") as writer:
        writer.tag([first, second], add=("red", "new"))
        writer.tag([first], remove=("red", "never there"))
    assert (store.item(first).tags, store.item(second).tags) == (("new",), ("new", "red"))


def test_a_tag_of_an_item_that_is_not_there_is_refused_and_changes_nothing(store):
    if isinstance(store, MemoryStore):
        pytest.skip("the twin has no transactions")
    (id,) = put(store, entry("a.obj"))
    with store.writer(owner="a test") as writer, pytest.raises(DataError, match=f"no item {id + 1}"):
        writer.tag([id, id + 1], add=("red",))
    assert store.item(id).tags == ()


def test_every_change_of_what_can_be_found_moves_the_generation(store):
    seen = [store.generation()]
    (id,) = put(store, entry("a.obj"))
    seen.append(store.generation())
    for change in (
        lambda writer: writer.move([(id, "a.obj", "b.obj")]),
        lambda writer: writer.tag([id], add=("red",)),
        lambda writer: writer.ignore([id], True),
        lambda writer: writer.mark_deleted([id]),
        lambda writer: writer.purge(),
    ):
        with store.writer(owner="a test") as writer:
            change(writer)
        seen.append(store.generation())
    assert seen == sorted(set(seen))


def test_a_second_writer_is_refused_with_the_name_of_the_first_or_may_write_as_well(store, request):
    if request.node.callspec.params["store"] == "postgresql":
        with store.writer(owner="one") as one, store.writer(owner="another") as another:
            assert one.put([entry("a.obj")]) != another.put([entry("b.obj")])
        return
    with (
        store.writer(owner="the indexer"),
        pytest.raises(IndexFormatError, match="the indexer"),
        store.writer(owner="another"),
    ):
        pass
    with store.writer(owner="another"):
        pass


def test_notes_are_kept_and_replaced(store):
    with store.writer(owner="a test") as writer:
        writer.note("close_above", "0.25")
        writer.note("close_above", "0.31")
    assert store.notes() == {"close_above": "0.31"}


def test_notes_that_an_index_is_made_with_are_there_from_the_first_moment(tmp_path, request):
    for kind in ("sqlite", "postgresql"):
        with closing(made(kind, tmp_path, request, notes={"recipe": "7"})) as store:
            assert (store.notes(), store.generation()) == ({"recipe": "7"}, 0)


def test_writers_that_revise_a_note_at_once_lose_nothing_of_each_other(store, request):
    numbers = [str(number) for number in range(16)]

    def add(number):
        with store.writer(owner="a test") as writer:
            writer.revise("numbers", lambda before: f"{before} {number}".strip())

    if request.node.callspec.params["store"] == "postgresql":  # elsewhere there is one writer at a time
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(add, numbers))
    else:
        for number in numbers:
            add(number)
    assert sorted(store.notes()["numbers"].split()) == sorted(numbers)


def test_what_changed_since_a_generation_are_the_vectors_that_were_put(store):
    if not isinstance(store, InMemory):
        pytest.skip("its vectors lie elsewhere")
    first, second, third = put(store, entry("a.obj"), entry("b.obj"), entry("c.obj"))
    before = store.generation()
    assert store.changed(-1).tolist() == [first, second, third]
    put(store, entry("b.obj"), entry("d.obj"))
    with store.writer(owner="a test") as writer:
        writer.tag([third], add=["red"])
        writer.mark_deleted([first])
    assert store.changed(before).tolist() == [second, third + 1]


def test_an_item_gets_another_category_and_keeps_all_else(store):
    (id,) = put(store, entry("chairs/a.obj"))
    before = store.item(id)
    with store.writer(owner="a test") as writer:
        writer.categorize([(id, "stool")])
    assert store.item(id) == replace(before, facets=replace(before.facets, category="stool"))


def test_problems_come_with_the_most_serious_first_and_not_of_deleted_files(store):
    put(
        store,
        entry("b.obj", problems=(Problem("n", "note", "1"), Problem("s", "serious", "2"))),
        entry("a.obj", problems=(Problem("n", "note", "3"),)),
        entry("c.obj", state="deleted", problems=(Problem("s", "serious", "4"),)),
    )
    assert [problem.reason for _, problem in store.problems(limit=10)] == ["2", "3", "1"]
    assert [problem.reason for _, problem in store.problems(limit=1, offset=1)] == ["3"]


def test_a_reason_that_quotes_odd_bytes_is_kept_in_words(store):
    if isinstance(store, MemoryStore):
        pytest.skip("the twin keeps everything")
    (id,) = put(store, entry("a.obj", problems=(Problem("x", "note", "keyword 'a\0b\udcff'"),)))
    assert store.item(id).problems[0].reason == r"keyword 'a\x00b\udcff'"


def test_items_come_in_the_order_asked_and_without_those_that_are_not_there(store):
    first, second = put(store, entry("a.obj"), entry("b.obj"))
    assert paths(store.items([second, 999, first, second])) == ["b.obj", "a.obj", "b.obj"]


@pytest.mark.parametrize("odd", ["bad\udcffname.obj", "nul\0.obj", "/a.obj", "a/../b.obj", "a//b.obj"])
def test_a_path_that_cannot_be_kept_is_refused_and_leaves_nothing(store, odd):
    if isinstance(store, MemoryStore):
        pytest.skip("the twin keeps everything")
    with pytest.raises(DataError, match="cannot keep"):
        put(store, entry("a.obj"), _renamed(entry("b.obj"), odd))
    assert store.count(EVERYTHING) == 0


@pytest.mark.parametrize("vector", [np.ones(7, np.float32), np.full(8, np.nan, np.float32)])
def test_a_vector_that_does_not_fit_is_refused_and_leaves_nothing(store, vector):
    if isinstance(store, MemoryStore):
        pytest.skip("the twin keeps everything")
    with pytest.raises(DataError, match="8 finite numbers"):
        put(store, entry("a.obj"), entry("b.obj", vector=vector, views=0))
    assert store.count(EVERYTHING) == 0


def test_a_range_over_something_else_is_refused(store):
    if isinstance(store, MemoryStore):
        pytest.skip("the twin trusts its caller")
    with pytest.raises(ConfigError, match="did you mean 'faces'"):
        store.count(Filters(ranges={"face": (1, 2)}))
    with pytest.raises(ConfigError, match="must be a number"):
        store.count(Filters(ranges={"faces": (float("nan"), None)}))


odd_text = st.text(max_size=8) | st.sampled_from(["' OR 1=1 --", "%", "_", "\0", "\udcff", '"', "a'b", ";"])
bounds = st.none() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.integers(0, 1000)
some_filters = st.builds(
    Filters,
    formats=st.lists(st.sampled_from(["glb", "obj", "x"]) | odd_text, max_size=2).map(tuple),
    categories=st.lists(st.sampled_from(["chair", 'it\'s "odd"']) | odd_text, max_size=2).map(tuple),
    tags=st.lists(st.sampled_from(TAGS) | odd_text, max_size=2).map(tuple),
    folder=st.none() | st.sampled_from([*FOLDERS, "chairs/", "ch", "/lamps"]) | odd_text,
    states=st.lists(st.sampled_from(["ready", "problem", "deleted"]), max_size=3).map(tuple),
    problems=st.lists(st.sampled_from(CODES) | odd_text, max_size=2).map(tuple),
    watertight=st.sampled_from([None, None, True, False]),
    coloured=st.sampled_from([None, None, True, False]),
    textured=st.sampled_from([None, None, True, False]),
    ranges=st.dictionaries(
        st.sampled_from(
            [
                "faces",
                "vertices",
                "bytes",
                "area",
                "volume",
                "proportions",
                "width",
                "height",
                "depth",
                "longest",
                "added",
            ]
        ),
        st.tuples(bounds, bounds),
        max_size=2,
    ),
    name=st.none() | st.sampled_from([*NAMES, "STRASSE", "chair", "É"]) | odd_text,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(filters=some_filters)
def test_filters_find_what_the_slow_twin_finds(twins, filters):
    store, twin = twins
    assert store.count(filters) == twin.count(filters)
    assert paths(store.select(filters, limit=200)) == paths(twin.select(filters, limit=200))
    assert store.ids(filters).tolist() == twin.ids(filters).tolist()
    assert store.facet_counts(filters) == twin.facet_counts(filters)


@settings(max_examples=60, deadline=None)
@given(
    filters=some_filters,
    query=st.lists(st.floats(-1, 1, width=32), min_size=8, max_size=8),
    limit=st.integers(0, 30),
    offset=st.integers(0, 10),
)
def test_the_nearest_are_those_of_the_slow_twin_in_its_order(twins, filters, query, limit, offset):
    store, twin = twins
    vector = np.array(query, np.float32)
    asked = {"filters": filters, "limit": limit, "offset": offset}
    assert store.nearest(vector, **asked) == twin.nearest(vector, **asked)


def test_pages_together_are_the_whole_list(twins):
    store, _ = twins
    pages = [store.select(EVERYTHING, limit=50, offset=begin) for begin in (0, 50, 100)]
    assert [item.id for page in pages for item in page] == [
        item.id for item in store.select(EVERYTHING, limit=1000)
    ]


def test_vectors_are_those_that_were_put(twins):
    store, twin = twins
    for ids in (None, np.array([5, 3, 999, 17, 3])):
        (found, rows), (wanted, expected) = store.vectors(ids), twin.vectors(ids)
        assert found.tolist() == wanted.tolist()
        np.testing.assert_array_equal(rows, expected)


def test_a_store_opened_again_holds_the_same(tmp_path):
    store = create_store(tmp_path / "index", header())
    put(store, *random_entries("again", 20))
    before = [plain(each) for each in store.every()]
    store.close()
    store = open_store(tmp_path / "index")
    assert [plain(each) for each in store.every()] == before
    assert store.header == header()
    store.close()


def _renamed(each, path):
    return replace(each, item=replace(each.item, path=path))
