"""What a data set must have and what is there: exact counts, the first missing names, and where to get it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from anaglyph.data.datasets.bad_records import listed
from anaglyph.errors import DataError

log = logging.getLogger(__name__)
Check = Literal["strict", "report"]
"""A data set that is not complete is an error, or it is said in the log and what is there is used."""


@dataclass
class Completeness:
    """Problems of one data set in sentences; `settle` makes them an error or a warning."""

    title: str
    obtain: str
    """Where the files come from, in words."""
    found: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def expect(self, what: str, found: int, expected: int) -> None:
        """A published number."""
        if found == expected:
            self.found.append(f"{found:,} {what}, as published")
        else:
            self.problems.append(f"{found:,} {what} instead of the published {expected:,}")

    def files(self, what: str, paths: Iterable[Path], *, root: Path) -> set[Path]:
        """Those of `paths` that are missing, each named once."""
        wanted = sorted(set(paths))
        missing = [path for path in wanted if not path.is_file()]
        if missing:
            names = listed([_relative(path, root) for path in missing])
            self.problems.append(f"{len(missing):,} of {len(wanted):,} {what} are missing: {names}")
        elif wanted:
            self.found.append(f"{len(wanted):,} {what}")
        return set(missing)

    def settle(self, check: Check) -> None:
        """DataError with all problems when strict; a warning otherwise."""
        if not self.problems:
            return
        sentence = "; ".join(self.problems)
        if check == "strict":
            raise DataError(
                f"{self.title} is not complete: {sentence}. {self.obtain} "
                f"Set check=report to use what is there."
            )
        log.warning("%s is not complete: %s", self.title, sentence)


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
