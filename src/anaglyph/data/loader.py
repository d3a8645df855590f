"""Batches in the making: in this process, or ahead of time in worker processes; the same either way.

Labels are taken out here unless the caller says that the method uses them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from anaglyph.data.hard_batches import LookAlikes, group_numbers, hard_rows
from anaglyph.data.objects import Objects
from anaglyph.data.samplers import Indices, epoch_rows, ordered_rows
from anaglyph.data.samplers import steps_per_epoch as steps_per_epoch
from anaglyph.errors import AnaglyphError, ConfigError, DataError
from anaglyph.types import Batch


def epoch_batches(
    dataset: Objects,
    *,
    seed: int,
    epoch: int,
    batch: int,
    start: int = 0,
    rank: int = 0,
    world: int = 1,
    crops: int = 1,
    workers: int = 0,
    labels: bool = False,
    alike: LookAlikes | None = None,
) -> Iterator[Batch]:
    """This process's share of an epoch's shuffled, augmented batches, from step `start` on.

    `batch` counts objects over all processes. With `crops` > 1 the further draws are in `Batch.crops`. With
    `alike` batches are groups of look-alikes, told apart by `Batch.groups`.
    """
    alone = epoch_parts(
        dataset, parts=1, seed=seed, epoch=epoch, batch=batch, start=start, rank=rank, world=world,
        crops=crops, workers=workers, labels=labels, alike=alike,
    )  # fmt: skip
    return (whole for (whole,) in alone)


def epoch_parts(
    dataset: Objects,
    *,
    parts: int,
    seed: int,
    epoch: int,
    batch: int,
    start: int = 0,
    rank: int = 0,
    world: int = 1,
    crops: int = 1,
    workers: int = 0,
    labels: bool = False,
    alike: LookAlikes | None = None,
) -> Iterator[tuple[Batch, ...]]:
    """`epoch_batches` with the rows of each batch in `parts` equal pieces, which workers make one by one.

    A data set with `blocks` (rows stored side by side, see `epoch_order`) is read block by block, but for
    look-alikes, which lie anywhere.
    """
    groups: Indices | None = None
    if alike is None:
        blocks: NDArray[np.int64] | None = getattr(dataset, "blocks", None)
        rows = epoch_rows(
            len(dataset), batch=batch, seed=seed, epoch=epoch, start=start, rank=rank, world=world,
            blocks=blocks,
        )  # fmt: skip
    else:
        rows = hard_rows(alike, batch=batch, seed=seed, epoch=epoch, start=start, rank=rank, world=world)
        groups = group_numbers(alike.group, batch=batch, rank=rank, world=world)
    if parts < 1 or (batch // world) % parts:
        raise ConfigError(
            f"a process's share of a batch, {batch // world} of {batch}, cannot be worked off in {parts} "
            f"equal parts; accumulate must divide it. Change one of the two."
        )
    pieces = [piece for step in rows for piece in np.split(step, parts)]
    pieces_of_groups = None if groups is None else np.split(groups, parts)
    steps = _Steps(dataset, pieces, epoch, 0, crops, labels, pieces_of_groups)
    return _in_parts(_fetched(steps, workers), parts)


def ordered_batches(
    dataset: Objects,
    *,
    batch: int,
    epoch: int | None = None,
    crop: int = 0,
    workers: int = 0,
    labels: bool = False,
) -> Iterator[Batch]:
    """The whole split in row order, the last batch smaller; not augmented while `epoch` is None."""
    return _fetched(_Steps(dataset, ordered_rows(len(dataset), batch=batch), epoch, crop, 1, labels), workers)


class _Steps(Dataset[Batch]):
    """Step number -> batch; what a worker process runs."""

    def __init__(
        self,
        dataset: Objects,
        rows: Sequence[Indices],
        epoch: int | None,
        first_crop: int,
        crops: int,
        labels: bool,
        groups: Sequence[Indices] | None = None,
    ) -> None:
        self.dataset, self.rows, self.epoch = dataset, rows, epoch
        self.first_crop, self.crops, self.labels = first_crop, crops, labels
        self.groups = groups  # of the parts of a batch, the same in every one

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, step: int) -> Batch:
        draws = range(self.first_crop, self.first_crop + self.crops)
        first, *rest = (self.dataset.batch(self.rows[step], epoch=self.epoch, crop=draw) for draw in draws)
        batch = replace(first, crops=tuple(rest))
        if self.groups is not None:
            batch = replace(batch, groups=torch.from_numpy(self.groups[step % len(self.groups)]))
        return batch if self.labels else batch.without_labels()


class _InWorker(Dataset[Batch | AnaglyphError]):
    """Step number -> batch, or the error it ended in: one that is raised there comes with its traceback."""

    def __init__(self, steps: _Steps) -> None:
        self.steps = steps

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, step: int) -> Batch | AnaglyphError:
        try:
            return self.steps[step]
        except AnaglyphError as error:
            return error


def _in_parts(batches: Iterator[Batch], size: int) -> Iterator[tuple[Batch, ...]]:
    while whole := tuple(islice(batches, size)):
        yield whole


def _fetched(steps: _Steps, workers: int) -> Iterator[Batch]:
    if workers < 0:
        raise ConfigError(f"workers={workers}; give 0 (load in this process) or more.")
    return _from_workers(steps, workers) if workers else (steps[step] for step in range(len(steps)))


def _from_workers(steps: _Steps, workers: int) -> Iterator[Batch]:
    # The loader draws a base seed for its workers; a generator of its own keeps the global one untouched.
    loader = DataLoader(
        _InWorker(steps),
        batch_size=None,
        num_workers=workers,
        collate_fn=_as_it_is,
        generator=torch.Generator().manual_seed(0),
    )
    try:
        for made in loader:
            if isinstance(made, AnaglyphError):
                raise made
            yield made
    except RuntimeError as error:
        if not str(error).startswith("DataLoader worker (pid"):  # an error of ours, raised in a worker
            raise
        raise DataError(
            f"one of the {workers} loader processes died ({error}), most likely for want of memory or shared "
            f"memory; use fewer workers (0 loads in this process) or a smaller batch."
        ) from error


def _as_it_is(batch: Any) -> Any:
    return batch
