"""One step of the real training loop, alone or in two processes: its loss and its gradients in a file."""

import contextlib
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from anaglyph.data.catalog import create_dataset
from anaglyph.engine.events import Step
from anaglyph.engine.interrupt import StopRequest
from anaglyph.engine.look_alikes import look_alikes
from anaglyph.engine.loop import FitOptions, Stage, fit
from anaglyph.engine.models import build_method
from anaglyph.engine.run import RunOptions, leave_processes, make_fabric
from anaglyph.methods.romo.labels import PseudoLabels, write_pseudo_labels
from engine.coupled_method import coupled_recipe, register
from engine.hard_runs import hard_objects, hard_recipe
from tiny_runs import tiny_recipe

# name -> recipe, stage, changes that make its first step the interesting one
CASES = {
    "pair_contrast": ("pair_contrast", "contrast", ()),
    "romo_annotate": ("paper", "annotate", ("stages.annotate.config.warmup_epochs=0",)),
    "romo_annotate_warming_up": ("paper", "annotate", ()),
    "romo_discover": ("best", "annotate", ("stages.annotate.config.contrast_weight=0.5",)),
    "romo_learn": ("best", "learn", ("stages.learn.config.start_from=scratch",)),
    "romo_learn_paper": ("paper", "learn", ()),
    # A process fills its share of a batch up with shapes of its own, draws views for it and recolours it from
    # the colours that it saw. So here every query shows another shape, all views count and none is changed.
    "cmic": (
        "cmic",
        "contrast",
        (
            "data.options.train=1",
            "data.options.training_views=0",
            "data.options.view_augmentation.area=[1.0, 1.0]",
            "data.options.view_augmentation.aspect=[1.0, 1.0]",
            "data.options.view_augmentation.flip=0.0",
            "stages.contrast.config.colour_transfer=0.0",
            "stages.contrast.batch=12",
        ),
    ),
    "in_parts": ("coupled", "contrast", ()),
    "hard_batches": ("hard", "hard", ()),  # look-alikes, in groups that both processes and parts cut
}


DOUBLE = {"cmic"}
"""Cases in float64: their gradients lose too much of float32 to rounding to be compared in it."""


class InDouble:
    """Queries for shapes whose pictures come in float64."""

    def __init__(self, queries):
        self.queries = queries

    def __len__(self):
        return len(self.queries)

    def __getattr__(self, name):
        return getattr(self.queries, name)

    def batch(self, indices, **options):
        batch = self.queries.batch(indices, **options)
        shapes = replace(batch.shapes, views=batch.shapes.views.double())
        return replace(batch, images=batch.images.double(), masks=batch.masks.double(), shapes=shapes)


class EnoughError(Exception):
    """The step is done."""


def first_step(name, folder, fabric):
    """(loss, parameter name -> gradient) of the first step of a case."""
    kind, stage_name, changes = CASES[name]
    if kind == "coupled":  # alone it takes its batch at once
        recipe = coupled_recipe(accumulate=fabric.world_size, encoder="tiny_moments")
    elif kind == "hard":
        recipe = hard_recipe(f"stages.hard.accumulate={fabric.world_size}")
    else:
        recipe = tiny_recipe(kind, *changes)
    spec = recipe.stages[stage_name]
    if kind == "hard":
        dataset = hard_objects()
    else:
        dataset = create_dataset(recipe.data, "train", root=folder, cache=folder)
    labels = torch.arange(len(dataset)) % 10
    pseudo = PseudoLabels(
        {"image": labels, "shape": (labels * 3) % 10}, dict.fromkeys(("image", "shape"), labels / 10)
    )
    artefact = folder / f"labels_{fabric.global_rank}_{fabric.world_size}"
    artefact.mkdir(exist_ok=True)
    write_pseudo_labels(artefact, dataset.keys, pseudo)
    method = build_method(spec, objects=len(dataset), seed=0, name=stage_name)
    own = folder / f"{name}_{fabric.world_size}"
    alike = None
    if spec.hard_batches is not None:
        alike = look_alikes(method, dataset, spec.hard_batches, folder=own, identity={}, fabric=fabric)
    stage = Stage(
        name=stage_name,
        spec=spec,
        method=method.double() if name in DOUBLE else method,
        dataset=InDouble(dataset) if name in DOUBLE else dataset,
        seed=0,
        folder=own,
        identity={},
        artefacts=dict.fromkeys(spec.needs, artefact),
        alike=alike,
    )
    losses = []

    def listen(event):
        if isinstance(event, Step):
            losses.append(event.loss)
            raise EnoughError

    with contextlib.suppress(EnoughError):
        fit(stage, fabric=fabric, listen=listen, stop=StopRequest(), options=FitOptions())
    gradients = {
        key: torch.zeros(()) if value.grad is None else value.grad.clone().contiguous()
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
    leave_processes()
