"""`anaglyph problems`: what is wrong with the files of an index."""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro
from rich.console import Console

from anaglyph.errors import ConfigError

if TYPE_CHECKING:
    from anaglyph.search.items import Item, Problem
    from anaglyph.search.store import Store

PAGE = 1000
"""Findings that are asked for at a time."""


def problems(
    *,
    index: Path | None = None,
    store: str | None = None,
    severity: Literal["serious", "warning", "note"] = "warning",
    category: tyro.conf.UseAppendAction[tuple[str, ...]] = (),
    limit: int = 200,
    json: bool = False,
) -> int:
    """List what is wrong with the files of an index, the most serious first.

    Serious: it cannot be used as it is. Warning: it may look or measure wrong. Note: good to know. Exit code
    1 when nothing is found.

    Args:
        index: folder of the index; by default anaglyph/index in your data folder.
        store: address of a PostgreSQL database instead.
        severity: the least that is listed.
        category: only this kind, such as timeout; may be given several times.
        limit: findings listed at most; 0 for all.
        json: one JSON object a line.
    """
    from anaglyph.cli.places import index_place
    from anaglyph.search.opening import open_store

    if limit < 0:
        raise ConfigError(f"limit must be >= 0, got {limit}.")
    shown: list[tuple[Item, Problem]] = []
    more = False
    with closing(open_store(index_place(index, store))) as opened:
        for item, problem in _all(opened):
            if _rank(problem.severity) > _rank(severity):
                break
            if category and problem.category not in category:
                continue
            if limit and len(shown) == limit:
                more = True
                break
            shown.append((item, problem))
    if json:
        for item, problem in shown:
            print(
                jsonlib.dumps(
                    {
                        "id": item.id, "root": item.root, "path": item.path, "state": item.state,
                        "severity": problem.severity, "category": problem.category, "reason": problem.reason,
                    }
                )
            )  # fmt: skip
    else:
        _print(shown, more)
    return 0 if shown else 1


def _print(shown: list[tuple[Item, Problem]], more: bool) -> None:
    """A table on a terminal, a line for each when piped."""
    from anaglyph.cli.tables import show_table
    from anaglyph.geometry.mesh_channel import printable

    rows = [
        (problem.severity, problem.category, printable(item.path), problem.reason) for item, problem in shown
    ]
    if not rows:
        print("no problems.", file=sys.stderr)
    elif Console().is_terminal:
        show_table("problems", ("severity", "category", "file", "reason"), rows)
    else:
        for row in rows:
            print("\t".join(row))
    if more:
        print(f"{len(rows)} are shown; --limit 0 shows all.", file=sys.stderr)


def _all(store: Store) -> Iterator[tuple[Item, Problem]]:
    offset = 0
    while page := store.problems(limit=PAGE, offset=offset):
        yield from page
        offset += len(page)


def _rank(severity: str) -> int:
    return ("serious", "warning", "note").index(severity)
