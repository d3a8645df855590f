"""Features of a split on their way to the disk: in shards that machines share, in parts that a stop leaves.

The layout is that of `data.feature_files`. A part holds fixed rows, so what is missing after a stop is known
by name; the manifest comes last and makes a shard valid.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from anaglyph.config import plain
from anaglyph.data.described import DescribedObjects
from anaglyph.data.feature_files import (
    CLASSES,
    FORMAT,
    PLAN,
    part_keys,
    part_name,
    shard_name,
    write_classes,
    write_part,
)
from anaglyph.data.objects import digest
from anaglyph.engine.checkpoint import difference
from anaglyph.engine.events import Note
from anaglyph.engine.feature_parts import FeatureSettings, embed_classes, embed_rows
from anaglyph.engine.interrupt import StopRequest
from anaglyph.engine.towers import Towers
from anaglyph.errors import ConfigError, DataError
from anaglyph.io.atomic import MANIFEST, remove_leftovers, verify_manifest, write_json, write_manifest

PART = 64
"""Objects of a part."""


@dataclass(frozen=True)
class FeatureProgress:
    """How far a shard is."""

    objects: int
    """Done, of `total`."""
    total: int
    new: int
    """Of them, those of this run."""


FeatureListener = Callable[[FeatureProgress | Note], None]


@dataclass(frozen=True, kw_only=True)
class ShardChoice:
    """Which part of the rows; shards are consecutive runs of rows of almost equal length."""

    shard: int = 0
    shards: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.shard < self.shards:
            raise ConfigError(
                f"shard {self.shard}/{self.shards} does not exist; shards count from 0 to n - 1."
            )

    def rows(self, objects: int) -> range:
        """Its rows."""
        return range(objects * self.shard // self.shards, objects * (self.shard + 1) // self.shards)


WHOLE = ShardChoice()
"""All rows."""


def compute_shard(
    objects: DescribedObjects,
    towers: Towers,
    settings: FeatureSettings,
    folder: Path,
    *,
    choice: ShardChoice = WHOLE,
    resume: bool = True,
    stop: StopRequest | None = None,
    listen: FeatureListener = lambda event: None,
) -> Path:
    """Make one shard of a split's features below `folder`, or what of it is missing; returns its folder.

    Args:
        objects: the split.
        towers: on their device.
        settings: templates, batch and storage.
        folder: of the split; shards lie in it side by side.
        choice: which shard.
        resume: keep what a stopped run left; otherwise the shard is made anew.
        stop: asked after each part.
        listen: receives progress and notes.

    Raises:
        DataError: features of other data or towers lie there; an object that cannot be embedded.
        Interrupted: a stop was asked for; the same call goes on.
    """
    rows = choice.rows(len(objects))
    if not rows:
        raise ConfigError(
            f"shard {choice.shard}/{choice.shards} of {len(objects)} objects is empty; use fewer shards."
        )
    plan = feature_plan(objects, towers, settings, choice)
    place = folder / shard_name(choice.shard, choice.shards)
    if not resume and place.exists():
        (place / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(place)
    place.mkdir(parents=True, exist_ok=True)
    remove_leftovers(place)
    if _finished(place, plan, listen):
        return place
    if not (place / CLASSES).exists():
        write_classes(place / CLASSES, embed_classes(objects.class_names, towers.text, settings))
    parts = [rows[start : start + PART] for start in range(0, len(rows), PART)]
    missing = [
        number for number, part in enumerate(parts) if not _is_there(place / part_name(number), part, objects)
    ]
    done = len(rows) - sum(len(parts[number]) for number in missing)
    if done:
        listen(Note(f"going on after {done} of {len(rows)} objects"))
    new = 0
    for number in missing:
        if stop is not None:
            stop.check(f"after {done} of {len(rows)} objects")
        chosen = list(parts[number])
        records = embed_rows(objects, chosen, towers, settings)
        write_part(place / part_name(number), records, objects.labels[chosen])
        done, new = done + len(chosen), new + len(chosen)
        listen(FeatureProgress(done, len(rows), new))
    write_manifest(place)
    return place


def feature_plan(
    objects: DescribedObjects, towers: Towers, settings: FeatureSettings, choice: ShardChoice
) -> dict[str, Any]:
    """Everything the vectors depend on, as plain data."""
    sides = {"image": towers.image, "text": towers.text}
    made_by = {
        side: {"name": tower.name, "fingerprint": tower.fingerprint, "dim": tower.dim}
        for side, tower in sides.items()
        if tower is not None
    }
    if not made_by:
        raise ConfigError("features need a tower; name one for images, for texts, or both.")
    plan = {
        "format": FORMAT,
        "objects": len(objects),
        "data": objects.fingerprint(),
        "labels": digest((), (objects.labels,)),
        "class_names": list(objects.class_names),
        "towers": made_by,
        "settings": plain(settings),
        "part": PART,
        "shards": choice.shards,
        "shard": choice.shard,
    }
    on_disk: dict[str, Any] = json.loads(json.dumps(plan))  # tuples as lists, as they come back
    return on_disk


def _finished(place: Path, plan: Mapping[str, Any], listen: FeatureListener) -> bool:
    """Whether the shard is whole; its plan is written where there is none.

    Raises:
        DataError: it has another plan.
    """
    if not (place / PLAN).exists():
        for path in place.iterdir():  # parts without a plan are never continued
            path.unlink()
        write_json(place / PLAN, plan)
        return False
    try:
        then: object = json.loads((place / PLAN).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"'{place / PLAN}' cannot be read: {error}. Remove '{place}' and start again."
        ) from error
    if not isinstance(then, dict) or then != plan:
        what = difference(plan, then) if isinstance(then, dict) else "no plan"
        raise DataError(
            f"'{place}' holds features of other data, towers or settings ({what}). Choose another "
            f"--output, or make it anew with --no-resume."
        )
    if not (place / MANIFEST).exists():
        return False
    fault = verify_manifest(place)
    if fault is None:
        listen(Note(f"'{place}' is already finished; --no-resume makes it anew."))
        return True
    listen(Note(f"damaged and made anew: {fault}"))
    for path in place.iterdir():
        if path.name != PLAN:
            path.unlink()
    return False


def _is_there(path: Path, rows: range, objects: DescribedObjects) -> bool:
    """Whether a part was written; one that exists is whole."""
    if not path.exists():
        return False
    keys, labels = part_keys(path)
    return keys == tuple(objects.keys[row] for row in rows) and bool(
        np.array_equal(labels, objects.labels[list(rows)])
    )
