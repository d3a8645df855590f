"""Entries of an index, made of a seed: for the tests of stores."""

import random

import numpy as np

from anaglyph.search.items import Entry, Item, ItemFacets, Problem
from anaglyph.search.store import Header

DIM = 8
FOLDERS = ("", "chairs", "chairs/old", "chairs0", "Lamps", "lamps/desk", "a b", "стулья", "e\u0301tage")
NAMES = ("one", "Two", "CHAIR", "é", "e\u0301", "straße", "İx", "100%_", "it's", "<b>", "椅子", "🪑", "a.b")
TAGS = ("red", "Red", "to print", "ok")
CODES = ("unreadable", "not_watertight", "no_faces")


def header(dim=DIM):
    return Header(model="mini", fingerprint="0123456789abcdef", dim=dim, views=("ring12", 64))


def entry(path, *, root="/models", vector=None, state="ready", views=2, dim=DIM, **item):
    """One entry; without a vector given it gets one that follows from its path."""
    rng = np.random.default_rng(list(path.encode()))
    if vector is None and state != "problem":
        vector = rng.standard_normal(dim).astype(np.float32)
        vector /= np.linalg.norm(vector)
    pictures = rng.standard_normal((views, dim)).astype(np.float16) if views and vector is not None else None
    facets = item.pop("facets", ItemFacets(format=path.rpartition(".")[2].lower(), faces=len(path)))
    values = {"id": 0, "content": f"hash of {path}", "bytes": 100, "modified": 5, "added": 7} | item
    return Entry(
        item=Item(root=root, path=path, state=state, facets=facets, **values),
        vector=vector,
        views=pictures,
        thumbnail=f"picture of {path}".encode() if vector is not None else None,
    )


def random_entries(seed, count, *, dim=DIM):
    """Entries of every kind, with equal vectors among them."""
    draw = random.Random(seed)
    return [_random_entry(draw, number, dim) for number in range(count)]


def _random_entry(draw, number, dim):
    folder = draw.choice(FOLDERS)
    format = draw.choice(("glb", "obj", "stl"))
    path = f"{folder}/{draw.choice(NAMES)}{number}.{format}".lstrip("/")
    state = draw.choice(("ready", "ready", "ready", "problem", "deleted"))
    facets = ItemFacets(
        format=format,
        vertices=draw.randrange(1000),
        faces=draw.randrange(1000),
        size=(draw.random(), draw.choice((0.5, 1.0)), draw.random()),
        proportions=draw.choice((None, 0.5, 2.0)),
        area=draw.choice((None, 1.0, 3.5)),
        volume=draw.choice((None, 0.25)),
        watertight=draw.random() < 0.5,
        coloured=draw.random() < 0.5,
        textured=draw.random() < 0.5,
        category=draw.choice((None, "chair", "lamp", 'it\'s "odd"')),
    )
    problems = [
        Problem(draw.choice(CODES), draw.choice(("serious", "warning", "note")), f"reason {number}")
        for _ in range(draw.randrange(3))
    ]
    vector = np.zeros(dim, np.float32)
    vector[draw.randrange(dim)] = draw.choice((1.0, 1.0, -0.5))
    return entry(
        path,
        root=draw.choice(("/models", "/other")),
        state=state,
        vector=None if state == "problem" else vector,
        dim=dim,
        views=draw.choice((0, 1, 3)),
        facets=facets,
        bytes=draw.randrange(10_000),
        added=draw.randrange(100),
        problems=tuple(problems),
        tags=tuple(sorted(draw.sample(TAGS, draw.randrange(3)))),
        ignored=draw.random() < 0.2,
    )


def plain(entry, *, id=True):
    """An entry as something that can be compared."""
    item = entry.item
    values = (item.root, item.path, item.content, item.bytes, item.modified, item.added, item.state)
    return (
        *((item.id,) if id else ()),
        *values,
        item.facets,
        item.problems,
        item.tags,
        item.ignored,
        None if entry.vector is None else entry.vector.tobytes(),
        None if entry.views is None else (entry.views.shape, entry.views.tobytes()),
        entry.thumbnail,
    )
