"""Where a recipe would read true labels although its method claims not to, and the flag that allows it."""

from __future__ import annotations

from anaglyph.config import structure
from anaglyph.engine.recipe import Recipe
from anaglyph.errors import ConfigError
from anaglyph.methods.catalog import METHODS

LEAK_NOTE = (
    "GROUND-TRUTH LEAK: this run reads true labels in training, as the published code does. "
    "Its numbers are not those of an unsupervised method."
)


def check_leaks(recipe: Recipe) -> list[str]:
    """The places where a recipe would read true labels; refused without the flag.

    Raises:
        ConfigError: there are such places and `leak_ground_truth_labels` is false.
    """
    leaks = [
        f"stages.{name}.config"
        for name, spec in recipe.stages.items()
        if METHODS.load(spec.method).leaks_labels(
            structure(METHODS.load(spec.method).config_cls, spec.config, where=f"stages.{name}.config")
        )
    ]
    if recipe.training_pairs != "id":
        leaks.append(f"training_pairs={recipe.training_pairs}")
    if leaks and not recipe.leak_ground_truth_labels:
        raise ConfigError(
            f"this recipe reads true labels in training ({', '.join(leaks)}) and the switch for that is off. "
            f"Pass --set leak_ground_truth_labels=true to reproduce the published code, "
            f"or use preset paper or best."
        )
    if leaks and recipe.preset != "released":
        raise ConfigError(
            f"leak_ground_truth_labels opens the preset released alone, and this recipe is preset "
            f"{recipe.preset} ({', '.join(leaks)}). Start from a released recipe to change its options."
        )
    return leaks
