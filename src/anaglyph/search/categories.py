"""The category of an item where a list of class names was given: the nearest of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anaglyph.encoders.spaces.space import Space
from anaglyph.errors import ConfigError, DataError
from anaglyph.search.closeness import WORDS

NOTE = "categories"
"""Note of an index: the class names, as JSON."""
BUILTIN = "builtin"
MOST = 10_000
LONGEST = 100


@dataclass(frozen=True, eq=False)
class Categories:
    """Class names in a space."""

    names: tuple[str, ...]
    vectors: NDArray[np.float32]
    """(C, D) unit."""

    def of(self, vector: NDArray[np.float32]) -> str:
        """The name that a (D,) vector is nearest to."""
        return self.names[int(np.argmax(self.vectors @ vector))]


def categories_in(space: Space, names: Sequence[str]) -> Categories:
    """Class names, embedded.

    Raises:
        ConfigError: the space reads no words.
    """
    if "text" not in space.reads:
        raise ConfigError(
            f"'{space.name}' reads no words, so it cannot tell categories; leave out --categories, and the "
            f"folders are the categories."
        )
    return Categories(tuple(names), space.texts([f"a 3D model of {name}" for name in names]).numpy())


def read_names(given: str) -> tuple[str, ...]:
    """Class names of a text file, one a line, or the list that comes with Anaglyph.

    Args:
        given: a path, or "builtin".

    Raises:
        DataError: no such file, no names in it, or too many or too long ones.
    """
    if given == BUILTIN:
        return WORDS
    try:
        lines = Path(given).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"cannot read class names from '{given}' ({error}); give a text file with a name on each line, "
            f"or '{BUILTIN}'."
        ) from error
    names = tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if not 1 <= len(names) <= MOST or max(map(len, names)) > LONGEST:
        raise DataError(
            f"'{given}' has {len(names)} names; 1 to {MOST:,} of at most {LONGEST} characters are taken."
        )
    return names


def kept_names(note: str | None) -> tuple[str, ...]:
    """What an index says in its note; none where nobody gave any."""
    return tuple(str(name) for name in json.loads(note)) if note else ()
