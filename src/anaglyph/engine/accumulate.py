"""The gradients of one step: of a batch at once, or in parts where a contrastive batch is too large for that.

A contrastive loss couples all rows of a batch, so parts are not losses of their own that could be summed up.
Instead (dossier MixCon3D, 1.8; Gao et al., 2021, "GradCache"), for K parts:

    1. encode parts 1 to K - 1 without a graph and keep their features alone;
    2. encode part K, take the objective over the joined features and go backward, once: part K and the
       parameters of the objective (temperatures, fusion) have their whole gradient, and the kept features
       theirs, d loss / d feature;
    3. encode parts 1 to K - 1 again, each with a graph, and send its d loss / d feature through it.

This is the gradient of the whole batch, exactly, but for batch normalisation, whose statistics are a part's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from anaglyph.methods.base import Method
from anaglyph.nn.gather import processes
from anaglyph.types import Batch, StepOutput

Features = Mapping[str, Tensor]
Work = Callable[[Method], Tensor | None]
Drawing = Callable[[int], AbstractContextManager[None]]


class InsideMethod(nn.Module):
    """A method whose forward is any work with it: where autocast and the averaging of gradients begin.

    Fabric walks into what goes in and out, casts it, and stumbles over frozen dataclasses. So a callable goes
    in and nothing but a loss comes out; whoever gave the callable keeps the rest.
    """

    def __init__(self, method: Method) -> None:
        super().__init__()
        self.method = method

    def forward(self, work: Work) -> Tensor | None:
        """What `work` returns: a loss, or nothing."""
        return work(self.method)


def whole_gradients(batch: Batch, *, fabric: Fabric, wrapped: nn.Module) -> StepOutput:
    """Fill every `grad` with that of `training_step`, whose output is returned.

    Args:
        batch: rows of this process, on its device.
        fabric: what the method is trained with.
        wrapped: an `InsideMethod` that Fabric has set up.
    """
    outputs: list[StepOutput] = []

    def work(method: Method) -> Tensor:
        outputs.append(method.training_step(batch))
        return outputs[0].loss

    fabric.backward(wrapped(work))
    return outputs[0]


def accumulated_gradients(
    parts: Sequence[Batch],
    *,
    fabric: Fabric,
    wrapped: nn.Module,
    drawing: Drawing,
    statistics: Sequence[Tensor],
) -> StepOutput:
    """Fill every `grad` with that of `objective(encode(batch))`, the batch being the joined parts.

    Args:
        parts: K >= 2 parts of this process's rows; each goes to the device when it is its turn.
        fabric: what the method is trained with.
        wrapped: an `InsideMethod` that Fabric has set up.
        drawing: part number -> context that seeds torch's generators, so that both encodings of it draw the same.
        statistics: running statistics of batch normalisation; each part moves them once.
    """
    *earlier, last = range(len(parts))
    kept: list[Features] = []
    with fabric.no_backward_sync(wrapped):
        for part in earlier:
            with torch.no_grad(), drawing(part):
                wrapped(_Encoding(parts[part].to(fabric.device), kept))
        joint = _Joint(parts[last].to(fabric.device), kept)
        with drawing(last):
            loss = wrapped(joint)
        fabric.backward(loss)
    before = [buffer.clone() for buffer in statistics]
    for part in earlier:
        final = part == earlier[-1]
        again = _Again(parts[part].to(fabric.device), joint.slopes(part), tied=final and processes() > 1)
        with fabric.no_backward_sync(wrapped, enabled=not final), drawing(part):
            fabric.backward(wrapped(again))
    for buffer, old in zip(statistics, before, strict=True):  # after the backward passes, which may read them
        buffer.copy_(old)
    return joint.output


@dataclass
class _Encoding:
    """Step 1: the features of a part, put into `into`."""

    batch: Batch
    into: list[Features]

    def __call__(self, method: Method) -> None:
        self.into.append(method.encode(self.batch))


class _Joint:
    """Step 2: the objective over the kept features and those of the last part.

    Args:
        last: the part whose graph is kept.
        kept: features of the parts before it.
    """

    output: StepOutput

    def __init__(self, last: Batch, kept: Sequence[Features]) -> None:
        self.last, self.kept = last, kept
        self.leaves: dict[str, Tensor] = {}

    def __call__(self, method: Method) -> Tensor:
        live = method.encode(self.last)
        # What needs no gradient in the last part (a frozen tower's vectors) needs none in the others.
        self.leaves = {
            name: torch.cat([features[name] for features in self.kept]).requires_grad_(value.requires_grad)
            for name, value in live.items()
        }
        self.output = method.objective(
            {name: torch.cat([self.leaves[name], value]) for name, value in live.items()}
        )
        return self.output.loss

    def slopes(self, part: int) -> Features:
        """The slopes d loss / d feature of a kept part, for the features that the loss depends on."""
        first = {name: sum(len(features[name]) for features in self.kept[:part]) for name in self.leaves}
        return {
            name: leaf.grad[first[name] : first[name] + len(self.kept[part][name])]
            for name, leaf in self.leaves.items()
            if leaf.grad is not None
        }


@dataclass
class _Again:
    """Step 3: a number whose gradient is the part's share of the loss's.

    `tied` makes every parameter that has a gradient take part with a slope of 0: the pass that averages over
    processes must reach them all, and those of the objective alone are not in a part's graph.
    """

    batch: Batch
    slopes: Features
    tied: bool

    def __call__(self, method: Method) -> Tensor:
        features = method.encode(self.batch)
        terms = [(features[name] * slope).sum() for name, slope in self.slopes.items()]
        if self.tied:
            terms += [(p * 0).sum() for p in method.parameters() if p.grad is not None]
        return torch.stack([term.float() for term in terms]).sum()
