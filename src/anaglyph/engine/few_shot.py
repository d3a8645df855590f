"""Fine-tuning over few-shot episodes: one run a fold, measured by its last epoch, mean and spread of all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from anaglyph.engine.events import Listener, ignore
from anaglyph.engine.probing import spread_over_folds
from anaglyph.engine.recipe import Recipe
from anaglyph.engine.run import RunOptions, run_recipe
from anaglyph.engine.study import measure_weights
from anaglyph.errors import ConfigError
from anaglyph.io.atomic import write_json


def run_episodes(
    recipe: Recipe, *, folds: int, name: str, options: RunOptions, listen: Listener = ignore
) -> dict[str, Any]:
    """Train and measure folds 0 to `folds` - 1 below `options.output`, and write few_shot.json there.

    The published score is each fold's best epoch on its test objects; this is its last epoch.
    """
    if recipe.labelled_clouds is None or recipe.labelled_clouds.episode is None:
        raise ConfigError(
            "the recipe has no labelled_clouds.episode; give it one, such as {way: 5, shot: 10}."
        )
    accuracies = []
    for fold in range(folds):
        episode = replace(recipe.labelled_clouds.episode, fold=fold)
        own = replace(recipe, labelled_clouds=replace(recipe.labelled_clouds, episode=episode))
        folder = options.output / name / f"fold-{fold}"
        run_recipe(own, replace(options, output=folder), listen=listen)
        measured = measure_weights(
            folder, split="test", views=None, device=options.device, data_root=options.data_root,
            cache=options.cache, seed=recipe.seed,
        )  # fmt: skip
        accuracies.append(measured["metrics"]["accuracy"])
    found = {
        "encoder": name,
        "data": recipe.data.name,
        "episode": f"{recipe.labelled_clouds.episode.way}way{recipe.labelled_clouds.episode.shot}shot",
        **spread_over_folds(accuracies),
    }
    if options.rank == 0:
        write_json(options.output / name / "few_shot.json", found)
    return {**found, "folder": str(Path(options.output) / name)}
