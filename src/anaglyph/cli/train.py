"""`anaglyph train`: recipes in, run folders and a table out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro

from anaglyph.errors import ConfigError

LONGEST_NAME = 80


def train(
    targets: tyro.conf.Positional[tuple[str, ...]],
    *,
    data: str | None = None,
    preset: str = "best",
    set: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE ...")] = (),
    seeds: tuple[int, ...] = (),
    output: Path | None = None,
    resume: bool = False,
    precision: Literal["float32", "bfloat16"] | None = None,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    data_root: Path | None = None,
    strategy: Literal["auto", "ddp", "fsdp"] = "auto",
    compile: bool = False,
    workers: int = 0,
    save_every: int | None = None,
    validate_every: int = 5,
    log: tuple[Literal["tensorboard", "wandb"], ...] = (),
    json: bool = False,
) -> int:
    """Train recipes, measure them on held-out data and write a report.

    Ctrl-C finishes the step, saves and stops; --resume goes on. Start it through
    `torchrun --nproc-per-node 2 -m anaglyph train ...` to use several processes.

    Args:
        targets: recipes by name (see `anaglyph models`), paths of YAML files, or a method with --data.
        data: data set, when a target is a method such as romo or cmic; by default one that needs no files.
        preset: preset, when a target is a method.
        set: changes to the recipe, such as stages.learn.epochs=5; names are those of the recipe file.
        seeds: one run each, the table shows mean and spread; the recipe's own by default.
        output: folder of the report and of the runs, one folder per recipe and seed; by default runs/,
            with the report in runs/reports/RECIPES/.
        resume: continue what lies in the output folder; finished stages are skipped.
        precision: bfloat16 runs the networks under autocast; default is the recipe's.
        device: where to train.
        strategy: what each of several processes keeps: the whole model (ddp, which auto means) or a share
            of it and of the optimiser's state (fsdp), for models that fill a GPU.
        compile: compile the encoders with torch.compile; slow to start, faster after, equal to rounding.
        data_root: folder of data sets; default $ANAGLYPH_DATA, else ../shared/data.
        workers: loader processes.
        save_every: steps between checkpoints inside an epoch; each epoch ends with one anyway.
        validate_every: epochs between measurements on the validation split; 0 for none.
        log: further places for metrics, beside metrics.jsonl.
        json: print the results as JSON.
    """
    from anaglyph.cli.places import cache_folder, processes
    from anaglyph.cli.places import data_root as root
    from anaglyph.cli.results import run_and_show
    from anaglyph.engine.recipe import load_recipe, recipe_name, run_name
    from anaglyph.engine.run import RunOptions, leave_processes

    check_numbers(workers=workers, save_every=save_every, validate_every=validate_every, seeds=seeds)
    if not targets:
        raise ConfigError("nothing to train; name a recipe. `anaglyph models` lists them.")
    changes = (*set, *((f"precision={precision}",) if precision else ()))
    names = [recipe_name(target, data=data, preset=preset) for target in targets]
    recipes = {run_name(name): load_recipe(name, assignments=changes) for name in names}
    if len(recipes) < len(names):
        raise ConfigError(
            f"two targets share a name ({', '.join(map(run_name, names))}); train them one by one."
        )
    world, local, rank = processes()
    options = RunOptions(
        output=output or Path("runs"),
        report=None if output else Path("runs") / "reports" / study_name(recipes),
        data_root=root(data_root),
        cache=cache_folder(),
        device=device,
        strategy=strategy,
        compile=compile,
        processes=world,
        local_processes=local,
        rank=rank,
        resume=resume,
        workers=workers,
        save_every=save_every,
        validate_every=validate_every or None,
        loggers=log,
    )
    try:
        return run_and_show(recipes, seeds=seeds, options=options, json=json, main=rank == 0)
    finally:
        leave_processes()


def check_numbers(*, workers: int, save_every: int | None, validate_every: int, seeds: Sequence[int]) -> None:
    """ConfigError for a number that cannot be meant, before anything is read or written."""
    for option, value, least in (
        ("--workers", workers, 0),
        ("--save-every", save_every, 1),
        ("--validate-every", validate_every, 0),
        *(("--seeds", seed, 0) for seed in seeds),
    ):
        if value is not None and value < least:
            raise ConfigError(f"{option} is {value}; give a whole number of {least} or more.")


def study_name(recipes: Iterable[str]) -> str:
    """Folder name of a study's report: the recipes joined, a long one cut and told apart by a hash."""
    name = "+".join(recipes)
    if len(name) <= LONGEST_NAME:
        return name
    tail = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: LONGEST_NAME - len(tail) - 1]}-{tail}"
