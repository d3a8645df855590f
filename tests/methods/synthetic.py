"""A few objects that a method can tell apart at once, and the context it sees outside its steps."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import torch

from anaglyph.data.paired import PairedObjects
from anaglyph.encoders.catalog import create_encoder
from anaglyph.methods.base import Method
from anaglyph.methods.catalog import create_method
from anaglyph.randomness import numpy_generator, seeded
from anaglyph.types import Batch, StageContext

SIDE, POINTS = 8, 24


def objects(count: int, *, groups: int | None = None, seed: int = 0) -> PairedObjects:
    """`count` random pictures and clouds; with `groups`, noisy copies of so many prototypes."""
    generator = numpy_generator(seed, "synthetic", count)
    kinds = count if groups is None else groups
    labels = generator.permutation(count) % kinds
    pictures = generator.uniform(0, 255, (kinds, 1, 1, SIDE, SIDE))
    clouds = generator.uniform(-0.5, 0.5, (kinds, POINTS, 3))
    noise = 0 if groups is None else 1
    images = pictures[labels] + noise * generator.normal(0, 12, (count, 1, 1, SIDE, SIDE))
    points = clouds[labels] + noise * generator.normal(0, 0.02, (count, POINTS, 3))
    return PairedObjects(
        keys=tuple(f"object-{row:03d}" for row in range(count)),
        class_names=tuple(f"kind-{kind}" for kind in range(kinds)),
        labels=labels.astype("int64"),
        images=images.clip(0, 255).astype("uint8"),
        points=points.astype("float32"),
        points_per_object=POINTS,
        seed=seed,
    )


def make_method(name: str, config: dict | None = None, *, count: int = 8, embed_dim: int = 16) -> Method:
    """A method with the smallest encoders, always from the same weights."""
    with seeded("synthetic method", name):
        encoders = {
            "image": create_encoder("digit_cnn", embed_dim=embed_dim, width=4, coarse_stem=False),
            "shape": create_encoder("pointnet_small", embed_dim=embed_dim),
        }
        return create_method(name, config, encoders=encoders, objects=count)


def crops(dataset: PairedObjects, count: int, *, epoch: int = 0) -> Batch:
    """All objects as one batch without labels, with `count` draws."""
    rows = range(len(dataset))
    first, *rest = (dataset.batch(rows, epoch=epoch, crop=draw).without_labels() for draw in range(count))
    return replace(first, crops=tuple(rest))


def context(
    dataset: PairedObjects,
    *,
    epoch: int = 0,
    epochs: int = 4,
    artefacts: dict[str, Path] | None = None,
    labels: bool = False,
    log: Callable[..., None] = lambda values: None,
) -> StageContext:
    """What the engine would show; labels only where asked for."""

    def batches(draw: int | None = None) -> Iterator[Batch]:
        for first in range(0, len(dataset), 7):
            rows = range(first, min(first + 7, len(dataset)))
            batch = dataset.batch(rows, epoch=None if draw is None else epoch, crop=1000 + (draw or 0))
            yield batch if labels else batch.without_labels()

    return StageContext(
        seed=0,
        epoch=epoch,
        epochs=epochs,
        keys=dataset.keys,
        artefacts=artefacts or {},
        batches=batches,
        augmented=lambda draw: batches(draw),
        log=log,
        class_vectors=lambda names: torch.eye(len(names), 16),
    )


def train(method: Method, dataset: PairedObjects, *, steps: int, lr: float = 1e-2) -> list[float]:
    """Full-batch Adam; returns the losses."""
    optimiser = torch.optim.Adam([p for p in method.parameters() if p.requires_grad], lr=lr)
    losses = []
    method.train()
    for step in range(steps):
        batch = crops(dataset, method.crops, epoch=step)
        if method.uses_labels:
            batch = replace(batch, labels=torch.from_numpy(dataset.labels))
        output = method.training_step(batch)
        optimiser.zero_grad()
        output.loss.backward()
        optimiser.step()
        with torch.no_grad():
            method.after_step()
        losses.append(float(output.loss.detach()))
    return losses
