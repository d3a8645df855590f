"""Placeholders for the values a pickle would build, with the work that each of them can make.

A few hundred bytes can hold a tuple twice in a tuple that is held twice, forty times over. Building it costs
nothing; hashing it as a key, or printing it in a message, takes 2**40 steps. So sizes are counted with all
repetitions, and what would be hashed or passed to a function is charged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MAX_DEPTH = 8
"""Tuples in tuples; hashing deeper ones could overflow the stack."""
MAX_KEY = 10_000
"""Values in one key, repetitions counted."""
MAX_WORK = 1 << 26
"""Values hashed or passed to functions in one file: seconds."""
_MOST = 1 << 40
"""Sizes are not counted further; no budget is that large."""


class ExcessError(ValueError):
    """A program that is well formed and asks for more than any checkpoint; the message says of what."""


class Opaque:
    """Any value that is not followed; lists and dictionaries grow."""

    def __init__(self, size: int = 1) -> None:
        self.size = size

    def grow(self, size: int) -> None:
        """It holds `size` more values."""
        self.size = min(self.size + size, _MOST)


@dataclass(frozen=True)
class Name:
    """Something imported."""

    path: str


class Nested(tuple[Any, ...]):
    """A tuple that knows how large and how deep it is."""

    size: int
    depth: int


def nested(items: Sequence[Any]) -> Nested:
    """The tuple of `items`.

    Raises:
        ExcessError: too many tuples within one another.
    """
    made = Nested(items)
    made.size = min(1 + sum(map(size_of, items)), _MOST)
    made.depth = 1 + max((item.depth for item in items if isinstance(item, Nested)), default=0)
    if made.depth > MAX_DEPTH:
        raise ExcessError(f"nests tuples more than {MAX_DEPTH} deep")
    return made


def size_of(value: Any) -> int:
    """Values in `value`, repetitions counted; letters count, as they may be copied."""
    if isinstance(value, Opaque | Nested):
        return value.size
    return 1 + len(value) if isinstance(value, str) else 1


class Work:
    """What is left of the budget of one file."""

    def __init__(self) -> None:
        self.left = MAX_WORK

    def spend(self, amount: int) -> None:
        """Charge work; ExcessError when the budget is used up."""
        self.left -= amount
        if self.left < 0:
            raise ExcessError(f"makes more than {MAX_WORK} values to hash or copy")

    def spend_key(self, key: Any) -> None:
        """Charge a key of a dictionary; ExcessError for one that is too large. Text keeps its hash."""
        size = 1 if isinstance(key, str) else size_of(key)
        if size > MAX_KEY:
            raise ExcessError(f"has a key of more than {MAX_KEY} values, repetitions counted")
        self.spend(size)
