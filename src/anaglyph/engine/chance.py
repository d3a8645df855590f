"""What answers at random would reach, for each recipe of a study.

Chance depends on the test split: its labels, and the shapes that are searched. Options of one data set change
both, so two recipes on it share a row only where their chance is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from anaglyph.engine.recipe import Recipe
from anaglyph.engine.run import RunOptions
from anaglyph.engine.splits import make_splits
from anaglyph.engine.tasks.base import Task


@dataclass(frozen=True)
class Chance:
    """The rows of chance in a study's table."""

    rows: Mapping[str, Mapping[str, float]]
    """What was asked about, in words (the data set, and recipes where it is not one for all) -> metrics."""
    row_of: Mapping[str, str]
    """Recipe -> its row."""

    def of(self, recipe: str) -> Mapping[str, float]:
        """The metrics that a recipe's own are compared with."""
        return self.rows[self.row_of[recipe]]


def chance_of(task: Task, recipes: Mapping[str, Recipe], options: RunOptions, *, seed: int) -> Chance:
    """Chance on every recipe's test split; recipes with one data set and one chance share a row."""
    data = {name: recipe.data.name for name, recipe in recipes.items()}
    metrics = {}
    for name, recipe in recipes.items():
        test = make_splits(
            recipe, data_root=options.data_root, cache=options.cache, device=options.device
        ).test
        metrics[name] = task.chance(test, seed=seed)
    return grouped(data, metrics)


def grouped(data: Mapping[str, str], metrics: Mapping[str, Mapping[str, float]]) -> Chance:
    """Rows of chance.

    Args:
        data: recipe -> name of its data set.
        metrics: recipe -> its chance.
    """
    row_of = {}
    for recipe, name in data.items():
        together = [other for other, on in data.items() if on == name]
        alike = [other for other in together if metrics[other] == metrics[recipe]]
        row_of[recipe] = name if alike == together else f"{name} ({', '.join(alike)})"
    return Chance({row: metrics[recipe] for recipe, row in row_of.items()}, row_of)
