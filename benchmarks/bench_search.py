"""Search among 1,000,000 vectors of 512 numbers: ours exact and by cells, plain NumPy, and FAISS itself.

    nice -n 19 python -m benchmarks.bench_search [--vectors 1000000] [--threads 1] [--json FILE]

Vectors are unit length, in 1,000 clusters of 16 intrinsic dimensions; queries are vectors with noise. "FAISS,
raw" is an `IndexIVFFlat` that FAISS trains and fills itself, with as many cells, vectors for training and
rounds as ours; its queries go to FAISS without our code, into the same cells as ours, in turn and in one
process, one at a time and 500 at once. Seconds, queries a second and ratios are by processor time, so that a
busy machine changes them little; a ratio is the time of the other over ours: 1 is as fast, 0.83 is 1.2 times
as slow. Memory is what stands beside the vectors. Recall@10 is against exact search.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from anaglyph.io.atomic import write_json
from anaglyph.randomness import numpy_generator
from anaglyph.search import approximate
from anaglyph.search.exact import Matrix, nearest, nearest_of_many

VECTORS, WIDTH = 1_000_000, 512
CLUSTERS, INTRINSIC = 1000, 16
BATCH, SINGLE, EXACT, JUDGED = 500, 300, 20, 200
TOP = 10
ROUNDS = 3
BLOCK = 50_000


def run(vectors: int = VECTORS, threads: int = 1) -> list[dict[str, Any]]:
    """A row for each way to search."""
    import faiss

    faiss.omp_set_num_threads(threads)
    matrix = Matrix(np.arange(1, vectors + 1, dtype=np.int64), clustered(vectors))
    queries = noisy(matrix.vectors, BATCH)
    expected = nearest_of_many(matrix, queries[:JUDGED], limit=TOP)
    rows = exact_rows(matrix, queries)

    raw_seconds, raw_recall, raw_mb = build_raw(matrix, queries, expected)
    before, start = resident_mb(), time.process_time()
    index, cells = approximate.build(matrix.ids, lambda ids: matrix.vectors[ids - 1], dim=WIDTH)
    seconds, grown = time.process_time() - start, resident_mb() - before

    ours_many, raw_many, ours_one, raw_one = timed(index, queries)
    found = index.nearest_of_many(queries[:JUDGED], limit=TOP)
    settings = f"{index.faiss.nlist} cells, {index.probes} looked into"
    rows.append(
        row(f"FAISS, raw: {settings}", build=raw_seconds, mb=raw_mb, one=SINGLE / raw_one,
            many=BATCH / raw_many, recall=raw_recall)
    )  # fmt: skip
    rows.append(
        row(f"ours by cells: {settings}", build=seconds, mb=grown, one=SINGLE / ours_one,
            many=BATCH / ours_many, recall=overlap(found, expected),
            ratio=(raw_one / ours_one, raw_many / ours_many))
    )  # fmt: skip
    rows += [filtered(index, matrix, queries, share) for share in (0.1, 0.005)]
    del index
    gc.collect()
    start = time.process_time()
    again, _ = approximate.build(matrix.ids, lambda ids: matrix.vectors[ids - 1], dim=WIDTH, known=cells)
    rows.append(row("ours by cells, from the cache", build=time.process_time() - start, recall=again.recall))
    return rows


def timed(index: approximate.Approximate, queries: np.ndarray) -> list[float]:
    """Seconds of ours and of FAISS alone for all queries together, and for some one by one."""
    import faiss

    def raw(some: np.ndarray) -> Any:
        return index.faiss.search(some, TOP, params=faiss.SearchParametersIVF(nprobe=index.probes))

    few = queries[:SINGLE]
    return [
        *fastest(lambda: index.nearest_of_many(queries, limit=TOP), lambda: raw(queries)),
        *fastest(
            lambda: [index.nearest(query, limit=TOP) for query in few],
            lambda: [raw(query[None]) for query in few],
        ),
    ]


def exact_rows(matrix: Matrix, queries: np.ndarray) -> list[dict[str, Any]]:
    """Plain NumPy and ours, one query at a time and together."""
    longest = matrix.longest  # kept from then on

    def plain(some: np.ndarray) -> list[np.ndarray]:
        found = []
        for scores in some @ matrix.vectors.T:
            best = np.argpartition(scores, -TOP)[-TOP:]
            found.append(best[np.argsort(-scores[best])])
        return found

    few = queries[:EXACT]
    ours, numpy_ = fastest(
        lambda: [nearest(matrix, query, limit=TOP) for query in few],
        lambda: [plain(query[None]) for query in few],
    )
    many, numpy_many = fastest(lambda: nearest_of_many(matrix, few, limit=TOP), lambda: plain(few))
    assert longest > 0
    return [
        row("exact, plain NumPy", one=EXACT / numpy_, many=EXACT / numpy_many, recall=1.0),
        row("exact, ours", one=EXACT / ours, many=EXACT / many, recall=1.0,
            ratio=(numpy_ / ours, numpy_many / many)),
    ]  # fmt: skip


def build_raw(matrix: Matrix, queries: np.ndarray, expected: list) -> tuple[float, float, float]:
    """Processor seconds, recall and megabytes of an index that FAISS trains and fills itself."""
    import faiss

    before, start = resident_mb(), time.process_time()
    count = approximate.cell_count(len(matrix))
    index = faiss.index_factory(WIDTH, f"IVF{count},Flat", faiss.METRIC_INNER_PRODUCT)
    index.cp.niter, index.cp.max_points_per_centroid = approximate.ROUNDS, approximate.PER_CELL
    index.cp.min_points_per_centroid = 1
    index.train(matrix.vectors[: approximate.PER_CELL * count])
    for first in range(0, len(matrix), BLOCK):
        index.add(matrix.vectors[first : first + BLOCK])
    seconds, grown = time.process_time() - start, resident_mb() - before
    probes = approximate.FIRST_PROBES
    while True:  # as ours chooses it
        _, rows = index.search(queries[:JUDGED], TOP, params=faiss.SearchParametersIVF(nprobe=probes))
        hits = [[(int(matrix.ids[each]), 0.0) for each in line if each >= 0] for line in rows]
        recall = overlap(hits, expected)
        if recall >= approximate.WANTED_RECALL or probes >= count:
            break
        probes *= 2
    del index
    gc.collect()
    return seconds, recall, grown


def filtered(
    index: approximate.Approximate, matrix: Matrix, queries: np.ndarray, share: float
) -> dict[str, Any]:
    """Queries of which a share of all vectors passes the filters."""
    chosen = numpy_generator("bench", share).random(len(matrix)) < share
    allowed, few = matrix.ids[chosen], queries[:EXACT]
    expected = nearest_of_many(matrix, few, limit=TOP, allowed=allowed)
    start = time.process_time()
    found = [index.nearest(query, limit=TOP, allowed=allowed) for query in few]
    seconds = time.process_time() - start
    name = f"ours by cells, {share:.1%} pass the filters"
    return row(name, one=EXACT / seconds, recall=overlap(found, expected))


def clustered(count: int) -> np.ndarray:
    """(count, WIDTH) unit vectors."""
    generator = numpy_generator("bench", "clusters")
    centres = generator.standard_normal((CLUSTERS, WIDTH), dtype=np.float32)
    bases = generator.standard_normal((CLUSTERS, INTRINSIC, WIDTH), dtype=np.float32)
    made = np.empty((count, WIDTH), dtype=np.float32)
    for first in range(0, count, BLOCK):
        part = made[first : first + BLOCK]
        cluster = np.sort(generator.integers(CLUSTERS, size=len(part)))
        inner = generator.standard_normal((len(part), INTRINSIC), dtype=np.float32) * np.float32(0.3)
        for each in np.unique(cluster):
            mine = cluster == each
            part[mine] = centres[each] + inner[mine] @ bases[each]
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return made


def noisy(vectors: np.ndarray, count: int) -> np.ndarray:
    """Queries near some of the vectors."""
    generator = numpy_generator("bench", "queries")
    chosen = vectors[generator.integers(len(vectors), size=count)]
    noise = generator.standard_normal(chosen.shape, dtype=np.float32) * np.float32(0.5 / WIDTH**0.5)
    made: np.ndarray = (chosen + noise) / np.linalg.norm(chosen + noise, axis=1, keepdims=True)
    return made.astype(np.float32)


def fastest(*ways: Callable[[], object]) -> list[float]:
    """Least processor seconds of each, run in turn."""
    times: list[list[float]] = [[] for _ in ways]
    for _ in range(ROUNDS):
        for way, taken in zip(ways, times, strict=True):
            start = time.process_time()
            way()
            taken.append(time.process_time() - start)
    return [min(taken) for taken in times]


def overlap(found: list, expected: list) -> float:
    """Share of the expected ids that were found."""
    pairs = zip(found, expected, strict=True)
    hits = sum(len({id for id, _ in one} & {id for id, _ in other}) for one, other in pairs)
    return hits / sum(len(each) for each in expected)


def row(
    what: str, *, build: float | None = None, mb: float | None = None, one: float | None = None,
    many: float | None = None, recall: float | None = None, ratio: tuple[float, float] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """One line of the table."""
    return {
        "what": what,
        "build_cpu_s": "" if build is None else build,
        "extra_mb": "" if mb is None else mb,
        "qps_single": "" if one is None else one,
        f"qps_of_{BATCH}": "" if many is None else many,
        "recall_at_10": "" if recall is None else recall,
        "ratio_single": "" if ratio is None else ratio[0],
        "ratio_batch": "" if ratio is None else ratio[1],
    }


def resident_mb() -> float:
    """Of this process; Linux."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vectors", type=int, default=VECTORS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    measured = run(options.vectors, options.threads)
    print(json.dumps(measured, indent=2))
    if options.json:
        write_json(options.json, measured)
