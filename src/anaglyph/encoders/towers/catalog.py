"""Every kind of tower by name, and the one way to open one.

A tower is asked for by its kind and options; on the command line "kind:source" is short for the option
`source`, as in `clip:openai/clip-vit-base-patch32` or `stored_text:vectors.npy`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

from anaglyph.config import structure
from anaglyph.encoders.towers.tower import ImageTower, TextTower
from anaglyph.errors import ConfigError, unknown_name
from anaglyph.registry import Catalog, Entry

Side = Literal["image", "text"]

TOWERS = Catalog(
    kind="tower",
    entries={
        "clip": Entry(
            target="anaglyph.encoders.towers.clip:Clip",
            summary="CLIP, OpenCLIP or SigLIP by its hub name or from a folder, through transformers",
            source="Radford et al., 2021; Cherti et al., 2023; Zhai et al., 2023",
            tags=("image", "text"),
        ),
        "sentence": Entry(
            target="anaglyph.encoders.towers.sentence:Sentence",
            summary="all-MiniLM-L6-v2 from an installed package, 384 numbers; no download",
            source="Reimers and Gurevych, 2019; Wang et al., 2020",
            tags=("text",),
        ),
        "stored_text": Entry(
            target="anaglyph.encoders.towers.stored_text:StoredText",
            summary="vectors that another tower made, by name, from a file",
            source="this project",
            tags=("text",),
        ),
        "encoder": Entry(
            target="anaglyph.encoders.towers.picture_encoder:PictureEncoder",
            summary="any image encoder of the catalog with its official weights",
            source="this project",
            tags=("image",),
        ),
        "dual": Entry(
            target="anaglyph.encoders.towers.dual:Dual",
            summary="a small pair of encoders that method image_text trained",
            source="this project",
            tags=("image", "text"),
        ),
    },
)


class ImageTowerSource(Protocol):
    """A kind of tower that reads pictures: a frozen, keyword-only dataclass of options."""

    def image(self, *, root: Path) -> ImageTower:
        """The tower with its weights; relative paths start at `root`."""
        ...


class TextTowerSource(Protocol):
    """A kind of tower that reads texts: a frozen, keyword-only dataclass of options."""

    def text(self, *, root: Path) -> TextTower:
        """The tower with its weights; relative paths start at `root`."""
        ...


def list_towers(side: Side | None = None) -> list[str]:
    """Names of the kinds that have this side."""
    return TOWERS.names(tag=side)


def check_tower(name: str, options: Mapping[str, Any], *, side: Side, where: str) -> Any:
    """A kind's filled-in options; ConfigError for an unknown name or option, or a side it lacks."""
    if name not in TOWERS.names():
        raise ConfigError(f"{where}.name: {unknown_name(f'{side} tower', name, list_towers(side))}")
    if side not in TOWERS.entry(name).tags:
        raise ConfigError(
            f"{where}.name: '{name}' reads no {side}s; {side} towers are {', '.join(list_towers(side))}."
        )
    return structure(TOWERS.load(name), options, where=f"{where}.options")


def open_image_tower(name: str, options: Mapping[str, Any], *, root: Path) -> ImageTower:
    """An image tower with its weights, on the CPU; relative paths start at `root`.

    Raises:
        ConfigError: an unknown kind or option.
        WeightsError: weights that are missing, damaged or of another kind.
        MissingExtraError: the kind needs a package that is not installed.
    """
    source: ImageTowerSource = check_tower(name, options, side="image", where="image tower")
    return source.image(root=root)


def open_text_tower(name: str, options: Mapping[str, Any], *, root: Path) -> TextTower:
    """A text tower with its weights, on the CPU; raises as `open_image_tower`."""
    source: TextTowerSource = check_tower(name, options, side="text", where="text tower")
    return source.text(root=root)


def parse_tower(text: str) -> tuple[str, dict[str, Any]]:
    """(kind, options) of "kind" or "kind:source"."""
    name, colon, source = text.partition(":")
    return name, ({"source": source} if colon else {})
