"""Objects and the queries by which they are looked for: what `recall_of_search` measures with."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anaglyph.data.datasets.cc0_manifest import read_manifest
from anaglyph.data.datasets.cc0_models import fold_of
from anaglyph.data.datasets.cc0_words import class_word, plain_name
from anaglyph.data.datasets.procedural_models import TRUE_COLOURS
from anaglyph.data.procedural.objects import list_categories, make_object
from anaglyph.errors import AnaglyphError
from anaglyph.geometry.load import MeshReaders
from anaglyph.geometry.mesh import Mesh
from anaglyph.geometry.normalize import normalized
from anaglyph.geometry.ply_file import ply_bytes
from anaglyph.io.atomic import write_bytes
from anaglyph.randomness import numpy_generator
from anaglyph.render.photo import take_photo
from anaglyph.render.studio import subject
from anaglyph.search.parts import ModelPart, Part, PicturePart, TextPart
from anaglyph.search.query import Query
from anaglyph.search.searcher import Searcher
from anaglyph.serve.mesh_glb import glb

FOLD = 0
"""Of five: the designs that `mini` was not trained on."""
GENERATED_EACH = 4
"""Objects of a category, where none are at hand; the first of each asks."""
PHOTO = 224
BATCH = 64
NONSENSE = (
    "justice", "yesterday", "because", "qwertyuiop", "seven", "gross domestic product", "smell of rain",
    "a minor chord", "inflation", "nostalgia", "xkcd zzz", "democracy", "12:30", "syntax error", "algebra",
    "lorem ipsum dolor sit amet", "boredom", "a whispered promise", "weather forecast", "copyright", "hope",
    "philosophy", "tuesday", "arithmetic", "sincerely", "quarterly revenue", "the", "asdf", "laughter",
    "bankruptcy", "grammar", "jealousy", "however", "percentage", "theorem", "melody", "tax return",
    "forgiveness", "lawsuit", "zzzz", "unemployment", "eleven o'clock", "silence", "psychology", "happiness",
    "negotiation", "patent law", "electricity", "gravity", "username", "monday morning", "insurance policy",
)  # fmt: skip
"""Words that no object shows."""


@dataclass(frozen=True)
class Object:
    """A model of the index."""

    key: str
    path: str
    """Below the folder that is indexed."""
    mesh: Path
    category: str
    """In plain words."""
    name: str
    images: tuple[Path, ...] = ()
    """Drawn by its maker."""
    asks: bool = False


@dataclass(frozen=True)
class Asked:
    """One query and which items answer it."""

    kind: str
    key: str
    category: str
    right: frozenset[int]
    query: Query


Placed = Sequence[tuple[Object, int]]
"""Objects with the ids of their items."""
Made = tuple[list[Asked], list[str]]
"""Queries, and what could not be used."""
Told = tuple[str, str, str, frozenset[int]]


def read_objects(data: Path, work: Path, *, generated: bool) -> tuple[Path, list[Object]]:
    """The folder to index and what lies there: `cc0_objects`, or objects that are made in `work`."""
    folder = data / "cc0_objects"
    if generated or not (folder / "manifest.csv").exists():
        return work / "models", generated_objects(work / "models")
    return folder / "meshes", [
        Object(
            each.key, each.mesh.name, each.mesh, class_word(each.category), plain_name(each.name).lower(),
            each.images, fold_of(each.design) == FOLD,
        )
        for each in read_manifest(folder)
    ]  # fmt: skip


def generated_objects(folder: Path) -> list[Object]:
    """Objects of every category, none of which any model saw; written where they are not yet."""
    made = []
    for category in list_categories():
        for number in range(GENERATED_EACH):
            key = f"recall/{category}/{number}"
            path = f"{category}/{number}.ply"
            thing = make_object(category, key=key)
            if not (folder / path).exists():
                (folder / category).mkdir(parents=True, exist_ok=True)
                write_bytes(folder / path, ply_bytes(thing.mesh))
            made.append(
                Object(key, path, folder / path, class_word(category), thing.caption, asks=number == 0)
            )
    return made


def maker_queries(searcher: Searcher, placed: Placed, work: Path) -> Made:
    """Every picture that a maker drew."""
    told: list[Told] = []
    parts: list[Part] = []
    for each, id in asking(placed):
        for image in each.images:
            told.append(("its maker's picture", each.key, each.category, frozenset({id})))
            parts.append(PicturePart(data=image.read_bytes(), name=image.name))
    return embedded(searcher, told, parts)


def photo_queries(searcher: Searcher, placed: Placed, work: Path) -> Made:
    """A photo-like picture: another light, lens and background, as it is and cut out by a rough mask."""
    told: list[Told] = []
    parts: list[Part] = []
    for each, id, mesh in read(placed):
        model = subject(normalized(mesh, "sphere"))
        photo = take_photo(model, "recall of search", each.key, size=PHOTO, options=TRUE_COLOURS)
        pixels, mask = png(photo.pixels), png(photo.drawn_mask)
        for kind, cut in (("photo-like picture", None), ("the same, cut out", mask)):
            told.append((kind, each.key, each.category, frozenset({id})))
            parts.append(PicturePart(data=pixels, name=each.key, mask=cut))
    return embedded(searcher, told, parts)


def category_queries(searcher: Searcher, placed: Placed, work: Path) -> Made:
    """The category's word; every object of it is right."""
    return word_queries(searcher, placed, "category", lambda each: each.category)


def name_queries(searcher: Searcher, placed: Placed, work: Path) -> Made:
    """The name; every object of that name is right."""
    return word_queries(searcher, placed, "name", lambda each: each.name)


def word_queries(searcher: Searcher, placed: Placed, kind: str, word: Callable[[Object], str]) -> Made:
    """One query for each object."""
    right: dict[str, set[int]] = {}
    for each, id in placed:
        right.setdefault(word(each), set()).add(id)
    told = [(kind, each.key, each.category, frozenset(right[word(each)])) for each, _ in asking(placed)]
    return embedded(searcher, told, [TextPart(text=word(each)) for each, _ in asking(placed)])


def model_queries(searcher: Searcher, placed: Placed, work: Path) -> Made:
    """The model in another format, size and place, turned about the vertical; and lying on its back."""
    told: list[Told] = []
    parts: list[Part] = []
    for each, id, mesh in read(placed):
        generator = numpy_generator("recall of search", each.key)
        angle, scale = generator.uniform(0.0, 2.0 * np.pi), np.exp(generator.uniform(-3.0, 3.0))
        turned = moved(mesh, about_y(angle) * scale, generator.uniform(-5.0, 5.0, 3))
        for kind, pose in (("model, turned and re-saved", turned), ("the same, lying", lying(turned))):
            file = work / "asked" / f"{each.key.replace('/', '_')}-{'' if pose is turned else 'lying'}.glb"
            file.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(file, glb(pose))
            told.append((kind, each.key, each.category, frozenset({id})))
            parts.append(ModelPart(path=file))
    return embedded(searcher, told, parts)


def asked_words(searcher: Searcher, words: Sequence[str]) -> list[Query]:
    """Words as queries."""
    made = searcher.embedder.embed_many([[TextPart(text=word)] for word in words])
    return [query for query in made if isinstance(query, Query)]


def asking(placed: Placed) -> list[tuple[Object, int]]:
    """Those that look for themselves."""
    return [pair for pair in placed if pair[0].asks]


def read(placed: Placed) -> Iterator[tuple[Object, int, Mesh]]:
    """Those that look for themselves, with their meshes."""
    with MeshReaders() as readers:
        for each, id in asking(placed):
            yield each, id, readers.load(each.mesh, root=each.mesh.parent)


def embedded(searcher: Searcher, told: Sequence[Told], parts: Sequence[Part]) -> Made:
    """Queries of one part each, and what could not be used."""
    asked, bad = [], []
    for first in range(0, len(parts), BATCH):
        made = searcher.embedder.embed_many([[part] for part in parts[first : first + BATCH]])
        for (kind, key, category, right), query in zip(told[first : first + BATCH], made, strict=True):
            if isinstance(query, AnaglyphError):
                bad.append(f"{key}: {query}")
            else:
                asked.append(Asked(kind, key, category, right, query))
    return asked, bad


def moved(mesh: Mesh, matrix: NDArray[np.float64], offset: NDArray[np.float64]) -> Mesh:
    """Vertices times a matrix (rows to rows), plus an offset."""
    return replace(mesh, vertices=(mesh.vertices @ matrix.T + offset).astype(np.float32))


def about_y(angle: float) -> NDArray[np.float64]:
    """(3, 3), in radians."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, 0.0, sine], [0.0, 1.0, 0.0], [-sine, 0.0, cosine]])


def lying(mesh: Mesh) -> Mesh:
    """As a file whose z points up looks to a reader who takes y for up."""
    return moved(mesh, np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]]), np.zeros(3))


def png(pixels: NDArray[np.uint8]) -> bytes:
    """A picture file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


QUERIES: dict[str, Callable[[Searcher, Placed, Path], Made]] = {
    "maker": maker_queries,
    "photo": photo_queries,
    "category": category_queries,
    "name": name_queries,
    "model": model_queries,
}
