"""The frozen towers that a recipe names, as YAML says them: for its data, or for class names alone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from anaglyph.config import plain
from anaglyph.data.transforms.clouds import CloudPipeline
from anaglyph.data.transforms.texts import TextChoice
from anaglyph.data.transforms.views import ViewChoice
from anaglyph.encoders.towers.catalog import Side, check_tower
from anaglyph.errors import ConfigError
from anaglyph.evaluation.templates import templates


@dataclass(frozen=True, kw_only=True)
class TowerSpec:
    """A frozen tower by its kind and options."""

    name: str
    """Kind: clip, sentence, stored_text, encoder or dual."""
    options: dict[str, Any] = field(default_factory=dict)
    """Of the kind; `source` is where its weights come from. A relative path starts at the data root."""


@dataclass(frozen=True, kw_only=True)
class TowersSpec:
    """Frozen towers that pictures and texts of the data go through once, before training."""

    image: TowerSpec | None = None
    """What reads pictures; null leaves them out."""
    text: TowerSpec | None = None
    """What reads texts and class names; null leaves them out."""
    templates: str = "official64"
    """Family of sentences around class names, whose vectors are averaged."""
    prompt_texts: bool = False
    """Names and captions in those sentences too, as in OpenShape's data."""
    clean_names: bool = True
    """Class names as a person writes them, without underscores."""
    storage: Literal["float32", "float16"] = "float32"
    """Type of the stored vectors."""
    batch: int = 64
    """Pictures or texts at once."""
    clouds: CloudPipeline = field(default_factory=CloudPipeline)
    """How clouds become a batch."""
    texts: TextChoice = field(default_factory=TextChoice)
    """Which text a training row shows."""
    views: ViewChoice = field(default_factory=ViewChoice)
    """Which pictures a training row shows."""

    def __post_init__(self) -> None:
        templates(self.templates)
        if self.image is None and self.text is None:
            raise ConfigError("towers need one for image, for text, or for both; or leave towers out.")
        if self.batch < 1:
            raise ConfigError(f"batch must be >= 1, got {self.batch}.")


@dataclass(frozen=True, kw_only=True)
class ClassNamesSpec:
    """How a method that chooses among named classes gets a vector of each name."""

    text: TowerSpec
    """The frozen text tower, read once before training."""
    templates: str = "official64"
    """Family of sentences around class names, whose vectors are averaged."""
    clean_names: bool = True
    """Class names as a person writes them, without underscores."""

    def __post_init__(self) -> None:
        templates(self.templates)


def checked_towers(towers: TowersSpec | None) -> TowersSpec | None:
    """The same with every option written out."""
    if towers is None:
        return None
    return replace(
        towers, image=_checked_tower(towers.image, "image"), text=_checked_tower(towers.text, "text")
    )


def checked_class_names(names: ClassNamesSpec | None) -> ClassNamesSpec | None:
    """The same with every option written out."""
    if names is None:
        return None
    options = check_tower(names.text.name, names.text.options, side="text", where="class_names.text")
    return replace(names, text=replace(names.text, options=plain(options)))


def _checked_tower(tower: TowerSpec | None, side: Side) -> TowerSpec | None:
    if tower is None:
        return None
    options = check_tower(tower.name, tower.options, side=side, where=f"towers.{side}")
    return replace(tower, options=plain(options))
