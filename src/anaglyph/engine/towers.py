"""The frozen towers that a recipe or a command names, opened on a device."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from anaglyph.encoders.towers.catalog import open_image_tower, open_text_tower
from anaglyph.encoders.towers.tower import ImageTower, TextTower
from anaglyph.engine.tower_specs import TowersSpec


@dataclass(frozen=True)
class Towers:
    """What pictures and texts go through; a side without a tower is left out."""

    image: ImageTower | None
    text: TextTower | None

    def to(self, device: torch.device | str) -> Towers:
        """Both on a device."""
        return Towers(
            image=None if self.image is None else self.image.to(device),
            text=None if self.text is None else self.text.to(device),
        )


def open_towers(spec: TowersSpec, *, root: Path) -> Towers:
    """The towers with their weights, on the CPU; relative sources start at `root`."""
    image, text = spec.image, spec.text
    return Towers(
        image=None if image is None else open_image_tower(image.name, image.options, root=root),
        text=None if text is None else open_text_tower(text.name, text.options, root=root),
    )
