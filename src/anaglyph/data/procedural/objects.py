"""One object of a category, made from its key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.procedural.catalog import CATEGORIES, Category
from anaglyph.data.procedural.draws import Draws, Plain
from anaglyph.errors import ConfigError, unknown_name
from anaglyph.geometry.assemble import assemble
from anaglyph.geometry.mesh import Mesh


@dataclass(frozen=True, kw_only=True, eq=False)
class ProceduralObject:
    """A shape and all that is known of it."""

    category: str
    key: str
    mesh: Mesh
    """+y up, front towards +z, in metres; stands on y = 0, its box centred on the y axis."""
    caption: str
    """What it looks like, in a phrase without a full stop."""
    words: tuple[str, ...]
    """The category and its synonyms."""
    parameters: Mapping[str, Plain]
    """What was drawn: lengths in metres, angles in radians, counts, styles, materials."""
    part_names: tuple[str, ...]
    face_parts: NDArray[np.int32]
    """(F,) rows of `part_names`."""


def list_categories() -> list[str]:
    """Names of all categories, sorted."""
    return sorted(CATEGORIES)


def make_object(category: str, *, key: str, variation: float = 1.0) -> ProceduralObject:
    """The object of a category that belongs to `key`; the same one on every call, whatever was made before.

    Args:
        category: one of `list_categories`.
        key: any text; it plays the part of a seed, such as "7/train/12".
        variation: 0 to 1, how far objects of the category differ.

    Raises:
        ConfigError: no such category.
    """
    entry = _entry(category)
    draws = Draws(category, key, variation=variation)
    built = entry.builder(draws)
    whole = assemble(built.parts)
    return ProceduralObject(
        category=category,
        key=key,
        mesh=_standing(whole.mesh),
        caption=built.caption,
        words=entry.words,
        parameters=draws.parameters,
        part_names=whole.part_names,
        face_parts=whole.face_parts,
    )


def _entry(category: str) -> Category:
    if category not in CATEGORIES:
        raise ConfigError(unknown_name("category", category, CATEGORIES))
    return CATEGORIES[category]


def _standing(mesh: Mesh) -> Mesh:
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    foot = np.array([(low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2], dtype=np.float32)
    return replace(mesh, vertices=mesh.vertices - foot)
