"""What `anaglyph features compute` was asked for: data, towers, splits and a shard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import torch

from anaglyph.config import merge, override, plain, structure
from anaglyph.data.catalog import DATASETS, DataConfig, create_dataset, dataset_source
from anaglyph.data.described import DescribedObjects
from anaglyph.data.feature_files import shards_in
from anaglyph.data.feature_records import open_features
from anaglyph.data.source import SPLITS, Split, splits_of
from anaglyph.encoders.towers.catalog import parse_tower
from anaglyph.engine.feature_output import WHOLE, FeatureListener, ShardChoice, compute_shard
from anaglyph.engine.features import settings_of
from anaglyph.engine.interrupt import StopRequest
from anaglyph.engine.recipe import list_recipes, load_recipe
from anaglyph.engine.tower_specs import TowersSpec, checked_towers
from anaglyph.engine.towers import open_towers
from anaglyph.errors import ConfigError, DataError, unknown_name


@dataclass(frozen=True, kw_only=True)
class FeatureJob:
    """Data, and what it goes through."""

    data: DataConfig
    towers: TowersSpec


def feature_job(
    target: str, *, image_tower: str = "", text_tower: str = "", assignments: Sequence[str] = ()
) -> FeatureJob:
    """The job that a recipe or a data set stands for; towers that are named here replace the recipe's.

    Args:
        target: a recipe by name or path, or a data set by name.
        image_tower: "kind" or "kind:source"; empty takes the recipe's.
        text_tower: the same for texts.
        assignments: "data.options.size=64" or "towers.batch=16", names as in a recipe file.

    Raises:
        ConfigError: nothing of this name, or no tower at all.
    """
    if target in DATASETS.names():
        chosen = reduce(override, assignments, {"data": {"name": target}})
        given: Mapping[str, Any] = chosen.get("towers", {})
        data = structure(DataConfig, chosen["data"], where="data")
        dataset_source(data)  # refuses unknown options before a tower is opened
    elif target in list_recipes() or Path(target).suffix in {".yaml", ".yml"}:
        recipe = load_recipe(target, assignments=assignments)
        given, data = ({} if recipe.towers is None else plain(recipe.towers)), recipe.data
    else:
        names = (*DATASETS.names(), *list_recipes())
        raise ConfigError(unknown_name("recipe or data set", target, names))
    for side, text in (("image", image_tower), ("text", text_tower)):
        if text:
            name, options = parse_tower(text)
            asked = given.get(side) or {}
            before = asked.get("options", {}) if asked.get("name", name) == name else {}
            given = {**given, side: {"name": name, "options": merge(before, options)}}
    if not given.get("image") and not given.get("text"):
        raise ConfigError(
            "no tower is named; pass --image-tower or --text-tower, such as "
            "clip:openai/clip-vit-base-patch32 or sentence, or a recipe with towers."
        )
    towers = checked_towers(structure(TowersSpec, given, where="towers"))
    assert towers is not None
    return FeatureJob(data=data, towers=towers)


def compute_features(
    job: FeatureJob,
    output: Path,
    *,
    splits: Sequence[Split] = (),
    choice: ShardChoice = WHOLE,
    root: Path,
    cache: Path | None,
    device: torch.device | str = "cpu",
    resume: bool = True,
    stop: StopRequest | None = None,
    listen: FeatureListener = lambda event: None,
) -> list[Path]:
    """One shard of each split, below `output`; returns the shards' folders. No splits means all there are.

    Raises:
        ConfigError: the data set holds no pictures and texts.
        Interrupted: a stop was asked for; the same call goes on.
    """
    towers = open_towers(job.towers, root=root).to(device)
    made = []
    for split in splits or splits_of(dataset_source(job.data)):
        objects = create_dataset(job.data, split, root=root, cache=cache)
        if not isinstance(objects, DescribedObjects):
            raise ConfigError(
                f"{job.data.name} has no pictures and texts for towers; choose a data set of described "
                f"objects: {', '.join(name for name in DATASETS.names(tag='described'))}."
            )
        made.append(
            compute_shard(
                objects,
                towers,
                settings_of(job.towers),
                output / split,
                choice=choice,
                resume=resume,
                stop=stop,
                listen=listen,
            )
        )
    return made


def describe_features(folder: Path) -> dict[str, Any]:
    """What lies in a features folder, split by split; what is unfinished is said, not raised."""
    return dict(_splits(folder))


def _splits(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for split in SPLITS:
        place = folder / split
        if not place.is_dir():
            continue
        size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
        facts: dict[str, Any] = {"bytes": size}
        try:
            shards = shards_in(place)
            stored = open_features(place)
        except DataError as error:
            yield split, {**facts, "complete": False, "problem": str(error)}
            continue
        yield (
            split,
            {
                **facts,
                "complete": True,
                "shards": len(shards),
                "objects": len(stored.labels),
                "classes": len(stored.class_names),
                "class_vectors": stored.class_features is not None,
                "towers": stored.plan["towers"],
                "settings": stored.plan["settings"],
            },
        )
