"""Described objects as the objects that MixCon3D trains on: pictures and texts through frozen towers, once.

Stored below the cache folder under everything that the vectors depend on, so that a second run reads them.
"""

from __future__ import annotations

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch

from anaglyph.config import fingerprint
from anaglyph.data.array_records import stacked
from anaglyph.data.datasets.stored_rows import Progress
from anaglyph.data.described import DescribedObjects
from anaglyph.data.embedded import EmbeddedObjects
from anaglyph.data.feature_records import StoredFeatures, open_features
from anaglyph.data.records import Records
from anaglyph.engine.events import Note
from anaglyph.engine.feature_output import (
    WHOLE,
    FeatureListener,
    FeatureProgress,
    compute_shard,
    feature_plan,
)
from anaglyph.engine.feature_parts import FeatureSettings
from anaglyph.engine.tower_specs import TowersSpec
from anaglyph.engine.towers import Towers
from anaglyph.errors import DataError
from anaglyph.io.lock import exclusive

log = logging.getLogger(__name__)


def embedded_objects(
    objects: DescribedObjects,
    towers: Towers,
    spec: TowersSpec,
    *,
    cache: Path | None,
    seed: int,
    device: torch.device | str = "cpu",
    listen: FeatureListener | None = None,
) -> EmbeddedObjects:
    """The same split through towers; computed where the cache does not hold it.

    Args:
        objects: the split.
        towers: what `spec` names; moved to `device` where something is to be computed.
        spec: the recipe's, for settings and for how clouds, texts and views are drawn.
        cache: folder of stored features; None computes them anew each time.
        seed: the run's, of the augmentation.
        device: where to compute.
        listen: receives progress; None says it in the log.
    """
    settings = settings_of(spec)
    work = _Work(objects, towers, settings, device, listen or _to_the_log(len(objects)))
    records: Records
    if cache is None:
        with tempfile.TemporaryDirectory(prefix="anaglyph-features-") as folder:
            stored = work.done_in(Path(folder))
            keys = stored.records.keys
            records = stacked(keys, [stored.records.read(row) for row in range(len(keys))])
    else:
        plan = feature_plan(objects, towers, settings, WHOLE)
        place = cache / f"features-{fingerprint(plan)}"
        with exclusive(cache / f".{place.name}.lock"):
            stored = work.done_in(place)
        records = stored.records
    return EmbeddedObjects(
        records=records,
        class_names=stored.class_names,
        labels=stored.labels,
        class_features=stored.class_features,
        clouds=spec.clouds,
        texts=spec.texts,
        views=spec.views,
        seed=seed,
    )


def settings_of(spec: TowersSpec) -> FeatureSettings:
    """The part of a recipe's towers that the vectors depend on."""
    return FeatureSettings(
        templates=spec.templates,
        prompt_texts=spec.prompt_texts,
        clean_names=spec.clean_names,
        storage=spec.storage,
        batch=spec.batch,
    )


@dataclass(frozen=True)
class _Work:
    """Features of one split, to be found or made."""

    objects: DescribedObjects
    towers: Towers
    settings: FeatureSettings
    device: torch.device | str
    listen: FeatureListener

    def done_in(self, place: Path) -> StoredFeatures:
        """What `place` holds, whose name says of what it is made; computed where it is missing or damaged."""
        if place.exists():
            try:
                return open_features(place)
            except DataError as error:
                log.info("features are made: %s", error)
        compute_shard(self.objects, self.towers.to(self.device), self.settings, place, listen=self.listen)
        return open_features(place)


def _to_the_log(total: int) -> FeatureListener:
    progress = Progress("pictures and texts through towers", total)

    def listen(event: FeatureProgress | Note) -> None:
        if isinstance(event, FeatureProgress):
            progress.reach(event.objects)

    return listen
