"""`anaglyph demo`: train without a label on real digits; end with a table, a page and an index to search."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DEMO_RECIPES = ("digits3d_pair_contrast", "digits3d_romo_best")
MODELS, INDEX = "models", "index"


def demo(*, output: Path = Path("demo"), seed: int = 0, resume: bool = True, json: bool = False) -> int:
    """Train the baseline and RoMo on real digits and their 3D shapes, without a single label.

    Takes a few minutes on two cores, needs no download and no GPU, and ends with a table, report.html
    (queries and what they find, drawn in 3D, loss curves and clusters), and an index of some 3D models with
    the command that opens it in the browser.

    Args:
        output: folder for the runs, the report, the models and the index.
        seed: what all random numbers of the demo depend on.
        resume: go on where an earlier demo stopped; finished stages are not trained again.
        json: print the results as JSON.
    """
    from anaglyph.cli.places import cache_folder, data_root
    from anaglyph.cli.results import run_and_show
    from anaglyph.engine.recipe import load_recipe
    from anaglyph.engine.run import RunOptions

    recipes = {name: load_recipe(name) for name in DEMO_RECIPES}
    options = RunOptions(
        output=output,
        data_root=data_root(None),
        cache=cache_folder(),
        device="auto",
        resume=resume,
        validate_every=None,
    )
    return run_and_show(
        recipes,
        seeds=(seed,),
        options=options,
        json=json,
        main=True,
        title="Digits and their 3D shapes, without labels",
        then=lambda: make_gallery(output, data_root=data_root(None), quiet=json),
    )


def make_gallery(output: Path, *, data_root: Path, quiet: bool) -> Mapping[str, Any]:
    """Index digits that were trained on and some objects, say how to open it; "gallery" for the JSON."""
    from anaglyph.cli.demo_models import write_demo_models
    from anaglyph.cli.places import cores, now, own_command, shown_path
    from anaglyph.cli.run_display import RunDisplay
    from anaglyph.cli.run_listeners import IndexListener
    from anaglyph.engine.devices import find_device
    from anaglyph.engine.interrupt import graceful_interrupt
    from anaglyph.errors import IndexFormatError
    from anaglyph.search.index_space import ModelChoice
    from anaglyph.search.indexer import IndexOptions
    from anaglyph.search.indexing import update_index
    from anaglyph.search.rebuilding import rebuild_index

    place = output / INDEX
    command = f"{own_command()} serve --index {shlex.quote(shown_path(place))} --open"
    write_demo_models(output / MODELS, data_root=data_root)
    chosen = ModelChoice(), IndexOptions(processes=cores())
    with graceful_interrupt() as stop, RunDisplay("indexing", "files", quiet=quiet) as display:
        rest: Mapping[str, Any] = {
            "root": data_root, "device": find_device("cpu"), "now": now, "listen": IndexListener(display),
            "stopped": lambda: stop.requested,
        }  # fmt: skip
        try:
            reports = update_index(str(place), [output / MODELS], *chosen, owner="anaglyph demo", **rest)
        except IndexFormatError:  # an earlier demo's, made with an earlier model
            reports = rebuild_index(str(place), [output / MODELS], *chosen, **rest)
    items = sum(report.new + report.changed + report.same - report.unusable for report in reports)
    if not quiet:
        _say(command, items)
    return {"gallery": {"index": str(place), "items": items, "command": command}}


def _say(command: str, items: int) -> None:
    from importlib.util import find_spec

    from rich.console import Console
    from rich.text import Text

    install = "" if find_spec("fastapi") else "pip install 'anaglyph[serve]', then "
    console = Console(soft_wrap=True, highlight=False)
    console.print(
        f"\nSearch {items} 3D models, some of the digits among them, by words, a picture or a shape:"
    )
    console.print(Text.assemble("  ", install, (command, "bold green")))
