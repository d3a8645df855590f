"""Who is asked to name objects: a trained run as it was saved, or a space of any kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anaglyph.config import structure
from anaglyph.data.catalog import DataConfig
from anaglyph.encoders.checkpoints.header import KIND as ENCODER
from anaglyph.encoders.spaces.open import MINI, PICKLES, open_space
from anaglyph.encoders.spaces.space import Space
from anaglyph.encoders.spaces.tower_pair import named_towers
from anaglyph.encoders.spaces.trained import KIND as SPACE
from anaglyph.engine.models import SavedMethod
from anaglyph.engine.space_method import SpaceMethod
from anaglyph.engine.tower_specs import TowersSpec
from anaglyph.engine.towers import Towers
from anaglyph.errors import WeightsError
from anaglyph.io.weights import read_header
from anaglyph.methods.base import Method


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A method with what is known of its training."""

    method: Method
    name: str
    """Of the method, of an official family, or `mini`."""
    data: DataConfig | None
    """What it was trained on; None where no file says it."""
    towers: TowersSpec | None
    """What pictures and texts go through, and how class names are worded."""
    opened: Towers | None = None
    """The same, where they are open already."""
    space: Space | None = None
    """Where it is one; it prepares its clouds itself."""
    leaks: tuple[str, ...] = ()


def subject_of_run(saved: SavedMethod) -> Subject:
    """A trained method as its file says."""
    return Subject(
        method=saved.method,
        name=saved.spec.method,
        data=saved.data,
        towers=saved.towers,
        leaks=tuple(saved.header.get("leaks", ())),
    )


def subject_of_space(source: Path, *, root: Path, image_tower: str = "", text_tower: str = "") -> Subject:
    """A space, with the towers of its training where none are named.

    Raises:
        ConfigError, WeightsError, MissingExtraError: as `open_space`.
    """
    space = open_space(source, root=root, image_tower=image_tower or None, text_tower=text_tower or None)
    about = space.about
    data = about.get("data")
    leaks = about.get("leaks")
    stage = about.get("stage")
    name = stage.get("method") if isinstance(stage, Mapping) else about.get("family")
    given = {side: vars(place) for side, place in named_towers(image_tower, text_tower).items()}
    towers: dict[str, Any] = {**(about.get("towers") or {}), **given}
    there = towers.get("image") or towers.get("text")
    return Subject(
        method=SpaceMethod(space),
        name=space.name if space.name == MINI else str(name),
        data=structure(DataConfig, data, where="data") if isinstance(data, Mapping) else None,
        towers=structure(TowersSpec, towers, where="towers") if there else None,
        opened=Towers(image=space.image, text=space.text),
        space=space,
        leaks=tuple(map(str, leaks)) if isinstance(leaks, list | tuple) else (),
    )


def is_space(source: Path) -> bool:
    """Whether a source is `mini`, a slim file or one of an official encoder, and not a trained run."""
    if str(source) == MINI or source.suffix.lower() in PICKLES:
        return True
    if not source.is_file():
        return False
    try:
        return read_header(source).get("kind") in (SPACE, ENCODER)
    except WeightsError:
        return False  # loading it says what is wrong
