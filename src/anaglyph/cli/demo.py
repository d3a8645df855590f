"""`anaglyph demo`: train without a label on real digits, end with a table and a page of pictures."""

from __future__ import annotations

from pathlib import Path

DEMO_RECIPES = ("digits3d_pair_contrast", "digits3d_romo_best")


def demo(*, output: Path = Path("demo"), seed: int = 0, resume: bool = True, json: bool = False) -> int:
    """Train the baseline and RoMo on real digits and their 3D shapes, without a single label.

    Takes a few minutes on two cores, needs no download and no GPU, and ends with a table and
    report.html: queries and what they find, drawn in 3D, loss curves and clusters.

    Args:
        output: folder for the runs and the report.
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
    )
