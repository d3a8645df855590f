"""Kills `anaglyph index` at random moments and holds what it ends with against an undisturbed run.

    python tools/kill_indexer.py FOLDER --times 50 [--model mini] [--seed 0] [--processes 2] [--json FILE]
    python tools/kill_indexer.py FOLDER --store postgresql://USER@HOST/DATABASE --shards 4 [as above]

Each start goes on where the last one was killed, until one ends by itself; then all rows of its index (ids,
facets, problems, vectors, views, thumbnails; not the time of adding) are compared with the undisturbed ones,
and the next index is begun. Everything is imported once: each start is a fork of this process that runs the
command line; the processes that it starts are real ones. Exit code 0 when every index was the same.

With --store, as many indexers as there are shards write into one database at once, each killed and started
again by itself; the undisturbed run is one into a folder. Ids, which follow the order of arrival, are left
out, and queries must give the same hits in the same order. The index is a schema `killed_...`, removed at the
end. `--store pgserver` starts a server of its own.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

import anaglyph.search.indexing
import anaglyph.search.sqlite_open  # noqa: F401 - with all that children would import
from anaglyph.cli.main import main
from anaglyph.errors import IndexFormatError
from anaglyph.search.index_place import is_address
from anaglyph.search.items import Filters
from anaglyph.search.opening import open_store
from anaglyph.search.store import Store


def run() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--data-root", default=".")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2, help="of each indexer")
    parser.add_argument("--store", help="address of a database, or pgserver")
    parser.add_argument("--shards", type=int, default=4, help="indexers that write into --store at once")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if given.store is None:
            report = killed_and_compared(given, Path(scratch))
        else:
            with a_database(given.store, Path(scratch)) as address:
                report = killed_together(given, Path(scratch), address)
    text = json.dumps(report, indent=2)
    print(text)
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")
    return 0 if report["equal"] == report["indexes"] else 1


def killed_and_compared(given: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Kill `given.times` starts; what came of it."""
    draw = random.Random(given.seed)
    start = time.monotonic()
    finish(started(given, scratch / "undisturbed"))
    undisturbed = time.monotonic() - start
    expected = rows(scratch / "undisturbed")
    written: list[int] = []
    equal, indexes, starts = 0, 0, 0
    while len(written) < given.times or (scratch / "index").exists():
        before = items_in(scratch / "index")
        pid = started(given, scratch / "index")
        starts += 1
        moment = draw.random() if len(written) < given.times else float("inf")
        if not ended_before(pid, scratch / "index", before, moment, undisturbed):
            written.append(items_in(scratch / "index"))
            print(f"killed {len(written)} of {given.times}: {written[-1]} items written", file=sys.stderr)
            continue
        indexes += 1
        same = rows(scratch / "index") == expected
        equal += same
        print(f"index {indexes}: {'the same rows' if same else 'OTHER ROWS'}", file=sys.stderr)
        shutil.rmtree(scratch / "index")
    return {
        "models": len(expected),
        "kills": len(written),
        "items_when_killed": written,
        "starts": starts,
        "indexes": indexes,
        "equal": equal,
        "undisturbed_seconds": round(undisturbed, 1),
        "load": [round(each, 1) for each in os.getloadavg()],
    }


@contextmanager
def a_database(store: str, scratch: Path) -> Iterator[str]:
    """The address that was given, or that of a server of our own."""
    if store != "pgserver":
        yield store
        return
    import pgserver  # type: ignore[import-untyped, unused-ignore]

    os.environ.setdefault("XDG_RUNTIME_DIR", str(scratch))
    server = pgserver.get_server(  # type: ignore[attr-defined, unused-ignore]
        scratch / "data", cleanup_mode="stop"
    )
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def killed_together(given: argparse.Namespace, scratch: Path, address: str) -> dict[str, Any]:
    """Kill indexers of one database `given.times` times in all; what came of it."""
    draw = random.Random(given.seed)
    start = time.monotonic()
    finish(started(given, scratch / "undisturbed"))
    undisturbed = time.monotonic() - start
    with closing(open_store(scratch / "undisturbed")) as store:
        expected = rows(scratch / "undisturbed", ids=False), answers(store)
    kills, starts, equal, indexes = 0, 0, 0, 0
    while kills < given.times:
        place = f"{address}#killed_{indexes}"
        drop(place)
        running: dict[int, tuple[int, float]] = {}
        waiting = list(range(1, given.shards + 1))
        while waiting or running:
            for shard in waiting:
                pid = started(given, place, shard=f"{shard}/{given.shards}")
                moment = draw.random() * undisturbed if kills + len(running) < given.times else math.inf
                running[shard] = pid, time.monotonic() + moment
                starts += 1
            waiting = []
            for shard, (pid, until) in list(running.items()):
                if finished(pid):
                    del running[shard]
                elif time.monotonic() >= until:
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                    del running[shard]
                    kills += 1
                    waiting.append(shard)
            time.sleep(0.01)
        indexes += 1
        with closing(open_store(place)) as store:
            same = (rows(place, ids=False), answers(store)) == expected
        equal += same
        print(f"index {indexes}, {kills} kills: {'the same' if same else 'ANOTHER'}", file=sys.stderr)
        drop(place)
    return {
        "models": len(expected[0]), "shards": given.shards, "kills": kills, "starts": starts,
        "indexes": indexes, "equal": equal, "undisturbed_seconds": round(undisturbed, 1),
        "load": [round(each, 1) for each in os.getloadavg()],
    }  # fmt: skip


def answers(store: Store) -> list[Any]:
    """Paths and scores for 20 queries at random."""
    found = []
    for query in np.random.default_rng(0).standard_normal((20, store.header.dim)).astype(np.float32):
        hits = store.nearest(query, filters=Filters(), limit=20)
        paths = [item.path for item in store.items([id for id, _ in hits])]
        found.append(list(zip(paths, [score for _, score in hits], strict=True)))
    return found


def drop(place: str) -> None:
    """Remove an index from a database."""
    from anaglyph.search.postgres_address import parse_address
    from anaglyph.search.postgres_connection import connect, run_on

    address = parse_address(place)
    with closing(connect(address)) as connection:
        run_on(connection, f'DROP SCHEMA IF EXISTS "{address.name}" CASCADE', ())


def started(given: argparse.Namespace, place: Path | str, *, shard: str = "1/1") -> int:
    """Start the command on an index; its process id."""
    arguments = [
        "index", str(given.folder), "--store" if is_address(place) else "--index", str(place), "--shard",
        shard, "--model", given.model, "--data-root", given.data_root, "--processes",
        str(given.processes), "--batch", str(given.batch), "--json", "--device", "cpu",
    ]  # fmt: skip
    pid = os.fork()
    if pid:
        return pid
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    code = 70
    try:
        code = main(arguments)
    finally:
        os._exit(code)


def ended_before(pid: int, place: Path, before: int, moment: float, undisturbed: float) -> bool:
    """Whether a process ended by itself; if not, it is dead now.

    A quarter of the moments in [0, 1) lies anywhere in a run, the others after this start has written:
    starting takes much of the time of a small run.
    """
    if moment >= 0.25:
        while items_in(place) <= before:
            if finished(pid):
                return True
            time.sleep(0.05)
        moment = (moment - 0.25) / 2
    return ended_within(pid, moment * undisturbed)


def ended_within(pid: int, seconds: float) -> bool:
    """Whether a process ended by itself within a time; if not, it is dead now."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if finished(pid):
            return True
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return False


def finish(pid: int) -> None:
    """Wait for the end of a run."""
    while not finished(pid):
        time.sleep(0.05)


def finished(pid: int) -> bool:
    """Whether it has ended well; an error of its own ends the tool."""
    done, status = os.waitpid(pid, os.WNOHANG)
    if done and os.waitstatus_to_exitcode(status):
        raise SystemExit(f"a run ended with code {os.waitstatus_to_exitcode(status)}")
    return bool(done)


def items_in(place: Path) -> int:
    """Items that were committed; 0 before there is an index."""
    with suppress(IndexFormatError), closing(open_store(place)) as store:
        return store.count(Filters(states=("ready", "problem")))
    return 0


def rows(place: Path | str, *, ids: bool = True) -> list[Any]:
    """All that an index holds but the times of adding."""
    but = ("added",) if ids else ("added", "id")
    with closing(open_store(place)) as store:
        return [
            (
                {name: value for name, value in vars(entry.item).items() if name not in but},
                None if entry.vector is None else entry.vector.tobytes(),
                None if entry.views is None else entry.views.tobytes(),
                entry.thumbnail,
            )
            for entry in store.every()
        ]


if __name__ == "__main__":
    sys.exit(run())
