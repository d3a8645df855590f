"""Optimisers by name and learning rates as pure functions of the step: nothing to save, nothing to lose."""

import math
from typing import Any

import torch
from torch.distributed.tensor import DTensor
from torch.nn.utils import clip_grad_norm_
from torch.optim import SGD, Adam, AdamW, Optimizer

from anaglyph.engine.recipe import OptimiserSpec
from anaglyph.methods.base import Method


def build_optimiser(method: Method, spec: OptimiserSpec) -> Optimizer:
    """The optimiser over the method's groups; a group's `lr_scale` multiplies every learning rate of it."""
    groups = [part for group in method.param_groups() for part in _split_decay(group, spec)]
    if spec.name == "adamw":
        return AdamW(groups, lr=spec.lr, weight_decay=spec.weight_decay, betas=spec.betas)
    if spec.name == "adam":  # decay, where there is any, is added to the gradient
        return Adam(groups, lr=spec.lr, weight_decay=spec.weight_decay, betas=spec.betas)
    return SGD(groups, lr=spec.lr, weight_decay=spec.weight_decay, momentum=spec.momentum)


def learning_rate(spec: OptimiserSpec, *, step: int, steps: int, steps_per_epoch: int) -> float:
    """Learning rate of the 0-based `step` out of `steps`."""
    if spec.peak_first:
        if step == 0:
            return spec.lr
        step -= 1
    if spec.schedule == "warm_cosine_epochs":
        return _warm_cosine(spec, epoch=step // steps_per_epoch, epochs=steps // steps_per_epoch)
    warmup = round(spec.warmup_epochs * steps_per_epoch)
    if step < warmup:
        return spec.lr * (step + 1) / warmup
    if spec.schedule == "constant":
        return spec.lr
    if spec.schedule == "step":
        return spec.lr * float(spec.step_factor ** ((step - warmup) // spec.step_every))
    if spec.schedule == "cosine_epochs":
        # Stepped with the 0-based epoch after training it: epochs 0 and 1 both use the maximum.
        done = max(step // steps_per_epoch - 1, 0) / max(steps // steps_per_epoch, 1)
    else:
        done = (step - warmup) / max(steps - warmup, 1)
    floor = spec.final_fraction
    return spec.lr * (floor + (1 - floor) * (1 + math.cos(math.pi * done)) / 2)


def _warm_cosine(spec: OptimiserSpec, *, epoch: int, epochs: int) -> float:
    """One rate for an epoch; the warm-up lies over the beginning of the cosine (dossier ACT, 3.3)."""
    cycle = epochs
    if spec.late:
        epoch, cycle = max(epoch - 1, 0), epochs - 1
    if epoch < spec.warmup_epochs:
        return spec.warmup_from + (spec.lr - spec.warmup_from) * epoch / spec.warmup_epochs
    floor = spec.lr * spec.final_fraction
    return floor + (spec.lr - floor) * (1 + math.cos(math.pi * epoch / max(cycle, 1))) / 2


def set_learning_rate(optimiser: Optimizer, rate: float) -> None:
    """Write the rate into every group, times the group's scale."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group.get("lr_scale", 1.0)


def gradient_norm(parameters: list[torch.nn.Parameter], *, clip: float | None) -> float:
    """Total L2 norm of the gradients, which are scaled down to `clip` where that is given and exceeded.

    Gradients that are shared out among processes count whole, and may stand beside others.
    """
    largest = math.inf if clip is None else clip
    cut = [p for p in parameters if isinstance(p, DTensor)]
    uncut = [p for p in parameters if not isinstance(p, DTensor)]
    if not cut:
        return float(clip_grad_norm_(parameters, largest))
    norms = [clip_grad_norm_(kind, math.inf) for kind in (cut, uncut)]
    norm = math.hypot(*(float(each.full_tensor() if isinstance(each, DTensor) else each) for each in norms))
    for parameter in parameters:
        if parameter.grad is not None and norm > largest:
            parameter.grad.mul_(largest / norm)
    return norm


def _split_decay(group: dict[str, Any], spec: OptimiserSpec) -> list[dict[str, Any]]:
    params = list(group["params"])
    rest = {key: value for key, value in group.items() if key != "params"}
    if spec.weight_decay == 0 or spec.decay_vectors or "weight_decay" in rest:
        return [{"params": params, **rest}]
    matrices = [p for p in params if p.ndim > 1]
    vectors = [p for p in params if p.ndim <= 1]
    parts = [{"params": matrices, **rest}, {"params": vectors, **rest, "weight_decay": 0.0}]
    return [part for part in parts if part["params"]]
