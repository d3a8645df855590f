"""Which rows make which batch: a pure function of (objects, batch, seed, epoch), sliced for processes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import ConfigError, DataError
from anaglyph.randomness import numpy_generator

Indices = NDArray[np.int64]


def steps_per_epoch(objects: int, batch: int) -> int:
    """Full batches in one pass; DataError when there is not even one of at least two objects."""
    if objects < max(batch, 2):
        raise DataError(
            f"the training split has {objects} object{'s' * (objects != 1)}, a batch {max(batch, 2)}; "
            f"lower the batch size or give more objects (contrast needs at least 2)."
        )
    return objects // batch


def epoch_order(objects: int, *, seed: int, epoch: int) -> Indices:
    """(objects,) the rows in this epoch's random order."""
    return numpy_generator(seed, "epoch order", epoch).permutation(objects)


def epoch_rows(
    objects: int, *, batch: int, seed: int, epoch: int, start: int = 0, rank: int = 0, world: int = 1
) -> list[Indices]:
    """One array of rows per step of an epoch, from step `start` on; what does not fill a batch is left out.

    Each process takes its own slice of every batch, so that `world` processes together see the batches
    that one process would see.
    """
    if batch % world:
        raise ConfigError(
            f"a batch of {batch} cannot be shared by {world} processes; use a multiple of {world}."
        )
    steps = steps_per_epoch(objects, batch)
    order = epoch_order(objects, seed=seed, epoch=epoch)[: steps * batch]
    share = batch // world
    mine = order.reshape(steps, world, share)[:, rank]
    return list(mine[start:])


def ordered_rows(objects: int, *, batch: int) -> list[Indices]:
    """All rows in order, `batch` at a time, the last part smaller."""
    return [np.arange(start, min(start + batch, objects)) for start in range(0, objects, batch)]
