"""Objects per second of a training step, data included: every stage of the digit recipes.

Each stage trains on real digits with its own batch and crops; the first steps are left out. float32 and
bfloat16 run in turn in one process. "data" is the share of the time spent making batches.
"""

from __future__ import annotations

# ruff: noqa: E402 - the allocator is set before torch is imported
from anaglyph.cli.allocator import keep_freed_memory

keep_freed_memory()

import argparse
import resource
import time
from pathlib import Path
from typing import Any

import torch

from anaglyph.data.catalog import create_dataset
from anaglyph.data.loader import epoch_batches
from anaglyph.engine.models import build_method
from anaglyph.engine.optimiser import build_optimiser
from anaglyph.engine.recipe import Recipe, load_recipe
from anaglyph.methods.base import Method

RECIPES = ("digits3d_pair_contrast", "digits3d_romo_best")
WARM_UP, STEPS = 2, 12


def run() -> list[dict[str, Any]]:
    """Rows: recipe and stage, objects per second in float32 and bfloat16, share of data, peak memory."""
    rows = []
    for name in RECIPES:
        recipe = load_recipe(name)
        for stage in recipe.stages:
            rates = {dtype: measure(recipe, stage, dtype) for dtype in (torch.float32, torch.bfloat16)}
            rows.append(
                {
                    "what": f"{name}, {stage}",
                    "float32 objects/s": round(rates[torch.float32][0]),
                    "bfloat16 objects/s": round(rates[torch.bfloat16][0]),
                    "ratio": round(rates[torch.bfloat16][0] / rates[torch.float32][0], 2),
                    "data share": f"{rates[torch.float32][1]:.0%}",
                    "peak MB of the process": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
                }
            )
    return rows


def measure(recipe: Recipe, stage: str, dtype: torch.dtype) -> tuple[float, float]:
    """(objects per second, share of time making batches) of a stage's training step."""
    spec = recipe.stages[stage]
    dataset = create_dataset(recipe.data, "train", root=Path())
    method: Method = build_method(spec, objects=len(dataset), seed=0, name=stage)
    for modality in ("image", "shape"):
        if hasattr(method, f"{modality}_labels"):  # stage 2 without stage 1 before it
            getattr(method, f"{modality}_labels").copy_(torch.arange(len(dataset)) % 10)
    optimiser = build_optimiser(method, spec.optimiser)
    method.train()
    waiting = working = 0.0
    objects = 0
    for step in range(WARM_UP + STEPS):
        began = time.perf_counter()
        batch = next(epoch_batches(dataset, seed=0, epoch=step, batch=spec.batch, crops=method.crops))
        made = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
            output = method.training_step(batch)
        optimiser.zero_grad()
        output.loss.backward()
        optimiser.step()
        with torch.no_grad():
            method.after_step()
        if step >= WARM_UP:
            waiting += made - began
            working += time.perf_counter() - made
            objects += len(batch)
    return objects / (waiting + working), waiting / (waiting + working)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    for row in run():
        print(row)
