"""What 3D models hold, as hashes: the identity of the views that are rendered from them.

Hashing reads every byte of every model, which for a large data set takes minutes at every start. So the
hashes are kept under the state (size, times of change) of all files below the folder that models may refer
into: a material, a texture or a buffer that changes is noticed like a model that changes, whoever refers to
it. Asking for the state reads no file; any change has all models hashed once more.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.cache import cached
from anaglyph.errors import MeshError
from anaglyph.geometry.content_hash import READING, content_hash

log = logging.getLogger(__name__)
_BYTES = 32
"""Of a SHA-256."""


def contents_of(paths: Sequence[Path], *, root: Path, cache: Path | None, name: str) -> tuple[str, ...]:
    """`content_hash` of each model, in order; empty for one that cannot be read.

    Args:
        paths: the models.
        root: folder that models may refer into, as for `load_mesh`.
        cache: where the hashes are kept; None computes them each time.
        name: of the models, for the cache and the log.
    """
    state = None if cache is None else _state_below(root.resolve(), apart_from=cache.resolve())
    if state is None:
        return tuple(_content(path, root) for path in paths)

    def make() -> dict[str, NDArray[np.uint8]]:
        log.info("%s: hashing %d 3D models", name, len(paths))
        rows = [bytes.fromhex(_content(path, root)).ljust(_BYTES, b"\0") for path in paths]
        return {"hashes": np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(-1, _BYTES)}

    places = [os.path.relpath(path, root) for path in paths]
    depends_on = {"state": state, "models": places, "reading": READING}
    hashes = cached(cache, f"{name}-contents", depends_on, make)["hashes"]
    return tuple(row.tobytes().hex() if row.any() else "" for row in hashes)


def _content(path: Path, root: Path) -> str:
    try:
        return content_hash(path, root=root)
    except MeshError:
        return ""  # the reader says what is wrong, when its turn comes


def _state_below(root: Path, *, apart_from: Path) -> str | None:
    """A hash of names, sizes and times of everything below a folder; None where not all of it can be seen.

    Links stand for themselves: what they lead to lies below the folder, too, or is never read. The time of
    the entry's own change (ctime) tells files whose bytes changed under the old size and date.
    """
    total = hashlib.sha256()
    folders = [root]
    try:
        while folders:
            with os.scandir(folders.pop()) as found:
                entries = sorted(found, key=lambda entry: entry.name)
            for entry in entries:
                path = Path(entry.path)
                if entry.is_dir(follow_symlinks=False):
                    folders += [path] if path != apart_from else []
                    continue
                facts = entry.stat(follow_symlinks=False)
                line = f"{path.relative_to(root)}\0{facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns}\0"
                total.update(line.encode(errors="surrogateescape"))
    except OSError as error:
        log.info("models are hashed at each start: '%s' cannot be looked through (%s)", root, error)
        return None
    return total.hexdigest()
