"""A tiny run in two processes that share the model out: whole, stopped and resumed."""

import pytest
import torch

from anaglyph.engine.interrupt import Interrupted
from anaglyph.engine.run import leave_processes
from engine.coupled_method import coupled_recipe, register
from tiny_runs import STEPS_PER_EPOCH, interrupting, train

CASES = {
    "in_parts": ("stages.contrast.optimiser.clip_norm=0.5",),
    "bfloat16": ("precision=bfloat16",),
}
STOP = STEPS_PER_EPOCH + 1


def recipe(case, accumulate=2):
    return coupled_recipe(
        *CASES[case], "stages.contrast.optimiser.name=adamw", accumulate=accumulate, encoder="tiny_moments"
    )


def main(folder, cache):
    """What each of the two processes does."""
    torch.set_num_threads(1)
    shared = {"cache": cache, "processes": 2, "local_processes": 2, "strategy": "fsdp", "validate_every": 1}
    with pytest.MonkeyPatch.context() as patch:
        register(patch)
        for case in CASES:
            train(recipe(case), folder / case / "whole", **shared)
        try:
            train(recipe("in_parts"), folder / "cut", listen=interrupting("contrast", STOP), **shared)
        except Interrupted:
            train(recipe("in_parts"), folder / "cut", resume=True, **shared)
    leave_processes()
