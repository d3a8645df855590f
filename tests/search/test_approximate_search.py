"""Search by cells: recall against the slow store, filters, what is kept on disk and what is not trusted."""

import logging
from dataclasses import replace

import numpy as np
import pytest

from anaglyph.search import approximate
from anaglyph.search import finder as finder_module
from anaglyph.search.approximate import build
from anaglyph.search.cells import cells_file, marks, read_cells, write_cells
from anaglyph.search.finder import Finder
from anaglyph.search.items import Filters
from reference.memory_store import MemoryStore
from stored_items import an_entry

faiss = pytest.importorskip("faiss")
DIM = 16
COUNT = 3000


def clustered(count, seed=0):
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((40, DIM))
    rows = centres[rng.integers(40, size=count)] + 0.6 * rng.standard_normal((count, DIM))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


ROWS = clustered(COUNT)
IDS = np.arange(COUNT, dtype=np.int64) * 3 + 1


def read(ids):
    return ROWS[(ids - 1) // 3]


def exactly(query, limit, allowed=IDS):
    scores = read(allowed).astype(np.float64) @ query.astype(np.float64)
    order = np.lexsort((allowed, -scores))[:limit]
    return list(zip(allowed[order].tolist(), scores[order].tolist(), strict=True))


def overlap(found, expected):
    return len({id for id, _ in found} & {id for id, _ in expected}) / len(expected)


@pytest.fixture(scope="module")
def built():
    return build(IDS, read, dim=DIM)


QUERIES = clustered(60, seed=1) + clustered(60, seed=2)


def test_the_recall_that_is_stated_holds_for_other_queries(built):
    index, _ = built
    assert index.recall >= 0.98
    assert np.mean([overlap(index.nearest(q, limit=10), exactly(q, 10)) for q in QUERIES]) >= 0.95


def test_scores_are_dot_products_and_fall(built):
    for query in QUERIES[:10]:
        found = built[0].nearest(query, limit=20)
        scores = [score for _, score in found]
        assert scores == sorted(scores, reverse=True)
        np.testing.assert_allclose(scores, [read(np.array([id]))[0] @ query for id, _ in found], atol=1e-5)


def test_few_items_that_pass_are_searched_exactly(built):
    allowed = IDS[::61]
    for query in QUERIES[:10]:
        found = built[0].nearest(query, limit=10, allowed=allowed)
        assert [id for id, _ in found] == [id for id, _ in exactly(query, 10, allowed)]


@pytest.mark.parametrize("step", [2, 40])
def test_filters_leave_nothing_else_and_fill_the_page(built, step, monkeypatch):
    monkeypatch.setattr(approximate, "EXACT_BELOW", 0)
    allowed = IDS[::step]
    for query in QUERIES[:10]:
        found = built[0].nearest(query, limit=len(allowed), allowed=allowed)
        assert sorted(id for id, _ in found) == allowed.tolist()


@pytest.mark.parametrize("share", [0.5, 0.1, 0.03])
def test_filters_that_many_items_pass_cost_no_recall(built, share, monkeypatch):
    monkeypatch.setattr(approximate, "EXACT_BELOW", 0)
    allowed = IDS[np.random.default_rng(3).random(COUNT) < share]
    shares = [
        overlap(built[0].nearest(q, limit=10, allowed=allowed), exactly(q, 10, allowed)) for q in QUERIES
    ]
    assert np.mean(shares) >= 0.95


def test_pages_put_together_are_one_long_page(built):
    whole = built[0].nearest(QUERIES[0], limit=30)
    assert whole == [
        hit for first in (0, 10, 20) for hit in built[0].nearest(QUERIES[0], limit=10, offset=first)
    ]


def test_a_batch_gives_what_each_query_gives_alone(built):
    for query, found in zip(QUERIES, built[0].nearest_of_many(QUERIES, limit=10), strict=True):
        assert found == built[0].nearest(query, limit=10)


def test_equal_vectors_come_by_id_and_short_cells_leave_no_blanks():
    rows = np.repeat(clustered(100), 5, axis=0)
    index, _ = build(IDS[:500], lambda ids: rows[(ids - 1) // 3], dim=DIM)
    found = index.nearest(rows[7], limit=5)
    assert [id for id, _ in found] == IDS[5:10].tolist()
    every = index.nearest_of_many(rows[:3], limit=500)
    assert all(id > 0 for each in every for id, _ in each)
    assert len(index.nearest(rows[0], limit=500)) == 500


def test_equal_vectors_at_the_end_of_a_page_are_those_of_the_lowest_ids():
    rows = np.repeat(clustered(20), 25, axis=0)
    index, _ = build(IDS[:500], lambda ids: rows[(ids - 1) // 3], dim=DIM)
    whole = index.nearest(rows[60], limit=25)
    assert [id for id, _ in whole] == IDS[50:75].tolist()
    pages = [index.nearest(rows[60], limit=5, offset=begin) for begin in range(0, 25, 5)]
    assert [hit for page in pages for hit in page] == whole
    assert index.nearest_of_many(rows[60:61], limit=5) == pages[:1]


def test_kept_cells_come_back_as_they_were(built, tmp_path):
    write_cells(tmp_path / "cells.bin", built[1])
    again = read_cells(tmp_path / "cells.bin", dim=DIM)
    for name in ("ids", "marks", "cells", "centres"):
        np.testing.assert_array_equal(getattr(again, name), getattr(built[1], name))
    assert again.trained == COUNT


@pytest.mark.parametrize("place", [0, 70, 200, 5000, -1])
def test_a_changed_byte_makes_the_cache_void(built, tmp_path, place, caplog):
    path = tmp_path / "cells.bin"
    write_cells(path, built[1])
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    assert read_cells(path, dim=DIM) is None
    assert "made again" in caplog.text


@pytest.mark.parametrize(
    "change",
    [
        {"cells": np.full(COUNT, 10**6)},
        {"cells": np.full(COUNT, -1)},
        {"centres": np.full((4, DIM), np.nan, np.float32)},
        {"centres": np.ones((4, DIM + 1), np.float32)},
        {"centres": np.ones((0, DIM), np.float32)},
        {"ids": IDS[::-1]},
        {"ids": IDS[:-1]},
        {name: np.empty(0, np.int64) for name in ("ids", "cells")} | {"marks": np.empty(0, np.uint64)},
        {"trained": np.zeros(0, np.int64)},
    ],
)
def test_cells_that_no_build_made_are_not_used_though_their_checksum_is_right(built, tmp_path, change):
    write_cells(tmp_path / "cells.bin", replace(built[1], **change))
    assert read_cells(tmp_path / "cells.bin", dim=DIM) is None


def test_wrong_cells_of_a_hostile_index_cannot_bring_wrong_scores(built):
    hostile = replace(built[1], cells=np.zeros(COUNT, dtype=np.int64))
    index, _ = build(IDS, read, dim=DIM, known=hostile)
    assert index.recall >= 0.95
    for id, score in index.nearest(QUERIES[0], limit=5):
        assert score == pytest.approx(float(read(np.array([id]))[0] @ QUERIES[0]), abs=1e-5)


def test_known_items_keep_their_cell_and_changed_ones_get_another(built):
    changed = ROWS.copy()
    changed[5] = -changed[5]
    _, cells = build(IDS, lambda ids: changed[(ids - 1) // 3], dim=DIM, known=built[1])
    np.testing.assert_array_equal(cells.centres, built[1].centres)
    assert np.flatnonzero(cells.cells != built[1].cells).tolist() == [5]


def test_many_new_items_make_new_centres(built):
    few = IDS[: COUNT // 2]
    _, before = build(few, read, dim=DIM)
    _, after = build(IDS, read, dim=DIM, known=before)
    assert after.trained == COUNT
    assert len(after.centres) > len(before.centres)


def test_marks_differ_with_any_bit_and_do_not_depend_on_the_other_rows():
    rows = clustered(50)
    other = rows.copy()
    other.view(np.uint32)[7, 3] ^= 1
    assert np.flatnonzero(marks(rows) != marks(other)).tolist() == [7]
    np.testing.assert_array_equal(marks(rows)[10:20], marks(rows[10:20]))


@pytest.fixture
def store():
    store = MemoryStore(dim=DIM)
    with store.writer(owner="test") as writer:
        writer.put([an_entry(f"{n % 7}/{n}.glb", vector=row) for n, row in enumerate(ROWS[:600])])
    return store


def test_a_large_index_is_searched_by_cells_that_are_kept(store, tmp_path):
    finder = Finder(store, cache=tmp_path / "cache", approximate_from=500)
    found = finder.nearest(QUERIES[0], filters=Filters(), limit=10)
    assert overlap(found, store.nearest(QUERIES[0], filters=Filters(), limit=10)) >= 0.9
    assert cells_file(tmp_path / "cache", store.header.fingerprint).is_file()
    assert finder.recall < 1.0 or finder._grown is not None


def test_a_small_index_is_searched_exactly(store, tmp_path):
    finder = Finder(store, cache=tmp_path / "cache")
    assert finder.nearest(QUERIES[0], filters=Filters(), limit=10) == store.nearest(
        QUERIES[0], filters=Filters(), limit=10
    )
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("filters", [Filters(), Filters(folder="3")])
def test_a_few_changes_build_nothing_and_are_found_as_by_exact_search(store, monkeypatch, filters):
    finder = Finder(store, approximate_from=500)
    finder.nearest(QUERIES[0], filters=Filters(), limit=5)
    monkeypatch.setattr(finder_module, "build", None)
    first = [id for id, _ in store.nearest(QUERIES[0], filters=filters, limit=3)]
    with store.writer(owner="test") as writer:
        writer.tag([1], add=["x"])
        writer.mark_deleted(first[:1])
        writer.put([an_entry(store.item(first[1]).path, vector=-QUERIES[0])])
        writer.put([an_entry(f"3/new {n}.glb", vector=QUERIES[0]) for n in range(4)])
        writer.put([an_entry("3/0.glb", vector=QUERIES[1])])
    for query in QUERIES[:3]:
        found = [finder.nearest(query, filters=filters, limit=8, offset=begin) for begin in (0, 8)]
        assert [*found[0], *found[1]] == finder.nearest(query, filters=filters, limit=16)
        assert finder.nearest_of_many(query[None], filters=filters, limit=8) == found[:1]
        expected = store.nearest(query, filters=filters, limit=16)
        assert overlap([*found[0], *found[1]], expected) >= 0.9
    assert finder.nearest(QUERIES[0], filters=filters, limit=4) == store.nearest(
        QUERIES[0], filters=filters, limit=4
    )


def test_many_changes_make_new_cells(store):
    finder = Finder(store, approximate_from=500)
    finder.nearest(QUERIES[0], filters=Filters(), limit=5)
    cells = finder._grown.cells
    with store.writer(owner="test") as writer:
        writer.mark_deleted(range(1, 40))
    finder.nearest(QUERIES[0], filters=Filters(), limit=5)
    assert finder._grown.cells is not cells
    assert len(finder._grown.cells.ids) == 561


def test_what_was_added_is_found_and_what_was_deleted_is_not(store, tmp_path):
    finder = Finder(store, cache=tmp_path, approximate_from=500)
    first = finder.nearest(QUERIES[0], filters=Filters(), limit=1)[0][0]
    with store.writer(owner="test") as writer:
        writer.mark_deleted([first])
        (new,) = writer.put([an_entry("new.glb", vector=QUERIES[0])])
    found = [id for id, _ in finder.nearest(QUERIES[0], filters=Filters(), limit=5)]
    assert found[0] == new
    assert first not in found


def test_filters_hold_in_a_large_index(store, tmp_path):
    finder = Finder(store, cache=tmp_path, approximate_from=500)
    filters = Filters(folder="3")
    assert finder.total(filters) == store.count(filters)
    found = finder.nearest(QUERIES[0], filters=filters, limit=1000)
    assert sorted(id for id, _ in found) == store.ids(filters).tolist()


def test_without_faiss_search_is_exact_and_the_log_says_so_once(store, monkeypatch, caplog):
    monkeypatch.setattr(finder_module.importlib.util, "find_spec", lambda name: None)
    finder = Finder(store, approximate_from=500)
    with caplog.at_level(logging.WARNING):
        found = finder.nearest(QUERIES[0], filters=Filters(), limit=3)
        with store.writer(owner="test") as writer:
            writer.tag([1], add=["x"])
        finder.nearest(QUERIES[0], filters=Filters(), limit=3)
    assert found == store.nearest(QUERIES[0], filters=Filters(), limit=3)
    assert caplog.text.count("FAISS is not installed") == 1


def test_a_cache_that_cannot_be_written_is_no_reason_not_to_search(store, tmp_path, caplog):
    (tmp_path / "cache").write_text("a file where the folder should be")
    finder = Finder(store, cache=tmp_path / "cache", approximate_from=500)
    assert len(finder.nearest(QUERIES[0], filters=Filters(), limit=3)) == 3
    assert "next time" in caplog.text
