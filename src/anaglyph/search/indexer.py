"""Brings an index up to date with a folder: what is new or changed is prepared, embedded and written.

Files are taken in the order of their paths and written in that order, some in a transaction; so an index that
was killed and continued equals an undisturbed one, ids included. What the scanner finds gone is marked first,
unless a new file of the same size may be where it went: then it is marked last.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from anaglyph.search.categories import Categories
from anaglyph.search.embedder import Embedder
from anaglyph.search.item_facets import folder_category, format_of
from anaglyph.search.items import Entry, Item, ItemFacets, Problem, State
from anaglyph.search.preparation import Outcome, Preparation, Prepared, Same, Unusable
from anaglyph.search.preparers import Job, Preparers
from anaglyph.search.problems import failure
from anaglyph.search.scanner import WHOLE, Changes, FolderError, Shard, Task, Walk, compare, walk
from anaglyph.search.store import Store, Writer

ROOTS = "roots"
"""Note of an index: the folders it holds, as JSON."""


@dataclass(frozen=True, kw_only=True)
class IndexOptions:
    """How a folder is indexed."""

    processes: int = 1
    """Files in work at a time."""
    batch: int = 32
    """Files in a transaction: what a killed run does again at most."""
    shard: Shard = WHOLE
    retry: bool = False
    """Look again at files that could not be used."""
    thorough: bool = False
    """Hash every file, whatever its size and time say."""
    accept_empty: bool = False
    """Believe a folder in which nothing is left, or that is not there."""
    purge: bool = False
    """Remove what is marked as deleted for good."""
    categories: tuple[str, ...] | None = None
    """Class names of which items take the nearest; none: folders are categories. None: as before."""


@dataclass(frozen=True)
class Scanned:
    """Event: a folder was walked."""

    root: str
    tasks: int
    same: int
    gone: int


@dataclass(frozen=True)
class Indexed:
    """Event: one more file is done, in order."""

    path: str
    done: int
    tasks: int
    problems: int
    """So far, that could not be used."""


IndexEvent = Scanned | Indexed


@dataclass(kw_only=True)
class IndexReport:
    """What became of a folder."""

    root: str
    new: int = 0
    changed: int = 0
    touched: int = 0
    """With another time and the same content."""
    moved: int = 0
    """Found at another place, or back."""
    deleted: int = 0
    same: int = 0
    unusable: int = 0
    """New and changed files that became problems."""
    stopped: bool = False
    """Whether somebody asked to stop before the last one."""
    unreadable: tuple[str, ...] = ()
    """Folders that may not be entered."""
    unnameable: tuple[str, ...] = ()
    """Files whose names no index can hold."""
    trouble: str = ""
    """Why the folder could not be looked at, one of several that the index holds."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Work -> seconds, of all processes together."""

    @property
    def altered(self) -> bool:
        """Whether anything can be found now that could not before, or the other way round."""
        return self.new + self.changed + self.deleted > 0


def scan(store: Store, folder: Path, options: IndexOptions) -> tuple[Walk, Changes]:
    """What a run would have to do; nothing is changed.

    Raises:
        FolderError: no such folder, it overlaps another root of the index, or it is empty and was not.
    """
    seen = _walked(store, folder, options)
    _check_overlap(store, seen.root)
    known = store.known(seen.root)
    if known and not seen.files and not options.accept_empty:
        raise FolderError(
            f"no model is left in '{seen.root}', where the index knows {len(known)}. If its disk is not "
            f"there, bring it back; if they are really gone, pass --accept-empty to mark them as deleted."
        )
    changes = compare(
        seen,
        known,
        deleted=store.deleted(seen.root),
        shard=options.shard,
        retry=options.retry,
        thorough=options.thorough,
    )
    return seen, changes


def index_folder(
    store: Store,
    writer: Writer,
    folder: Path,
    *,
    embed: Embedder,
    preparation: Preparation,
    options: IndexOptions,
    now: Callable[[], int],
    categories: Categories | None = None,
    added: Mapping[str, int] = MappingProxyType({}),
    listen: Callable[[IndexEvent], None] = lambda event: None,
    stopped: Callable[[], bool] = lambda: False,
) -> IndexReport:
    """Bring the index up to date with one folder; a file that cannot be used is a problem, not an error.

    Args:
        store: the index.
        writer: of the same.
        folder: becomes a root of the index.
        embed: of the space that the index was made with.
        preparation: of the same index.
        options: processes, batches, shares.
        now: UTC seconds, for `added`.
        categories: of which items take the nearest, instead of their folder.
        added: path -> UTC seconds, of those that entered another index before.
        listen: called with what happens.
        stopped: asked often; once true, the files under way are written and the run ends.

    Raises:
        FolderError: no such folder, or an empty one.
        DataError: a full disk.
    """
    seen, changes = scan(store, folder, options)
    _note_root(store, writer, seen.root)
    listen(Scanned(seen.root, len(changes.tasks), changes.same, len(changes.gone)))
    run = _Run(writer, seen, changes, embed, categories, options, now=now, added=added, listen=listen)
    if changes.gone:
        writer.mark_deleted(changes.gone)
        run.report.deleted += len(changes.gone)
    if changes.tasks:
        with Preparers(min(options.processes, len(changes.tasks)), preparation) as preparers:
            run.work(preparers, stopped)
    if not run.report.stopped:
        run.mark_lost(store)
        if options.accept_empty and not folder.exists() and not store.known(seen.root):
            _forget_root(writer, seen.root)
    return run.report


class _Run:
    """One folder's run: what is waiting to be written, and what was."""

    def __init__(
        self,
        writer: Writer,
        seen: Walk,
        changes: Changes,
        embed: Embedder,
        categories: Categories | None,
        options: IndexOptions,
        *,
        now: Callable[[], int],
        added: Mapping[str, int],
        listen: Callable[[IndexEvent], None],
    ) -> None:
        self.writer, self.seen, self.changes = writer, seen, changes
        self.embed, self.categories, self.options = embed, categories, options
        self.now, self.added, self.listen = now, added, listen
        self.report = IndexReport(
            root=seen.root, same=changes.same, unreadable=seen.unreadable, unnameable=seen.unnameable
        )
        self.homeless: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
        for found in (changes.perhaps_moved, changes.perhaps_back):
            for content, rows in found.items():
                self.homeless[content] += rows
        self.prepared: list[tuple[Task, Prepared | Unusable]] = []
        self.raw = 0
        """Of those, how many are to be embedded."""
        self.entries: list[Entry] = []
        self.touched: list[tuple[int, int, int]] = []
        self.moved: list[tuple[Job[Task], int, str]] = []
        """With id and path of the item, which was the file before it moved."""
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def work(self, preparers: Preparers, stopped: Callable[[], bool]) -> None:
        """All tasks, in order, until a stop."""
        done = 0
        for job, outcome in preparers.in_order(self._jobs(), stopped=stopped):
            self._take(job, outcome, preparers)
            done += 1
            self.listen(Indexed(job.tag.found.path, done, len(self.changes.tasks), self.report.unusable))
            if (
                len(self.prepared) + len(self.entries) + len(self.touched) + len(self.moved)
                >= self.options.batch
            ):
                self._write(preparers)
        self._write(preparers)
        self.report.stopped = done < len(self.changes.tasks)
        self.report.seconds = dict(self.seconds)

    def mark_lost(self, store: Store) -> None:
        """Mark what was nowhere found again, of this share of the files."""
        left = {row for found in self.homeless.values() for row in found}
        gone = [row for found in self.changes.perhaps_moved.values() for row in found if row in left]
        rows = [row for row in gone if self.options.shard.holds(row[0])]
        still = store.known(self.seen.root) if rows else {}  # another share may have found it
        lost = [id for path, id in rows if path in still and still[path].id == id]
        if lost:
            self.writer.mark_deleted(sorted(lost))
            self.report.deleted += len(lost)

    def _jobs(self) -> Iterator[Job[Task]]:
        root = Path(self.seen.root)
        for task in self.changes.tasks:
            yield Job(task, root / task.found.path, root, task.unless)

    def _take(self, job: Job[Task], outcome: Outcome, preparers: Preparers) -> None:
        task = job.tag
        if isinstance(outcome, Same):
            if task.known is not None:
                self.touched.append((task.known.id, task.found.bytes, task.found.modified))
                self.report.touched += 1
                return
            if self.homeless[outcome.content]:
                path, id = self.homeless[outcome.content].pop(0)
                self.moved.append((job, id, path))
                return
            outcome = preparers.prepare(replace(job, unless=()))  # another file has taken the old one's place
        self._keep(task, outcome)
        if self.raw >= self.embed.batch:
            self._embed()

    def _keep(self, task: Task, outcome: Outcome) -> None:
        """Take what was made of a file that is new or has changed."""
        match outcome:
            case Prepared():
                for work, seconds in outcome.seconds.items():
                    self.seconds[work] += seconds
                self.raw += 1
            case Unusable():
                self.report.unusable += 1
            case Same():
                raise RuntimeError(f"'{task.found.path}' was not prepared although nothing was excepted")
        self.prepared.append((task, outcome))
        if task.kind == "new":
            self.report.new += 1
        else:
            self.report.changed += 1

    def _embed(self) -> None:
        """Turn what is prepared into entries; their pictures and clouds are let go."""
        start = perf_counter()
        vectors = iter(self.embed([made for _, made in self.prepared if isinstance(made, Prepared)]))
        for task, made in self.prepared:
            if isinstance(made, Unusable):
                facets = ItemFacets(
                    format=format_of(task.found.path), category=folder_category(task.found.path)
                )
                self.entries.append(
                    Entry(item=self._item(task, made.content, "problem", facets, (failure(made.error),)))
                )
                continue
            found = next(vectors)
            facets = replace(made.facets, category=self._category(task.found.path, found.vector))
            item = self._item(task, made.content, "ready", facets, made.problems)
            self.entries.append(
                Entry(item=item, vector=found.vector, views=found.views, thumbnail=made.thumbnail)
            )
        self.prepared, self.raw = [], 0
        self.seconds["embed"] += perf_counter() - start

    def _move(self, preparers: Preparers) -> None:
        """Give items of moved files their new paths; where another indexer was first, the file is new."""
        moved = set(self.writer.move([(id, path, job.tag.found.path) for job, id, path in self.moved]))
        for job, id, _ in self.moved:
            if id in moved:
                self.touched.append((id, job.tag.found.bytes, job.tag.found.modified))
                self.report.moved += 1
            else:
                self._keep(job.tag, preparers.prepare(replace(job, unless=())))
        self.moved = []

    def _write(self, preparers: Preparers) -> None:
        if self.moved:
            self._move(preparers)
        self._embed()
        start = perf_counter()
        if self.touched:
            self.writer.touch(self.touched)
        if self.entries:
            self.writer.put(self.entries)
        self.entries, self.touched = [], []
        self.seconds["write"] += perf_counter() - start

    def _category(self, path: str, vector: NDArray[np.float32]) -> str | None:
        return folder_category(path) if self.categories is None else self.categories.of(vector)

    def _item(
        self, task: Task, content: str, state: State, facets: ItemFacets, problems: tuple[Problem, ...]
    ) -> Item:
        return Item(
            id=0 if task.known is None else task.known.id,
            root=self.seen.root,
            path=task.found.path,
            content=content,
            bytes=task.found.bytes,
            modified=task.found.modified,
            added=self.added.get(task.found.path) or self.now(),
            state=state,
            facets=facets,
            problems=problems,
        )


def roots_of(store: Store) -> tuple[str, ...]:
    """The folders that an index holds, in the order in which they came."""
    return tuple(json.loads(store.notes().get(ROOTS, "[]")))


def _walked(store: Store, folder: Path, options: IndexOptions) -> Walk:
    try:
        return walk(folder)
    except FolderError:
        root = str(folder.absolute())
        if options.accept_empty and root in roots_of(store) and not folder.exists():
            return Walk(root, ())
        raise


def _forget_root(writer: Writer, root: str) -> None:
    writer.revise(ROOTS, lambda note: json.dumps([each for each in json.loads(note or "[]") if each != root]))


def _note_root(store: Store, writer: Writer, root: str) -> None:
    if root not in roots_of(store):
        # Indexers of other folders may be adding theirs.
        writer.revise(ROOTS, lambda note: json.dumps(list(dict.fromkeys([*json.loads(note or "[]"), root]))))


def _check_overlap(store: Store, root: str) -> None:
    """A file under two roots would be found twice."""
    place = Path(root)
    for other in map(Path, roots_of(store)):
        if other != place and (place.is_relative_to(other) or other.is_relative_to(place)):
            raise FolderError(
                f"'{root}' and '{other}', which the index holds already, lie in one another, so files would "
                f"be there twice. Index '{other}' again instead, or use another --index."
            )
