"""A run: stages in order, each ending in an artefact folder, inside one run folder.

run/
├── recipe.yaml  run.json            what was asked; versions, git state, data hash
└── stages/<name>/checkpoints/       where a stage can continue
                  metrics.jsonl      what it logged
                  neighbours-*/      who looks like whom, where it trains on hard batches
                  artefact/          what it made: model.safetensors and the method's products
                  nonfinite.json     batches that had to be left out, if any

The report of a study lies above the runs it compares.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any, Literal

import torch.distributed as dist
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy
from lightning_fabric.strategies.strategy import Strategy
from torch.nn.parallel import DistributedDataParallel

from anaglyph.config import dump_yaml, fingerprint, plain
from anaglyph.engine.checkpoint import difference
from anaglyph.engine.class_names import class_vectors_of
from anaglyph.engine.compile import compile_encoders, require_compiler
from anaglyph.engine.devices import choose_device
from anaglyph.engine.environment import describe_environment
from anaglyph.engine.events import Listener, Note, StageFinished, ignore
from anaglyph.engine.interrupt import graceful_interrupt
from anaglyph.engine.leaks import LEAK_NOTE, check_leaks
from anaglyph.engine.loggers import LOGGERS
from anaglyph.engine.look_alikes import look_alikes
from anaglyph.engine.loop import FitOptions, Stage, fit, prepared
from anaglyph.engine.models import build_method, save_method
from anaglyph.engine.recipe import Recipe, load_recipe, stage_identity
from anaglyph.engine.rehearsal import rehearse, rehearse_without_data
from anaglyph.engine.sharding import sharded_strategy
from anaglyph.engine.splits import Splits, make_splits
from anaglyph.engine.starting_weights import starting_weights
from anaglyph.engine.tasks.base import Asked
from anaglyph.engine.tasks.choice import task_of
from anaglyph.engine.waiting import Clock
from anaglyph.errors import CheckpointError, ConfigError
from anaglyph.io.atomic import (
    new_folder,
    remove_leftovers,
    verify_manifest,
    write_json,
    write_manifest,
    write_text,
)
from anaglyph.io.run_folder import FILE
from anaglyph.io.weights import load_into, read_weights
from anaglyph.methods.base import Method
from anaglyph.randomness import seeded


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Where and how to run; nothing here changes what is learned."""

    output: Path
    """Run folder."""
    data_root: Path
    """Folder that relative data folders are looked up in."""
    cache: Path | None = None
    """Where generated data is kept; None makes it anew each time."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    strategy: Literal["auto", "ddp", "fsdp"] = "auto"
    """What several processes keep: the whole model each (ddp, which auto means), or a share of it (fsdp)."""
    compile: bool = False
    """Compile the encoders with torch.compile; results then agree to rounding."""
    processes: int = 1
    """Processes started by torchrun, all told."""
    local_processes: int = 1
    """Those on this machine."""
    rank: int = 0
    """Number of this process; the first alone writes reports."""
    resume: bool = False
    """Continue the run in `output`."""
    report: Path | None = None
    """Folder of a study's report; None is `output`."""
    workers: int = 0
    save_every: int | None = None
    validate_every: int | None = 5
    """Epochs between validations; None never measures during training."""
    loggers: tuple[str, ...] = ()
    clock: Clock | None = time.monotonic
    """What the share of time spent on waiting for data is read from; None does not measure it."""


def run_recipe(recipe: Recipe, options: RunOptions, *, listen: Listener = ignore) -> Path:
    """Train every stage that is not finished yet; returns the last stage's artefact folder.

    Raises:
        ConfigError: the output folder holds another run, a leak is not switched on by its flag, or data,
            encoders and weights do not fit together; nothing is written then, save to the cache.
        Interrupted: the user asked to stop; everything is saved.
    """
    leaks = check_leaks(recipe)
    if leaks:
        listen(Note(LEAK_NOTE))
    fabric = make_fabric(recipe, options)
    if options.compile:
        require_compiler(fabric.device)
    check_run_folder(recipe, options)
    starts = {name: starting_weights(spec, root=options.data_root) for name, spec in recipe.stages.items()}
    rehearse_without_data(recipe, starts)
    splits = make_splits(recipe, data_root=options.data_root, cache=options.cache, device=options.device)
    rehearse(recipe, splits.train, processes=options.processes)
    fabric.barrier()  # nobody writes before all have looked
    if fabric.global_rank == 0:
        open_run_folder(recipe, options)
    fabric.barrier()
    data_hash = splits.train.fingerprint()
    if fabric.global_rank == 0:
        write_json(
            options.output / "run.json",
            {
                "fingerprint": fingerprint(recipe),
                "leaks": leaks,
                "data": {"train": data_hash, "test": splits.test.fingerprint()},
                "environment": describe_environment(),
            },
        )
    artefacts: dict[str, Path] = {}
    with graceful_interrupt() as stop:
        for name, spec in recipe.stages.items():
            folder = options.output / "stages" / name
            identity = {**stage_identity(recipe, name), "train_data": data_hash}
            trained = starts.pop(name)  # not kept beyond the stage: they may be large
            identity |= (
                {"weights": {each: start.sha256 for each, start in trained.items()}} if trained else {}
            )
            artefacts[name] = folder / "artefact"
            if is_finished(artefacts[name], identity):
                listen(StageFinished(name, skipped=True))
                continue
            method = build_method(
                spec, objects=len(splits.train), seed=recipe.seed, name=name, starts=trained
            )
            if spec.start_from is not None:
                weights = artefacts[spec.start_from] / FILE
                load_into(method, read_weights(weights), what=f"'{weights}'")
            stop.check(f"before stage {name}")
            alike = None
            if spec.hard_batches is not None and spec.epochs:
                with seeded(recipe.seed, name, "neighbours"):
                    alike = look_alikes(
                        method, splits.train, spec.hard_batches, folder=folder, identity=identity,
                        fabric=fabric,
                    )  # fmt: skip
            if options.compile and spec.epochs:
                compile_encoders(method)
            stage = Stage(
                name=name, spec=spec, method=method, dataset=splits.train, seed=recipe.seed, folder=folder,
                identity=identity, artefacts={needed: artefacts[needed] for needed in spec.needs},
                alike=alike, class_vectors=class_vectors_of(recipe.class_names, root=options.data_root),
            )  # fmt: skip
            if spec.epochs:
                fit(
                    stage,
                    fabric=fabric,
                    listen=listen,
                    stop=stop,
                    options=fit_options(recipe, options, splits, fabric, stage=name),
                )
            else:  # a method without training is a stage all the same: it is saved and measured like others
                rest(stage, fabric)
            if fabric.global_rank == 0:
                leave_artefact(stage, recipe, fabric)
            fabric.barrier()
            listen(StageFinished(name))
        stop.check("after its last stage")
    return artefacts[name]


def rest(stage: Stage, fabric: Fabric) -> None:
    """A stage of 0 epochs: a method that trains is as it would begin, another as it was made."""
    stage.method.to(fabric.device)
    if not stage.method.trains:
        return
    with prepared(stage, "start"):
        stage.method.start(stage.context(0, device=fabric.device, log=lambda values: None))


def make_fabric(recipe: Recipe, options: RunOptions) -> Fabric:
    """Devices, precision and processes."""
    device = choose_device(options.device)
    many = options.processes > 1
    fabric = Fabric(
        accelerator="gpu" if device == "cuda" else "cpu",
        devices=options.local_processes if many else 1,
        num_nodes=options.processes // options.local_processes if many else 1,
        strategy=_strategy(options),
        precision="bf16-mixed" if recipe.precision == "bfloat16" else "32-true",
    )
    fabric.launch()
    return fabric


def _strategy(options: RunOptions) -> Strategy | str:
    if options.strategy == "fsdp":
        return sharded_strategy(options.processes)
    return DDPStrategy(**_without_buffers()) if options.processes > 1 else "auto"


def leave_processes() -> None:
    """Say goodbye to the other processes of a run; a process that ends without it may be aborted."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def _without_buffers() -> dict[str, Any]:
    """Every process computes the same buffers, memory banks among them, so none sends them around."""
    options = signature(DistributedDataParallel).parameters
    name = "forward_sync_buffers" if "forward_sync_buffers" in options else "broadcast_buffers"
    return {name: False}


def check_run_folder(recipe: Recipe, options: RunOptions) -> None:
    """ConfigError unless the run folder is free, or the one to resume and of this very recipe."""
    file = options.output / "recipe.yaml"
    if not file.exists():
        return
    if not options.resume:
        raise ConfigError(
            f"'{options.output}' already holds a run. "
            f"Pass --resume to continue it, or choose another --output."
        )
    other = difference(plain(recipe), plain(load_recipe(file)))
    if other:
        raise ConfigError(
            f"'{options.output}' was made with another recipe ({other}). "
            f"Resume with '{file}', or choose another --output."
        )


def open_run_folder(recipe: Recipe, options: RunOptions) -> None:
    """Create the run folder, or clear what a killed run left in the one to resume."""
    if options.resume:
        for folder in (options.output, *options.output.glob("stages/*"), *options.output.glob("stages/*/*/")):
            remove_leftovers(folder)
    file = options.output / "recipe.yaml"
    if not file.exists():
        options.output.mkdir(parents=True, exist_ok=True)
        write_text(file, dump_yaml(recipe))


def fit_options(
    recipe: Recipe, options: RunOptions, splits: Splits, fabric: Fabric, *, stage: str
) -> FitOptions:
    """The loop's options, with validation on the validation split where it is wanted."""
    asked = Asked(device=fabric.device, views=recipe.evaluation_views, shared=True)

    def validate(method: Method) -> Mapping[str, float]:
        return task_of(splits.validation).measure(method, splits.validation, asked).metrics

    return FitOptions(
        save_every=options.save_every,
        workers=options.workers,
        resume=options.resume,
        clock=options.clock,
        validate=validate if options.validate_every else None,
        validate_every=options.validate_every or 1,
        loggers=tuple(
            LOGGERS[name](options.output / "stages" / stage, f"{recipe.title}, {stage}")
            for name in options.loggers
        )
        if fabric.global_rank == 0
        else (),
    )


def is_finished(artefact: Path, identity: Mapping[str, Any]) -> bool:
    """Whether a stage's artefact is there and intact.

    Raises:
        CheckpointError: it is intact but was made by another configuration; it is never overwritten.
    """
    if not (artefact / "stage.json").is_file() or verify_manifest(artefact) is not None:
        return False
    stage = json.loads((artefact / "stage.json").read_text(encoding="utf-8"))
    if stage["fingerprint"] != fingerprint(identity):
        raise CheckpointError(
            f"'{artefact}' was made with another configuration "
            f"({difference(identity, stage['identity'])}); it is kept as it is. Choose another --output."
        )
    return True


def leave_artefact(stage: Stage, recipe: Recipe, fabric: Fabric) -> None:
    """Write weights, the method's products and what made them, all or nothing."""
    target = stage.folder / "artefact"
    findings: dict[str, float] = {}
    if target.exists():  # damaged: an intact one of this identity would have been taken as it is
        shutil.rmtree(target)
    with new_folder(target) as folder:
        with prepared(stage, "finish"):
            context = stage.context(stage.spec.epochs, device=fabric.device, log=findings.update)
            stage.method.finish(context, folder)
        save_method(
            folder / FILE, stage.method, spec=stage.spec, data=recipe.data, towers=recipe.towers,
            weak_strong=recipe.weak_strong, labelled_clouds=recipe.labelled_clouds,
            objects=len(stage.dataset), identity=fingerprint(stage.identity), leaks=check_leaks(recipe),
        )  # fmt: skip
        write_json(
            folder / "stage.json",
            {
                "fingerprint": fingerprint(stage.identity),
                "identity": stage.identity,
                "findings": findings,
            },
        )
        write_manifest(folder)
