"""Batches made of look-alikes: anchors, each with some of its nearest (OpenShape; dossier MixCon3D, 2.4).

A batch is a pure function of (neighbours, batch, seed, epoch, step). As in the paper, anchors are drawn
evenly and their company evenly among their nearest. Other than there no object is twice in a batch, where it
would be its own negative.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.samplers import Indices, require_shares, steps_per_epoch
from anaglyph.errors import ConfigError
from anaglyph.randomness import numpy_generator


@dataclass(frozen=True, kw_only=True)
class HardBatches:
    """Batches of look-alikes instead of objects drawn evenly."""

    group: int = 5
    """Objects of a group: an anchor and some of its nearest. OpenShape's batches are 40 groups of 5."""
    nearest: int = 31
    """How many of its nearest an anchor's company is drawn from."""
    by: Literal["shape", "image", "text"] = "shape"
    """Whose vectors say what is near, as the model embeds them when the stage begins; OpenShape's shapes."""

    def __post_init__(self) -> None:
        if self.group < 2:
            raise ConfigError(f"group must be >= 2 (an anchor and its nearest), got {self.group}.")
        if self.nearest < self.group - 1:
            raise ConfigError(
                f"nearest={self.nearest} cannot fill groups of {self.group}; it must be >= {self.group - 1}."
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class LookAlikes:
    """Who looks like whom, and how large groups are."""

    nearest: NDArray[np.integer[Any]]
    """(N, K) the nearest rows of each row, K >= group - 1, never itself; may be a memory map."""
    group: int
    """Objects of a group, its anchor included; a batch must be a multiple of it."""


def hard_rows(
    alike: LookAlikes,
    *,
    batch: int,
    seed: int,
    epoch: int,
    start: int = 0,
    rank: int = 0,
    world: int = 1,
) -> list[Indices]:
    """One array of rows per step of an epoch, from step `start` on, as `samplers.epoch_rows`.

    The rows of a batch stand group by group, each with its anchor first. In an epoch no object is an anchor
    twice, and all have the same chance to be one. Where others of the batch have taken all of an anchor's
    nearest, objects drawn evenly among the rest fill its group.
    """
    objects, anchors = len(alike.nearest), batch // alike.group
    require_groups(batch, alike.group)
    share = require_shares(batch, world)
    steps = steps_per_epoch(objects, batch)
    order = numpy_generator(seed, "anchors", epoch).permutation(objects)[: steps * anchors]
    mine = slice(rank * share, (rank + 1) * share)
    return [
        _batch(
            alike, chosen, numpy_generator(seed, "look-alikes", epoch, start + place), objects
        ).reshape(-1)[mine]
        for place, chosen in enumerate(order.reshape(steps, anchors)[start:])
    ]  # fmt: skip


def group_numbers(group: int, *, batch: int, rank: int = 0, world: int = 1) -> Indices:
    """(batch / world,) which group of the batch each row of this process belongs to, counted over all."""
    share = require_shares(batch, world)
    return np.arange(rank * share, (rank + 1) * share, dtype=np.int64) // group


def require_groups(batch: int, group: int) -> None:
    """ConfigError unless a batch is whole groups, at least two: within one nothing need be a negative."""
    if batch % group or batch < 2 * group:
        raise ConfigError(
            f"a batch of {batch} is not made of groups of {group}; use a multiple of {group}, "
            f"{2 * group} or more."
        )


def _batch(alike: LookAlikes, anchors: Indices, random: np.random.Generator, objects: int) -> Indices:
    """(A, group) rows, all different."""
    company = random.permuted(np.asarray(alike.nearest[anchors], dtype=np.int64), axis=1)  # (A, K)
    taken = set(anchors.tolist())
    rows = []
    for anchor, near in zip(anchors.tolist(), company.tolist(), strict=True):
        group = [anchor]
        for row in near:
            if len(group) == alike.group:
                break
            if row not in taken:
                taken.add(row)
                group.append(row)
        while len(group) < alike.group:
            row = int(random.integers(objects))
            if row not in taken:
                taken.add(row)
                group.append(row)
        rows.append(group)
    return np.array(rows, dtype=np.int64)
