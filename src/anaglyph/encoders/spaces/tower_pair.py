"""The frozen towers beside a shape encoder: named, opened, and held against the widths that heads want."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anaglyph.encoders.spaces.networks import Layout
from anaglyph.encoders.towers.catalog import open_image_tower, open_text_tower, parse_tower
from anaglyph.encoders.towers.tower import ImageTower, TextTower
from anaglyph.errors import ConfigError

LARGEST_PICTURE = 4096
"""Side in pixels that no tower exceeds."""


@dataclass(frozen=True, kw_only=True)
class TowerPlace:
    """A tower by the name of its kind and options."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TowerPair:
    """Both towers of a space; a side without one is not read."""

    image: ImageTower | None
    text: TextTower | None

    def fingerprints(self) -> dict[str, str]:
        """Side -> fingerprint, of those that are there."""
        sides = {"image": self.image, "text": self.text}
        return {side: tower.fingerprint for side, tower in sides.items() if tower is not None}

    def pixels(self, otherwise: int) -> int:
        """Side at which views should be rendered: the image tower's, else `otherwise`; 0 without one."""
        if self.image is None:
            return 0
        return min(self.image.preparation.pixels or otherwise, LARGEST_PICTURE)

    def require_widths(
        self, layout: Layout, *, what: str, teacher: str = "the tower of its training"
    ) -> None:
        """ConfigError for a tower whose vectors the heads do not read."""
        for side, tower, wanted in (
            ("image", self.image, layout.image_dim),
            ("text", self.text, layout.text_dim),
        ):
            if tower is not None and tower.dim != wanted:
                raise ConfigError(
                    f"{what} reads {side} vectors of {wanted} numbers, and '{tower.name}' gives {tower.dim}; "
                    f"pass {teacher} with --{side}-tower KIND:SOURCE."
                )


def named_towers(image_tower: str | None, text_tower: str | None) -> dict[str, TowerPlace]:
    """Side -> tower, of those given as "kind" or "kind:source", such as clip:FOLDER."""
    given = {"image": image_tower, "text": text_tower}
    places = {}
    for side, text in given.items():
        if text:
            name, options = parse_tower(text)
            places[side] = TowerPlace(name=name, options=options)
    return places


def open_pair(places: Mapping[str, TowerPlace], *, root: Path) -> TowerPair:
    """The towers with their weights, on the CPU; relative sources start at `root`.

    Raises:
        ConfigError: an unknown kind or option.
        WeightsError: weights that are missing, damaged or of another kind.
        MissingExtraError: a kind needs a package that is not installed.
    """
    image, text = places.get("image"), places.get("text")
    return TowerPair(
        image=None if image is None else open_image_tower(image.name, image.options, root=root),
        text=None if text is None else open_text_tower(text.name, text.options, root=root),
    )
