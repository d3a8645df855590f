"""Ingest and queries per second of both stores, in one run on the same made-up items.

    python -m benchmarks bench_stores

Items have a vector of 512 numbers, 12 view vectors and a thumbnail of 20 kB, written in batches of 64, each
a transaction that is on the disk when it returns. A query asks for the 20 nearest; "filtered" ones look at a
tenth of the items. PostgreSQL is pgserver's, with its usual settings, on the same machine. "graph" is its
HNSW index (with as many candidates as `build_graph` chose, measuring is in its time), and recall is how many
of the exact 20 it finds; random vectors like these are its worst case and take the most candidates. Queries
come one after the other.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from anaglyph.search.items import Entry, Filters, Item, ItemFacets
from anaglyph.search.opening import create_store, open_store
from anaglyph.search.store import Header, Store

ITEMS = int(os.environ.get("ANAGLYPH_BENCH_ITEMS", "10000"))
WIDTH, VIEWS, THUMBNAIL, BATCH = 512, 12, 20_000, 64
CENTRES = 200
QUERIES = 200
LIMIT = 20
PART = Filters(categories=("3",))


def run() -> list[dict[str, Any]]:
    """A row a store: items per second, queries per second, and bytes on the disk."""
    header = Header(model="none", fingerprint="0" * 16, dim=WIDTH, views=("ring12", 64))
    with tempfile.TemporaryDirectory() as folder, a_server() as address:
        index = Path(folder) / "index"
        with closing(create_store(index, header)) as store:
            rows = [measured("SQLite", store, seconds(lambda: put_all(str(index), 0, 1)))]
        if address is None:
            return rows
        for writers in (1, 4):
            place = f"{address}#writers_{writers}"
            with closing(create_store(place, header)) as store:
                taken = seconds(partial(by_writers, place, writers))
                rows.append(measured(f"PostgreSQL, {writers} writer{'s' * (writers > 1)}", store, taken))
                if writers == 1:
                    rows.append(graph(store))
    return rows


def measured(name: str, store: Store, taken: float) -> dict[str, Any]:
    queries = some_queries()
    for query in queries[:5]:  # fills caches, as the first queries of a server do
        store.nearest(query, filters=Filters(), limit=LIMIT)
        store.nearest(query, filters=PART, limit=LIMIT)
    plain = seconds(lambda: [store.nearest(each, filters=Filters(), limit=LIMIT) for each in queries])
    part = seconds(lambda: [store.nearest(each, filters=PART, limit=LIMIT) for each in queries])
    return {
        "store": name,
        "items": store.count(Filters()),
        "items/s": store.count(Filters()) / taken,
        "queries/s": QUERIES / plain,
        "filtered queries/s": QUERIES / part,
        "recall": 1.0,
    }


def graph(store: Any) -> dict[str, Any]:
    queries = some_queries()
    built = seconds(store.build_graph)
    breadth = store.graph().breadth

    def by_graph(query: Any) -> list[tuple[int, float]]:
        return list(store.nearest_by_graph(query, filters=Filters(), limit=LIMIT, breadth=breadth))

    by_graph(queries[0])
    taken = seconds(lambda: [by_graph(query) for query in queries])
    hits = [len(ids_of(by_graph(query)) & ids_of(exact(store, query))) for query in queries[:50]]
    return {
        "store": f"PostgreSQL, graph (built in {built:.0f} s)",
        "items": store.count(Filters()),
        "items/s": "",
        "queries/s": QUERIES / taken,
        "filtered queries/s": "",
        "recall": float(np.mean(hits)) / LIMIT,
    }


def ids_of(hits: list[tuple[int, float]]) -> set[int]:
    return {id for id, _ in hits}


def exact(store: Store, query: Any) -> list[tuple[int, float]]:
    return store.nearest(query, filters=Filters(), limit=LIMIT)


def by_writers(place: str, writers: int) -> None:
    with ProcessPoolExecutor(writers, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(put_all, [place] * writers, range(writers), [writers] * writers))


def put_all(place: str, number: int, of: int) -> None:
    """The share of one writer; making the items is in the time of both stores."""
    with closing(open_store(place)) as store, store.writer(owner=f"bench {number}/{of}") as writer:
        share = range(number, ITEMS, of)
        for begin in range(0, len(share), BATCH):
            writer.put(entries(share[begin : begin + BATCH]))


def entries(numbers: range) -> list[Entry]:
    rng = np.random.default_rng(numbers[0])
    vectors = centres()[np.array(numbers) % CENTRES] + 0.5 * rng.standard_normal((len(numbers), WIDTH))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    views = rng.standard_normal((len(numbers), VIEWS, WIDTH)).astype(np.float16)
    return [
        Entry(item=item(number), vector=vector, views=view, thumbnail=rng.bytes(THUMBNAIL))
        for number, vector, view in zip(numbers, vectors, views, strict=True)
    ]


def item(number: int) -> Item:
    facets = ItemFacets(format="glb", faces=number, size=(1.0, 1.0, 1.0), category=str(number % 10))
    return Item(
        id=0,
        root="/models",
        path=f"{number % 100}/{number}.glb",
        content=f"{number:064x}",
        bytes=1,
        modified=0,
        added=0,
        state="ready",
        facets=facets,
    )


def centres() -> Any:
    return np.random.default_rng(0).standard_normal((CENTRES, WIDTH))


def some_queries() -> Any:
    rng = np.random.default_rng(1)
    queries = centres()[rng.integers(CENTRES, size=QUERIES)] + 0.5 * rng.standard_normal((QUERIES, WIDTH))
    return (queries / np.linalg.norm(queries, axis=1, keepdims=True)).astype(np.float32)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@contextmanager
def a_server() -> Iterator[str | None]:
    """The address of a PostgreSQL that lives as long as the block; None without pgserver."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        try:
            import pgserver
        except ImportError:
            yield None
            return
        server = pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
