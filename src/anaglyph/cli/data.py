"""`anaglyph data`: which data sets there are, and what is in one of them here."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path

import tyro


def data(
    name: tyro.conf.Positional[str] = "",
    *,
    data_root: Path | None = None,
    json: bool = False,
) -> int:
    """List the data sets, or describe one: splits, classes, licence, and what is missing and where it is had.

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
    else:
        show_table(name, ["fact", "value"], [[key, _cell(value)] for key, value in facts.items()])
    return 0 if facts.get("available", True) else 1


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)
