"""Every exception Anaglyph raises on purpose.

AnaglyphError
├── ConfigError         a recipe, an option or a command line that cannot be meant
├── DataError           a file, an array or a pairing that is not what it should be
├── WeightsError        weights that do not fit, are damaged or are unsafe to read
│   └── CheckpointError a training state that cannot be continued from
├── TrainingError       a run that must stop: non-finite losses, collapsed clusters, a full disk
└── MissingExtraError   an optional dependency is needed here; the message holds the install line

A message says what is wrong, the value, what is allowed and what to do next.
Programming errors stay ValueError and TypeError.
"""

import difflib
from collections.abc import Iterable


class AnaglyphError(Exception):
    """Base of all errors a user can cause or meet."""


class ConfigError(AnaglyphError):
    """A recipe, an option or a command line that cannot be meant."""


class DataError(AnaglyphError):
    """A file, an array or a pairing that is not what it should be."""


class WeightsError(AnaglyphError):
    """Weights that do not fit, are damaged or are unsafe to read."""


class CheckpointError(WeightsError):
    """A training state that cannot be continued from."""


class TrainingError(AnaglyphError):
    """A run that must stop: non-finite losses, collapsed clusters, a full disk."""


class MissingExtraError(AnaglyphError):
    """An optional dependency is needed here; the message holds the install line."""

    def __init__(self, *, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional dependency: pip install 'anaglyph[{extra}]'")


def unknown_name(kind: str, name: str, allowed: Iterable[str]) -> str:
    """The sentence for a name that does not exist: what is close, and what there is."""
    names = sorted(allowed)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"; did you mean '{close[0]}'?" if close else "."
    return f"no {kind} '{name}'{hint} All: {', '.join(names)}"
