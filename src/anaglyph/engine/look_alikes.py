"""Who looks like whom in a training split: its objects are embedded and compared once, when a stage begins.

What was found stays in the stage's folder, so that a resumed stage draws the batches of an undisturbed one.
Several processes share the work, and find what one would.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray

from anaglyph.config import fingerprint
from anaglyph.data.hard_batches import HardBatches, LookAlikes
from anaglyph.data.neighbours import nearest_rows
from anaglyph.data.objects import Objects
from anaglyph.engine.gathered import joined_rows, own_rows
from anaglyph.io.atomic import new_folder, write_manifest
from anaglyph.io.mapped import map_array
from anaglyph.io.verified import verify_manifest_once
from anaglyph.methods.base import Method
from anaglyph.nn.gather import gather_rows

log = logging.getLogger(__name__)
FILE = "nearest.npy"
EMBEDDED_AT_ONCE = 64
"""Objects; the split is cut at the same places whatever the number of processes, and rounds alike."""


def look_alikes(
    method: Method,
    dataset: Objects,
    spec: HardBatches,
    *,
    folder: Path,
    identity: Mapping[str, Any],
    fabric: Fabric,
) -> LookAlikes:
    """The nearest objects of each as `method` embeds them now, or as they were found before.

    Args:
        method: with the weights that the stage begins with.
        dataset: the training split.
        spec: what is near, and how many.
        folder: of the stage.
        identity: what determines the weights; what was found for another one is not read.
        fabric: what the stage is trained with.

    Raises:
        DataError: there are no more than `spec.nearest` objects, an embedding is not finite, or the disk is
            full.
    """
    place = folder / f"neighbours-{fingerprint(identity)}"
    if not _kept(place, fabric):
        nearest = _nearest(method, dataset, spec, fabric)
        if fabric.global_rank == 0:
            with new_folder(place) as temporary:
                np.save(temporary / FILE, nearest, allow_pickle=False)
                write_manifest(temporary)
        fabric.barrier()
    return LookAlikes(nearest=map_array(place / FILE), group=spec.group)


def _kept(place: Path, fabric: Fabric) -> bool:
    """Whether an intact one is there, as the first process sees it; a damaged one is removed."""
    there = False
    if fabric.global_rank == 0 and place.exists():
        problem = verify_manifest_once(place)
        there = problem is None
        if problem is not None:
            log.warning("the neighbours of this stage are damaged and found again: %s", problem)
            shutil.rmtree(place)
    return bool(gather_rows(torch.tensor([there], device=fabric.device))[0])


@torch.no_grad()
def _nearest(method: Method, dataset: Objects, spec: HardBatches, fabric: Fabric) -> NDArray[np.int32]:
    """(N, nearest) rows, in every process."""
    method.to(fabric.device).eval()
    starts = range(0, len(dataset), EMBEDDED_AT_ONCE)
    mine = own_rows(len(starts))
    parts = []
    for start in starts[mine.start : mine.stop]:
        rows = np.arange(start, min(start + EMBEDDED_AT_ONCE, len(dataset)))
        batch = dataset.batch(rows, epoch=None).without_labels().to(fabric.device)
        parts.append(method.embed(spec.by, batch).float().cpu())
    embedded = torch.cat(parts) if parts else torch.empty(0, 0)
    features = joined_rows(embedded, device=fabric.device).numpy()
    found = nearest_rows(features, spec.nearest, rows=own_rows(len(features)), device=fabric.device)
    nearest: NDArray[np.int32] = joined_rows(torch.from_numpy(found), device=fabric.device).numpy()
    return nearest
