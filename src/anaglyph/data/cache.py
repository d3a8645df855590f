"""Arrays that take a while to make, kept in a folder of their own, checked when read.

The name holds a fingerprint of everything the arrays depend on, source bytes included, so that a cache
never has to be emptied by hand. One that is damaged is named in the log, removed and made again.
"""

from __future__ import annotations

import hashlib
import io
import logging
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anaglyph.config import fingerprint
from anaglyph.errors import DataError
from anaglyph.io.atomic import new_folder, sha256, verify_manifest, write_bytes, write_manifest

Arrays = dict[str, NDArray[Any]]
log = logging.getLogger(__name__)


def cached(
    folder: Path | None, name: str, depends_on: Mapping[str, Any], make: Callable[[], Arrays]
) -> Arrays:
    """The arrays that `make` returns, from `folder` where they lie there for the same `depends_on`.

    `folder` None makes them anew each time.
    """
    if folder is None:
        return make()
    place = folder / f"{name}-{fingerprint(depends_on)}"
    if place.exists():
        problem = verify_manifest(place)
        if problem is None:
            return {path.stem: np.load(path, allow_pickle=False) for path in sorted(place.glob("*.npy"))}
        log.warning("the cache is damaged and made again: %s", problem)
        shutil.rmtree(place)
    arrays = make()
    try:
        with new_folder(place) as temporary:
            for key, array in arrays.items():
                buffer = io.BytesIO()
                np.save(buffer, array, allow_pickle=False)
                write_bytes(temporary / f"{key}.npy", buffer.getvalue())
            write_manifest(temporary)
    except DataError as error:
        log.warning("the cache is not kept: %s", error)
    return arrays


def digest_of(paths: Iterable[Path]) -> str:
    """One hash over the names and bytes of files, for `depends_on`."""
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(f"{path.name}\0{sha256(path)}\0".encode())
    return total.hexdigest()
