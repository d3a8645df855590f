"""Solids that were never seen are named by their clouds alone (dossier MixCon3D, 8.8)."""

import pytest
import torch

from anaglyph.encoders.catalog import create_encoder
from anaglyph.methods.catalog import create_method
from anaglyph.randomness import seeded
from methods import toy_shapes
from methods.tower_batches import rows_of

WIDTH = toy_shapes.WIDTH
OPTIONS = {
    "mixcon3d": {"average_decay": 0.95},
    "openshape": {},
    "multi_positive": {"average_decay": 0.95, "texts": 2},
}
ENCODERS = {
    "pointnet_small": {"widths": (32, 64)},
    "ppat": {
        "scaling": 1, "in_channels": 3, "colours": False, "depth": 1, "width": 64, "heads": 1, "hidden": 64,
        "patch_channels": 32, "groups": 12, "group_size": 12, "radius": 0.6,
    },
}  # fmt: skip


def trained(name, encoder, *, steps):
    dims = {"embed_dim": WIDTH, "image_dim": WIDTH, "text_dim": WIDTH}
    with seeded("solids", name):
        shape = create_encoder(encoder, embed_dim=WIDTH, **ENCODERS[encoder])
        method = create_method(name, {**dims, **OPTIONS[name]}, encoders={"shape": shape}, objects=240)
        seen = toy_shapes.objects(240, seed=0)
        optimiser = torch.optim.AdamW(method.param_groups(), lr=3e-3)
        for _ in range(steps):
            rows = torch.randperm(len(seen))[:60]
            loss = method.train().training_step(rows_of(seen, rows).without_labels()).loss
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            with torch.no_grad():
                method.after_step()
    return method.eval()


@torch.no_grad()
def accuracy(method, modality, given):
    classes = method.class_vectors(toy_shapes.world())
    named = method.score(method.embed(modality, given), classes).argmax(dim=1)
    return (named == given.labels).float().mean().item()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "encoder"),
    [
        ("mixcon3d", "pointnet_small"),
        ("mixcon3d", "ppat"),
        ("openshape", "pointnet_small"),
        ("multi_positive", "pointnet_small"),
    ],
)
def test_nine_of_ten_new_solids_are_named_by_their_clouds_alone(name, encoder):
    method = trained(name, encoder, steps=150)
    new = toy_shapes.objects(120, seed=1)
    assert accuracy(method, "shape", new) > 0.9
    assert accuracy(method, "image", new) > 0.9
    if name == "mixcon3d":
        assert accuracy(method, "fused", new) > 0.9
