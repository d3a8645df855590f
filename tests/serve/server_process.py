"""A real server over a tiny index: `python server_process.py FOLDER`; prints its port when it answers."""

import sys
import time
from pathlib import Path

from tiny_index import tiny_served, tiny_store

from anaglyph.serve.clocks import Clocks
from anaglyph.serve.run import listening, run_server
from anaglyph.serve.settings import ServeLimits, ServeSettings

SECONDS = 2.0


def main(folder: Path) -> None:
    """Serve until a signal."""
    settings = ServeSettings(port=0, limits=ServeLimits(idle_seconds=SECONDS, connections=30))
    clocks = Clocks(now=time.time, monotonic=time.monotonic)
    served = tiny_served(tiny_store(folder), settings=settings, clocks=clocks)
    made = listening(settings)
    run_server(served, made, ready=lambda: print(made.getsockname()[1], flush=True))


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except KeyboardInterrupt:
        sys.exit(7)
