"""The three splits of a recipe's data, through its towers where it names some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from anaglyph.data.catalog import DataConfig, create_dataset
from anaglyph.data.described import DescribedObjects
from anaglyph.data.episodes import episode_splits
from anaglyph.data.labelled_clouds import LabelledClouds, LabelledSpec
from anaglyph.data.objects import Objects
from anaglyph.data.paired import PairedObjects
from anaglyph.data.pairing import released_rows
from anaglyph.data.source import SPLITS, Split
from anaglyph.data.weak_strong import WeakStrong, WeakStrongSpec
from anaglyph.engine.devices import choose_device
from anaglyph.engine.features import embedded_objects
from anaglyph.engine.leaks import check_leaks
from anaglyph.engine.recipe import Recipe
from anaglyph.engine.tower_specs import TowersSpec
from anaglyph.engine.towers import Towers, open_towers
from anaglyph.errors import ConfigError


@dataclass(frozen=True)
class Splits:
    """The three splits of a recipe's data."""

    train: Objects
    validation: Objects
    test: Objects


def make_splits(
    recipe: Recipe,
    *,
    data_root: Path,
    cache: Path | None,
    device: Literal["auto", "cpu", "cuda"] = "cpu",
) -> Splits:
    """Open the recipe's data; the pairing of a leaking preset touches the training split alone.

    Where the recipe names towers, pictures and texts go through them on `device`, unless `cache` holds what
    came out.
    """
    train, validation, test = (
        create_dataset(recipe.data, split, root=data_root, cache=cache, seed=recipe.seed) for split in SPLITS
    )
    if recipe.towers is not None:
        towers = open_towers(recipe.towers, root=data_root)
        train, validation, test = (
            through_towers(
                each,
                towers,
                recipe.towers,
                data=recipe.data.name,
                cache=cache,
                seed=recipe.seed,
                device=device,
            )
            for each in (train, validation, test)
        )
    if recipe.weak_strong is not None:
        train, validation, test = (
            weakly_and_strongly(each, recipe.weak_strong, data=recipe.data.name)
            for each in (train, validation, test)
        )
    if recipe.labelled_clouds is not None:
        train, validation, test = labelled_splits(
            (train, validation, test), recipe.labelled_clouds, data=recipe.data.name
        )
    if recipe.training_pairs == "released_rows":
        check_leaks(recipe)
        if not isinstance(train, PairedObjects):
            raise ConfigError(
                f"training_pairs=released_rows pairs pictures with clouds anew, and {recipe.data.name} has "
                f"no clouds; leave it at id."
            )
        train = train.with_point_rows(released_rows(train.labels, seed=recipe.seed))
    return Splits(train, validation, test)


def weakly_and_strongly(objects: Objects, spec: WeakStrongSpec, *, data: str) -> WeakStrong:
    """A split as a teacher and its student see it; ConfigError for data without pictures and clouds."""
    if not isinstance(objects, PairedObjects | DescribedObjects):
        raise ConfigError(
            f"the recipe has weak_strong, and {data} has no pictures with clouds that it could change; "
            f"set it to null, or choose a data set such as modelnet or procedural_models."
        )
    missing = sorted({"images", "points"} - objects.fields)
    if missing:
        raise ConfigError(
            f"{data} has no {' and no '.join(missing)}, and weak_strong changes a picture and a cloud of "
            f"every object; choose a data set that has both (`anaglyph data` lists all)."
        )
    return WeakStrong(objects=objects, spec=spec)


def as_labelled(objects: Objects, spec: LabelledSpec, *, data: str, training: bool) -> LabelledClouds:
    """A split as a classifier sees it; ConfigError for data without clouds in memory or without classes."""
    if isinstance(objects, PairedObjects | DescribedObjects) and "points" in objects.fields:
        return LabelledClouds.of(objects, spec, training=training)
    raise ConfigError(
        f"the recipe has labelled_clouds, and {data} has no clouds with classes; choose a data set such as "
        f"modelnet40_clouds, scanobjectnn or procedural_models."
    )


def labelled_splits(
    splits: Sequence[Objects], spec: LabelledSpec, *, data: str
) -> tuple[LabelledClouds, ...]:
    """Training, validation and test as a classifier sees them, of an episode where the spec names one."""
    made = tuple(
        as_labelled(objects, spec, data=data, training=split == "train")
        for split, objects in zip(SPLITS, splits, strict=True)
    )
    return made if spec.episode is None else episode_splits(made, spec.episode)


def labelled_split(
    objects: Objects,
    spec: LabelledSpec,
    data: DataConfig,
    split: Split,
    *,
    data_root: Path,
    cache: Path | None,
    seed: int,
) -> LabelledClouds:
    """One split as a classifier sees it; an episode is drawn from all three, of which `objects` is one."""
    if spec.episode is None:
        return as_labelled(objects, spec, data=data.name, training=split == "train")
    others = [create_dataset(data, each, root=data_root, cache=cache, seed=seed) for each in SPLITS]
    return labelled_splits(others, spec, data=data.name)[SPLITS.index(split)]


def through_towers(
    objects: Objects,
    towers: Towers,
    spec: TowersSpec,
    *,
    data: str,
    cache: Path | None,
    seed: int,
    device: Literal["auto", "cpu", "cuda"] = "cpu",
) -> Objects:
    """A split as its towers see it; ConfigError for data without pictures and texts."""
    if not isinstance(objects, DescribedObjects):
        raise ConfigError(
            f"the recipe names towers, and {data} has no pictures and texts for them; set towers to null, or "
            f"choose a data set of described objects, such as procedural_models."
        )
    return embedded_objects(objects, towers, spec, cache=cache, seed=seed, device=choose_device(device))
