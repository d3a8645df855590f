"""The only training loop. A method gives the loss; everything that happens over time happens here.

Devices, precision and processes come from Lightning Fabric. Randomness of a step (dropout) is seeded by
its number, batches by their epoch, so a resumed run draws exactly what an undisturbed one would.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from anaglyph.data.hard_batches import LookAlikes
from anaglyph.data.loader import epoch_parts, ordered_batches, steps_per_epoch
from anaglyph.data.objects import Objects
from anaglyph.engine.accumulate import InsideMethod, accumulated_gradients, whole_gradients
from anaglyph.engine.checkpoint import Found, find_checkpoint, save_checkpoint
from anaglyph.engine.events import Listener, Metrics, Note, StageStarted, Step
from anaglyph.engine.guards import DiskGuard, FiniteGuard
from anaglyph.engine.interrupt import Interrupted, StopRequest
from anaglyph.engine.loggers import JsonLines, Logger
from anaglyph.engine.optimiser import build_optimiser, gradient_norm, learning_rate, set_learning_rate
from anaglyph.engine.recipe import StageSpec
from anaglyph.engine.sharding import average_uncut, make_whole, state_in_pieces, whole, whole_state
from anaglyph.engine.waiting import Clock, Waiting
from anaglyph.errors import DataError
from anaglyph.methods.base import Method
from anaglyph.nn.gather import gather_rows
from anaglyph.randomness import seeded
from anaglyph.types import Batch, StageContext, StepOutput


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """How to run, as opposed to what to run: nothing here changes the weights."""

    save_every: int | None = None
    """Steps between checkpoints inside an epoch; each epoch ends with one anyway."""
    workers: int = 0
    """Loader processes."""
    resume: bool = False
    """Continue from the newest intact checkpoint."""
    validate: Callable[[Method], Mapping[str, float]] | None = None
    """Measures the method after an epoch; for the log only."""
    validate_every: int = 1
    """Epochs between two validations; the last epoch is always measured."""
    loggers: tuple[Logger, ...] = ()
    clock: Clock | None = None
    """What the share of time spent on waiting for data is read from; None does not measure it."""


@dataclass
class Position:
    """Where a stage stands; part of every checkpoint."""

    epoch: int = 0
    step: int = 0
    """Steps done within the epoch."""
    prepared: bool = False
    """Whether `before_epoch` has run for this epoch."""
    sums: dict[str, float] = field(default_factory=dict)
    """Sums of the logged numbers over the epoch so far; "steps" counts them."""
    rows: int = 0
    """Lines of metrics.jsonl written so far; a resumed run drops what came after them."""

    def add(self, values: Mapping[str, float]) -> None:
        """Take one step's numbers into the epoch's sums."""
        for name, value in {**values, "steps": 1.0}.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def means(self) -> dict[str, float]:
        """The epoch's means so far; empty before the first step."""
        return {name: value / self.sums["steps"] for name, value in self.sums.items() if name != "steps"}


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage made ready: what to train, on what, and where its files go."""

    name: str
    spec: StageSpec
    method: Method
    dataset: Objects
    seed: int
    folder: Path
    identity: Mapping[str, Any]
    """What determines the weights; a checkpoint of another identity is refused."""
    artefacts: Mapping[str, Path]
    alike: LookAlikes | None = None
    """What batches are made of where the stage asks for hard ones."""
    class_vectors: Callable[[Sequence[str]], Tensor] | None = None
    """What class names mean to a method that asks."""

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps of one pass over the training split."""
        return steps_per_epoch(len(self.dataset), self.spec.batch)

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole stage."""
        return self.spec.epochs * self.steps_per_epoch

    def context(self, epoch: int, *, device: torch.device, log: Callable[..., None]) -> StageContext:
        """What the method sees outside its training step; no labels unless it declares their use."""

        def batches(crop: int | None = None) -> Iterator[Batch]:
            for rows in ordered_batches(
                self.dataset,
                batch=self.spec.batch,
                labels=self.method.uses_labels,
                epoch=None if crop is None else epoch,
                crop=crop or 0,
            ):
                yield rows.to(device)

        return StageContext(
            seed=self.seed,
            epoch=epoch,
            epochs=self.spec.epochs,
            keys=self.dataset.keys,
            artefacts=self.artefacts,
            batches=batches,
            augmented=lambda draw: batches(AUGMENTED_CROPS + draw),
            log=log,
            class_vectors=self.class_vectors,
        )


def fit(stage: Stage, *, fabric: Fabric, listen: Listener, stop: StopRequest, options: FitOptions) -> None:
    """Train one stage to its end, saving on the way.

    Raises:
        Interrupted: `stop` was requested; the state is saved.
        TrainingError: three non-finite steps or two failed saves in a row, or a guard of the method.
        CheckpointError: asked to resume from what cannot be resumed.
    """
    run = _Run(stage, fabric, listen, options)
    method, position = stage.method, run.position
    try:
        if not run.resumed:
            with whole(stage.method), prepared(stage, "start"):
                method.start(run.context())
        while position.epoch < stage.spec.epochs:
            if run.anyone(stop.requested):  # asked for between steps; the last epoch is already saved
                raise Interrupted(f"stopped at step {run.done} of {stage.steps} of stage {stage.name}")
            if not position.prepared:
                with whole(stage.method), prepared(stage, "before epoch", position.epoch):
                    method.before_epoch(run.context())
                position.prepared = True
            method.train()
            for parts in run.waiting.over(run.batches()):
                run.step(parts)
                if run.anyone(stop.requested):
                    run.save()
                    raise Interrupted(f"stopped at step {run.done} of {stage.steps} of stage {stage.name}")
                if options.save_every and run.done % options.save_every == 0:
                    run.save()
            run.end_epoch()
            run.save()
        make_whole(stage.method)
    finally:
        run.close()


class _Run:
    """The moving parts of `fit`: optimiser, position, guards and log of one stage."""

    def __init__(self, stage: Stage, fabric: Fabric, listen: Listener, options: FitOptions) -> None:
        self.stage, self.fabric, self.listen, self.options = stage, fabric, listen, options
        steps = stage.steps  # refuses a split that is smaller than a batch before any file is opened
        self.position = Position()
        self.finite, self.disk = FiniteGuard(stage.folder / "nonfinite.json"), DiskGuard()
        self.waiting = Waiting(options.clock)
        self.finite.writes = fabric.global_rank == 0
        found = self._checkpoint()
        if found:
            stage.method.load_state_dict(found.state["method"])
        # Sharing a model out replaces its parameters, so the optimiser comes after it, and weights before it.
        self.wrapped = fabric.setup_module(InsideMethod(stage.method).to(fabric.device))
        self.optimiser: Any = fabric.setup_optimizers(build_optimiser(stage.method, stage.spec.optimiser))
        self.trainable = [p for p in stage.method.parameters() if p.requires_grad]
        self.statistics = [
            buffer
            for module in stage.method.modules()
            if isinstance(module, _BatchNorm)
            for buffer in module.buffers()
        ]
        self.resumed = found is not None
        if found:
            self._resume(found)
        self.loggers: tuple[Logger, ...] = ()
        if fabric.global_rank == 0:
            stage.folder.mkdir(parents=True, exist_ok=True)
            log_file = JsonLines(stage.folder / "metrics.jsonl", keep=self.position.rows)
            self.loggers = (log_file, *options.loggers)
        listen(StageStarted(stage.name, steps, self.done))

    @property
    def done(self) -> int:
        """Steps taken since the stage began."""
        return self.position.epoch * self.stage.steps_per_epoch + self.position.step

    def context(self) -> StageContext:
        return self.stage.context(self.position.epoch, device=self.fabric.device, log=self.log)

    def batches(self) -> Iterator[tuple[Batch, ...]]:
        """This process's share of what is left of the epoch, each batch in the parts asked for."""
        return epoch_parts(
            self.stage.dataset,
            parts=self.stage.spec.accumulate,
            seed=self.stage.seed,
            epoch=self.position.epoch,
            batch=self.stage.spec.batch,
            start=self.position.step,
            rank=self.fabric.global_rank,
            world=self.fabric.world_size,
            crops=self.stage.method.crops,
            workers=self.options.workers,
            labels=self.stage.method.uses_labels,
            alike=self.stage.alike,
        )

    def gradients(self, parts: tuple[Batch, ...]) -> StepOutput:
        """Fill the gradients of this step; its number, and that of a part, seed dropout."""
        where = (self.stage.seed, self.stage.name, "step", self.done, self.fabric.global_rank)
        self.optimiser.zero_grad(set_to_none=True)
        if len(parts) == 1:
            with seeded(*where):
                return whole_gradients(
                    parts[0].to(self.fabric.device), fabric=self.fabric, wrapped=self.wrapped
                )
        return accumulated_gradients(
            parts,
            fabric=self.fabric,
            wrapped=self.wrapped,
            drawing=lambda part: seeded(*where, part),
            statistics=self.statistics,
        )

    def step(self, parts: tuple[Batch, ...]) -> None:
        """One optimiser step, or a refused one."""
        stage, spec = self.stage, self.stage.spec.optimiser
        rate = learning_rate(spec, step=self.done, steps=stage.steps, steps_per_epoch=stage.steps_per_epoch)
        set_learning_rate(self.optimiser, rate)
        before = [buffer.clone() for buffer in self.statistics]
        output = self.gradients(parts)
        average_uncut(self.trainable)
        norm = gradient_norm(self.trainable, clip=spec.clip_norm)
        loss = float(gather_rows(output.loss.detach().reshape(1)).mean())
        rows = gather_rows(torch.cat([part.indices for part in parts]).to(self.fabric.device))
        keys = tuple(stage.dataset.keys[row] for row in rows.tolist())
        if self.finite.admits(step=self.done, loss=loss, norm=norm, keys=keys):
            self.optimiser.step()
            with torch.no_grad():
                stage.method.after_step()
            named = {name: float(value.detach()) for name, value in output.parts.items()}
            self.position.add({"loss": loss, "learning_rate": rate, "gradient_norm": norm, **named})
        else:  # a refused batch must not live on in the running statistics
            for buffer, old in zip(self.statistics, before, strict=True):
                buffer.copy_(old)
        self.position.step += 1
        self.listen(
            Step(
                stage.name,
                self.position.epoch,
                self.done,
                stage.steps,
                len(rows),
                loss,
                self.waiting.share(),
            )
        )

    def anyone(self, here: bool) -> bool:
        """Whether it is so in any process, so that all of them stop after the same step."""
        return bool(gather_rows(torch.tensor([here], device=self.fabric.device)).any())

    def end_epoch(self) -> None:
        """Log the epoch's means, move on, and validate where it is due."""
        position, validate = self.position, self.options.validate
        self.log({**position.means(), "skipped_steps": len(self.finite.skipped), **self.waited()})
        position.epoch, position.step, position.prepared, position.sums = position.epoch + 1, 0, False, {}
        due = position.epoch % self.options.validate_every == 0 or position.epoch == self.stage.spec.epochs
        if validate and due:
            with whole(self.stage.method), prepared(self.stage, "validate"):
                self.log({f"validation_{name}": value for name, value in validate(self.stage.method).items()})

    def waited(self) -> dict[str, float]:
        """The share of the epoch, since it began or was resumed, that the process that waited most did."""
        share = self.waiting.share()
        if self.options.clock is None:
            return {}
        own = torch.tensor([math.nan if share is None else share], device=self.fabric.device)
        known = [value for value in gather_rows(own).tolist() if not math.isnan(value)]
        return {"data_wait_share": max(known)} if known else {}

    def log(self, values: Mapping[str, float]) -> None:
        for logger in self.loggers:
            logger.log(self.done, {"epoch": self.position.epoch, **values})
        self.position.rows += 1
        self.listen(Metrics(self.stage.name, self.done, dict(values)))

    def save(self) -> None:
        """Write a checkpoint; the first failure in a row is reported, the second ends the run."""
        learned = {"method": self.stage.method.state_dict(), "optimiser": self.optimiser.state_dict()}
        learned = whole_state(learned)
        if self.fabric.global_rank == 0:
            self._write(learned)
        self.fabric.barrier()

    def _write(self, state: dict[str, Any]) -> None:
        state |= {"guard": self.finite.state(), "position": vars(self.position)}
        folder = self.stage.folder / "checkpoints"
        try:
            save_checkpoint(folder, step=self.done, identity=self.stage.identity, state=state)
            self.disk.saved()
        except DataError as error:
            self.listen(Note(self.disk.failed(error)))

    def close(self) -> None:
        for logger in self.loggers:
            logger.close()

    def _checkpoint(self) -> Found | None:
        if not self.options.resume:
            return None
        return find_checkpoint(self.stage.folder / "checkpoints", identity=self.stage.identity)

    def _resume(self, found: Found) -> None:
        for skipped in found.skipped:
            self.listen(Note(f"{skipped}; skipped."))
        self.optimiser.load_state_dict(state_in_pieces(found.state["optimiser"], self.optimiser))
        self.finite.restore(found.state["guard"])
        self.position = Position(**found.state["position"])
        self.listen(Note(f"stage {self.stage.name} goes on from {found.folder.name}."))


# Draws for full augmented passes start far above the crops of training batches, so none is reused.
AUGMENTED_CROPS = 1000


@contextmanager
def prepared(stage: Stage, *purpose: object) -> Iterator[None]:
    """Eval mode, no gradients and generators seeded by (seed, stage, purpose), for the method's hooks."""
    stage.method.eval()
    with torch.no_grad(), seeded(stage.seed, stage.name, *purpose):
        yield
