"""What a family of official checkpoints is, as data: how it is known, what each of its files must hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from anaglyph.encoders.checkpoints.layouts import Layout, Shape
from anaglyph.encoders.convention import PointConvention
from anaglyph.errors import WeightsError


class Contents:
    """Names and shapes of a state dict; remembers which of them a family read sizes from.

    Args:
        shapes: of every tensor, wrapper prefixes taken off.
        beside: names of what lay around the state dict in its file.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], beside: frozenset[str] = frozenset()) -> None:
        self.shapes = dict(shapes)
        self.beside = beside
        self.consulted: dict[str, tuple[int, ...]] = {}

    def has(self, *starts: str) -> bool:
        """Whether some key begins with one of `starts`."""
        return any(key.startswith(starts) for key in self.shapes)

    def size(self, key: str, axis: int) -> int:
        """One length of a tensor; WeightsError naming the key when it is absent or has fewer axes."""
        if key not in self.shapes:
            raise WeightsError(f"missing: {key}, from which a size would be read")
        shape = self.consulted[key] = self.shapes[key]
        if axis >= len(shape):
            raise WeightsError(f"other shape: {key} is {shape}, which has no axis {axis}")
        return shape[axis]

    def choice(self, key: str, axis: int, allowed: tuple[int, ...]) -> int:
        """One length that must be one of `allowed`."""
        found = self.size(key, axis)
        if found not in allowed:
            expected = " or ".join(map(str, allowed))
            raise WeightsError(
                f"other shape: {key} is {self.shapes[key]}, its axis {axis} must be {expected}"
            )
        return found

    def numbers(self, start: str) -> set[int]:
        """The numbers that follow `start` in the keys, such as those of blocks."""
        found = (re.match(re.escape(start) + r"(\d{1,6})\.", key) for key in self.shapes)
        return {int(match[1]) for match in found if match}


@dataclass(frozen=True, kw_only=True)
class Group:
    """A part of the file that does not become an encoder; whole, or absent where that is allowed."""

    name: str
    keys: Layout = field(default_factory=dict)
    """Every key with its shape."""
    required: bool = False
    """True where files without it are not official."""
    prefixes: tuple[str, ...] = ()
    """Keys known by their beginning alone, where nobody has listed them; any number of them."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What one file of a family turned out to be."""

    title: str
    encoder: str
    """Name for `create_encoder`."""
    options: Mapping[str, Any] = field(default_factory=dict)
    convention: PointConvention | None = None
    """How it wants its clouds; None for pictures."""
    pictures: Mapping[str, Any] = field(default_factory=dict)
    """How it wants its pictures: pixels, mean and std of RGB in [0, 1]."""
    names: tuple[tuple[str, str], ...] = (("", ""),)
    """(beginning of our key, beginning of the file's key); the first that fits counts."""
    groups: tuple[Group, ...] = ()
    fresh: tuple[str, ...] = ()
    """Our keys that such files never hold; drawn as at the start of training."""
    convolutions: tuple[tuple[str, int], ...] = ()
    """(our key, axes of length 1 that only the file's has): convolutions of size 1 that are linear here."""
    twins: Mapping[str, str] = field(default_factory=dict)
    """File keys that repeat another one, number by number."""
    heads: Mapping[str, str] = field(default_factory=dict)
    """"image", "text" and "fusion" -> network beside the state dict that is this affine map of a space."""
    share_head: bool = False
    """Whether pictures pass the text head too."""

    def name_in_file(self, own: str) -> str:
        """The file's name of one of our tensors."""
        for ours, theirs in self.names:
            if own.startswith(ours):
                return theirs + own.removeprefix(ours)
        raise ValueError(f"no rule names '{own}' of {self.encoder} in the file")

    def shape_in_file(self, own: str, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The file's shape of one of our tensors of `shape`."""
        return shape + (1,) * dict(self.convolutions).get(own, 0)


@dataclass(frozen=True, kw_only=True)
class Family:
    """Files that one project published."""

    name: str
    """For `--as`."""
    title: str
    """What it is, with paper and year."""
    licence: str
    """Of the official weights."""
    recognise: Callable[[Contents], bool]
    """Whether a state dict looks like one of these: cheap, and true for damaged ones as well."""
    read: Callable[[Contents], Variant]
    """Sizes from shapes; WeightsError naming the key that lacks or has an unknown size."""


def exactly(shape: Shape, found: tuple[int, ...]) -> bool:
    """Whether a shape is the expected one, None standing for any length."""
    return len(shape) == len(found) and all(
        want in (None, have) for want, have in zip(shape, found, strict=True)
    )
