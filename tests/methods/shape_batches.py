"""Pictures that show shapes of four views, small enough to overfit, as `ShapeQueries` would batch them."""

from dataclasses import replace

import torch

from anaglyph.encoders.catalog import create_encoder
from anaglyph.randomness import seeded, torch_generator
from anaglyph.types import Batch, Candidates

SIDE, VIEWS = 16, 4


def batch(queries=8, *, shapes=None, categories=3, seed=0, channels=1):
    """Query j shows shape j in noisy colours; the last `shapes - queries` shapes fill up."""
    shapes = queries if shapes is None else shapes
    generator = torch_generator(seed, "shape batch")
    views = torch.rand(shapes, VIEWS, 1, SIDE, SIDE, generator=generator)
    masks = torch.zeros(queries, 1, 1, SIDE, SIDE)
    masks[..., 3:13, 4:14] = 1.0
    shown = views[:queries, torch.randint(VIEWS, (1,), generator=generator)].expand(-1, -1, 3, -1, -1)
    tint = torch.rand(queries, 1, 3, 1, 1, generator=generator)
    around = torch.rand(queries, 1, 3, SIDE, SIDE, generator=generator)
    images = masks * (0.6 * shown + 0.4 * tint) + (1 - masks) * around
    of_shapes = torch.arange(shapes) % categories
    rows = torch.randperm(100, generator=generator)[:shapes]
    return Batch(
        keys=tuple(f"query-{j}" for j in range(queries)),
        indices=torch.arange(queries),
        images=images,
        masks=masks,
        labels=of_shapes[:queries],
        targets=torch.arange(queries),
        shapes=Candidates(
            tuple(f"shape-{i}" for i in range(shapes)),
            rows,
            views.expand(-1, -1, channels, -1, -1).contiguous(),
            of_shapes,
        ),
    )


def shapes_of(given):
    """The shapes of a batch by themselves, as `embed("shape", ...)` reads them."""
    return Batch(keys=given.shapes.keys, indices=given.shapes.rows, views=given.shapes.views)


def rows_of(given, rows):
    """Some queries of a batch; its shapes stay."""
    picked = {
        name: getattr(given, name)[rows] for name in ("indices", "images", "masks", "labels", "targets")
    }
    return replace(given, keys=tuple(given.keys[row] for row in rows), **picked)


def small_encoder(channels, *, embed_dim=16):
    return create_encoder("digit_cnn", embed_dim=embed_dim, width=4, in_channels=channels, coarse_stem=False)


def train(method, given, *, steps, lr=1e-2, first=0):
    """Adam on one batch, every step seeded by its number as the engine does; returns the losses."""
    optimiser = torch.optim.Adam([p for p in method.parameters() if p.requires_grad], lr=lr)
    losses = []
    method.train()
    for step in range(first, first + steps):
        with seeded("step", step):
            loss = method.training_step(given).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            method.after_step()
        losses.append(float(loss.detach()))
    return losses
