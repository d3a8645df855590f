"""Run recipes with the progress drawn, then show what came out: shared by `train` and `demo`."""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anaglyph.cli.progress import Display
from anaglyph.cli.tables import show_table

if TYPE_CHECKING:
    from anaglyph.engine.recipe import Recipe
    from anaglyph.engine.run import RunOptions
    from anaglyph.engine.study import Study


def run_and_show(
    recipes: Mapping[str, Recipe],
    *,
    seeds: Sequence[int],
    options: RunOptions,
    json: bool,
    main: bool,
    title: str = "",
    then: Callable[[], Mapping[str, Any]] | None = None,
) -> int:
    """Train every recipe with every seed, print the table (or JSON) and name the report.

    Args:
        recipes: name -> resolved recipe.
        seeds: one run each; none takes each recipe's own.
        options: `output` is the folder above the runs, `report` that of the report where it lies elsewhere.
        json: print JSON instead of the table.
        main: whether this process prints (rank 0).
        title: heading of the report.
        then: called after the table, on the process that prints; what it gives is added to the JSON.
    """
    from anaglyph.engine.interrupt import Interrupted
    from anaglyph.engine.study import run_study

    with Display(quiet=json or not main) as display:
        try:
            study = run_study(recipes, seeds=seeds, options=options, listen=display, title=title)
        except Interrupted as stopped:
            if main:
                print(f"anaglyph: {stopped}. Go on with the same command and --resume.", file=sys.stderr)
            return 1
    if not main:
        return 0
    if not json:
        show_study(study)
    more = {} if then is None else then()
    if json:
        print(jsonlib.dumps({**study.plain(), **more}))
    return 0


def show_study(study: Study) -> None:
    """The table of a study and where its report lies."""
    show_table(study.heading, study.columns, study.rows())
    for note in study.notes:
        print(note)
    print(f"Pictures, curves and clusters: {_short(study.folder / 'report.html')}")


def _short(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
