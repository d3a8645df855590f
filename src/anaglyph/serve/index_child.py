"""The process of an indexing job: a request on its input, events as lines of JSON on its output.

It stops in good order when its input ends, as it does when the server goes away, however that happens.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

from anaglyph.errors import AnaglyphError

_STEP = 20
"""Files between two lines."""


def main() -> int:
    """Do what the first line of the input asks."""
    import torch

    from anaglyph.search.index_space import ModelChoice
    from anaglyph.search.indexer import Indexed, IndexEvent, IndexOptions, Scanned
    from anaglyph.search.indexing import update_index

    asked = json.loads(sys.stdin.readline())
    ended = threading.Event()

    def wait_for_end() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait_for_end, daemon=True).start()

    def tell(event: IndexEvent) -> None:
        if isinstance(event, Scanned):
            _say({"done": 0, "total": event.tasks, "message": ""})
        elif isinstance(event, Indexed) and (event.done % _STEP == 0 or event.done == event.tasks):
            _say({"done": event.done, "total": event.tasks, "message": event.path})

    cores = max(1, (os.cpu_count() or 1) - 1)
    torch.set_num_threads(cores)
    try:
        update_index(
            asked["place"],
            [Path(asked["folder"])],
            ModelChoice(),
            IndexOptions(processes=cores),
            root=Path(asked["root"]),
            device=torch.device("cpu"),
            owner="anaglyph serve, a job",
            now=lambda: int(time.time()),
            listen=tell,
            stopped=ended.is_set,
        )
    except AnaglyphError as error:
        _say({"error": str(error)})
        return 2
    _say({"finished": True})
    return 0


def _say(event: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
