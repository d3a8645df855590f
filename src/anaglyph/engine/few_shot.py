"""Fine-tuning over few-shot episodes: one run a fold, measured by its last epoch, mean and spread of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from anaglyph.engine.events import Listener, ignore
from anaglyph.engine.probing import spread_over_folds
from anaglyph.engine.recipe import Recipe
from anaglyph.engine.run import RunOptions, run_recipe
from anaglyph.engine.study import measure_weights
from anaglyph.io.atomic import write_json


def run_episodes(
    recipes: Sequence[Recipe], *, kind: str, name: str, options: RunOptions, listen: Listener = ignore
) -> dict[str, Any]:
    """Train and measure one recipe for each fold below `options.output`, and write few_shot.json there.

    The published score is each fold's best epoch on its test objects; this is its last epoch.

    Args:
        recipes: one a fold.
        kind: of the episodes, such as 5way10shot.
        name: folder below the output.
        options: as for `run_recipe`.
        listen: receives the events of all runs.
    """
    accuracies = []
    for fold, recipe in enumerate(recipes):
        folder = options.output / name / f"fold-{fold}"
        run_recipe(recipe, replace(options, output=folder), listen=listen)
        measured = measure_weights(
            folder, split="test", views=None, device=options.device, data_root=options.data_root,
            cache=options.cache, seed=recipe.seed,
        )  # fmt: skip
        accuracies.append(measured["metrics"]["accuracy"])
    found = {
        "encoder": name,
        "data": recipes[0].data.name,
        "episode": kind,
        **spread_over_folds(accuracies),
    }
    if options.rank == 0:
        write_json(options.output / name / "few_shot.json", found)
    return {**found, "folder": str(Path(options.output) / name)}
