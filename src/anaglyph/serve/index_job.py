"""Indexing in a process of its own: it uses its cores and memory, and queries are answered meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from anaglyph.errors import AnaglyphError, DataError
from anaglyph.serve.jobs import IndexRoot, Report

_LISTEN_SECONDS = 0.2


def index_in_child(place: str, *, root: Path) -> IndexRoot:
    """Something that brings one root of an index up to date.

    Args:
        place: folder of the index, or the address of a database.
        root: folder where relative sources of towers start.
    """

    def index(folder: str, report: Report) -> None:
        # The child reads what it should do from its input, where no list of processes shows a password.
        with subprocess.Popen(
            [sys.executable, "-m", "anaglyph.serve.index_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is for the server, which then asks it to stop
        ) as child:
            _follow(child, {"place": place, "folder": folder, "root": str(root)}, report)

    return index


def _follow(child: subprocess.Popen[str], request: dict[str, str], report: Report) -> None:
    """Pass on what the child says, and close its input, which stops it, when the job is cancelled."""
    if child.stdin is None or child.stdout is None:
        raise TypeError("the child was started without pipes")
    finished = threading.Event()
    child.stdin.write(json.dumps(request) + "\n")
    child.stdin.flush()

    def watch() -> None:
        while not finished.wait(_LISTEN_SECONDS):
            if report.cancelled:
                break
        if child.stdin is not None:
            child.stdin.close()

    watcher = threading.Thread(target=watch, name="cancel-index")
    watcher.start()
    last: dict[str, Any] = {}
    try:
        for line in child.stdout:
            last = json.loads(line)
            if "done" in last:
                report(done=last["done"], total=last["total"], message=last["message"])
    finally:
        finished.set()
        watcher.join()
    if "error" in last:
        raise AnaglyphError(last["error"])
    if not last.get("finished"):
        raise DataError(
            "the indexing process ended before it was done; what it had written stays. Start again."
        )
