"""`anaglyph evaluate`: measure trained weights on a split."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import Annotated, Literal

import tyro


def evaluate(
    weights: tyro.conf.Positional[Path],
    *,
    split: Literal["train", "validation", "test"] = "test",
    views: int | None = None,
    set: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE ...")] = (),
    device: Literal["auto", "cpu", "cuda"] = "auto",
    data_root: Path | None = None,
    json: bool = False,
) -> int:
    """Measure trained weights: mAP over the whole gallery and recall@k, both ways.

    Args:
        weights: a run folder (its last stage), a stage's artefact folder or a weights file.
        split: which objects to measure on.
        views: how many views of each image to average; all by default.
        set: changes to the data set's options, such as drop_duplicates=true or evaluation_points=512.
        device: where to embed.
        data_root: folder of data sets; default $ANAGLYPH_DATA, else ../shared/data.
        json: print the numbers as JSON.
    """
    from anaglyph.cli.places import cache_folder
    from anaglyph.cli.places import data_root as root
    from anaglyph.cli.tables import show_table
    from anaglyph.engine.study import measure_weights

    measured = measure_weights(
        weights,
        split=split,
        views=views,
        assignments=set,
        device=device,
        data_root=root(data_root),
        cache=cache_folder(),
    )
    if json:
        print(jsonlib.dumps(measured))
    else:
        rows = [[name, f"{value:.4f}"] for name, value in measured["metrics"].items()]
        show_table(
            f"{measured['method']} on {measured['data']}, {split}: {measured['inputs']}",
            ["metric", "value"],
            rows,
        )
    return 0
