"""Class names as vectors: a frozen text tower and its sentences, asked once by a method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from anaglyph.encoders.towers.catalog import open_text_tower
from anaglyph.engine.tower_specs import ClassNamesSpec
from anaglyph.errors import DataError
from anaglyph.evaluation.templates import average_text_features, clean_class_name, expand

_SENTENCES = 256
"""Read at once."""


@dataclass(frozen=True)
class ClassNames:
    """Names to vectors; call it. The tower is opened by the first call."""

    spec: ClassNamesSpec
    root: Path
    """Where relative sources start."""

    def __call__(self, names: Sequence[str]) -> Tensor:
        """C names -> (C, E) unit vectors on the CPU.

        Raises:
            ConfigError, WeightsError, MissingExtraError: the tower cannot be opened.
            DataError: it gives a name a vector without a direction, or one that is not finite.
        """
        spec = self.spec
        tower = open_text_tower(spec.text.name, spec.text.options, root=self.root)
        return name_vectors(
            names, tower, tower=tower.name, templates=spec.templates, clean_names=spec.clean_names
        )


def name_vectors(
    names: Sequence[str],
    read: Callable[[Sequence[str]], Tensor],
    *,
    tower: str,
    templates: str,
    clean_names: bool = True,
) -> Tensor:
    """C names -> (C, E) unit vectors on the CPU, each the mean over its sentences.

    Args:
        names: of classes.
        read: B texts -> (B, E).
        tower: what reads, for people.
        templates: family of sentences.
        clean_names: names as a person writes them.

    Raises:
        DataError: a name gets a vector without a direction, or one that is not finite.
    """
    written = [clean_class_name(name) if clean_names else name for name in names]
    sentences = [sentence for name in written for sentence in expand(name, templates)]
    parts = [
        read(sentences[first : first + _SENTENCES]).cpu() for first in range(0, len(sentences), _SENTENCES)
    ]
    vectors = torch.cat(parts)
    try:
        return average_text_features(vectors.reshape(len(names), -1, vectors.shape[1]))
    except ValueError as error:
        raise DataError(
            f"the text tower {tower} cannot tell a class by its name: {error}. Write the name in words that "
            f"it knows, or choose another tower for class_names."
        ) from error


def class_vectors_of(spec: ClassNamesSpec | None, *, root: Path) -> Callable[[Sequence[str]], Tensor] | None:
    """What a method is given; None for a recipe without class names."""
    return None if spec is None else ClassNames(spec, root)
