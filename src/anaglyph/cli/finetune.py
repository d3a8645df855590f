"""`anaglyph finetune`: a point encoder with labelled clouds in, a measured classifier out."""

from __future__ import annotations

import json as jsonlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from anaglyph.errors import ConfigError

if TYPE_CHECKING:
    from anaglyph.engine.recipe import Recipe
    from anaglyph.engine.run import RunOptions


def finetune(
    encoder: tyro.conf.Positional[str],
    *,
    data: str = "procedural_models",
    data_set: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE ...")] = (),
    mode: Literal["full", "linear", "mlp3", "bitfit", "prompt", "side"] = "full",
    labels_per_class: int = 0,
    few_shot: str = "",
    folds: int = 10,
    points: int = 0,
    augment: Literal["auto", "rotation", "scale_translate", "none"] = "auto",
    epochs: int | None = None,
    preset: Literal["paper", "released", "best"] = "best",
    set: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE ...")] = (),
    seeds: tuple[int, ...] = (),
    output: Path | None = None,
    resume: bool = False,
    precision: Literal["float32", "bfloat16"] | None = None,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    data_root: Path | None = None,
    workers: int = 0,
    save_every: int | None = None,
    validate_every: int = 5,
    json: bool = False,
) -> int:
    """Teach a point encoder the classes of labelled clouds, measure it on others and write a report.

    Starts from a run of this project, an official or imported weights file, or, by the name of an encoder,
    from random weights. Ctrl-C finishes the step, saves and stops; --resume goes on.

    Args:
        encoder: a run folder, a weights file (.pth files of Point-MAE, Point-BERT, ACT and ReCon too), or an
            encoder's name, which starts from random weights.
        data: data set of clouds with classes, such as modelnet40_clouds, scanobjectnn or procedural_models.
        data_set: changes to its options, such as variant=hardest.
        mode: what learns: everything (full), a head on a frozen trunk (linear, mlp3), also biases (bitfit),
            learned tokens in every block (prompt), or a small network beside the trunk (side).
        labels_per_class: labelled training objects of every class; 0 takes all.
        few_shot: episodes instead of the whole data set, such as 5way10shot; mean and spread over folds.
        folds: how many episodes.
        points: points of each cloud; 0 takes 1,024, or all where fewer are stored.
        augment: of training; auto turns the scans of scanobjectnn about their up axis, and stretches and
            moves everything else, as the papers do.
        epochs: passes over the training split; by default the preset's, 150 for episodes.
        preset: paper, released (the published code's schedule) or best.
        set: further changes to the recipe, such as stages.finetune.batch=16.
        seeds: one run each, the table shows mean and spread; 0 by default. Few labels are other ones for
            another seed.
        output: folder of the report and of the runs; by default runs/.
        resume: continue what lies in the output folder; finished runs are skipped.
        precision: bfloat16 runs the network under autocast.
        device: where to train.
        data_root: folder of data sets; default $ANAGLYPH_DATA, else ../shared/data.
        workers: loader processes.
        save_every: steps between checkpoints inside an epoch; each epoch ends with one anyway.
        validate_every: epochs between measurements on the validation split; 0 for none.
        json: print the results as JSON.
    """
    from anaglyph.cli.places import cache_folder, processes
    from anaglyph.cli.places import data_root as root
    from anaglyph.cli.results import run_and_show
    from anaglyph.cli.train import check_numbers
    from anaglyph.config import override
    from anaglyph.data.catalog import DataConfig
    from anaglyph.data.episodes import parse_episode
    from anaglyph.engine.encoder_of import find_point_encoder
    from anaglyph.engine.finetuning import (
        Finetuning,
        episode_recipes,
        finetuning_name,
        finetuning_recipe,
    )
    from anaglyph.engine.run import RunOptions, leave_processes

    check_numbers(workers=workers, save_every=save_every, validate_every=validate_every, seeds=seeds)
    if folds < 1 or (epochs is not None and epochs < 1):
        raise ConfigError(f"--folds is {folds} and --epochs {epochs}; give whole numbers of 1 or more.")
    if few_shot and len(seeds) > 1:
        raise ConfigError("--few-shot spreads over --folds; give one seed.")
    chosen: dict[str, Any] = {}
    for assignment in data_set:
        chosen = override(chosen, assignment)
    asked = Finetuning(
        encoder=find_point_encoder(encoder),
        data=DataConfig(name=data, options=chosen),
        mode=mode,
        preset=preset,
        labels_per_class=labels_per_class,
        episode=parse_episode(few_shot) if few_shot else None,
        points=points,
        augment=augment,
        epochs=epochs,
    )
    changes = (*set, *((f"precision={precision}",) if precision else ()))
    name = finetuning_name(asked)
    world, local, rank = processes()
    options = RunOptions(
        output=output or Path("runs"),
        report=None if output else Path("runs") / "reports" / name,
        data_root=root(data_root),
        cache=cache_folder(),
        device=device,
        processes=world,
        local_processes=local,
        rank=rank,
        resume=resume,
        workers=workers,
        save_every=save_every,
        validate_every=validate_every or None,
    )
    try:
        if few_shot:
            recipes = episode_recipes(
                asked, folds=folds, root=root(data_root), cache=cache_folder(), assignments=changes
            )
            return _few_shot(recipes, kind=few_shot, name=name, seeds=seeds, options=options, json=json)
        recipe = finetuning_recipe(asked, root=root(data_root), cache=cache_folder(), assignments=changes)
        return run_and_show({name: recipe}, seeds=seeds, options=options, json=json, main=rank == 0)
    finally:
        leave_processes()


def _few_shot(
    recipes: list[Recipe],
    *,
    kind: str,
    name: str,
    seeds: tuple[int, ...],
    options: RunOptions,
    json: bool,
) -> int:
    from dataclasses import replace

    from anaglyph.cli.few_shot import show_episodes
    from anaglyph.cli.progress import Display
    from anaglyph.engine.few_shot import run_episodes
    from anaglyph.engine.interrupt import Interrupted

    recipes = [replace(recipe, seed=seeds[0]) for recipe in recipes] if seeds else recipes
    with Display(quiet=json or options.rank != 0) as display:
        try:
            found = run_episodes(recipes, kind=kind, name=name, options=options, listen=display)
        except Interrupted as stopped:
            print(f"anaglyph: {stopped}. Go on with the same command and --resume.", file=sys.stderr)
            return 1
    if options.rank == 0:
        if json:
            print(jsonlib.dumps(found))
        else:
            show_episodes(found)
    return 0
