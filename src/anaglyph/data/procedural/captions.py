"""Small grammar for sentences about objects."""

from __future__ import annotations

from collections.abc import Sequence

_NUMBERS = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)


def listing(parts: Sequence[str]) -> str:
    """Such as "a", "a and b", "a, b and c"; empty parts are left out."""
    words = [part for part in parts if part]
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def a(phrase: str) -> str:
    """The phrase behind "a" or "an", by its first letter or figure."""
    return f"{'an' if phrase[0] in 'aeiou8' else 'a'} {phrase}"


def counted(count: int, noun: str, *, plural: str = "") -> str:
    """Such as "no drawers", "one drawer", "four drawers"; figures above twelve."""
    number = _NUMBERS[count] if count < len(_NUMBERS) else str(count)
    return f"{number} {noun if count == 1 else plural or noun + 's'}"


def sentence(subject: str, parts: Sequence[str]) -> str:
    """Such as "an oak chair with four legs and a slatted back": the subject gets its article."""
    return f"{a(subject)} with {listing(parts)}" if any(parts) else a(subject)
