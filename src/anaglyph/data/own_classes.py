"""A user's own list of classes: read, tidied, and refused with a reason where it tells nothing apart."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from anaglyph.data.class_lists import CLASS_LISTS
from anaglyph.errors import ConfigError

MOST = 100_000
"""Names; each costs a row of every table of scores."""
LONGEST = 200
"""Letters of a name."""
_SHOWN = 3


@dataclass(frozen=True)
class OwnClasses:
    """Names that can be told apart."""

    names: tuple[str, ...]
    """Two or more, in the order given."""
    foreign: tuple[str, ...] = ()
    """Those with letters that are not Latin, of which a tower of English words understands nothing."""

    @property
    def advice(self) -> str:
        """What a user should know of the list; empty where there is nothing."""
        if not self.foreign:
            return ""
        shown = ", ".join(self.foreign[:_SHOWN]) + (", ..." if len(self.foreign) > _SHOWN else "")
        return (
            f"{len(self.foreign)} of {len(self.names)} class names are not in Latin letters ({shown}); a "
            f"text tower that learned English cannot tell them apart. Write them in English, or name a tower "
            f"of that language."
        )


def own_classes(given: Sequence[str]) -> OwnClasses:
    """Names as a person gave them, without spare spaces and underscores.

    Raises:
        ConfigError: no or one name, an empty or an overlong one, one that no text can hold, or two that are
            the same but for case, spaces and underscores.
    """
    names = [_tidy(name) for name in given]
    for place, (name, raw) in enumerate(zip(names, given, strict=True), start=1):
        if not name:
            raise ConfigError(
                f"class name {place} of {len(names)} is empty ({raw!r:.40}); give each class a name, or take "
                f"it out."
            )
        if len(name) > LONGEST or any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name):
            raise ConfigError(
                f"class name {place} of {len(names)} is {name!r:.60}, {len(name)} letters; allowed are up to "
                f"{LONGEST}, without control characters. Shorten it."
            )
    if len(names) < 2:
        raise ConfigError(
            f"{len(names)} class names are given ({', '.join(names) or 'none'}); with fewer than 2 there is "
            f"nothing to choose from. Name the others too, if only as 'something else'."
        )
    if len(names) > MOST:
        raise ConfigError(f"{len(names)} class names are given; at most {MOST} are taken. Give fewer.")
    _check_distinct(names)
    return OwnClasses(tuple(names), tuple(name for name in names if _foreign(name)))


def parse_classes(text: str) -> OwnClasses:
    """What a command line says: names with commas between, a name of `CLASS_LISTS`, or a file.

    Raises:
        ConfigError: as in `own_classes` and `read_classes`.
    """
    text = text.strip()
    if text in CLASS_LISTS:
        return OwnClasses(CLASS_LISTS[text].words)
    if Path(text).suffix.lower() in (".txt", ".json"):
        return read_classes(Path(text))
    return own_classes(text.split(",") if text else [])


def read_classes(path: Path) -> OwnClasses:
    """Names of a file: .txt with one a line, or .json with a list of strings.

    Raises:
        ConfigError: no such file, no such list in it, or as in `own_classes`.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        names = json.loads(text) if path.suffix.lower() == ".json" else text.rstrip().splitlines()
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"'{path}' is no readable list of classes: {error}. Give UTF-8 text with one name a line, or "
            f'JSON such as ["chair", "table"].'
        ) from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ConfigError(
            f"'{path}' holds a {type(names).__name__}; expected is a list of strings, such as "
            f'["chair", "table"].'
        )
    try:
        return own_classes(names)
    except ConfigError as error:
        raise ConfigError(f"'{path}': {error}") from error


def _tidy(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).replace("_", " ").split())


def _check_distinct(names: Sequence[str]) -> None:
    first: dict[str, int] = {}
    twice = []
    for place, name in enumerate(names):
        other = first.setdefault(unicodedata.normalize("NFKC", name).casefold(), place)
        if other != place:
            twice.append(f"'{names[other]}' ({other + 1}) and '{name}' ({place + 1})")
    if twice:
        more = f", and {len(twice) - _SHOWN} more" if len(twice) > _SHOWN else ""
        raise ConfigError(
            f"class names are given twice: {'; '.join(twice[:_SHOWN])}{more}. An object cannot be of one "
            f"rather than the other; keep one of each."
        )


def _foreign(name: str) -> bool:
    letters = [letter for letter in name if letter.isalpha()]
    return any("LATIN" not in unicodedata.name(letter, "") for letter in letters)
