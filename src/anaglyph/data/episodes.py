"""Few-shot episodes: w classes, s labelled objects of each, and others of the same classes to ask about.

Drawn as Sharma and Kaul (2020) describe and Point-BERT's folds are made (dossier ACT, 3.5), from (way, shot,
fold) alone, so that every method and seed meets the same ten folds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.labelled_clouds import Episode, LabelledClouds
from anaglyph.errors import ConfigError, DataError
from anaglyph.randomness import numpy_generator

_NAME = re.compile(r"(\d+)[-_ ]?way[-_ ]?(\d+)[-_ ]?shot")


def parse_episode(name: str) -> Episode:
    """`5way10shot`, also `5way_10shot` -> fold 0 of it; ConfigError for anything else."""
    found = _NAME.fullmatch(name.strip().lower())
    if found is None:
        raise ConfigError(f"'{name}' is no kind of episode; write such as 5way10shot.")
    return Episode(way=int(found[1]), shot=int(found[2]))


def episode_splits(splits: Sequence[LabelledClouds], episode: Episode) -> tuple[LabelledClouds, ...]:
    """The training, validation and test split of an episode; all classes keep their numbers.

    Raises:
        DataError: fewer classes than `way` have `shot` training and `queries` test objects.
    """
    train, validation, test = splits
    classes = _classes(train, test, episode)
    rng = numpy_generator("episode", episode.way, episode.shot, episode.fold)
    chosen = np.sort(rng.choice(classes, episode.way, replace=False))
    sizes = (episode.shot, episode.queries, episode.queries)
    return tuple(
        replace(split.subset(_drawn(split, chosen, size, rng)), spec=replace(split.spec, episode=episode))
        for split, size in zip((train, validation, test), sizes, strict=True)
    )


def _classes(train: LabelledClouds, test: LabelledClouds, episode: Episode) -> NDArray[np.int64]:
    """Those with enough objects on both sides."""
    have = [np.bincount(split.labels, minlength=len(train.class_names)) for split in (train, test)]
    enough = np.flatnonzero((have[0] >= episode.shot) & (have[1] >= episode.queries))
    if len(enough) < episode.way:
        raise DataError(
            f"{len(enough)} classes have {episode.shot} training and {episode.queries} test objects, and an "
            f"episode of {episode.way} ways needs as many; lower way, shot or queries."
        )
    return enough.astype(np.int64)


def _drawn(
    split: LabelledClouds, classes: NDArray[np.int64], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """`count` rows of every class, or all of one that has fewer, by key and not by place in the file."""
    kept = []
    for label in classes:
        rows = np.flatnonzero(split.labels == label)
        ordered = rows[np.argsort([split.keys[row] for row in rows], kind="stable")]
        kept.append(rng.permutation(ordered)[:count])
    return np.sort(np.concatenate(kept))
