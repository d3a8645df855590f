"""Whether the options of one stage fit one another, checked before anything is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from anaglyph.data.hard_batches import require_groups
from anaglyph.errors import ConfigError
from anaglyph.methods.catalog import METHODS

if TYPE_CHECKING:  # recipes are made of stages and call this module
    from anaglyph.engine.recipe import Recipe, StageSpec


def check_epochs(stage: StageSpec, *, where: str) -> None:
    """ConfigError for epochs that the method cannot have, or a batch of one."""
    method = METHODS.load(stage.method)
    least = 0 if not method.trains or method.may_rest else 1
    if (stage.epochs < least if method.trains else stage.epochs) or stage.batch < 2:
        epochs = (
            f"epochs must be >= {least}" if method.trains else f"{stage.method} is not trained, epochs is 0,"
        )
        raise ConfigError(f"{where}: epochs={stage.epochs}, batch={stage.batch}; {epochs} and batch >= 2.")


def check_class_names(recipe: Recipe, stage: StageSpec, *, where: str) -> None:
    """ConfigError for a method that chooses among named classes without what it starts from and is shown."""
    if not METHODS.load(stage.method).names_classes:
        return
    missing = [name for name in ("class_names", "weak_strong") if getattr(recipe, name) is None]
    if missing:
        raise ConfigError(
            f"{where}: {stage.method} chooses among named classes, and the recipe has no "
            f"{' and no '.join(missing)}; take those of its presets, or write them beside 'stages'."
        )
    if recipe.towers is not None:
        raise ConfigError(
            f"{where}: {stage.method} trains its encoders on pictures, and 'towers' would leave their "
            f"vectors alone; set towers to null."
        )


def check_labelled(recipe: Recipe, stage: StageSpec, *, where: str) -> None:
    """ConfigError for a classifier without labelled clouds, or labelled clouds for another method."""
    classifies = METHODS.load(stage.method).classifies
    if classifies and recipe.labelled_clouds is None:
        raise ConfigError(
            f"{where}: {stage.method} learns from labelled clouds, and the recipe has no labelled_clouds; "
            f"take that of its presets, or write it beside 'stages'."
        )
    if recipe.labelled_clouds is not None and not classifies:
        raise ConfigError(
            f"{where}: the recipe has labelled_clouds, and {stage.method} is no classifier; set it to null."
        )


def check_accumulation(stage: StageSpec, *, where: str) -> None:
    """ConfigError for parts that do not divide the batch, or that the method cannot work in."""
    if stage.accumulate == 1:
        return
    if stage.accumulate < 1 or stage.batch % stage.accumulate or stage.batch < 2 * stage.accumulate:
        raise ConfigError(
            f"{where}.accumulate is {stage.accumulate}, the batch {stage.batch}; it must be >= 1 and divide "
            f"the batch into parts of 2 objects or more. Change one of the two."
        )
    if not METHODS.load(stage.method).accumulates:
        able = [name for name in METHODS.names() if METHODS.load(name).accumulates]
        raise ConfigError(
            f"{where}.accumulate is {stage.accumulate}, and {stage.method} takes a batch as a whole; it must "
            f"be 1 but for {', '.join(able) or 'no method so far'}. Use a smaller batch, or more processes."
        )


def check_start(stage: StageSpec, earlier: Mapping[str, StageSpec], *, where: str) -> None:
    """ConfigError for a stage to start from that is none, or whose weights are of something else."""
    if stage.start_from is None:
        return
    if stage.start_from not in stage.needs:
        raise ConfigError(
            f"{where}.start_from is '{stage.start_from}', and the stage needs "
            f"{', '.join(stage.needs) or 'no other'}; write needs: [{stage.start_from}] beside it."
        )
    first = earlier[stage.start_from]
    if first.method != stage.method:
        raise ConfigError(
            f"{where}.start_from: stage {stage.start_from} is {first.method}, this one {stage.method}; "
            f"weights are taken over within one method, so name a stage of it."
        )
    for modality, encoder in stage.encoders.items():
        if encoder.weights is not None:
            raise ConfigError(
                f"{where} starts from stage {stage.start_from}, and encoders.{modality} from "
                f"'{encoder.weights}'; set one of the two to null."
            )
        other = first.encoders[modality]
        if (encoder.name, encoder.options) != (other.name, other.options):
            raise ConfigError(
                f"{where}.start_from: encoders.{modality} is {encoder.name} {encoder.options} here and "
                f"{other.name} {other.options} in stage {stage.start_from}; make them equal."
            )


def check_hard_batches(stage: StageSpec, *, where: str) -> None:
    """ConfigError for batches that are not whole groups, or neighbours that nothing has learned to see."""
    hard = stage.hard_batches
    if hard is None:
        return
    try:
        require_groups(stage.batch, hard.group)
    except ConfigError as error:
        raise ConfigError(f"{where}.hard_batches: {error}") from error
    inputs = METHODS.load(stage.method).inputs
    if hard.by not in inputs:
        raise ConfigError(
            f"{where}.hard_batches.by is {hard.by}, and {stage.method} embeds {', '.join(sorted(inputs))}; "
            f"name one of those."
        )
    encoder = stage.encoders.get(hard.by)
    if encoder is not None and encoder.weights is None and stage.start_from is None:
        raise ConfigError(
            f"{where}.hard_batches.by is {hard.by}, whose encoder begins with random weights, so nothing "
            f"says what is near; set start_from to an earlier stage, or give encoders.{hard.by}.weights."
        )
