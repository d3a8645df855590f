"""Where an index lies in PostgreSQL: an address as libpq takes it, and the index's name behind a `#`.

`postgresql://me:secret@host/models#furniture` is the index `furniture` (a schema of that name) in the
database `models`; without a name it is `anaglyph`. The password is never shown.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from anaglyph.errors import ConfigError

PREFIXES = ("postgresql://", "postgres://")
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,50}")
_USER_AND_PASSWORD = re.compile(r"^(\w+://[^/?#:@]*):([^/?#]*)@")
_IN_QUERY = re.compile(r"([?&](?:ssl)?password=)([^&#]*)", re.IGNORECASE)
HIDDEN = "***"


@dataclass(frozen=True)
class Address:
    """A database and the name of an index in it."""

    database: str = field(repr=False)
    """For libpq, password and all."""
    name: str
    """The schema."""

    @property
    def shown(self) -> str:
        """The address without its password."""
        return f"{_without_password(self.database)}#{self.name}"

    def __str__(self) -> str:
        return self.shown

    def cleaned(self, text: str) -> str:
        """A message of the database driver without the password, should it hold one."""
        for secret in sorted(_passwords(self.database), key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return text


def is_address(place: str | os.PathLike[str]) -> bool:
    """Whether this is an address of PostgreSQL, and not a folder."""
    return os.fspath(place).startswith(PREFIXES)


def parse_address(place: str) -> Address:
    """Take an address apart.

    Raises:
        ConfigError: it names no index that could be.
    """
    database, _, name = place.partition("#")
    name = name or "anaglyph"
    if not is_address(place) or not _NAME.fullmatch(name) or name.startswith("pg_"):
        raise ConfigError(
            f"cannot use '{_without_password(database)}#{name}' as a store: it must be "
            "postgresql://USER@HOST/DATABASE#NAME with a name of small letters, digits and _ (51 at most)."
        )
    return Address(database, name)


def _without_password(text: str) -> str:
    return _IN_QUERY.sub(rf"\g<1>{HIDDEN}", _USER_AND_PASSWORD.sub(rf"\g<1>:{HIDDEN}@", text))


def _passwords(text: str) -> set[str]:
    found = [match[2] for match in (_USER_AND_PASSWORD.search(text), *_IN_QUERY.finditer(text)) if match]
    return {form for secret in found for form in (secret, unquote(secret)) if form}
