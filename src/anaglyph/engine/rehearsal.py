"""What can be refused is refused before a run leaves anything, and before hours of training.

First what needs no data, since making data may take long: leaks, weights files, and whether they fit. Then,
with the data open, the first training batch is drawn and each stage's method embeds one object of each kind.
Nothing of a rehearsal is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from anaglyph.data.objects import Objects
from anaglyph.data.samplers import epoch_rows
from anaglyph.data.shape_queries import ShapeQueries
from anaglyph.engine.models import build_encoders, build_method
from anaglyph.engine.recipe import Recipe
from anaglyph.engine.starting_weights import StartingWeights
from anaglyph.engine.tasks.choice import check_fits, check_views
from anaglyph.engine.tasks.classification import Classifies
from anaglyph.engine.tasks.naming import same_name
from anaglyph.errors import ConfigError, DataError
from anaglyph.methods.base import Method
from anaglyph.methods.catalog import METHODS

Starts = Mapping[str, Mapping[str, StartingWeights]]
"""Stage -> modality -> what its encoder starts from."""
Shapes = Mapping[str, torch.Size]
"""Name of a weight -> its shape."""


def rehearse_without_data(recipe: Recipe, starts: Starts) -> None:
    """Make every stage's encoders and put the weights in that they start from.

    Raises:
        ConfigError: weights do not fit.
    """
    for name, spec in recipe.stages.items():
        build_encoders(spec, seed=recipe.seed, name=name, starts=starts[name])


def rehearse(recipe: Recipe, train: Objects, *, processes: int = 1) -> None:
    """Draw each stage's first batch, and let its method embed one object of each kind.

    Args:
        recipe: what is to be run.
        train: its training split.
        processes: which share a batch.

    Raises:
        ConfigError: the data lacks what a method reads, an encoder reads other pictures or points, a stage
            cannot begin with another's weights, or hard batches want more neighbours than there are.
        DataError: there is no full batch, or the repository has fewer shapes than a batch.
    """
    shapes: dict[str, Shapes] = {}
    check_views(train, recipe.evaluation_views, name="evaluation_views", data=recipe.data.name)
    for name, spec in recipe.stages.items():
        check_fits(METHODS.load(spec.method), train, name=spec.method, data=recipe.data.name)
        if spec.epochs:
            rows = epoch_rows(len(train), batch=spec.batch, seed=recipe.seed, epoch=0, world=processes)
            train.batch(rows[0], epoch=0)
        if spec.hard_batches is not None and spec.hard_batches.nearest >= len(train):
            raise ConfigError(
                f"stages.{name}.hard_batches.nearest is {spec.hard_batches.nearest}, and the training split "
                f"has {len(train)} objects, each with {len(train) - 1} others; lower it or give more objects."
            )
        method = build_method(spec, objects=len(train), seed=recipe.seed, name=name)
        check_classes(method, train, where=f"stages.{name}.config.classes")
        shapes[name] = {key: value.shape for key, value in method.state_dict().items()}
        if spec.start_from is not None:
            _check_taken_over(shapes[name], shapes[spec.start_from], name=name, start=spec.start_from)
        _embed_one(method, train, where=f"stages.{name}.encoders")


def check_classes(method: Method, train: Objects, *, where: str) -> None:
    """ConfigError unless a classifier's classes are those of the data, in the order of its labels."""
    if not isinstance(method, Classifies):
        return
    own, given = ([same_name(name) for name in names] for names in (method.class_names, train.class_names))
    if own == given:
        return
    differ = [row for row, (a, b) in enumerate(zip(own, given, strict=False)) if a != b]
    place = differ[0] if differ else min(len(own), len(given))
    raise ConfigError(
        f"{where} are {len(own)} names and the data has {len(given)} classes; they differ from number "
        f"{place} on ({_name(own, place)} here, {_name(given, place)} in the data). Write those of the data, "
        f"in its order, as `anaglyph data NAME` lists them."
    )


def _name(names: Sequence[str], place: int) -> str:
    return f"'{names[place]}'" if place < len(names) else "nothing"


def _check_taken_over(own: Shapes, given: Shapes, *, name: str, start: str) -> None:
    wrong = sorted(key for key in own.keys() | given.keys() if own.get(key) != given.get(key))
    if wrong:
        raise ConfigError(
            f"stages.{name}.start_from: the weights of stage {start} do not fit; different: "
            f"{', '.join(wrong[:10])}. Give both stages the same widths, heads and moving average in config."
        )


@torch.no_grad()
def _embed_one(method: Method, dataset: Objects, *, where: str) -> None:
    """The first object of each kind, without augmentation and labels."""
    method.eval()
    for modality in method.embeds:
        if modality == "shape" and isinstance(dataset, ShapeQueries):
            batch = dataset.repository.batch([0])
        else:
            batch = dataset.batch([0], epoch=None)
        try:
            method.embed(modality, batch.without_labels())
        except DataError as error:
            encoder = modality if modality in method.encoder_names else method.encoder_names[0]
            reason = str(error).rstrip(".")
            raise ConfigError(f"{where}.{encoder} cannot read this data: {reason}.") from error
