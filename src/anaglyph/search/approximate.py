"""Approximate search for large indexes: FAISS looks into the cells that lie nearest to a query.

An inverted file without compression (Jegou et al., 2011, section 4): scores are exact, only items in cells
that were not looked into can be missing. How many cells that takes is measured against exact search when the
index is built, so recall is known and not hoped for. Needs the extra `faiss`.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import MissingExtraError
from anaglyph.randomness import numpy_generator, seed_for
from anaglyph.search import exact
from anaglyph.search.cells import Cells, marks

log = logging.getLogger(__name__)
Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]
ReadVectors = Callable[[Ids], Vectors]
"""(N,) ascending ids -> (N, D)."""
ROWS = 1 << 15
"""Vectors read from the store at once."""
PER_CELL = 50
"""Vectors for each centre that k-means sees."""
ROUNDS = 10
"""Of k-means."""
SAMPLE = 200
"""Queries that recall is measured with: half of them items, half of them between two items."""
DEPTH = 10
WANTED_RECALL = 0.98
FIRST_PROBES = 8
GROWN = 0.25
"""Share of items that came after training from which on the centres are made anew."""
SELECTIVE = 0.02
EXACT_BELOW = 50_000
"""Share and number of items that pass the filters below which all cells are looked into, which is exact."""
MORE = 16
"""Candidates beyond the page; FAISS's float32 products choose them, `exact.decided` puts them in order."""


@dataclass(frozen=True)
class Approximate:
    """An index in memory; the largest scores first, ties by id, as in exact search."""

    faiss: Any
    """The `IndexIVFFlat`; its ids are rows of `ids`."""
    ids: Ids
    """(N,) ascending."""
    read: ReadVectors
    """Gives the vectors that are in it."""
    longest: float
    """Length of the longest of them."""
    probes: int
    """Cells that a query looks into."""
    recall: float
    """Share of the 10 nearest that are found, measured when it was built."""

    def nearest(
        self, query: Vectors, *, limit: int, offset: int = 0, allowed: Ids | None = None
    ) -> list[tuple[int, float]]:
        """Ids and dot products with (D,) `query`; where few items pass, or the cells hold too few, exact.

        Args:
            query: finite numbers.
            limit: results at most.
            offset: results to skip first.
            allowed: ids that may be found, ascending; all by default.
        """
        count = len(self.ids) if allowed is None else len(allowed)
        wanted = min(offset + limit, count)
        if not wanted:
            return []
        passing = None if allowed is None else self._passing(allowed)
        probes = self.probes if allowed is None else self._probes(len(allowed))
        asked = min(wanted + MORE, count)
        while True:
            scores, rows = self._search(query[None], asked, probes, passing)
            if rows[0, wanted - 1] < 0 and probes < self.faiss.nlist:
                probes = self.faiss.nlist
            elif asked < count and self._is_open(query, scores[0], rows[0], wanted):
                asked = min(4 * asked, count)
            else:
                return self._decided(query, rows[0], wanted)[offset:]

    def nearest_of_many(self, queries: Vectors, *, limit: int) -> list[list[tuple[int, float]]]:
        """`nearest` for each of (Q, D) queries, over all threads."""
        wanted = min(limit, len(self.ids))
        if not wanted:
            return [[] for _ in queries]
        asked = min(wanted + MORE, len(self.ids))
        found = zip(queries, *self._search(queries, asked, self.probes, None), strict=True)
        return [
            self.nearest(query, limit=limit)
            if rows[wanted - 1] < 0 or (asked < len(self.ids) and self._is_open(query, scores, rows, wanted))
            else self._decided(query, rows, wanted)
            for query, scores, rows in found
        ]

    def _search(self, queries: Vectors, limit: int, probes: int, passing: Any) -> tuple[Vectors, Ids]:
        chosen = _import_faiss().SearchParametersIVF(nprobe=probes, sel=passing)
        found: tuple[Vectors, Ids] = self.faiss.search(
            np.ascontiguousarray(queries, np.float32), limit, params=chosen
        )
        return found

    def _is_open(self, query: Vectors, scores: Vectors, rows: Ids, wanted: int) -> bool:
        """Whether items that were not given may score as high as the last that is wanted, rounding apart."""
        slack = 2.0 * exact.rounding(query) * self.longest
        return bool(rows[-1] >= 0 and float(scores[-1]) >= float(scores[wanted - 1]) - slack)

    def _decided(self, query: Vectors, rows: Ids, wanted: int) -> list[tuple[int, float]]:
        """Rows of -1 are none."""
        ids = self.ids[np.sort(rows[rows >= 0])]
        return exact.decided(ids, self.read(ids), query, limit=wanted)

    def _probes(self, count: int) -> int:
        """Cells to look into where so many items pass: all, or enough to see as many passing ones."""
        share = count / len(self.ids)
        if count < EXACT_BELOW or share < SELECTIVE:
            return int(self.faiss.nlist)
        return min(int(self.faiss.nlist), math.ceil(self.probes / share))

    def _passing(self, allowed: Ids) -> Any:
        """FAISS's filter; it keeps the bits alive itself."""
        bits = np.zeros(len(self.ids), dtype=bool)
        place = np.searchsorted(self.ids, allowed)
        inside = place < len(self.ids)
        bits[place[inside][self.ids[place[inside]] == allowed[inside]]] = True
        return _import_faiss().IDSelectorBitmap(np.packbits(bits, bitorder="little"))


def build(
    ids: Ids, read: ReadVectors, *, dim: int, known: Cells | None = None, seed: int = 0
) -> tuple[Approximate, Cells]:
    """The index over all items, and the cells to keep for the next time.

    Of `known` cells, centres are taken over unless a quarter of the items is newer than they are or recall
    takes an eighth of all cells; items whose vectors are as before keep their cell.

    Args:
        ids: (N,) ascending, at least one.
        read: gives their vectors, a block at a time; also asked for those of each page.
        dim: D.
        known: what an earlier call returned, of any generation.
        seed: what the choice of vectors for training and measuring depends on.

    Raises:
        MissingExtraError: FAISS is not installed.
    """
    if known is not None and _newer(ids, known) > GROWN * known.trained:
        known = None
    centres = _trained(ids, read, dim, seed) if known is None else known.centres
    sample = RecallSample(ids, read, seed)
    index, longest, cells = _filled(ids, read, centres, known=known, sample=sample)
    probes, recall = sample.enough(index)
    log.info("%d items in %d cells, %d of them looked into: recall@%d %.3f on %d queries",
             len(ids), index.nlist, probes, DEPTH, recall, SAMPLE)  # fmt: skip
    if known is not None and probes > max(FIRST_PROBES, index.nlist // 8):
        log.info("the cells no longer fit the items and are made anew")
        return build(ids, read, dim=dim, seed=seed)
    return Approximate(index, ids, read, longest, probes, recall), cells


def cell_count(items: int) -> int:
    """Cells for so many items: 4 times the root, each of 39 items at least."""
    return max(1, min(round(4 * math.sqrt(items)), items // 39))


class RecallSample:
    """Queries, and the 10 items nearest to each, found exactly while the vectors go by."""

    def __init__(self, ids: Ids, read: ReadVectors, seed: int) -> None:
        generator = numpy_generator(seed, "recall", len(ids))
        pairs = ids[generator.integers(len(ids), size=(2, SAMPLE))]
        wanted, place = np.unique(pairs, return_inverse=True)
        first, second = read(wanted)[place.reshape(2, SAMPLE)]
        between = np.arange(SAMPLE)[:, None] % 2
        self.queries: Vectors = (first + between * second).astype(np.float32)
        self.scores = np.full((SAMPLE, DEPTH), -np.inf, dtype=np.float32)

    def see(self, block: Vectors) -> None:
        """Take (n, D) vectors into account."""
        scores = np.concatenate([self.scores, self.queries @ block.T], axis=1)
        self.scores = -np.partition(-scores, DEPTH - 1, axis=1)[:, :DEPTH]

    def enough(self, index: Any) -> tuple[int, float]:
        """The fewest cells, doubled each time, that give recall 0.98, or all of them; and that recall."""
        probes = min(FIRST_PROBES, index.nlist)
        while (recall := self.recall(index, probes)) < WANTED_RECALL and probes < index.nlist:
            probes = min(2 * probes, index.nlist)
        return probes, recall

    def recall(self, index: Any, probes: int) -> float:
        """Share of the nearest that are found; an item as near as the last of them counts as well."""
        chosen = _import_faiss().SearchParametersIVF(nprobe=probes)
        scores, _ = index.search(self.queries, DEPTH, params=chosen)
        real = np.isfinite(self.scores)
        least = np.where(real, self.scores, np.inf).min(axis=1, keepdims=True)
        error = 1e-5 * np.abs(least)
        hits = np.minimum((scores >= least - error).sum(axis=1), real.sum(axis=1))
        return float(hits.sum() / real.sum())


def _newer(ids: Ids, known: Cells) -> int:
    return len(np.setdiff1d(ids, known.ids, assume_unique=True)) + max(0, len(known.ids) - known.trained)


def _trained(ids: Ids, read: ReadVectors, dim: int, seed: int) -> Vectors:
    """(C, D) centres of unit length by k-means."""
    faiss = _import_faiss()
    count = cell_count(len(ids))
    chosen = numpy_generator(seed, "cells", len(ids)).permutation(len(ids))[: PER_CELL * count]
    means = faiss.Clustering(dim, count)
    means.niter, means.seed, means.spherical = ROUNDS, seed_for(seed, "k-means") % (1 << 31), True
    means.min_points_per_centroid, means.max_points_per_centroid = 1, PER_CELL
    means.train(read(np.sort(ids[chosen])), faiss.IndexFlatIP(dim))
    centres: Vectors = faiss.vector_to_array(means.centroids).reshape(count, dim).astype(np.float32)
    return centres


def _filled(
    ids: Ids, read: ReadVectors, centres: Vectors, *, known: Cells | None, sample: RecallSample
) -> tuple[Any, float, Cells]:
    """FAISS's index with every vector in its cell, and the length of the longest."""
    faiss = _import_faiss()
    from faiss.contrib.ivf_tools import add_preassigned

    dim = centres.shape[1]
    quantizer = faiss.IndexFlatIP(dim)
    quantizer.add(centres)
    index = faiss.IndexIVFFlat(quantizer, dim, len(centres), faiss.METRIC_INNER_PRODUCT)
    cells, made = np.empty(len(ids), np.int64), np.empty(len(ids), np.uint64)
    longest = 0.0
    for first, block in _blocks(ids, read):
        part = slice(first, first + len(block))
        made[part] = marks(block)
        cells[part] = _kept(ids[part], made[part], known)
        new = np.flatnonzero(cells[part] < 0)
        if len(new):
            cells[first + new] = quantizer.search(block[new], 1)[1][:, 0]
        rows = np.arange(first, first + len(block), dtype=np.int64)
        add_preassigned(index, block, np.ascontiguousarray(cells[part]), rows)  # type: ignore[no-untyped-call]
        sample.see(block)
        longest = max(longest, float(np.sqrt(np.einsum("nd,nd->n", block, block).max())))
    trained = len(ids) if known is None else known.trained
    return index, longest, Cells(ids=ids, marks=made, cells=cells, centres=centres, trained=trained)


def _kept(ids: Ids, made: NDArray[np.uint64], known: Cells | None) -> Ids:
    """(n,) the cell in which an item was, -1 where it is new or has another vector."""
    if known is None:
        return np.full(len(ids), -1, dtype=np.int64)
    place = np.minimum(np.searchsorted(known.ids, ids), len(known.ids) - 1)
    same = (known.ids[place] == ids) & (known.marks[place] == made)
    return np.where(same, known.cells[place], -1)


def _blocks(ids: Ids, read: ReadVectors) -> Iterator[tuple[int, Vectors]]:
    for first in range(0, len(ids), ROWS):
        yield first, np.ascontiguousarray(read(ids[first : first + ROWS]), dtype=np.float32)


def _import_faiss() -> Any:
    try:
        import faiss
    except ImportError as error:
        raise MissingExtraError(what="approximate search", extra="faiss") from error
    return faiss
