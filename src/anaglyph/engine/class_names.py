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
        written = [clean_class_name(name) if spec.clean_names else name for name in names]
        sentences = [sentence for name in written for sentence in expand(name, spec.templates)]
        parts = [
            tower(sentences[first : first + _SENTENCES]).cpu()
            for first in range(0, len(sentences), _SENTENCES)
        ]
        try:
            return average_text_features(torch.cat(parts).reshape(len(names), -1, tower.dim))
        except ValueError as error:
            raise DataError(
                f"the text tower {tower.name} cannot tell a class by its name: {error}. Write the name in "
                f"words that it knows, or choose another tower for class_names."
            ) from error


def class_vectors_of(spec: ClassNamesSpec | None, *, root: Path) -> Callable[[Sequence[str]], Tensor] | None:
    """What a method is given; None for a recipe without class names."""
    return None if spec is None else ClassNames(spec, root)
