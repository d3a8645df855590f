"""What other processes do to an index in the tests: `python index_process.py DOING FOLDER ARGUMENTS`."""

import os
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from anaglyph.errors import IndexFormatError
from anaglyph.search.items import Filters
from anaglyph.search.opening import open_store
from store_items import entry

BATCH = 5


def hold(folder):
    """Write, and never end."""
    with open_store(folder).writer(owner="the holder"):
        print("holding", flush=True)
        sys.stdin.read()


def hold_and_fork(folder):
    """Write, and leave a child behind that lives on."""
    with open_store(folder).writer(owner="the parent"):
        if os.fork() == 0:
            print(os.getpid(), flush=True)
        sys.stdin.read()


def write(folder, name, batches):
    """Put batches of files, each under a lock of its own, taken whenever it is free."""
    store = open_store(folder)
    for batch in range(int(batches)):
        while True:
            try:
                with store.writer(owner=name) as writer:
                    writer.put([entry(f"{name}/{batch}/{number}.obj") for number in range(BATCH)])
                break
            except IndexFormatError as error:
                if "being written by" not in str(error):
                    raise


def read(folder, until):
    """Read until there are so many; every look must see whole batches, each with its vector."""
    store, seen, generation = open_store(folder), 0, -1
    while seen < int(until):
        now, ids = store.generation(), store.ids(Filters())
        count = store.count(Filters())
        assert count % BATCH == 0, f"half a batch: {count} items"
        assert len(ids) % BATCH == 0, f"half a batch: {len(ids)} vectors"
        assert count >= seen, f"{seen} items, then {count}"
        assert now >= generation, "the generation went back"
        found, vectors = store.vectors()
        lengths = np.linalg.norm(vectors, axis=1)
        assert len(found) >= len(ids), "vectors are missing"
        assert np.allclose(lengths, 1.0, atol=1e-5), "half a vector"
        seen, generation = count, now
    store.close()


DOINGS = {"hold": hold, "hold_and_fork": hold_and_fork, "write": write, "read": read}

if __name__ == "__main__":
    DOINGS[sys.argv[1]](*sys.argv[2:])
