"""Arrays that take a while to make, kept in a folder of their own, checked when read.

The name holds a fingerprint of everything the arrays depend on, source bytes included, so that a cache
never has to be emptied by hand. One that is damaged is named in the log, removed and made again.
A folder that cannot be used is named in the log too, and the run goes on without it.
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
from anaglyph.io.atomic import new_folder, sha256, write_bytes, write_manifest
from anaglyph.io.verified import verify_manifest_once

Arrays = dict[str, NDArray[Any]]
log = logging.getLogger(__name__)
_UNUSABLE = (
    "the cache folder '%s' cannot be used (%s), so the arrays are made anew each time; "
    "set ANAGLYPH_CACHE to a folder that can be written."
)


def cached(
    folder: Path | None, name: str, depends_on: Mapping[str, Any], make: Callable[[], Arrays]
) -> Arrays:
    """The arrays that `make` returns, from `folder` where they lie there for the same `depends_on`.

    `folder` None makes them anew each time.
    """
    if folder is None:
        return make()
    place = folder / f"{name}-{fingerprint(depends_on)}"
    try:
        kept = _kept(place)
    except OSError as error:
        log.warning(_UNUSABLE, folder, error)
        return make()
    if kept is not None:
        return kept
    arrays = make()
    try:
        _keep(place, arrays)
    except DataError as error:
        log.warning("the cache is not kept: %s", error)
    except OSError as error:
        log.warning(_UNUSABLE, folder, error)
    return arrays


def digest_of(paths: Iterable[Path]) -> str:
    """One hash over the names and bytes of files, for `depends_on`."""
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(f"{path.name}\0{sha256(path)}\0".encode())
    return total.hexdigest()


def _kept(place: Path) -> Arrays | None:
    """The arrays in `place`; None where there are none, or damaged ones, which are removed."""
    if not place.exists():
        return None
    problem = verify_manifest_once(place)
    if problem is None:
        return {path.stem: np.load(path, allow_pickle=False) for path in sorted(place.glob("*.npy"))}
    log.warning("the cache is damaged and made again: %s", problem)
    shutil.rmtree(place)
    return None


def _keep(place: Path, arrays: Arrays) -> None:
    with new_folder(place) as temporary:
        for key, array in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, array, allow_pickle=False)
            write_bytes(temporary / f"{key}.npy", buffer.getvalue())
        write_manifest(temporary)
