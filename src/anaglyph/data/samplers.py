"""Which rows make which batch: a pure function of (objects, batch, seed, epoch), sliced for processes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import ConfigError, DataError
from anaglyph.randomness import numpy_generator

Indices = NDArray[np.int64]

WINDOW = 4
"""Blocks that are mixed with each other: shards that are open at a time."""


def steps_per_epoch(objects: int, batch: int) -> int:
    """Full batches in one pass; DataError when there is not even one of at least two objects."""
    if objects < max(batch, 2):
        raise DataError(
            f"the training split has {objects} object{'s' * (objects != 1)}, a batch {max(batch, 2)}; "
            f"lower the batch size or give more objects (contrast needs at least 2)."
        )
    return objects // batch


def require_shares(batch: int, world: int) -> int:
    """Rows of a batch for each of `world` processes; ConfigError when they cannot be equally many."""
    if batch % world:
        raise ConfigError(
            f"a batch of {batch} cannot be shared by {world} processes; use a multiple of {world}."
        )
    return batch // world


def epoch_order(objects: int, *, seed: int, epoch: int, blocks: Indices | None = None) -> Indices:
    """(objects,) the rows in this epoch's random order.

    Args:
        objects: how many rows there are.
        seed: run seed.
        epoch: number of the pass, 0-based.
        blocks: (K + 1,) row where each block of rows that are stored side by side begins, then `objects`.
            Blocks then come in random order, `WINDOW` at a time with all their rows mixed, so that each is
            read in one stretch of the epoch. None, or a single block, mixes everything.
    """
    random = numpy_generator(seed, "epoch order", epoch)
    if blocks is None:
        return random.permutation(objects)
    _check_blocks(blocks, objects)
    order = random.permutation(len(blocks) - 1)
    stretches = []
    for first in range(0, len(order), WINDOW):
        window = [np.arange(blocks[k], blocks[k + 1]) for k in order[first : first + WINDOW]]
        stretches.append(random.permutation(np.concatenate(window)))
    return np.concatenate(stretches)


def _check_blocks(blocks: Indices, objects: int) -> None:
    ends = (int(blocks[0]), int(blocks[-1])) if len(blocks) > 1 else ()
    if ends != (0, objects) or bool((np.diff(blocks) < 1).any()):
        raise ValueError(
            f"blocks must rise from 0 to the number of rows, {objects}, got {blocks.tolist()[:8]}; "
            f"say where each block begins, then how many rows there are"
        )


def epoch_rows(
    objects: int,
    *,
    batch: int,
    seed: int,
    epoch: int,
    start: int = 0,
    rank: int = 0,
    world: int = 1,
    blocks: Indices | None = None,
) -> list[Indices]:
    """One array of rows per step of an epoch, from step `start` on; what does not fill a batch is left out.

    Each process takes its own slice of every batch, so that `world` processes together see the batches
    that one process would see.
    """
    share = require_shares(batch, world)
    steps = steps_per_epoch(objects, batch)
    order = epoch_order(objects, seed=seed, epoch=epoch, blocks=blocks)[: steps * batch]
    mine = order.reshape(steps, world, share)[:, rank]
    return list(mine[start:])


def ordered_rows(objects: int, *, batch: int) -> list[Indices]:
    """All rows in order, `batch` at a time, the last part smaller."""
    return [np.arange(start, min(start + batch, objects)) for start in range(0, objects, batch)]
