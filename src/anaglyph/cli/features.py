"""`anaglyph features`: pictures and texts of a data set through frozen towers, once, for training."""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from anaglyph.errors import ConfigError


def features(folder: tyro.conf.Positional[Path], *, json: bool = False) -> int:
    """Tell what a folder of features holds; exit code 1 when a split is unfinished or there is none.

    `anaglyph features compute DATA -o DIR` makes one, `anaglyph features show DIR` is this.

    Args:
        folder: what `features compute` wrote.
        json: print JSON.
    """
    from anaglyph.cli.tables import show_table
    from anaglyph.engine.feature_job import describe_features

    facts = describe_features(folder)
    whole = bool(facts) and all(about["complete"] for about in facts.values())
    if json:
        print(jsonlib.dumps(facts))
        return 0 if whole else 1
    if not facts:
        print(
            f"'{folder}' holds no features; `anaglyph features compute ... -o DIR` makes them.",
            file=sys.stderr,
        )
        return 1
    columns = ["split", "objects", "classes", "shards", "MB", "image tower", "text tower"]
    rows = [[split, *_row(about)] for split, about in facts.items()]
    show_table(str(folder), columns, rows)
    for split, about in facts.items():
        if not about["complete"]:
            print(f"{split}: {about['problem']}", file=sys.stderr)
    return 0 if whole else 1


def features_compute(
    target: tyro.conf.Positional[str],
    *,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    image_tower: str = "",
    text_tower: str = "",
    splits: tuple[Literal["train", "validation", "test"], ...] = (),
    shard: str = "0/1",
    set: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE ...")] = (),
    device: str = "auto",
    data_root: Path | None = None,
    resume: bool = True,
    json: bool = False,
) -> int:
    """Run frozen towers over a data set and store what they say, with the clouds, for training.

    Data set `features` reads the folder. Ctrl-C keeps what is done; the same command goes on. Several
    machines share the work with --shard.

    Args:
        target: a data set of described objects, or a recipe, whose data and towers are taken.
        output: folder of the features.
        image_tower: what reads pictures: a kind, or KIND:SOURCE, such as clip:openai/clip-vit-base-patch32 or
            encoder:weights/resnet18.safetensors; by default the recipe's.
        text_tower: what reads texts and class names, such as sentence or dual:runs/dual/artefact; by default
            the recipe's.
        splits: which to compute; all that the data set has by default.
        shard: I/N, the I-th of N parts of each split, counted from 0; the folder is whole when all are there.
        set: changes, named as in a recipe: data.options.size=64, towers.image.options.pixels=96,
            towers.templates=article or towers.batch=16.
        device: auto, cpu, cuda, cuda:1 or mps.
        data_root: folder of data sets and of weights; default $ANAGLYPH_DATA, else ../shared/data.
        resume: go on where an earlier run stopped; --no-resume makes the shard anew.
        json: print the folders that were made as JSON.
    """
    from anaglyph.cli.places import cache_folder
    from anaglyph.cli.places import data_root as root
    from anaglyph.cli.run_display import RunDisplay
    from anaglyph.cli.run_listeners import FeatureListener
    from anaglyph.engine.devices import find_device
    from anaglyph.engine.feature_job import compute_features, feature_job
    from anaglyph.engine.interrupt import Interrupted, graceful_interrupt

    choice = _shard(shard)
    job = feature_job(target, image_tower=image_tower, text_tower=text_tower, assignments=set)
    with RunDisplay("towers", "objects", quiet=json) as display, graceful_interrupt() as stop:
        try:
            made = compute_features(
                job, output, splits=splits, choice=choice, root=root(data_root), cache=cache_folder(),
                device=find_device(device), resume=resume, stop=stop, listen=FeatureListener(display),
            )  # fmt: skip
        except Interrupted as stopped:
            print(f"anaglyph: {stopped}. Go on with the same command.", file=sys.stderr)
            return 1
    if json:
        print(jsonlib.dumps({"output": str(output), "shards": [str(path) for path in made]}))
    else:
        names = ", ".join(path.parent.name for path in made)
        print(f"{output}: shard {choice.shard}/{choice.shards} of {names}.")
    return 0


FEATURES: dict[str, Callable[..., int]] = {"compute": features_compute, "show": features}
"""The subcommands; without one of them, `anaglyph features` is `show`."""


def _shard(text: str) -> Any:
    from anaglyph.engine.feature_output import ShardChoice

    shard, slash, shards = text.partition("/")
    if not slash or not shard.isdecimal() or not shards.isdecimal():
        raise ConfigError(f"--shard is '{text}'; write I/N, such as 0/4 for the first of four.")
    return ShardChoice(shard=int(shard), shards=int(shards))


def _row(about: dict[str, Any]) -> list[str]:
    megabytes = f"{about['bytes'] / 1e6:,.1f}"
    if not about["complete"]:
        return ["unfinished", "", "", megabytes, "", ""]
    towers = [
        f"{tower['name']} ({tower['dim']})" if (tower := about["towers"].get(side)) else "none"
        for side in ("image", "text")
    ]
    return [str(about["objects"]), str(about["classes"]), str(about["shards"]), megabytes, *towers]
