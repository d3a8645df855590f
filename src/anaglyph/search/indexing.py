"""From a place and folders to an index that is up to date: what `anaglyph index` and the server call."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from anaglyph.errors import ConfigError, IndexFormatError
from anaglyph.search import closeness
from anaglyph.search.categories import NOTE, Categories, categories_in, kept_names
from anaglyph.search.index_place import index_exists, is_address
from anaglyph.search.index_space import ModelChoice, Ready, new_index, open_for_indexing
from anaglyph.search.index_swap import finish_swap
from anaglyph.search.indexer import (
    IndexEvent,
    IndexOptions,
    IndexReport,
    index_folder,
    roots_of,
    scan,
)
from anaglyph.search.item_facets import folder_category
from anaglyph.search.items import Filters
from anaglyph.search.opening import open_store
from anaglyph.search.scanner import FolderError, compare, walk
from anaglyph.search.store import Store, Writer

if TYPE_CHECKING:
    import torch


MEASURED = "closeness_items"
"""Note of an index: how many could be found when closeness was measured; a run may be killed before that."""
_PAGE = 1000
"""Items in a transaction that gives them other categories."""


@dataclass(frozen=True)
class Plan:
    """What a run would do with a folder."""

    root: str
    new: int
    changed: int
    same: int
    gone: int
    perhaps_moved: int
    """Gone, while new files of the same size are there."""


def update_index(
    place: str,
    folders: Sequence[Path],
    choice: ModelChoice,
    options: IndexOptions,
    *,
    root: Path,
    device: torch.device,
    owner: str,
    now: Callable[[], int],
    listen: Callable[[IndexEvent], None] = lambda event: None,
    stopped: Callable[[], bool] = lambda: False,
) -> list[IndexReport]:
    """Make an index or bring it up to date; one report for each folder that was begun.

    Args:
        place: folder of the index, or the address of a database.
        folders: none takes those that the index holds.
        choice: the model of a new index; must be that of an old one.
        options: processes, shares and the like.
        root: folder where relative sources of towers start.
        device: of the encoders.
        owner: who writes, for those who are refused meanwhile.
        now: UTC seconds.
        listen: called with what happens.
        stopped: asked often; once true, the files under way are written and the run ends.

    Raises:
        ConfigError: nothing to index.
        FolderError: a folder that is not there, or one that is empty and was not, if it was named.
        DataError: a full disk.
        IndexFormatError: another model, a damaged index, or another writer.
    """
    ready = _ready(place, folders, choice, root=root, device=device)
    with closing(ready.store), ready.store.writer(owner=owner) as writer:
        categories = chosen_categories(ready, writer, options)
        reports: list[IndexReport] = []
        for folder in folders or map(Path, roots_of(ready.store)):
            if stopped() and reports:
                break
            try:
                report = index_folder(
                    ready.store, writer, folder, embed=ready.embed, preparation=ready.preparation,
                    options=options, now=now, categories=categories, listen=listen, stopped=stopped,
                )  # fmt: skip
            except FolderError as error:
                if folders:
                    raise
                report = IndexReport(root=str(folder), trouble=str(error))  # other disks may be there
            reports.append(report)
        if any(report.altered for report in reports) or not _measured(ready.store):
            note_closeness(ready, writer)
        if options.purge:
            writer.purge()
        return reports


def chosen_categories(ready: Ready, writer: Writer, options: IndexOptions) -> Categories | None:
    """Class names that were asked for, which the index keeps for later runs, or those it kept.

    Where they are others than before, all items get theirs anew; noted last, so a killed run does it again.
    """
    kept = ready.store.notes().get(NOTE)
    names = kept_names(kept) if options.categories is None else options.categories
    made = categories_in(ready.embed.space, names) if names else None
    if json.dumps(names) != (kept or "[]"):
        _categorize(ready.store, writer, made)
        writer.note(NOTE, json.dumps(names))
    return made


def _categorize(store: Store, writer: Writer, categories: Categories | None) -> None:
    """Give items with vectors the category that they would have if they were indexed now."""
    passing = store.ids(Filters())
    for first in range(0, len(passing), _PAGE):
        ids, vectors = store.vectors(passing[first : first + _PAGE])
        if categories is None:
            rows = [(item.id, folder_category(item.path)) for item in store.items(ids.tolist())]
        else:
            rows = [(int(id), categories.of(vector)) for id, vector in zip(ids, vectors, strict=True)]
        writer.categorize(rows)


def _measured(store: Store) -> bool:
    """Whether what is close was measured of the items that are there, by this version."""
    notes = store.notes()
    known = closeness.read_closeness(notes.get(closeness.NOTE)) is not None
    return known and notes.get(MEASURED) == str(store.count(Filters()))


def note_closeness(ready: Ready, writer: Writer) -> None:
    """Measure what is close in this index, for an honest "nothing close"."""
    space = ready.embed.space
    texts = (lambda words: space.texts(words).numpy()) if space.any_text else None
    writer.note(closeness.NOTE, closeness.measure_closeness(ready.store, texts=texts).plain())
    writer.note(MEASURED, str(ready.store.count(Filters())))


def plan_index(place: str, folders: Sequence[Path], options: IndexOptions) -> list[Plan]:
    """What `update_index` would do; changes nothing, makes nothing.

    Raises:
        ConfigError: nothing to index.
        DataError: as in `update_index`.
    """
    if not index_exists(place):
        require_folders(folders, place)
        seen = [walk(folder) for folder in folders]
        pairs = [(each, compare(each, {}, shard=options.shard)) for each in seen]
    else:
        with closing(open_store(place)) as store:
            names = folders or [Path(each) for each in roots_of(store)]
            pairs = [scan(store, folder, options) for folder in names]
    return [
        Plan(
            seen.root,
            new=changes.count("new"),
            changed=changes.count("changed"),
            same=changes.same,
            gone=len(changes.gone),
            perhaps_moved=sum(len(rows) for rows in changes.perhaps_moved.values()),
        )
        for seen, changes in pairs
    ]


def require_folders(folders: Sequence[Path], place: str) -> None:
    """ConfigError for a new index of nothing."""
    if not folders:
        raise ConfigError(f"there is no index at '{place}' yet; name folders of 3D models to make one.")


def _ready(
    place: str, folders: Sequence[Path], choice: ModelChoice, *, root: Path, device: torch.device
) -> Ready:
    if not is_address(place):
        finish_swap(Path(place))
    if not index_exists(place):
        require_folders(folders, place)
        for folder in folders:
            walk(folder)  # a name that is wrong leaves no empty index behind
        try:
            return new_index(place, choice, root=root, device=device)
        except IndexFormatError:
            if not is_address(place):
                raise  # in a database, another of several indexers was first
    store = open_store(place)
    try:
        return open_for_indexing(store, choice, root=root, device=device)
    except BaseException:
        store.close()
        raise
