"""A validation split carved out of the training split; the test split is never touched."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import ConfigError


def validation_mask(
    keys: Sequence[str], *, fraction: float, seed: int, groups: Sequence[str] | None = None
) -> NDArray[np.bool_]:
    """(N,) True for the objects that are held out: those whose hashed group falls below `fraction`.

    Membership depends on the group and the seed alone, so it survives reordering and additions. Objects
    that belong together (repeated models) share a group and never end on both sides; by default each key
    is its own group. At least one object is held out where there are two or more.
    """
    if not 0.0 < fraction < 1.0:
        raise ConfigError(f"the validation fraction is {fraction}; it must lie between 0 and 1.")
    place = np.array([_place(group, seed) for group in (groups if groups is not None else keys)])
    held_out = place < fraction
    if len(keys) > 1 and not held_out.any():
        held_out = place == place.min()
    result: NDArray[np.bool_] = held_out
    return result


def _place(group: str, seed: int) -> float:
    digest = hashlib.blake2b(f"{seed}/validation/{group}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") / 2.0**64
