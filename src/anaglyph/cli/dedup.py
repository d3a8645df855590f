"""`anaglyph dedup`: which models of an index are there twice, and what to do about it."""

from __future__ import annotations

import json as jsonlib
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from anaglyph.errors import ConfigError

if TYPE_CHECKING:
    from anaglyph.search.dedup import Group
    from anaglyph.search.store import Store


def dedup(
    ids: tyro.conf.Positional[tuple[int, ...]] = (),
    *,
    near: float = 0.97,
    exact: bool = False,
    size: float = 0.02,
    any_size: bool = False,
    proportions: float = 0.02,
    any_proportions: bool = False,
    folder: str | None = None,
    keep: int | None = None,
    ignore: bool = False,
    restore: bool = False,
    tag: str | None = None,
    index: Path | None = None,
    store: str | None = None,
    json: bool = False,
    csv: bool = False,
) -> int:
    """List models that are there twice: files of equal content, and models that look alike at one size.

    With ids, do something about them: --keep, --ignore, --restore or --tag. Your files are never moved,
    changed or deleted; what changes stands in the index. Exit code 1 when there are no duplicates.

    Args:
        ids: items to review, as the list shows them.
        near: least cosine of models that look alike.
        exact: only equal contents.
        size: most by which the longest sides may differ; 0.02 is 2 %.
        any_size: copies of another scale count too.
        proportions: most by which width, height and depth may differ, over the longest side.
        any_proportions: any shape of the box will do.
        folder: only below this folder.
        keep: of these items, the one to use: the others get the tag "duplicate" and are listed no more.
        ignore: these items are no duplicates; they are listed no more.
        restore: list them again.
        tag: give these items a tag.
        index: folder of the index; by default anaglyph/index in your data folder.
        store: address of a PostgreSQL database instead.
        json: print JSON.
        csv: print CSV, a line for each item.
    """
    from anaglyph.cli.places import index_place
    from anaglyph.search.opening import open_store

    if json and csv:
        raise ConfigError("give --json or --csv, not both.")
    given = {"--keep": keep is not None, "--ignore": ignore, "--restore": restore}
    actions = [name for name, there in given.items() if there]
    if len(actions) > 1:
        raise ConfigError(f"{' and '.join(actions)} exclude one another; give one of them.")
    with closing(open_store(index_place(index, store))) as opened:
        if ids or actions or tag is not None:
            _review(opened, ids, keep=keep, ignore=ignore, restore=restore, tag=tag)
            print(jsonlib.dumps({"changed": sorted(set(ids))}) if json else f"{len(set(ids))} items changed.")
            return 0
        groups = _groups(
            opened, folder, None if exact else near, None if any_size else size,
            None if any_proportions else proportions,
        )  # fmt: skip
        _print(opened, groups, json=json, csv=csv)
    return 0 if groups else 1


def _groups(
    store: Store, folder: str | None, near: float | None, size: float | None, proportions: float | None
) -> list[Group]:
    from anaglyph.search.dedup import find_groups
    from anaglyph.search.items import Filters

    filters = Filters(folder=None if folder is None else folder.strip("/"))
    return find_groups(store, near=near, size=size, proportions=proportions, filters=filters)


def _review(
    store: Store, ids: tuple[int, ...], *, keep: int | None, ignore: bool, restore: bool, tag: str | None
) -> None:
    from anaglyph.search.dedup import keep as keep_one

    if not ids:
        raise ConfigError("name the ids of the items to change, as the list shows them.")
    if keep is None and not ignore and not restore and tag is None:
        raise ConfigError("say what to do with these items: --keep ID, --ignore, --restore or --tag NAME.")
    for id in ids:
        store.item(id)  # all are there, or nothing is changed
    with store.writer(owner="anaglyph dedup") as writer:
        if keep is not None:
            keep_one(writer, ids, kept=keep)
        if ignore or restore:
            writer.ignore(sorted(set(ids)), ignore)
        if tag is not None:
            writer.tag(sorted(set(ids)), add=[tag])


def _print(store: Store, groups: list[Group], *, json: bool, csv: bool) -> None:
    from anaglyph.cli.tables import show_table
    from anaglyph.geometry.mesh_channel import printable
    from anaglyph.search.export import GROUP_COLUMNS, csv_text, group_rows

    rows = group_rows(groups, store)
    if csv:
        sys.stdout.write(csv_text(GROUP_COLUMNS, rows))
    elif json:
        listed: list[dict[str, object]] = [
            {
                "kind": group.kind,
                "ids": list(group.ids),
                "items": [row for row in rows if row["group"] == number],
            }
            for number, group in enumerate(groups, start=1)
        ]
        print(jsonlib.dumps({"groups": listed}))
    elif not rows:
        print("no duplicates.", file=sys.stderr)
    else:
        copies = sum(len(group.ids) - 1 for group in groups)
        show_table(
            f"{len(groups)} groups, {copies} items more than needed",
            ("group", "kind", "cosine", "id", "bytes", "path"),
            [
                (str(row["group"]), str(row["kind"]), f"{row['cosine']:.3f}", str(row["id"]),
                 str(row["bytes"]), printable(str(row["path"])))
                for row in rows
            ],
        )  # fmt: skip
        print("Review: anaglyph dedup ID ID ... --keep ID, --ignore or --tag NAME.", file=sys.stderr)
