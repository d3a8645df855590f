"""Objects as frozen towers saw them: clouds with made-up vectors of their pictures and texts."""

from dataclasses import replace

import torch

from anaglyph.encoders.catalog import create_encoder
from anaglyph.methods.catalog import create_method
from anaglyph.randomness import seeded, torch_generator
from anaglyph.types import Batch

POINTS, VIEWS, TEXTS, WIDTH = 24, 3, 2, 16


def batch(objects=8, *, views=VIEWS, texts=TEXTS, seed=0, noise=0.3, missing=(), dtype=torch.float32):
    """Random clouds; pictures and texts are one vector of each object, and noise. `missing` have no text."""
    generator = torch_generator(seed, "towers")
    meaning = torch.randn(objects, 1, WIDTH, generator=generator)
    pictures = meaning + noise * torch.randn(objects, views, WIDTH, generator=generator)
    words = meaning + noise * torch.randn(objects, texts, WIDTH, generator=generator)
    present = torch.ones(objects, texts, dtype=torch.bool)
    present[::3, 1:] = False
    present[list(missing)] = False
    return Batch(
        keys=tuple(f"object-{row}" for row in range(objects)),
        indices=torch.arange(objects),
        points=torch.rand(objects, POINTS, 3, generator=generator).to(dtype) - 0.5,
        image_features=pictures.to(dtype),
        text_features=(words * present[..., None]).to(dtype),
        text_present=present,
        labels=torch.arange(objects) % 3,
    )


def rows_of(given, rows):
    """Some objects of a batch."""
    names = ("indices", "points", "image_features", "text_features", "text_present", "labels")
    picked = {name: getattr(given, name)[rows] for name in names}
    return replace(given, keys=tuple(given.keys[row] for row in rows), **picked)


def make(name, **options):
    """A method with the smallest encoder, always from the same weights."""
    dims = {"embed_dim": WIDTH, "image_dim": WIDTH, "text_dim": WIDTH}
    with seeded("towers", name):
        encoders = {"shape": create_encoder("pointnet_small", embed_dim=WIDTH, widths=(16, 32))}
        return create_method(name, {**dims, **options}, encoders=encoders, objects=8)


def train(method, given, *, steps, lr=1e-2):
    """Adam on one batch, over the groups that the method hands out; returns the losses."""
    optimiser = torch.optim.Adam(method.param_groups(), lr=lr)
    losses = []
    method.train()
    for _ in range(steps):
        loss = method.training_step(given).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            method.after_step()
        losses.append(loss.item())
    return losses
