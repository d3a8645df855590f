"""Catalogs: an explicit table from name to "module:attribute", one per layer.

Nothing is imported until it is asked for. Other packages add entries through the entry-point
group `anaglyph.<kind>s`; a decorator would only register what somebody happened to import.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from anaglyph.errors import ConfigError, unknown_name


@dataclass(frozen=True)
class Entry:
    """One registered thing."""

    target: str
    """"package.module:attribute"."""
    summary: str
    """One line for lists and help."""
    source: str = ""
    """Paper or origin."""
    tags: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Catalog:
    """The table of one layer."""

    kind: str
    entries: Mapping[str, Entry]

    def names(self, pattern: str = "*", *, tag: str | None = None) -> list[str]:
        """Sorted names that match a shell-style pattern, and carry `tag` when one is given."""
        table = self._all()
        return sorted(
            name
            for name, entry in table.items()
            if fnmatchcase(name, pattern) and (tag is None or tag in entry.tags)
        )

    def entry(self, name: str) -> Entry:
        """The entry of a name; ConfigError with the closest one otherwise."""
        if name in self.entries:  # without reading the metadata of every installed package
            return self.entries[name]
        table = self._all()
        if name not in table:
            raise ConfigError(unknown_name(self.kind, name, table))
        return table[name]

    def load(self, name: str) -> Any:
        """Import and return what `name` stands for."""
        module, _, attribute = self.entry(name).target.partition(":")
        return getattr(import_module(module), attribute)

    def _all(self) -> dict[str, Entry]:
        outside = {
            point.name: Entry(target=point.value, summary=f"from {point.dist.name if point.dist else '?'}")
            for point in entry_points(group=f"anaglyph.{self.kind}s")
        }
        return {**outside, **self.entries}
