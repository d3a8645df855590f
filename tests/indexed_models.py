"""A folder of tiny models and a tiny trained space: what the tests of the index are run on."""

import numpy as np

from anaglyph.search.indexer import IndexOptions
from anaglyph.search.scanner import WHOLE
from anaglyph.search.store import Known
from model_files import write_broken, write_model
from scenes import box
from space_files import save_run

SIZES = {
    "a.obj": (1.0, 2.0, 3.0),
    "chairs/high.ply": (1.0, 4.0, 1.0),
    "chairs/low.off": (2.0, 0.5, 2.0),
    "tables/round.obj": (3.0, 1.0, 2.0),
}


def brick(size):
    """A box of that width, height and depth."""
    half = np.array(size) / 2
    return box(-half, half)


def write_models(folder):
    """Four bricks, a file that cannot be used and an empty one."""
    for path, size in SIZES.items():
        write_model(folder / path, brick(size))
    write_broken(folder / "tables" / "broken.obj")
    (folder / "empty.stl").touch()
    return folder


def save_space(folder):
    """Weights of a tiny space with towers, for `open_space`; its towers lie in the same folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return save_run(folder / "space.safetensors", "mixcon3d")


def options(**values):
    """One process, small transactions."""
    return IndexOptions(**{"processes": 1, "batch": 2, "shard": WHOLE, **values})


def known(id, *, bytes=10, modified=5, content="", state="ready"):
    """A row that the scanner compares with."""
    return Known(id, bytes, modified, content or f"content {id}", state)


def rows(store, *, but=("added",)):
    """All that an index holds, as plain values; equal for equal indexes."""
    found = []
    for entry in store.every():
        item = {name: value for name, value in vars(entry.item).items() if name not in but}
        arrays = [
            None if array is None else (array.dtype.str, array.shape, array.tobytes())
            for array in (entry.vector, entry.views)
        ]
        found.append((item, arrays, entry.thumbnail))
    return found
