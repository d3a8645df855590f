"""Clouds of six solids with consistent made-up vectors of their pictures and texts."""

import math

import torch

from anaglyph.randomness import torch_generator
from anaglyph.types import Batch

KINDS = ("ball", "box", "tube", "cone", "ring", "plate")
POINTS, WIDTH, VIEWS = 96, 24, 4


def surface(kind, generator):
    """(POINTS, 3) points on a solid of about unit size, upright along y."""
    u, v, w = torch.rand(3, POINTS, generator=generator)
    angle = 2 * math.pi * u
    if kind == "ball":
        points = torch.randn(POINTS, 3, generator=generator)
        return points / points.norm(dim=1, keepdim=True)
    if kind == "box":
        points = 2 * torch.rand(POINTS, 3, generator=generator) - 1
        side = torch.randint(3, (POINTS, 1), generator=generator)
        return points.scatter(1, side, torch.where(v[:, None] < 0.5, -1.0, 1.0))
    if kind == "tube":
        return torch.stack([0.4 * angle.cos(), 2 * v - 1, 0.4 * angle.sin()], dim=1)
    if kind == "cone":
        radius = v.sqrt()
        return torch.stack([radius * angle.cos(), 1 - 2 * radius, radius * angle.sin()], dim=1)
    if kind == "ring":
        around = 2 * math.pi * v
        radius = 0.8 + 0.2 * around.cos()
        return torch.stack([radius * angle.cos(), 0.2 * around.sin(), radius * angle.sin()], dim=1)
    return torch.stack([2 * v - 1, 0.05 * (2 * u - 1), 2 * w - 1], dim=1)


def world():
    """(K, WIDTH) what a text tower says of the names of the kinds."""
    return torch.randn(len(KINDS), WIDTH, generator=torch_generator("world"))


def objects(count, *, seed):
    """A batch of solids of drawn sizes and headings; two in ten have no text."""
    generator = torch_generator(seed, "solids")
    labels = torch.arange(count) % len(KINDS)
    clouds = []
    for label in labels.tolist():
        turn = 2 * math.pi * float(torch.rand((), generator=generator))
        heading = torch.tensor(
            [[math.cos(turn), 0, math.sin(turn)], [0, 1, 0], [-math.sin(turn), 0, math.cos(turn)]]
        )
        stretch = 0.8 + 0.4 * torch.rand(3, generator=generator)
        clouds.append(surface(KINDS[label], generator) * stretch @ heading)
    # Towers agree on what an object is, up to its own looks, a shift between their spaces and noise.
    meaning = world()[labels] + 0.5 * torch.randn(count, WIDTH, generator=generator)
    gap = torch.randn(WIDTH, generator=torch_generator("gap"))
    pictures = meaning[:, None] + gap + 0.5 * torch.randn(count, VIEWS, WIDTH, generator=generator)
    words = meaning[:, None] + 0.3 * torch.randn(count, 1, WIDTH, generator=generator)
    present = torch.rand(count, 1, generator=generator) < 0.8
    return Batch(
        keys=tuple(f"solid-{row}" for row in range(count)),
        indices=torch.arange(count),
        points=torch.stack(clouds),
        image_features=pictures,
        text_features=words * present[..., None],
        text_present=present,
        labels=labels,
    )
