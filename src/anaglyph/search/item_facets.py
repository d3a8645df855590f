"""Numbers of a mesh as facets of an item."""

from __future__ import annotations

import math

from anaglyph.geometry.facets import Facets
from anaglyph.search.items import ItemFacets


def item_facets(measured: Facets, *, format: str) -> ItemFacets:
    """Facets of a model that was read; the category is not the file's to say.

    Args:
        measured: what `geometry.facets` says of the mesh.
        format: suffix without the dot, in lower case.
    """
    width, height, depth = (_finite(length) for length in measured.size)
    across = max(width, depth)
    return ItemFacets(
        format=format,
        vertices=measured.vertices,
        faces=measured.faces,
        size=(width, height, depth),
        proportions=height / across if across > 0 else None,
        area=_finite(measured.area),
        volume=None if measured.volume is None else _finite(measured.volume),
        watertight=measured.watertight,
        coloured=measured.coloured,
        textured=measured.textures > 0,
    )


def format_of(path: str) -> str:
    """Suffix without the dot, in lower case."""
    return path.rpartition(".")[2].lower()


def folder_category(path: str) -> str | None:
    """The top folder below the root; None for a file in the root itself."""
    folder, inside, _ = path.partition("/")
    return folder if inside else None


def _finite(value: float) -> float:
    """Models at the end of float32 have areas beyond it; the largest number stands for them."""
    return min(value, 1e300) if math.isfinite(value) else 1e300
