"""How often search finds the object that was meant, and says "close" where it should: one command.

    python tools/recall_of_search.py [--data ../shared/data] [--index FOLDER]

Indexes the 682 meshes of `cc0_objects` (minutes; with --index it is kept, and a second run uses it), lets the
fifth of the designs that no part of `mini` was trained on look for themselves among all of them, and prints a
Markdown table. Where that folder is absent, generated objects take its place. The queries: `recall_queries`.

Recall@k of an object is the share of its queries that have a right item among the first k; the table has the
mean over objects. By a picture or a model the object itself is right, by a name or a category every object
that has it. "close" is the share of queries whose first hit is called close; "without its kind" is the same
where nothing of the query's category is in the index, so that nothing should be.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from recall_queries import NONSENSE, QUERIES, Asked, Object, asked_words, read_objects

from anaglyph.cli.places import data_root
from anaglyph.cli.run_display import RunDisplay
from anaglyph.cli.run_listeners import IndexListener
from anaglyph.io.atomic import write_json
from anaglyph.search.index_space import ModelChoice
from anaglyph.search.indexer import IndexOptions
from anaglyph.search.indexing import update_index
from anaglyph.search.items import Filters
from anaglyph.search.open_searcher import open_searcher
from anaglyph.search.searcher import Searcher

RANKS = (1, 5, 10)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One kind of query."""

    objects: int
    queries: int
    recall: tuple[float, ...]
    """Per rank."""
    chance: tuple[float, ...]
    close: float
    without: float
    """Called close where nothing of its category is there."""


def main() -> None:
    """Index, ask, print."""
    options = arguments()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() if options.work is None else nullcontext(options.work) as work:
        folder, objects = read_objects(options.data, Path(work), generated=options.generated)
        place = str(options.index or Path(work) / "index")
        index(place, folder, options)
        with open_searcher(place, root=options.data) as searcher:
            rows, bad = asked_rows(searcher, objects, options.kinds, Path(work))
            result = {
                "model": searcher.store.header.model,
                "fingerprint": searcher.store.header.fingerprint,
                "views": searcher.store.header.views[0],
                "items": searcher.store.count(Filters()),
                "asking": sum(each.asks for each in objects),
                "rows": {kind: asdict(row) for kind, row in rows.items()},
                "nonsense_called_close": nonsense(searcher),
                "not_used": bad,
            }
    print(table(result, rows))
    if bad:
        print(f"{len(bad)} queries could not be made, the first: {bad[0]}", file=sys.stderr)
    if options.json:
        write_json(options.json, result)


def arguments() -> argparse.Namespace:
    """What was asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=data_root(None), help="folder of data sets")
    parser.add_argument(
        "--index", type=Path, help="where the index is or will be; a temporary one by default"
    )
    parser.add_argument("--model", help="another model than mini, for a new index")
    parser.add_argument("--generated", action="store_true", help="generated objects, whatever is there")
    parser.add_argument("--work", type=Path, help="keep generated models and re-saved queries here")
    parser.add_argument("--kinds", nargs="+", default=list(QUERIES), choices=list(QUERIES))
    parser.add_argument("--json", type=Path, help="write the result here")
    return parser.parse_args()


def index(place: str, folder: Path, options: argparse.Namespace) -> None:
    """Bring the index up to date with the folder."""
    with RunDisplay("indexing", "files") as display:
        update_index(
            place, [folder], ModelChoice(source=options.model),
            IndexOptions(processes=os.cpu_count() or 1), root=options.data, device=torch.device("cpu"),
            owner="recall_of_search", now=lambda: int(time.time()), listen=IndexListener(display),
        )  # fmt: skip


def asked_rows(
    searcher: Searcher, objects: Sequence[Object], kinds: Sequence[str], work: Path
) -> tuple[dict[str, Row], list[str]]:
    """Kind -> what came of its queries; and queries that could not be made."""
    items = {item.path: item.id for item in searcher.store.select(Filters(), limit=100_000)}
    placed = [(each, items[each.path]) for each in objects if each.path in items]
    categories = {id: each.category for each, id in placed}
    rows, bad = {}, []
    for kind in kinds:
        asked, failed = QUERIES[kind](searcher, placed, work)
        bad += failed
        for name in dict.fromkeys(each.kind for each in asked):
            rows[name] = measured(searcher, [each for each in asked if each.kind == name], categories)
    return rows, bad


def measured(searcher: Searcher, asked: Sequence[Asked], categories: dict[int, str]) -> Row:
    """Recall and closeness of one kind of query."""
    total = searcher.store.count(Filters())
    hits: dict[str, list[list[bool]]] = {}
    chances, close, without = [], [], []
    for each in asked:
        ranked = searcher.finder.nearest(each.query.vector, filters=Filters(), limit=total)
        place = next(n for n, (id, _) in enumerate(ranked) if id in each.right)
        hits.setdefault(each.key, []).append([place < rank for rank in RANKS])
        chances.append([chance(len(each.right), total, rank) for rank in RANKS])
        least = each.query.close
        if least is None:
            raise SystemExit("nothing says what is close in this index; index it again.")
        close.append(ranked[0][1] >= least)
        others = [score for id, score in ranked if categories.get(id) != each.category]
        without.append(bool(others) and others[0] >= least)
    recall = np.mean([np.mean(rows, axis=0) for rows in hits.values()], axis=0)
    return Row(
        objects=len(hits), queries=len(asked), recall=tuple(recall.tolist()),
        chance=tuple(np.mean(chances, axis=0).tolist()), close=float(np.mean(close)),
        without=float(np.mean(without)),
    )  # fmt: skip


def chance(right: int, total: int, rank: int) -> float:
    """That one of `right` items is among `rank` of `total` drawn at random."""
    wrong = np.arange(total - right - rank + 1, total - right + 1) / np.arange(total - rank + 1, total + 1)
    return float(1.0 - np.prod(np.clip(wrong, 0.0, 1.0)))


def nonsense(searcher: Searcher) -> float:
    """Share of words for nothing that get a close hit all the same."""
    found = [searcher.find(query, limit=1) for query in asked_words(searcher, NONSENSE)]
    return float(np.mean([not each.nothing_close for each in found]))


def table(result: dict[str, Any], rows: dict[str, Row]) -> str:
    """Markdown."""
    lines = [
        f"{result['asking']} objects look for themselves among {result['items']} "
        f"({Path(result['model']).stem}, {result['views']}). Chance in brackets. Of {len(NONSENSE)} words "
        f"for nothing, {result['nonsense_called_close']:.0%} get a hit that is called close.",
        "",
        "| query | objects | queries | " + " | ".join(f"R@{rank}" for rank in RANKS)
        + " | close | close without its kind |",
        "|---|---|---|" + "---|" * (len(RANKS) + 2),
    ]  # fmt: skip
    for kind, row in rows.items():
        found = [f"{of:.3f} ({by:.3f})" for of, by in zip(row.recall, row.chance, strict=True)]
        cells = [kind, str(row.objects), str(row.queries), *found, f"{row.close:.0%}", f"{row.without:.0%}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
