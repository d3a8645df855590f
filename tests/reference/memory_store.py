"""A store of plain Python objects: what `search.store.Store` says, one line at a time, without any speed."""

import unicodedata
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from anaglyph.errors import DataError, IndexFormatError
from anaglyph.search.exact import Matrix
from anaglyph.search.items import Filters
from anaglyph.search.store import Header, Known

SEVERITIES = ("serious", "warning", "note")
FACETS = {
    "format": "formats",
    "category": "categories",
    "tag": "tags",
    "folder": "folder",
    "state": "states",
    "problem": "problems",
    "watertight": "watertight",
    "coloured": "coloured",
    "textured": "textured",
}
"""Facet -> the filter on it, which its own counts leave out; not tags, of which all must hold."""


class MemoryStore:
    """Everything in dictionaries by id; a writer works on a copy that takes their place when it is done."""

    def __init__(self, header=None, *, dim=4):
        self.header = header or Header(
            format=1, model="mini", fingerprint="0" * 16, dim=dim, views=("ring12", 64)
        )
        self.entries = {}
        self.last = 0
        self.changes = 0
        self.held_by = None
        self.facts = {}
        self.put_at = {}

    def notes(self):
        return dict(self.facts)

    def generation(self):
        return self.changes

    @contextmanager
    def writer(self, *, owner):
        if self.held_by is not None:
            raise IndexFormatError(f"'{self.held_by}' is writing to this index; wait until it is done.")
        self.held_by = owner
        try:
            yield MemoryWriter(self)
        finally:
            self.held_by = None

    def known(self, root):
        return {path: row for path, row in self._rows(root).items() if row.state != "deleted"}

    def deleted(self, root):
        return {path: row for path, row in self._rows(root).items() if row.state == "deleted"}

    def _rows(self, root):
        return {
            item.path: Known(item.id, item.bytes, item.modified, item.content, item.state)
            for item in self._all()
            if item.root == root
        }

    def item(self, id):
        if id not in self.entries:
            raise DataError(f"no item {id} in this index.")
        return self.entries[id].item

    def items(self, ids):
        return [self.entries[int(id)].item for id in ids if int(id) in self.entries]

    def select(self, filters, *, limit, offset=0):
        found = sorted(
            (item for item in self._all() if passes(item, filters)), key=lambda item: (item.path, item.id)
        )
        return found[offset : offset + limit]

    def count(self, filters):
        return sum(passes(item, filters) for item in self._all())

    def facet_counts(self, filters):
        return {
            facet: self._counted(facet, filters if facet == "tag" else without(filters, FACETS[facet]))
            for facet in FACETS
        }

    def _counted(self, facet, filters):
        counts = {}
        for item in self._all():
            if passes(item, filters):
                for value in values_of(item, facet):
                    counts[value] = counts.get(value, 0) + 1
        return counts

    def ids(self, filters):
        found = [item.id for item in self._all() if passes(item, filters) and self._vector(item) is not None]
        return np.array(sorted(found), dtype=np.int64)

    def vectors(self, ids=None):
        wanted = self.ids(Filters()) if ids is None else np.unique(ids)
        there = [int(id) for id in wanted if id in self.entries and self.entries[id].vector is not None]
        rows = [self.entries[id].vector for id in there]
        return np.array(there, dtype=np.int64), np.array(rows, np.float32).reshape(-1, self.header.dim)

    def views(self, ids):
        there = [int(id) for id in ids if int(id) in self.entries]
        return {id: self.entries[id].views for id in there if self.entries[id].views is not None}

    def nearest(self, vector, *, filters, limit, offset=0):
        ids = self.ids(filters).tolist()
        scored = [(id, exact_dot(self.entries[id].vector, vector)) for id in ids]
        scored.sort(key=lambda pair: (-pair[1], pair[0]))
        return scored[offset : offset + limit]

    def searchable(self, filters):
        there = sorted(id for id, entry in self.entries.items() if entry.vector is not None)
        return Matrix(*self.vectors(np.array(there, dtype=np.int64))), self.ids(filters)

    def changed(self, since):
        return np.array(sorted(id for id, at in self.put_at.items() if at > since), dtype=np.int64)

    def thumbnail(self, id):
        return self.entries[id].thumbnail if id in self.entries else None

    def problems(self, *, limit, offset=0):
        there = [item for item in self._all() if item.state != "deleted"]
        found = [(item, problem) for item in there for problem in item.problems]
        found.sort(key=lambda pair: (SEVERITIES.index(pair[1].severity), pair[0].path, pair[0].id))
        return found[offset : offset + limit]

    def every(self):
        yield from sorted(self.entries.values(), key=lambda entry: (entry.item.root, entry.item.path))

    def close(self):
        pass

    def _all(self):
        return [self.entries[id].item for id in sorted(self.entries)]

    def _vector(self, item):
        return self.entries[item.id].vector


class MemoryWriter:
    def __init__(self, store):
        self.store = store

    def put(self, entries):
        ids = []
        for entry in entries:
            place = (entry.item.root, entry.item.path)
            same = [item.id for item in self.store._all() if (item.root, item.path) == place]
            id = entry.item.id or (same[0] if same else 0)
            if id:
                before = self.store.item(id)
                users = {"tags": before.tags, "added": before.added, "ignored": before.ignored}
            else:
                self.store.last += 1
                id, users = self.store.last, {"tags": tuple(sorted(set(entry.item.tags)))}
            self.store.entries[id] = replace(entry, item=replace(entry.item, id=id, **users))
            self.store.put_at[id] = self.store.changes + 1
            ids.append(id)
        self._changed()
        return ids

    def touch(self, rows):
        for id, bytes, modified in rows:
            self._update(id, bytes=bytes, modified=modified)

    def move(self, rows):
        rows = [
            (id, path)
            for id, old, path in rows
            if id in self.store.entries and self.store.item(id).path == old
        ]
        moving = [id for id, _ in rows]
        for id, path in rows:
            root = self.store.item(id).root
            there = [each for each in self.store._all() if (each.root, each.path) == (root, path)]
            for other in there:
                if other.state == "deleted" and other.id not in moving:
                    del self.store.entries[other.id]
                elif other.id not in moving:
                    raise DataError(f"cannot move item {id} to '{path}': item {other.id} lies there.")
        for id, path in rows:
            item = self.store.item(id)
            state = "ready" if self.store.entries[id].vector is not None else "problem"
            category = item.facets.category
            if category == (item.folder.split("/")[0] or None):
                category = path.rpartition("/")[0].split("/")[0] or None
            self._update(id, path=path, state=state, facets=replace(item.facets, category=category))
        self._changed()
        return moving

    def note(self, name, value):
        self.store.facts[name] = value
        self._changed()

    def revise(self, name, change):
        self.note(name, change(self.store.facts.get(name, "")))

    def categorize(self, rows):
        for id, category in rows:
            self._update(id, facets=replace(self.store.item(id).facets, category=category))
        self._changed()

    def mark_deleted(self, ids):
        for id in ids:
            self._update(id, state="deleted")
        self._changed()

    def purge(self):
        gone = [item.id for item in self.store._all() if item.state == "deleted"]
        for id in gone:
            del self.store.entries[id]
        self._changed()
        return len(gone)

    def tag(self, ids, *, add=(), remove=()):
        for id in ids:
            tags = (set(self.store.item(id).tags) | set(add)) - set(remove)
            self._update(id, tags=tuple(sorted(tags)))
        self._changed()

    def ignore(self, ids, ignored):
        for id in ids:
            self._update(id, ignored=ignored)
        self._changed()

    def _update(self, id, **values):
        entry = self.store.entries[id]
        self.store.entries[id] = replace(entry, item=replace(entry.item, **values))

    def _changed(self):
        self.store.changes += 1


def exact_dot(first, second):
    """In float64, term by term."""
    return sum(float(x) * float(y) for x, y in zip(first, second, strict=True))


def passes(item, filters):
    """Whether everything that was asked holds."""
    facets = item.facets
    return (
        (not filters.formats or facets.format in filters.formats)
        and (not filters.categories or facets.category in filters.categories)
        and all(tag in item.tags for tag in filters.tags)
        and (filters.folder is None or below(item.folder, filters.folder.strip("/")))
        and (not filters.states or item.state in filters.states)
        and (not filters.problems or any(each.category in filters.problems for each in item.problems))
        and filters.watertight in (None, facets.watertight)
        and filters.coloured in (None, facets.coloured)
        and filters.textured in (None, facets.textured)
        and all(within(measure(item, name), bounds) for name, bounds in filters.ranges.items())
        and (filters.name is None or folded(filters.name) in folded(item.path))
    )


def below(folder, wanted):
    return wanted == "" or folder == wanted or folder.startswith(wanted + "/")


def folded(text):
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def within(value, bounds):
    least, most = bounds
    if least is None and most is None:
        return True
    return value is not None and (least is None or value >= least) and (most is None or value <= most)


def measure(item, name):
    width, height, depth = item.facets.size
    if name in ("bytes", "added"):
        return getattr(item, name)
    sizes = {"width": width, "height": height, "depth": depth, "longest": max(width, height, depth)}
    return sizes[name] if name in sizes else getattr(item.facets, name)


def values_of(item, facet):
    if facet == "tag":
        return item.tags
    if facet == "problem":
        return {problem.category for problem in item.problems}
    if facet == "state":
        return [item.state]
    if facet == "folder":
        parts = item.folder.split("/") if item.folder else []
        return ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
    value = getattr(item.facets, facet)
    if isinstance(value, bool):
        return [str(value).lower()]
    return [] if value is None else [value]


def without(filters, field):
    """The filters with one of them as if it had not been asked; states then lets everything pass."""
    if field == "states":
        return replace(filters, states=("ready", "problem", "deleted"))
    return replace(filters, **{field: getattr(Filters(), field)})
