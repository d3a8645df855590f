"""`anaglyph index`: folders of 3D models in, an index that can be searched out."""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

from anaglyph.errors import ConfigError

if TYPE_CHECKING:
    from anaglyph.search.index_space import ModelChoice
    from anaglyph.search.indexer import IndexOptions, IndexReport
    from anaglyph.search.scanner import Shard


def index(
    folders: tyro.conf.Positional[tuple[Path, ...]] = (),
    *,
    index: Path | None = None,
    store: str | None = None,
    model: str | None = None,
    image_tower: str | None = None,
    text_tower: str | None = None,
    data_root: Path | None = None,
    device: str = "auto",
    processes: int = 0,
    batch: int = 32,
    shard: str = "1/1",
    categories: str | None = None,
    retry: bool = False,
    thorough: bool = False,
    accept_empty: bool = False,
    purge: bool = False,
    graph: bool = False,
    rebuild: bool = False,
    dry_run: bool = False,
    json: bool = False,
) -> int:
    """Bring an index up to date with folders of 3D models, so that they can be searched.

    Only what is new or changed is read; a file that moved keeps its vectors, one that is gone is marked. It
    can be stopped (Ctrl-C) or killed at any time: the same command goes on. A file that cannot be used
    becomes a problem (see `anaglyph problems`), never the end. Without folders, those that the index holds
    are looked at again. Your files are only read.

    Args:
        folders: searched below; hidden files and links that lead elsewhere are left out.
        index: folder of the index; by default anaglyph/index in your data folder.
        store: address of a PostgreSQL database instead, such as postgresql://user@host/models.
        model: `mini`, a trained run, or a weights file; by default what the index has, `mini` for a new one.
        image_tower: reads pictures beside official weights, such as clip:FOLDER.
        text_tower: reads words beside official weights.
        data_root: folder where relative sources of towers start; default $ANAGLYPH_DATA, else ../shared/data.
        device: auto, cpu, cuda or cuda:1, for the encoders.
        processes: files in work at a time; 0 for one on each core.
        batch: files in a transaction, which is what a killed run does again at most.
        shard: i/n, one of n shares of the files, for n indexers into one database.
        categories: a text file of class names, one a line, or `builtin`: each model's category is the nearest
            of them instead of its folder; kept by the index for the runs to come.
        retry: look again at files that could not be used.
        thorough: read every file again to see whether it or a texture of it has changed.
        accept_empty: mark everything deleted where a folder is empty now, or is not there.
        purge: remove what is marked as deleted for good.
        graph: then build the database's graph of neighbours (pgvector's HNSW index), which makes searches of
            all items fast and nearly right from then on; for --store.
        rebuild: make the index anew beside the old one, tags included, and replace that when all is done.
        dry_run: say what would be done, and do nothing.
        json: print a report as JSON.
    """
    from anaglyph.cli.places import cores, index_place
    from anaglyph.cli.places import data_root as root
    from anaglyph.engine.devices import find_device
    from anaglyph.search.categories import read_names
    from anaglyph.search.index_space import ModelChoice
    from anaglyph.search.indexer import IndexOptions

    if processes < 0 or batch < 1:
        raise ConfigError(f"processes must be >= 0 and batch >= 1, got {processes} and {batch}.")
    if graph and store is None:
        raise ConfigError("--graph belongs to --store; an index in a folder needs nothing built.")
    names = None if categories is None else read_names(categories)
    options = IndexOptions(
        processes=processes or cores(), batch=batch, shard=_shard(shard), retry=retry, thorough=thorough,
        accept_empty=accept_empty, purge=purge, categories=names,
    )  # fmt: skip
    place = index_place(index, store)
    choice = ModelChoice(source=model, image_tower=image_tower, text_tower=text_tower)
    if dry_run:
        return _plan(place, folders, options, json=json)
    rest = {"root": root(data_root), "device": find_device(device)}
    code = _run(place, folders, choice, options, rest, anew=rebuild, json=json)
    if graph and code == 0:
        _graph(place)
    return code


def _run(
    place: str,
    folders: tuple[Path, ...],
    choice: ModelChoice,
    options: IndexOptions,
    rest: Mapping[str, Any],
    *,
    anew: bool,
    json: bool,
) -> int:
    from anaglyph.cli.places import now
    from anaglyph.cli.run_display import RunDisplay
    from anaglyph.cli.run_listeners import IndexListener
    from anaglyph.engine.interrupt import graceful_interrupt
    from anaglyph.search.indexing import update_index
    from anaglyph.search.rebuilding import rebuild_index

    bring = rebuild_index if anew else partial(update_index, owner="anaglyph index")
    with graceful_interrupt() as stop, RunDisplay("indexing", "files", quiet=json) as display:
        reports = bring(
            place, folders, choice, options, now=now, listen=IndexListener(display),
            stopped=lambda: stop.requested, **rest,
        )  # fmt: skip
    return _report(place, reports, json=json)


def _graph(place: str) -> None:
    from anaglyph.search.opening import open_store
    from anaglyph.search.store import Graphed

    with closing(open_store(place)) as store:
        if isinstance(store, Graphed):
            built = store.build_graph()
            print(
                f"graph: {built.recall:.1%} of the 10 nearest are found among {built.breadth} candidates.",
                file=sys.stderr,
            )


def _plan(place: str, folders: tuple[Path, ...], options: IndexOptions, *, json: bool) -> int:
    """What a run would do."""
    from anaglyph.search.indexing import plan_index
    from anaglyph.search.opening import shown_place

    plans = plan_index(place, folders, options)
    if json:
        print(jsonlib.dumps({"index": shown_place(place), "folders": [asdict(plan) for plan in plans]}))
        return 0
    for plan in plans:
        print(
            f"{plan.root}: {plan.new} new, {plan.changed} perhaps changed, {plan.gone} gone, "
            f"{plan.perhaps_moved} gone or moved, {plan.same} as before. Nothing was done."
        )
    return 0


def _report(place: str, reports: list[IndexReport], *, json: bool) -> int:
    """Say what came of it; the exit code."""
    from anaglyph.search.opening import shown_place

    stopped, trouble = any(each.stopped for each in reports), any(each.trouble for each in reports)
    if json:
        facts = {
            "index": shown_place(place),
            "stopped": stopped,
            "folders": [asdict(each) for each in reports],
        }
        print(jsonlib.dumps(facts))
        return 1 if stopped or trouble else 0
    for report in reports:
        if report.trouble:
            print(f"anaglyph: {report.trouble}", file=sys.stderr)
            continue
        print(f"{report.root}: {_sentence(report)}.")
        for folder in report.unreadable[:10]:
            print(f"  may not be read: {folder}", file=sys.stderr)
        for file in report.unnameable[:10]:
            print(f"  left out, its name is not UTF-8: {file}", file=sys.stderr)
    if any(report.unusable for report in reports):
        print("anaglyph problems   shows what could not be used.", file=sys.stderr)
    if stopped:
        print("anaglyph: stopped. The same command goes on.", file=sys.stderr)
    return 1 if stopped or trouble else 0


def _sentence(report: IndexReport) -> str:
    parts = [f"{report.new} new", f"{report.changed} changed"]
    parts += [f"{report.moved} moved"] if report.moved else []
    parts += [f"{report.touched} touched"] if report.touched else []
    parts += [f"{report.deleted} gone"] if report.deleted else []
    parts += [f"{report.same} as before"]
    parts += [f"{report.unusable} could not be used"] if report.unusable else []
    return ", ".join(parts)


def _shard(text: str) -> Shard:
    from anaglyph.search.scanner import Shard

    number, slash, count = text.partition("/")
    if not slash or not number.isdecimal() or not count.isdecimal():
        raise ConfigError(f"shard must be i/n, such as 2/4, got '{text}'.")
    return Shard(int(number), int(count))
