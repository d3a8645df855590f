"""A few models on disk, an index of them in memory, and an engine whose arithmetic fits on a page."""

from pathlib import Path

import numpy as np

from anaglyph.errors import DataError
from anaglyph.search.items import Entry, Hit, Item, ItemFacets
from anaglyph.serve.engine import Duplicates, Embedded, Found
from reference.memory_store import MemoryStore

WORDS = {"chair": 0, "table": 1, "lamp": 2, "car": 3}
OBJ = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 2 3\nf 1 2 4\n"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000002000000010802000000"
    "7b40e8dd0000000f49444154789c63f8cfc0c0c0c0f01f0005000201a5f0d4f90000000049454e44ae426082"
)


class TinyEngine:
    """Words and items of four dimensions; a picture points along all of them, a model along the last."""

    reads = frozenset({"text", "like", "image", "model"})

    def __init__(self, store, *, threshold=0.5):
        self.store, self.threshold = store, threshold

    def embed(self, queries):
        return [self._embedded(parts) for parts in queries]

    def _embedded(self, parts):
        total, notes = np.zeros(4, dtype=np.float32), []
        for part in parts:
            if part.text is not None:
                vector = np.eye(4, dtype=np.float32)[WORDS.get(part.text, 3)]
            elif part.like is not None:
                ids, vectors = self.store.vectors(np.array([part.like]))
                if not len(ids):
                    return DataError(f"there is no item {part.like}.")
                vector = vectors[0]
            elif part.image is not None:
                if not part.image.startswith(b"\x89PNG"):
                    return DataError("the picture is not a readable PNG, JPEG or WEBP picture. Replace it.")
                vector = np.full(4, 0.5, dtype=np.float32)
            else:
                assert part.model.is_file()
                vector = np.eye(4, dtype=np.float32)[3]
                notes.append(f"read {part.model.name}")
            total += part.weight * vector
        return Embedded(vector=total / max(np.linalg.norm(total), 1e-9), notes=tuple(notes))

    def find(self, wanted):
        return [self._found(each) for each in wanted]

    def _found(self, each):
        pairs = self.store.nearest(each.vector, filters=each.filters, limit=each.limit, offset=each.offset)
        hits = tuple(Hit(item=self.store.item(id), score=score, view=0) for id, score in pairs)
        return Found(
            hits=hits,
            total=len(self.store.ids(each.filters)),
            threshold=self.threshold,
            generation=self.store.generation(),
        )

    def duplicates(self, kind):
        alike = {}
        for entry in self.store.every():
            if not entry.item.ignored:
                alike.setdefault(entry.item.bytes, []).append(entry.item)
        return [
            Duplicates(kind=kind, similarity=1.0, items=tuple(items))
            for items in alike.values()
            if len(items) > 1
        ]

    def close(self):
        pass


def tiny_store(root: Path, *, names=("chairs/oak.obj", "chairs/pine.obj", "table.obj", "<script>.obj")):
    """An index of small OBJ files written below `root`; ids are 1, 2, ... in the order of the names."""
    store = MemoryStore()
    with store.writer(owner="test") as writer:
        writer.put([entry(root, name, place) for place, name in enumerate(names)])
    return store


def entry(root: Path, name: str, place: int, *, text: str = OBJ) -> Entry:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    vector = np.zeros(4, dtype=np.float32)
    vector[place % 4], vector[(place + 1) % 4] = 0.8, 0.6
    folder = name.rpartition("/")[0]
    facets = ItemFacets(
        format="obj", vertices=4, faces=2, size=(1.0, 1.0, 1.0), proportions=1.0, category=folder or None
    )
    item = Item(
        id=0,
        root=str(root),
        path=name,
        content=f"{place:064x}",
        bytes=len(text),
        modified=1_700_000_000_000_000_000,
        added=1_700_000_000,
        state="ready",
        facets=facets,
    )
    return Entry(item=item, vector=vector, views=None, thumbnail=PNG)
