"""The registered methods of this family under the task, and the numbers that follow from them."""

import pytest
import torch

from anaglyph.encoders.catalog import create_encoder
from anaglyph.engine.tasks.base import Asked
from anaglyph.engine.tasks.choice import check_fits
from anaglyph.engine.tasks.zero_shot import ZeroShot
from anaglyph.methods.catalog import METHODS, create_method
from anaglyph.randomness import seeded
from embedded_toys import toy_objects

SMALL = {"embed_dim": 8, "image_dim": 3, "text_dim": 3, "head": "linear"}
FAMILY = ("mixcon3d", "multi_positive", "openshape", "ulip")


def made(name):
    encoder = {"in_channels": 6, "embed_dim": 8, "widths": [8, 8, 8]}
    with seeded("zero-shot methods"):
        encoders = {"shape": create_encoder("pointnet_small", **encoder)}
        return create_method(name, SMALL, encoders=encoders, objects=6)


@pytest.mark.parametrize("name", FAMILY)
def test_every_mode_that_a_method_has_is_measured(name):
    split = toy_objects(captions=[2, 1, 1, 1, 0, 1])
    check_fits(METHODS.load(name), split, name=name, data="toys")
    method = made(name).train()
    found = ZeroShot().measure(method, split, Asked(device=torch.device("cpu"), mode="full")).metrics
    modes = {"points", "images", "sum"} | ({"fused"} if "fused" in method.inputs else set())
    assert {key.removesuffix("_top_1") for key in found if key.endswith("_top_1")} == modes
    shares = {key: value for key, value in found.items() if "recall" in key or "top" in key or "map" in key}
    assert all(0 <= value <= 1 for value in shares.values())
    assert method.training
    assert found["images_to_text_left_out"] == 1
    assert found["text_to_points_queries"] == 6


def test_without_a_fused_pair_there_is_no_fused_vector_to_measure():
    encoder = create_encoder("pointnet_small", in_channels=6, embed_dim=8, widths=(8, 8, 8))
    config = {**SMALL, "pairs": ["shape_image", "shape_text", "image_text"]}
    method = create_method("mixcon3d", config, encoders={"shape": encoder}, objects=6)
    asked = Asked(device=torch.device("cpu"))
    found = ZeroShot().measure(method, toy_objects(captions=[1, 1, 1, 1, 1, 1]), asked).metrics
    modes = {key.removesuffix("_top_1") for key in found if key.endswith("_top_1")}
    assert modes == {"points", "images", "sum"}
