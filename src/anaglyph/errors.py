"""Every exception Anaglyph raises on purpose.

AnaglyphError
├── ConfigError         a recipe, an option or a command line that cannot be meant
├── DataError           a file, an array or a pairing that is not what it should be
│   └── MeshError       a 3D model that cannot be used, with its path and the reason
├── WeightsError        weights that do not fit, are damaged or are unsafe to read
│   └── CheckpointError a training state that cannot be continued from
├── IndexFormatError    an index that is damaged, of another version or model, or in another writer's hands
├── TrainingError       a run that must stop: non-finite losses, collapsed clusters, a full disk
└── MissingExtraError   an optional dependency is needed here; the message holds the install line

A message says what is wrong, the value, what is allowed and what to do next.
Programming errors stay ValueError and TypeError.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from functools import partial


class AnaglyphError(Exception):
    """Base of all errors a user can cause or meet."""


class ConfigError(AnaglyphError):
    """A recipe, an option or a command line that cannot be meant."""


class DataError(AnaglyphError):
    """A file, an array or a pairing that is not what it should be."""


MESH_FAULTS = ("unreadable", "no_faces", "no_area", "too_large", "timeout", "memory", "crash")
"""What keeps a 3D model from being read, as stable names."""


class MeshError(DataError):
    """A 3D model that cannot be used: `path`, `reason` in one sentence, and `fault`, one of `MESH_FAULTS`."""

    def __init__(self, path: str | os.PathLike[str], reason: str, *, fault: str = "unreadable") -> None:
        self.path, self.reason, self.fault = os.fspath(path), reason, fault
        super().__init__(f"cannot use the 3D model '{self.path}': {reason}")

    def __reduce__(self) -> tuple[partial[MeshError], tuple[str, str]]:
        return partial(MeshError, fault=self.fault), (self.path, self.reason)


class WeightsError(AnaglyphError):
    """Weights that do not fit, are damaged or are unsafe to read."""


class CheckpointError(WeightsError):
    """A training state that cannot be continued from."""


class IndexFormatError(AnaglyphError):
    """An index that cannot be used: damaged, of another version or model, or in another writer's hands."""


class TrainingError(AnaglyphError):
    """A run that must stop: non-finite losses, collapsed clusters, a full disk."""


class MissingExtraError(AnaglyphError):
    """An optional dependency is needed here; the message holds the install line."""

    def __init__(self, *, what: str, extra: str) -> None:
        self.what, self.extra = what, extra
        super().__init__(f"{what} needs an optional dependency: pip install 'anaglyph[{extra}]'")

    def __reduce__(self) -> tuple[partial[MissingExtraError], tuple[()]]:
        return partial(MissingExtraError, what=self.what, extra=self.extra), ()


def unknown_name(kind: str, name: str, allowed: Iterable[str]) -> str:
    """The sentence for a name that does not exist: what is close, and what there is."""
    names = sorted(allowed)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"; did you mean '{close[0]}'?" if close else "."
    return f"no {kind} '{name}'{hint} All: {', '.join(names)}"
