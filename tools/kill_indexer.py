"""Kills `anaglyph index` at random moments and holds what it ends with against an undisturbed run.

    python tools/kill_indexer.py FOLDER --times 50 [--model mini] [--seed 0] [--processes 2] [--json FILE]

Each start goes on where the last one was killed, until one ends by itself; then all rows of its index (ids,
facets, problems, vectors, views, thumbnails; not the time of adding) are compared with the undisturbed ones,
and the next index is begun. Everything is imported once: each start is a fork of this process that runs the
command line; the processes that it starts are real ones. Exit code 0 when every index was the same.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import anaglyph.search.indexing
import anaglyph.search.sqlite_open  # noqa: F401 - with all that children would import
from anaglyph.cli.main import main
from anaglyph.errors import IndexFormatError
from anaglyph.search.items import Filters
from anaglyph.search.opening import open_store


def run() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--data-root", default=".")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        report = killed_and_compared(given, Path(scratch))
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
    written, equal, indexes, starts = [], 0, 0, 0
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


def started(given: argparse.Namespace, place: Path) -> int:
    """Start the command on an index; its process id."""
    arguments = [
        "index", str(given.folder), "--index", str(place), "--model", given.model, "--data-root",
        given.data_root, "--processes", str(given.processes), "--batch", str(given.batch), "--json",
        "--device", "cpu",
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


def rows(place: Path) -> list[Any]:
    """All that an index holds but the times of adding."""
    with closing(open_store(place)) as store:
        return [
            (
                {name: value for name, value in vars(entry.item).items() if name != "added"},
                None if entry.vector is None else entry.vector.tobytes(),
                None if entry.views is None else entry.views.tobytes(),
                entry.thumbnail,
            )
            for entry in store.every()
        ]


if __name__ == "__main__":
    sys.exit(run())
