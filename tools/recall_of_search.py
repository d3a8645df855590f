"""How often search finds the object that was meant: python tools/recall_of_search.py --index FOLDER.

Over an index of the meshes of cc0_objects (`anaglyph index DATA/cc0_objects/meshes --index FOLDER`), every
object is looked for by the pictures that its makers drew, by its name, by its category, and by another sample
of its surface. The gallery is always the whole index. Recall@k of an object is the share of its queries that
have it among the first k; the table is the mean over objects. Of a name or category, any object that has it
counts.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch

from anaglyph.data.datasets.cc0_manifest import kind_of
from anaglyph.errors import AnaglyphError, MeshError
from anaglyph.geometry.load import MeshReaders
from anaglyph.geometry.normalize import normalized
from anaglyph.geometry.sample import sample_surface
from anaglyph.geometry.surface_colour import has_colours
from anaglyph.io.atomic import write_json
from anaglyph.randomness import numpy_generator
from anaglyph.search.closeness import unit
from anaglyph.search.items import Filters
from anaglyph.search.open_searcher import open_searcher
from anaglyph.search.parts import Part, PicturePart, TextPart
from anaglyph.search.query import Query
from anaglyph.search.searcher import Searcher

RANKS = (1, 5, 10)
BATCH = 64
NONSENSE = (
    "justice", "yesterday", "because", "qwertyuiop", "seven", "gross domestic product", "smell of rain",
    "a minor chord", "inflation", "nostalgia", "xkcd zzz", "democracy", "12:30", "syntax error", "algebra",
    "lorem ipsum dolor sit amet", "boredom", "a whispered promise", "weather forecast", "copyright",
)  # fmt: skip
"""Words that no object shows."""


@dataclass(frozen=True)
class Object:
    """A row of the manifest that is in the index."""

    key: str
    name: str
    category: str
    mesh: Path
    images: tuple[Path, ...]
    item: int


@dataclass
class Asked:
    """One query and which items answer it."""

    kind: str
    key: str
    right: frozenset[int]
    query: Query


def main() -> None:
    """Measure, print a table, and write JSON where asked."""
    options = arguments()
    with open_searcher(str(options.index), root=options.data) as searcher:
        objects, total = read_objects(options.data / "cc0_objects", searcher)
        asking = chosen(objects, options.only)
        if not asking:
            sys.exit("no object of the manifest is in this index, or of --only in the manifest.")
        asked, bad = [], []
        for kind in options.kinds:
            queries, failed = QUERIES[kind](searcher, asking, objects)
            asked += queries
            bad += failed
        result = {
            "model": searcher.store.header.model,
            "fingerprint": searcher.store.header.fingerprint,
            "items": total,
            "objects": len(objects),
            "objects_asking": len(asking),
            "chance_recall": {f"@{rank}": rank / total for rank in RANKS},
            "recall": {
                kind: measured(searcher, kind, asked) for kind in dict.fromkeys(a.kind for a in asked)
            },
            "nonsense_called_close": nonsense(searcher)
            if "text" in searcher.embedder.space().reads
            else None,
            "not_used": bad,
        }
    print_table(result)
    if options.json:
        write_json(options.json, result)


def arguments() -> argparse.Namespace:
    """What was asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of data sets")
    parser.add_argument("--kinds", nargs="+", default=list(QUERIES), choices=list(QUERIES))
    parser.add_argument("--only", type=Path, help="file with the ids of the objects that ask, one a line")
    parser.add_argument("--json", type=Path, help="write the result here")
    return parser.parse_args()


def read_objects(folder: Path, searcher: Searcher) -> tuple[list[Object], int]:
    """Objects of the manifest that the index holds, by the name of their mesh; and all items of the index."""
    items = {}
    offset = 0
    while page := searcher.store.select(Filters(), limit=1000, offset=offset):
        items.update({PurePosixPath(item.path).stem: item.id for item in page})
        offset += len(page)
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = [
        Object(
            row["id"], row["name"], row["category"], folder / row["mesh"],
            tuple(folder / each for each in row["images"].split(";") if each), items[Path(row["mesh"]).stem],
        )
        for row in rows
        if row["mesh"] and Path(row["mesh"]).stem in items
    ]  # fmt: skip
    return found, offset


def chosen(objects: Sequence[Object], only: Path | None) -> list[Object]:
    """Those that ask."""
    if only is None:
        return list(objects)
    keys = set(only.read_text(encoding="utf-8").split())
    return [each for each in objects if each.key in keys]


def picture_queries(searcher: Searcher, asking: Sequence[Object], objects: Sequence[Object]) -> Any:
    """Every picture of a maker, by the kind of picture."""
    rows, parts = [], []
    for each in asking:
        for image in each.images:
            rows.append((f"picture, {kind_of(image)}", each.key, frozenset({each.item})))
            parts.append(PicturePart(data=image.read_bytes(), name=image.name))
    return embedded(searcher, rows, parts)


def name_queries(searcher: Searcher, asking: Sequence[Object], objects: Sequence[Object]) -> Any:
    """The name; every object of that name is right."""
    return word_queries(searcher, asking, objects, "name")


def category_queries(searcher: Searcher, asking: Sequence[Object], objects: Sequence[Object]) -> Any:
    """The category; every object of it is right."""
    return word_queries(searcher, asking, objects, "category")


def word_queries(searcher: Searcher, asking: Sequence[Object], objects: Sequence[Object], field: str) -> Any:
    """One query for each object, with the words of a field."""
    right: dict[str, set[int]] = {}
    for each in objects:
        right.setdefault(getattr(each, field), set()).add(each.item)
    rows = [(field, each.key, frozenset(right[getattr(each, field)])) for each in asking]
    return embedded(searcher, rows, [TextPart(text=getattr(each, field)) for each in asking])


def model_queries(searcher: Searcher, asking: Sequence[Object], objects: Sequence[Object]) -> Any:
    """Other points of the surface, without pictures; the index holds points and pictures."""
    space = searcher.embedder.space()
    asked: list[Asked] = []
    bad: list[str] = []
    with MeshReaders(2) as readers:
        for each, (_, mesh) in zip(asking, readers.load_many(o.mesh for o in asking), strict=True):
            try:
                if isinstance(mesh, MeshError):
                    raise mesh
                shown = normalized(mesh, "sphere")
                sample = sample_surface(
                    shown, space.points or 2048, generator=numpy_generator("another sample", each.key)
                )
            except (MeshError, ValueError) as error:
                bad.append(f"{each.key}: {error}")
                continue
            colours = sample.colours / np.float32(255) if has_colours(mesh) else space.clouds.grey
            cloud = np.empty((1, len(sample.points), 6), dtype=np.float32)
            cloud[0, :, :3], cloud[0, :, 3:] = sample.points, colours
            vector = unit(space.shapes(torch.from_numpy(cloud)).numpy())[0]
            scale = searcher.embedder.closeness().shape
            query = Query(vector=vector, close=None if scale is None else scale.close)
            asked.append(Asked("model, other points", each.key, frozenset({each.item}), query))
    return asked, bad


def embedded(
    searcher: Searcher, rows: Sequence[tuple[str, str, frozenset[int]]], parts: Sequence[Part]
) -> tuple[list[Asked], list[str]]:
    """Queries of one part each, and what could not be used."""
    asked, bad = [], []
    for first in range(0, len(parts), BATCH):
        made = searcher.embedder.embed_many([[part] for part in parts[first : first + BATCH]])
        for (kind, key, right), query in zip(rows[first : first + BATCH], made, strict=True):
            if isinstance(query, AnaglyphError):
                bad.append(f"{key}: {query}")
            else:
                asked.append(Asked(kind, key, right, query))
    return asked, bad


def measured(searcher: Searcher, kind: str, asked: Iterable[Asked]) -> dict[str, float]:
    """Recall at each rank, the mean over objects, and how many queries had a close hit."""
    hits: dict[str, list[list[bool]]] = {}
    close = []
    for each in asked:
        if each.kind != kind:
            continue
        found = searcher.find(each.query, limit=max(RANKS))
        place = next((n for n, hit in enumerate(found.hits) if hit.item.id in each.right), max(RANKS))
        hits.setdefault(each.key, []).append([place < rank for rank in RANKS])
        close.append(not found.nothing_close)
    means = np.mean([np.mean(rows, axis=0) for rows in hits.values()], axis=0)
    facts = {f"@{rank}": float(value) for rank, value in zip(RANKS, means, strict=True)}
    return {
        "queries": len(close), "objects": len(hits), **facts, "with_a_close_hit": float(np.mean(close))
    }  # fmt: skip


def nonsense(searcher: Searcher) -> float:
    """Share of words for nothing that get a close hit all the same."""
    made = searcher.embedder.embed_many([[TextPart(text=text)] for text in NONSENSE])
    found = [searcher.find(query, limit=1) for query in made if isinstance(query, Query)]
    return float(np.mean([not each.nothing_close for each in found])) if found else 0.0


def print_table(result: dict[str, Any]) -> None:
    """The result for people."""
    print(f"{result['model']}: {result['objects_asking']} objects ask among {result['items']} items")
    print(
        f"{'query':24}{'objects':>9}{'queries':>9}"
        + "".join(f"{f'@{rank}':>8}" for rank in RANKS)
        + "   close"
    )
    for kind, facts in result["recall"].items():
        numbers = "".join(f"{facts[f'@{rank}']:8.3f}" for rank in RANKS)
        print(f"{kind:24}{facts['objects']:9}{facts['queries']:9}{numbers}{facts['with_a_close_hit']:8.2f}")
    print(f"words for nothing that are called close: {result['nonsense_called_close']}")
    if result["not_used"]:
        print(f"{len(result['not_used'])} not used, the first: {result['not_used'][0]}", file=sys.stderr)


QUERIES = {
    "picture": picture_queries,
    "name": name_queries,
    "category": category_queries,
    "model": model_queries,
}

if __name__ == "__main__":
    main()
