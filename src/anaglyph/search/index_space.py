"""The space of an index: opened as it was when the index was made, and refused when it is another one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch

from anaglyph.encoders.spaces.open import MINI, open_space
from anaglyph.encoders.spaces.space import Space
from anaglyph.errors import ConfigError, IndexFormatError
from anaglyph.search.embedder import Embedder
from anaglyph.search.opening import create_store
from anaglyph.search.preparation import VIEWS, Preparation
from anaglyph.search.store import Header, Store

TOWERS = "towers"
"""Note of an index: the image and the text tower that were given, as JSON."""
RECIPE = "recipe"
"""Note of an index: fingerprint of all that decides its vectors."""


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """The model that somebody asked for; None is what the index has, and `mini` for a new one."""

    source: str | None = None
    image_tower: str | None = None
    text_tower: str | None = None

    def __post_init__(self) -> None:
        if self.source is None and (self.image_tower or self.text_tower):
            raise ConfigError(
                f"the tower '{self.image_tower or self.text_tower}' belongs to a model, and none is given; "
                "name the weights that it stands beside with --model."
            )

    def opened(self, *, root: Path, device: torch.device | str) -> Space:
        """The space."""
        return open_space(
            self.source or MINI,
            root=root,
            device=device,
            image_tower=self.image_tower,
            text_tower=self.text_tower,
        )


@dataclass(frozen=True)
class Ready:
    """An open index, and what turns models into its vectors."""

    store: Store
    embed: Embedder
    preparation: Preparation


def space_of(store: Store, *, root: Path, device: torch.device | str = "cpu") -> Space:
    """The space that an index was made with.

    Args:
        store: the index.
        root: folder where relative sources of towers start.
        device: where to compute.

    Raises:
        IndexFormatError: the model that is there now is another one.
        WeightsError: it is not there.
    """
    space = choice_of(store).opened(root=root, device=device)
    require_same(store, space)
    return space


def new_index(place: str, choice: ModelChoice, *, root: Path, device: torch.device) -> Ready:
    """Make an empty index for a model, and what fills it."""
    space = choice.opened(root=root, device=device)
    embed = Embedder(space, on_cpu=device.type == "cpu")
    preparation = embed.preparation()
    header = Header(
        model=_lasting(choice.source or MINI),
        fingerprint=space.fingerprint,
        dim=space.dim,
        views=(VIEWS, space.pixels) if space.pixels else ("", 0),
    )
    towers = {"image": choice.image_tower, "text": choice.text_tower}
    notes = {TOWERS: json.dumps(towers), RECIPE: embed.recipe(preparation)}
    return Ready(create_store(place, header, notes=notes), embed, preparation)


def open_for_indexing(store: Store, choice: ModelChoice, *, root: Path, device: torch.device) -> Ready:
    """What goes on filling an index.

    Raises:
        IndexFormatError: another model was asked for, or the one of the index has changed.
    """
    asked = choice if choice.source is not None else choice_of(store)
    space = asked.opened(root=root, device=device)
    require_same(store, space)
    embed = Embedder(space, on_cpu=device.type == "cpu")
    preparation = embed.preparation(store.header.views[0])
    kept, now = store.notes().get(RECIPE), embed.recipe(preparation)
    if kept is not None and kept != now:
        raise IndexFormatError(
            f"the index was made with other views or samples of models (recipe {kept}) than this version of "
            f"Anaglyph makes ({now}), and they do not mix. {REBUILD}"
        )
    return Ready(store, embed, preparation)


REBUILD = (
    "Make it anew beside the old one, which is replaced when all is done: anaglyph index --rebuild "
    "(with --model to change the model); or use another --index."
)


def require_same(store: Store, space: Space) -> None:
    """IndexFormatError unless the index holds vectors of this space."""
    header = store.header
    if header.fingerprint != space.fingerprint:
        raise IndexFormatError(
            f"the index was made with '{header.model}' (fingerprint {header.fingerprint}), not with "
            f"'{space.name}' ({space.fingerprint}), and vectors of two models do not mix. {REBUILD}"
        )


def choice_of(store: Store) -> ModelChoice:
    """The model that an index was made with."""
    towers = json.loads(store.notes().get(TOWERS, "{}"))
    return ModelChoice(
        source=store.header.model, image_tower=towers.get("image"), text_tower=towers.get("text")
    )


def _lasting(source: str) -> str:
    """A source that means the same from every working folder."""
    return source if source == MINI else str(Path(source).resolve())
