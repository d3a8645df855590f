"""What `anaglyph finetune` trains: a recipe made of an encoder, a data set and a mode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from anaglyph.config import plain
from anaglyph.data.catalog import DataConfig, create_dataset
from anaglyph.data.labelled_clouds import SCALE_TRANSLATE, Episode, LabelledSpec
from anaglyph.data.transforms.points import PointAugmentation
from anaglyph.engine.encoder_of import FoundEncoder
from anaglyph.engine.recipe import Recipe, resolve
from anaglyph.engine.splits import as_labelled
from anaglyph.errors import ConfigError
from anaglyph.methods.finetune.config import FROZEN_HEADS, Mode

Augment = Literal["auto", "rotation", "scale_translate", "none"]
ROTATION = PointAugmentation(rotation=180.0, rotation_axis="y")
"""Any turn about +y: ACT's and its successors' on ScanObjectNN."""
AUGMENTATIONS: dict[str, PointAugmentation] = {
    "rotation": ROTATION,
    "scale_translate": SCALE_TRANSLATE,
    "none": PointAugmentation(),
}
POINTS, LARGEST_BATCH = 1024, 32
FROZEN_RATE = 1e-3
"""Peak rate of a head on a frozen trunk; everything else keeps the preset's 5e-4."""
FEW_SHOT_EPOCHS = 150
PUBLISHED_FOLDS = "modelnet40_few_shot"
"""The data set whose options name a fold."""


@dataclass(frozen=True, kw_only=True)
class Finetuning:
    """What was asked for."""

    encoder: FoundEncoder
    data: DataConfig
    mode: Mode = "full"
    preset: str = "best"
    labels_per_class: int = 0
    episode: Episode | None = None
    points: int = 0
    """0 takes 1,024, or all where fewer are stored."""
    augment: Augment = "auto"
    """auto turns scans of ScanObjectNN, and stretches and moves everything else."""
    epochs: int | None = None
    """Null is the preset's, or 150 for an episode."""


def finetuning_recipe(
    asked: Finetuning, *, root: Path, cache: Path | None, assignments: Sequence[str] = ()
) -> Recipe:
    """The recipe, with the classes of the data set written into it.

    Raises:
        ConfigError: data without clouds, or options that do not fit.
        DataError: too few points, or a class with too few objects.
    """
    spec = labelled_spec(asked, stored=0)
    objects = create_dataset(asked.data, "train", root=root, cache=cache, seed=0)
    train = as_labelled(objects, spec, data=asked.data.name, training=True)
    spec = labelled_spec(asked, stored=train.points.shape[1])
    labelled = asked.episode.way * asked.episode.shot if asked.episode else len(train)
    stage: dict[str, Any] = {
        "config": {"classes": list(train.class_names), "mode": asked.mode},
        "batch": min(LARGEST_BATCH, max(labelled, 2)),
    }
    epochs = asked.epochs or (FEW_SHOT_EPOCHS if asked.episode else None)
    if epochs is not None:
        stage["epochs"] = epochs
    if asked.mode in FROZEN_HEADS:
        stage["optimiser"] = {"lr": FROZEN_RATE}
    recipe = {
        "title": f"{asked.mode} fine-tuning of {asked.encoder.title} on {asked.data.name}",
        "method": "finetune",
        "preset": asked.preset,
        "data": plain(asked.data),
        "encoders": {"shape": plain(asked.encoder.spec)},
        "labelled_clouds": plain(spec),
        "stages": {"finetune": stage},
    }
    return resolve(recipe, assignments=assignments, where="finetune")


def episode_recipes(
    asked: Finetuning, *, folds: int, root: Path, cache: Path | None, assignments: Sequence[str] = ()
) -> list[Recipe]:
    """A recipe for each fold: of the published ones where the data set has them, else drawn ones.

    Raises:
        ConfigError: no episode is asked for, or more folds than are published.
    """
    if asked.episode is None:
        raise ConfigError("there is no episode to repeat; ask for one, such as 5way10shot.")
    if asked.data.name != PUBLISHED_FOLDS:
        drawn = finetuning_recipe(asked, root=root, cache=cache, assignments=assignments)
        assert drawn.labelled_clouds is not None
        return [
            replace(
                drawn,
                labelled_clouds=replace(drawn.labelled_clouds, episode=replace(asked.episode, fold=fold)),
            )
            for fold in range(folds)
        ]
    recipes = []
    for fold in range(folds):
        own = {"way": asked.episode.way, "shot": asked.episode.shot, "fold": fold}
        data = DataConfig(name=asked.data.name, options={**asked.data.options, **own})
        one = replace(asked, data=data, episode=None, epochs=asked.epochs or FEW_SHOT_EPOCHS)
        recipes.append(finetuning_recipe(one, root=root, cache=cache, assignments=assignments))
    return recipes


def labelled_spec(asked: Finetuning, *, stored: int) -> LabelledSpec:
    """How the clouds are shown, once it is known how many points are stored."""
    augment = asked.augment
    if augment == "auto":
        augment = "rotation" if asked.data.name == "scanobjectnn" else "scale_translate"
    return LabelledSpec(
        points=asked.points or min(POINTS, stored),
        labels_per_class=asked.labels_per_class,
        episode=asked.episode,
        augmentation=AUGMENTATIONS[augment],
    )


def finetuning_name(asked: Finetuning) -> str:
    """Folder and row: encoder, data, mode, and how few labels."""
    few = f"-{asked.labels_per_class}labels" if asked.labels_per_class else ""
    if asked.episode is not None:
        few = f"-{asked.episode.way}way{asked.episode.shot}shot"
    return f"{asked.encoder.title}-{asked.data.name}-{asked.mode}{few}"
