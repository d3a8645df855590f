"""An index made anew beside the old one, which it replaces when all is done.

Kept are the folders, the dates of entry and what people said: tags, and what they left out of duplicates.
The new index grows in a folder of its own name with `.rebuild` behind it, so an interrupted rebuild goes on.
Readers of the old one keep what they opened.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from anaglyph.errors import ConfigError, DataError, IndexFormatError
from anaglyph.search.categories import NOTE, kept_names
from anaglyph.search.index_place import index_exists, is_address
from anaglyph.search.index_space import ModelChoice, Ready, choice_of, new_index, open_for_indexing
from anaglyph.search.index_swap import drop_replaced, finish_swap, growing_beside, swap_in
from anaglyph.search.indexer import IndexEvent, IndexOptions, IndexReport, index_folder, roots_of
from anaglyph.search.indexing import chosen_categories, note_closeness
from anaglyph.search.items import Item
from anaglyph.search.opening import open_store
from anaglyph.search.store import Store, Writer

if TYPE_CHECKING:
    import torch


def rebuild_index(
    place: str,
    folders: Sequence[Path],
    choice: ModelChoice,
    options: IndexOptions,
    *,
    root: Path,
    device: torch.device,
    now: Callable[[], int],
    listen: Callable[[IndexEvent], None] = lambda event: None,
    stopped: Callable[[], bool] = lambda: False,
) -> list[IndexReport]:
    """Make an index anew, of all folders of the old one and those given; one report for each.

    Args:
        place: folder of the index.
        folders: further ones.
        choice: the model of the new index; by default that of the old one, as it is now.
        options: processes and the like.
        root: folder where relative sources of towers start.
        device: of the encoders.
        now: UTC seconds.
        listen: called with what happens.
        stopped: once true, the run ends; the old index stays, and the next rebuild goes on.

    Raises:
        ConfigError: an index in a database, or a share of the files.
        DataError: a folder that is not there.
        IndexFormatError: no index, or another writer holds it.
    """
    if is_address(place):
        raise ConfigError(
            "an index in a database is not rebuilt in place: index into a new database with --store, and "
            "point searchers to it."
        )
    if options.shard.count > 1:
        raise ConfigError("an index is rebuilt as a whole; leave out --shard.")
    target = Path(place)
    finish_swap(target)
    with closing(open_store(place)) as old, old.writer(owner="anaglyph index --rebuild"):
        ready = _begun(target, choice if choice.source else choice_of(old), root=root, device=device)
        names = list(dict.fromkeys([*map(Path, roots_of(old)), *(folder.resolve() for folder in folders)]))
        reports: list[IndexReport] = []
        with closing(ready.store), ready.store.writer(owner="anaglyph index --rebuild") as writer:
            if options.categories is None:
                options = replace(options, categories=kept_names(old.notes().get(NOTE)))
            categories = chosen_categories(ready, writer, options)
            for folder in names:
                reports.append(
                    index_folder(
                        ready.store, writer, folder, embed=ready.embed, preparation=ready.preparation,
                        options=options, now=now, categories=categories, added=_added(old, folder),
                        listen=listen, stopped=stopped,
                    )
                )  # fmt: skip
                if reports[-1].stopped or stopped():
                    reports[-1].stopped = True
                    return reports
            carry_over(old, ready.store, writer)
            note_closeness(ready, writer)
        swap_in(target)
    drop_replaced(target)
    return reports


def carry_over(old: Store, new: Store, writer: Writer) -> None:
    """Tags and what is left out of duplicates, from items of the same place."""
    places: dict[str, dict[str, int]] = {}
    for item in _items(old):
        if not item.tags and not item.ignored:
            continue
        if item.root not in places:
            places[item.root] = {path: row.id for path, row in new.known(item.root).items()}
        id = places[item.root].get(item.path)
        if id is None:
            continue
        if item.tags:
            writer.tag([id], add=item.tags)
        if item.ignored:
            writer.ignore([id], True)


def _added(old: Store, folder: Path) -> dict[str, int]:
    """Path -> when it entered the old index."""
    ids = {row.id for row in old.known(str(folder)).values()}
    return {item.path: item.added for item in old.items(sorted(ids))}


def _items(store: Store) -> Iterator[Item]:
    for entry in store.every():
        yield entry.item


def _begun(target: Path, choice: ModelChoice, *, root: Path, device: torch.device) -> Ready:
    """The index that grows: one that was begun with the same model, else an empty one."""
    growing = growing_beside(target)
    if index_exists(growing):
        store = open_store(growing)
        try:
            return open_for_indexing(store, choice, root=root, device=device)
        except IndexFormatError:  # begun with another model
            store.close()
        except BaseException:
            store.close()
            raise
        shutil.rmtree(growing)
    elif growing.exists() and any(growing.iterdir()):
        raise DataError(
            f"'{growing}' is where the new index would grow, and holds something else; move that away."
        )
    return new_index(str(growing), choice, root=root, device=device)
