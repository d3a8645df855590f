"""MixCon3D's batches in parts have the gradients of the whole: encoder, heads, fusion and scales."""

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from anaglyph.engine.accumulate import InsideMethod, accumulated_gradients
from anaglyph.methods.catalog import create_method
from anaglyph.randomness import seeded
from methods.tower_batches import WIDTH, batch, rows_of

KINDS = {
    "infonce": ("mixcon3d", {"aggregation": "mean_linear"}),
    "infonce_local": ("mixcon3d", {"loss": "infonce_local", "hardness": 0.5}),
    "sigmoid": ("mixcon3d", {"loss": "sigmoid"}),
    "decoupled": ("mixcon3d", {"loss": "decoupled", "texts": 2}),
    "released": ("mixcon3d", {"forgotten": True, "clamp": "released", "pair_weights": "released"}),
    "openshape": ("openshape", {"false_negative_margin": 0.1}),
    "multi_positive": ("multi_positive", {"texts": 2}),
}


class Pooled(nn.Module):
    """A shape encoder without batch statistics, which parts do not share."""

    embed_dim = WIDTH

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 24), nn.GELU(), nn.Linear(24, WIDTH))

    def forward(self, points):
        return self.layers(points).amax(dim=1)


def gradients(name, options, parts):
    dims = {"embed_dim": WIDTH, "image_dim": WIDTH, "text_dim": WIDTH}
    with seeded("parts"):
        method = create_method(name, {**dims, **options}, encoders={"shape": Pooled()}, objects=12)
    method = method.double().train()
    if len(parts) == 1:
        output = method.training_step(parts[0])
        output.loss.backward()
    else:
        fabric = Fabric(accelerator="cpu", devices=1)
        output = accumulated_gradients(
            parts,
            fabric=fabric,
            wrapped=fabric.setup_module(InsideMethod(method)),
            drawing=lambda part: seeded("drawing", part),
            statistics=[],
        )
    trained = {key: p.grad for key, p in method.named_parameters() if p.requires_grad}
    return output, trained


@pytest.mark.parametrize("kind", KINDS)
def test_three_parts_have_the_gradients_of_the_whole(kind):
    name, options = KINDS[kind]
    whole = batch(12, missing=(1, 5, 6, 7), dtype=torch.float64)
    parts = [rows_of(whole, list(range(first, first + 4))) for first in (0, 4, 8)]
    expected, wanted = gradients(name, options, [whole])
    output, found = gradients(name, options, parts)
    torch.testing.assert_close(output.loss, expected.loss)
    for key, gradient in wanted.items():
        assert gradient.any(), key
        torch.testing.assert_close(found[key], gradient, rtol=1e-9, atol=1e-12, msg=key)
