"""`anaglyph data`: which data sets there are, and what is in one of them here."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import tyro


def data(
    name: tyro.conf.Positional[str] = "",
    *,
    data_root: Path | None = None,
    json: bool = False,
) -> int:
    """List the data sets, or describe one: splits, classes, licence, and what is missing and where it is had.

    `anaglyph data prepare NAME` converts and checks the files of a data set that needs it.

    Args:
        name: data set to describe; empty lists all.
        data_root: folder of data sets; default $ANAGLYPH_DATA, else ../shared/data.
        json: print JSON.
    """
    from anaglyph.cli.places import cache_folder
    from anaglyph.cli.places import data_root as root
    from anaglyph.cli.tables import show_table
    from anaglyph.data.catalog import DATASETS, DataConfig, describe

    if not name:
        rows = [
            [each, DATASETS.entry(each).summary, DATASETS.entry(each).source] for each in DATASETS.names()
        ]
        if json:
            print(jsonlib.dumps([dict(zip(("name", "summary", "source"), row, strict=True)) for row in rows]))
        else:
            show_table("Data sets", ["name", "what it is", "source"], rows)
        return 0
    facts = describe(DataConfig(name=name), root=root(data_root), cache=cache_folder())
    if json:
        print(jsonlib.dumps(facts))
        return 0 if facts["available"] else 1
    words = [[key, str(value)] for key, value in facts.items() if key != "splits"]
    show_table(name, ["fact", "value"], words)
    splits = facts["splits"]
    if splits:
        columns = ["split", "objects", "pictures (views, C, H, W)", "points"]
        rows = [
            [split, str(about["objects"]), *map(_shape, _modalities(about))]
            for split, about in splits.items()
        ]
        show_table("Splits, as training sees them", columns, rows)
        classes = next(iter(splits.values()))["classes"]
        counts = [[label, *(str(about["classes"][label]) for about in splits.values())] for label in classes]
        show_table("Objects per class", ["class", *splits], counts)
    return 0 if facts["available"] else 1


def data_prepare(
    name: tyro.conf.Positional[str],
    *,
    set: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE ...")] = (),
    render: bool = False,
    shard: str = "",
    data_root: Path | None = None,
    json: bool = False,
) -> int:
    """Make a data set ready: convert its annotations once, and compare its files with the published numbers.

    Exit code 1 when something is missing; what and where it is had is printed.

    Args:
        name: data set.
        set: changes to its options, such as protocol=s1.
        render: also render all views and cut out all queries now, instead of at the first training.
        shard: convert share i of n, such as 2/8, of a data set of many records; machines may share the work.
        data_root: folder of data sets; default $ANAGLYPH_DATA, else ../shared/data.
        json: print JSON.
    """
    from anaglyph.cli.places import cache_folder
    from anaglyph.cli.places import data_root as root
    from anaglyph.config import override
    from anaglyph.data.prepare.openshape import Share
    from anaglyph.data.prepare.prepare import prepare

    options: dict[str, Any] = {}
    for assignment in set:
        options = override(options, assignment)
    done = prepare(
        name,
        root=root(data_root),
        cache=cache_folder() if render else None,
        options=options,
        share=Share.parse(shard) if shard else None,
    )
    if json:
        print(jsonlib.dumps({**asdict(done), "written": [str(path) for path in done.written]}))
        return 1 if done.missing else 0
    for path in done.written:
        print(f"written: {path}")
    for sentence in done.found:
        print(f"found: {sentence}")
    for split, count in done.queries.items():
        print(f"made: {count} queries of the {split} split")
    for sentence in done.missing:
        print(f"missing: {sentence}")
    if done.missing:
        print(done.obtain)
    return 1 if done.missing else 0


DATA: dict[str, Callable[..., int]] = {"prepare": data_prepare}
"""The subcommands; without one of them, `anaglyph data` lists and describes."""


def _modalities(about: Mapping[str, Any]) -> list[list[int]]:
    return [about.get(modality, {}).get("per_access", []) for modality in ("images", "points")]


def _shape(sizes: list[int]) -> str:
    return " x ".join(map(str, sizes)) or "none"
