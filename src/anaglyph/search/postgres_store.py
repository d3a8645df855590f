"""The store in PostgreSQL: a `SqlStore` that may have a graph of neighbours (pgvector's HNSW index).

How many candidates of the graph a query needs is measured against exact search when it is built, so recall is
known and not hoped for; the answer stands in a note, with which every searcher finds it.
"""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import ConfigError
from anaglyph.randomness import numpy_generator
from anaglyph.search.filter_sql import condition
from anaglyph.search.items import Filters
from anaglyph.search.pages import checked_query
from anaglyph.search.postgres_engine import PostgresEngine
from anaglyph.search.sql_store import SqlStore
from anaglyph.search.store import Graph, Header

NOTE = "graph"
"""Note of an index: breadth and recall of its graph, as JSON."""
MOST_DIM = 2000
"""Of pgvector's graph."""
FIRST_BREADTH, MOST_BREADTH = 50, 1000
"""Candidates of a query; the most that pgvector takes."""
WANTED_RECALL = 0.98
DEPTH = 10
SAMPLE = 100
"""Queries that recall is measured with: half of them items, half of them between two items."""


class PostgresStore(SqlStore):
    """An index in a database; a `Store` and `Graphed`.

    Args:
        engine: the database; closed with the store.
        header: what it says of itself.
    """

    def __init__(self, engine: PostgresEngine, header: Header) -> None:
        self._postgres = engine
        super().__init__(engine, header)

    def graph(self) -> Graph | None:
        """The graph that was built, None without one."""
        note = self.notes().get(NOTE)
        return None if note is None else Graph(**json.loads(note))

    def build_graph(self) -> Graph:
        """Build the graph, or build it anew, and measure how broadly it must be searched.

        Raises:
            ConfigError: nothing to build it of, or vectors that are too long for it.
            DataError: no room or no right.
        """
        if self.header.dim > MOST_DIM:
            raise ConfigError(
                f"the graph takes vectors of at most {MOST_DIM} numbers, these have {self.header.dim}; "
                "search stays exact."
            )
        ids = self.ids(Filters())
        if not len(ids):
            raise ConfigError("nothing can be found in this index yet; build its graph after indexing.")
        self._postgres.build_graph()
        graph = self._measured(ids)
        with self.writer(owner="building the graph") as writer:
            writer.note(NOTE, json.dumps({"breadth": graph.breadth, "recall": graph.recall}))
        return graph

    def nearest_by_graph(
        self, vector: NDArray[np.float32], *, filters: Filters, limit: int, breadth: int
    ) -> list[tuple[int, float]]:
        """`nearest` by the graph: not surely all of them, scores are exact, and narrow filters find fewer."""
        query = checked_query(vector, dim=self.header.dim, limit=limit, offset=0)
        where = condition(filters, self._postgres.dialect)
        with self._postgres.reading() as run:
            return self._postgres.nearest_by_graph(run, query, where=where, limit=limit, breadth=breadth)

    def _measured(self, ids: NDArray[np.int64]) -> Graph:
        generator = numpy_generator("graph recall", len(ids))
        pairs = ids[generator.integers(len(ids), size=(2, SAMPLE))]
        wanted, place = np.unique(pairs, return_inverse=True)
        first, second = self.vectors(wanted)[1][place.reshape(2, SAMPLE)]
        queries = (first + np.arange(SAMPLE)[:, None] % 2 * second).astype(np.float32)
        nearest = [self.nearest(query, filters=Filters(), limit=DEPTH) for query in queries]
        breadth = FIRST_BREADTH
        while True:
            found = [
                self.nearest_by_graph(query, filters=Filters(), limit=DEPTH, breadth=breadth)
                for query in queries
            ]
            recall = float(np.mean([_share(*pair) for pair in zip(found, nearest, strict=True)]))
            if recall >= WANTED_RECALL or breadth >= MOST_BREADTH:
                return Graph(breadth=breadth, recall=round(recall, 4))
            breadth = min(2 * breadth, MOST_BREADTH)


def _share(found: list[tuple[int, float]], nearest: list[tuple[int, float]]) -> float:
    """Of the nearest, those found; an item as near as the last of them counts as well."""
    least = nearest[-1][1]
    return min(1.0, sum(score >= least for _, score in found) / len(nearest))
