"""`anaglyph train`: recipes in, run folders and a table out."""

from __future__ import annotations

import hashlib
import json as jsonlib
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro

from anaglyph.errors import ConfigError

log = logging.getLogger(__name__)
LONGEST_NAME = 80
LARGEST_BATCH, STEPS = 64, 150
"""Of the adaptation to a folder: objects of a step, and steps where epochs allow it."""
FEWEST_EPOCHS, MOST_EPOCHS = 2, 60


def train(
    targets: tyro.conf.Positional[tuple[str, ...]],
    *,
    data: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME [FOLDER]")] = (),
    classes: str = "",
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
            `folder DIR` is a folder of your own models, for crossmost, which then needs --classes.
        classes: what the models of your folder may be: names with commas between, a list such as modelnet40,
            or a .txt or .json file of names.
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
    own = own_folder(data, classes)
    changes = (*own, *set, *((f"precision={precision}",) if precision else ()))
    names = [recipe_name(target, data=data[0] if data else None, preset=preset) for target in targets]
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


def own_folder(data: Sequence[str], classes: str) -> tuple[str, ...]:
    """What `--data folder DIR --classes NAMES` changes in a recipe; nothing for other data.

    Raises:
        ConfigError: one of the three is missing, or there is more than a data set takes.
    """
    from anaglyph.data.datasets.model_folder import model_files
    from anaglyph.data.own_classes import parse_classes
    from anaglyph.engine.classify import MANY

    if not data or data[0] != "folder":
        if len(data) > 1:
            raise ConfigError(
                f"--data takes one name, got {' '.join(data)}; only `--data folder DIR` takes a folder "
                f"beside it. Write targets before --data."
            )
        if classes:
            raise ConfigError(
                "--classes belongs to --data folder DIR; recipes name their classes themselves."
            )
        return ()
    if len(data) != 2:
        raise ConfigError(
            f"--data folder takes the folder of your models, got {len(data) - 1} of them; write --data "
            f"folder DIR, and targets before it."
        )
    if not classes.strip():
        raise ConfigError(
            "--classes is missing: what may the models of your folder be? Write --classes chair,table,lamp, "
            "or name a file of names."
        )
    folder, named = Path(data[1]).absolute(), parse_classes(classes)
    if named.advice:
        log.warning(named.advice)
    if not folder.is_dir():
        raise ConfigError(f"there is no folder '{folder}'. Name a folder of 3D models.")
    models = len(model_files(folder))
    batch = min(LARGEST_BATCH, max(2, models))
    epochs = min(max(-(-STEPS * batch // models), FEWEST_EPOCHS), MOST_EPOCHS)
    sentences = ("class_names.templates=article",) if len(named.names) > MANY else ()
    return (
        *sentences,
        f"data.options.folder={jsonlib.dumps(str(folder))}",
        f"stages.adapt.config.classes={jsonlib.dumps(list(named.names))}",
        f"stages.adapt.batch={batch}",
        f"stages.adapt.epochs={epochs}",
    )


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
