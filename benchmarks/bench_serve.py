"""Searchers at once on the HTTP server: latency and errors of "more like this" over 20,000 items.

    python -m benchmarks bench_serve
    python benchmarks/bench_serve.py --seconds 60 --searchers 50 --items 20000

A real index (512 numbers an item, 12 views, facets) is made in a temporary folder and served by a process of
its own, as `anaglyph serve` does, but without a model. Another process holds one connection for each
searcher, who asks for 24 hits of a random item and asks again as soon as the answer is there ("no pause") or
a second later ("1 s pause"), as people do. Milliseconds are taken where the request is sent, until the last
byte of its answer, "server CPU ms" is what the server computed for each. Nothing else should run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from anaglyph.randomness import numpy_generator
from anaglyph.search.items import Entry, Item, ItemFacets
from anaglyph.search.opening import create_store, open_store
from anaglyph.search.store import Header

DIM, VIEWS, CLUSTERS = 512, 12, 200
HITS = 24
SECONDS = 60.0


def run(
    *,
    seconds: float = SECONDS,
    searchers: int = 50,
    items: int = 20_000,
    pauses: tuple[float, ...] = (0.0, 1.0),
) -> list[dict[str, Any]]:
    """Rows: what, requests per second, p50, p95, p99 and largest in milliseconds, errors."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="anaglyph-bench-") as folder:
        make_index(Path(folder) / "index", items)
        command = [sys.executable, __file__, "--serve", str(Path(folder) / "index")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            if server.stdout is None:
                raise RuntimeError("the server has no output")
            port = int(server.stdout.readline())
            try:
                loaded(port, searchers=searchers, items=items, seconds=min(2.0, seconds), pause=0.0)
                for pause in pauses:
                    before = cpu_seconds(server.pid)
                    taken, errors = loaded(
                        port, searchers=searchers, items=items, seconds=seconds, pause=pause
                    )
                    made_row = row(taken, errors, seconds, searchers, items, pause)
                    used = cpu_seconds(server.pid) - before
                    rows.append({**made_row, "server CPU ms": 1000 * used / len(taken)})
            finally:
                server.terminate()
    return rows


def cpu_seconds(process: int) -> float:
    """Seconds of all cores that a process has used, as Linux says."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def row(
    taken: list[float], errors: int, seconds: float, searchers: int, items: int, pause: float
) -> dict[str, Any]:
    """One line of the table."""
    p50, p95, p99, most = (1000 * np.quantile(taken, [0.5, 0.95, 0.99, 1.0])).tolist()
    return {
        "what": f"{searchers} searchers, {f'{pause:g} s' if pause else 'no'} pause, {items} items",
        "seconds": seconds,
        "requests/s": len(taken) / seconds,
        "p50 ms": p50,
        "p95 ms": p95,
        "p99 ms": p99,
        "most ms": most,
        "errors": errors,
    }


def make_index(folder: Path, items: int) -> None:
    """An index of made-up models in clusters."""
    generator = numpy_generator("bench_serve")
    centres = generator.standard_normal((CLUSTERS, DIM))
    store = create_store(folder, Header(model="mini", fingerprint="0" * 16, dim=DIM, views=("ring12", 64)))
    with store.writer(owner="bench") as writer:
        for first in range(0, items, 1000):
            rows = range(first, min(first + 1000, items))
            vectors = unit(
                centres[generator.integers(CLUSTERS, size=len(rows))] + made(generator, len(rows), DIM)
            )
            views = unit(vectors[:, None] + 0.5 * made(generator, len(rows), VIEWS, DIM)).astype(np.float16)
            writer.put([entry(row, vectors[place], views[place]) for place, row in enumerate(rows)])
    store.close()


def made(generator: np.random.Generator, *shape: int) -> np.ndarray:
    """Normal numbers."""
    return generator.standard_normal(shape)


def unit(vectors: np.ndarray) -> np.ndarray:
    """(..., D) float32 of length 1."""
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def entry(row: int, vector: np.ndarray, views: np.ndarray) -> Entry:
    """One model."""
    facets = ItemFacets(
        format=("glb", "obj", "stl")[row % 3], vertices=100 + row, faces=200 + row, size=(1.0, 2.0, 3.0),
        proportions=0.7, area=10.0, volume=5.0, watertight=row % 2 == 0, coloured=row % 5 == 0,
        category=f"kind {row % 40}",
    )  # fmt: skip
    item = Item(
        id=0, root="/models", path=f"folder-{row % 100}/model-{row}.glb", content=f"{row:064x}",
        bytes=1000 + row, modified=row, added=0, state="ready", facets=facets,
    )  # fmt: skip
    return Entry(item=item, vector=vector, views=views, thumbnail=b"\x89PNG")


def serve(folder: Path) -> None:
    """What the server process does; its first line is the port."""
    from anaglyph.serve.clocks import Clocks
    from anaglyph.serve.index_engine import IndexEngine
    from anaglyph.serve.run import listening, run_server
    from anaglyph.serve.served import Served
    from anaglyph.serve.settings import ServeSettings

    settings = ServeSettings(port=0)
    store = open_store(folder)
    store.vectors()
    engine = IndexEngine(store, space=None, cache=None, limits=settings.limits)
    clocks = Clocks(now=time.time, monotonic=time.monotonic)
    made_socket = listening(settings)
    served = Served(store, engine, settings=settings, clocks=clocks)
    run_server(served, made_socket, ready=lambda: print(made_socket.getsockname()[1], flush=True))


def loaded(port: int, *, searchers: int, items: int, seconds: float, pause: float) -> tuple[list[float], int]:
    """Seconds of each answer, and how many failed, from a process of its own."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(searched, (port, searchers, items, seconds, pause))


def searched(port: int, searchers: int, items: int, seconds: float, pause: float) -> tuple[list[float], int]:
    """What the searching process does."""
    return asyncio.run(_all_searchers(port, searchers, items, seconds, pause))


async def _all_searchers(
    port: int, searchers: int, items: int, seconds: float, pause: float
) -> tuple[list[float], int]:
    end = time.perf_counter() + seconds
    found = await asyncio.gather(*(_searcher(port, each, items, end, pause) for each in range(searchers)))
    return [taken for times, _ in found for taken in times], sum(errors for _, errors in found)


async def _searcher(port: int, number: int, items: int, end: float, pause: float) -> tuple[list[float], int]:
    generator = numpy_generator("searcher", number)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    times: list[float] = []
    errors = 0
    await asyncio.sleep(pause * number / 50)
    while (begun := time.perf_counter()) < end:
        id = int(generator.integers(1, items + 1))
        body = json.dumps({"parts": [{"kind": "like", "id": id}], "limit": HITS}).encode()
        head = (
            f"POST /api/v1/search HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        lines = answer.lower().split(b"\r\n")
        length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
        content = await reader.readexactly(length)
        times.append(time.perf_counter() - begun)
        if not answer.startswith(b"HTTP/1.1 200") or content.count(b'"score":') != HITS:
            errors += 1
        if pause:
            await asyncio.sleep(pause)
    writer.close()
    return times, errors


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--searchers", type=int, default=50)
    parser.add_argument("--items", type=int, default=20_000)
    options = parser.parse_args()
    if options.serve is not None:
        serve(options.serve)
        return
    for each in run(seconds=options.seconds, searchers=options.searchers, items=options.items):
        print(
            "  ".join(
                f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
                for name, value in each.items()
            )
        )


if __name__ == "__main__":
    main()
