"""One step of the real training loop, alone or started by torchrun: its loss and its gradients in a file.

python tests/engine/two_processes.py <folder> [<world size>]
"""

import contextlib
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from anaglyph.data.catalog import create_dataset
from anaglyph.engine.events import Step
from anaglyph.engine.interrupt import StopRequest
from anaglyph.engine.loop import FitOptions, Stage, fit
from anaglyph.engine.models import build_method
from anaglyph.engine.run import RunOptions, leave_processes, make_fabric
from anaglyph.methods.romo.labels import PseudoLabels, write_pseudo_labels
from engine.coupled_method import coupled_recipe, register
from tiny_runs import tiny_recipe

# name -> recipe, stage, changes that make its first step the interesting one
CASES = {
    "pair_contrast": ("pair_contrast", "contrast", ()),
    "romo_annotate": ("paper", "annotate", ("stages.annotate.config.warmup_epochs=0",)),
    "romo_annotate_warming_up": ("paper", "annotate", ()),
    "romo_discover": ("best", "annotate", ("stages.annotate.config.contrast_weight=0.5",)),
    "romo_learn": ("best", "learn", ("stages.learn.config.start_from=scratch",)),
    "romo_learn_paper": ("paper", "learn", ()),
    "in_parts": ("coupled", "contrast", ()),
}


class EnoughError(Exception):
    """The step is done."""


def first_step(name, folder, fabric):
    """(loss, parameter name -> gradient) of the first step of a case."""
    kind, stage_name, changes = CASES[name]
    if kind == "coupled":  # alone it takes its batch at once
        recipe = coupled_recipe(accumulate=fabric.world_size, encoder="tiny_moments")
    else:
        recipe = tiny_recipe(kind, *changes)
    spec = recipe.stages[stage_name]
    dataset = create_dataset(recipe.data, "train", root=folder, cache=folder)
    labels = torch.arange(len(dataset)) % 10
    pseudo = PseudoLabels(
        {"image": labels, "shape": (labels * 3) % 10}, dict.fromkeys(("image", "shape"), labels / 10)
    )
    artefact = folder / f"labels_{fabric.global_rank}_{fabric.world_size}"
    artefact.mkdir(exist_ok=True)
    write_pseudo_labels(artefact, dataset.keys, pseudo)
    stage = Stage(
        name=stage_name,
        spec=spec,
        method=build_method(spec, objects=len(dataset), seed=0, name=stage_name),
        dataset=dataset,
        seed=0,
        folder=folder / f"{name}_{fabric.world_size}",
        identity={},
        artefacts=dict.fromkeys(spec.needs, artefact),
    )
    losses = []

    def listen(event):
        if isinstance(event, Step):
            losses.append(event.loss)
            raise EnoughError

    with contextlib.suppress(EnoughError):
        fit(stage, fabric=fabric, listen=listen, stop=StopRequest(), options=FitOptions())
    gradients = {
        key: torch.zeros(()) if value.grad is None else value.grad.clone()
        for key, value in stage.method.named_parameters()
        if value.requires_grad
    }
    return losses[0], gradients


def write_steps(folder, world):
    """All cases, written as <case>_<world>_<rank>.safetensors."""
    torch.set_num_threads(1)
    recipe = tiny_recipe("pair_contrast")
    options = RunOptions(
        output=folder, data_root=folder, device="cpu", processes=world, local_processes=world
    )
    fabric = make_fabric(recipe, options)
    assert fabric.world_size == world
    for name in CASES:
        with pytest.MonkeyPatch.context() as patch:
            register(patch)
            loss, gradients = first_step(name, folder, fabric)
        content = {"loss": torch.tensor(loss), **gradients}
        save_file(content, folder / f"{name}_{world}_{fabric.global_rank}.safetensors")


if __name__ == "__main__":
    write_steps(Path(sys.argv[1]), int(sys.argv[2]))
    leave_processes()
