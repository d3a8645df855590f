"""Items as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping

from anaglyph.search.items import Item
from anaglyph.serve.schemas import FacetsAnswer, FacetValue, ItemAnswer, ProblemAnswer

VIEWER_TYPES = {
    "glb": "model/gltf-binary",
    "stl": "model/stl",
    "ply": "application/octet-stream",
    "obj": "model/obj",
    "off": "application/octet-stream",
    "3mf": "model/3mf",
}
"""Formats that are whole in one file, and their media types; glTF, COLLADA and FBX name other files."""
_SHOWN_VALUES = 200
_REMEMBERED = 50_000
"""Items whose JSON is kept; each takes about 1 KB."""


class Presenter:
    """Items -> answers.

    Args:
        show_paths: whether callers may know where the roots lie on this machine.
    """

    def __init__(self, *, show_paths: bool) -> None:
        self.show_paths = show_paths
        self._json: dict[int, tuple[Item, bytes]] = {}

    def item_json(self, item: Item) -> bytes:
        """`item` as JSON; remembered for the very same row, since lists of hits show it again and again."""
        known = self._json.get(item.id)
        if known is not None and known[0] is item:
            return known[1]
        made = self.item(item).model_dump_json().encode()
        if len(self._json) >= _REMEMBERED:
            self._json.clear()
        self._json[item.id] = (item, made)
        return made

    def item(self, item: Item) -> ItemAnswer:
        """Everything about one item; addresses change with its content, so that they may be cached."""
        here = f"/api/v1/items/{item.id}"
        there = item.state == "ready"
        facets = item.facets
        return ItemAnswer(
            id=item.id,
            name=item.name,
            path=item.path,
            folder=item.folder,
            root=item.root if self.show_paths else None,
            content=item.content,
            bytes=item.bytes,
            modified=item.modified / 1e9,
            added=item.added,
            state=item.state,
            facets=FacetsAnswer(
                format=facets.format,
                vertices=facets.vertices,
                faces=facets.faces,
                size=facets.size,
                proportions=facets.proportions,
                area=facets.area,
                volume=facets.volume,
                watertight=facets.watertight,
                coloured=facets.coloured,
                textured=facets.textured,
                category=facets.category,
            ),
            problems=[
                ProblemAnswer(category=each.category, severity=each.severity, reason=each.reason)
                for each in item.problems
            ],
            tags=list(item.tags),
            ignored=item.ignored,
            thumbnail=f"{here}/thumbnail?v={item.content[:12]}" if there else None,
            model=f"{here}/model" if item.state != "deleted" and facets.format in VIEWER_TYPES else None,
            mesh=f"{here}/mesh?v={item.content[:12]}" if there else None,
        )


def facet_values(counts: Mapping[str, Mapping[str, int]]) -> dict[str, list[FacetValue]]:
    """Each facet's values, the most frequent first and then by name, 200 at most."""
    return {
        facet: [
            FacetValue(value=value, count=count)
            for value, count in sorted(values.items(), key=lambda each: (-each[1], each[0]))[:_SHOWN_VALUES]
        ]
        for facet, values in counts.items()
    }
