"""What a data set is before it is loaded: options, where its files come from, and `load`."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, Protocol, get_args

from anaglyph.data.objects import Objects
from anaglyph.errors import ConfigError, DataError, unknown_name

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)


class DataSource(Protocol):
    """A frozen dataclass of options, one per data set; the catalog lists them."""

    title: ClassVar[str]
    """What it is, in one line."""
    licence: ClassVar[str]
    """Who owns it and what may be done with it."""
    obtain: ClassVar[str]
    """Where its files come from and where they are looked for."""

    def load(self, split: Split, *, root: Path, cache: Path | None, seed: int) -> Objects:
        """Read one split; relative folders start at `root`, `seed` is the run's augmentation seed."""
        ...


def splits_of(source: DataSource) -> tuple[Split, ...]:
    """The splits that a data set has: all, unless it says in `splits` which."""
    splits: tuple[Split, ...] = getattr(source, "splits", SPLITS)
    return splits


def check_split(split: str) -> None:
    """ConfigError unless `split` is one."""
    if split not in SPLITS:
        raise ConfigError(unknown_name("split", split, SPLITS))


def folder_in(root: Path, folder: str, *, obtain: str) -> Path:
    """`root / folder`; DataError with where to get the data when it is not there."""
    place = root / folder
    if not place.is_dir():
        raise DataError(f"there is no folder '{place}'. {obtain}")
    return place
