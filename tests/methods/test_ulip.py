"""ULIP: what sets it apart from OpenShape, whose two pairs it has too."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from anaglyph.encoders.catalog import create_encoder
from anaglyph.errors import ConfigError
from anaglyph.methods.catalog import create_method
from methods.tower_batches import WIDTH, batch, make, train
from reference.paired import slow_paired_nce

SMALL = {
    "pointnet2": {"centres": (8, 4), "radii": (0.3, 0.6), "neighbours": (4, 4)},
    "pointmlp": {"centres": (8, 4, 4, 2), "neighbours": 4},
    "point_bert": {"width": 24, "depth": 1, "heads": 2, "groups": 6, "group_size": 4, "patch_channels": 16},
    "pointnext_s": {"width": 8, "neighbours": 4},
}


def units(vectors):
    return F.normalize(vectors, dim=-1).tolist()


def test_the_loss_is_half_of_all_four_cross_entropies_of_shape_with_text_and_picture():
    method, given = make("ulip").eval(), batch(6, views=1, texts=1, missing=(2,))
    with torch.no_grad():
        p = units(method.student.encoders["shape"](given.points))
        output = method.training_step(given)
    v, t = units(given.image_features[:, 0]), units(given.text_features[:, 0])
    image = slow_paired_nce(p, v, 1 / 0.07)
    text = slow_paired_nce(p, t, 1 / 0.07, given.text_present[:, 0].tolist())
    assert output.loss.item() == pytest.approx(image + text, rel=1e-4)
    assert output.parts["scale_shared"].item() == pytest.approx(1 / 0.07)


def test_only_the_encoder_learns_where_the_scale_is_frozen_with_the_towers():
    method = make("ulip", learn_scale=False, scale_start=100.0)
    train(method, batch(8), steps=3)
    assert method.contrast.scales["shared"]().item() == pytest.approx(100.0)
    learning = [name for name, parameter in method.named_parameters() if parameter.requires_grad]
    assert learning
    assert all(name.startswith("student.encoders.shape.") for name in learning)


def test_a_learned_scale_stays_between_one_and_a_hundred():
    method = make("ulip")
    for value, kept in ((9.0, 100.0), (-3.0, 1.0)):
        method.contrast.scales["shared"].log_scale.data.fill_(value)
        with torch.no_grad():
            method.after_step()
        assert method.contrast.scales["shared"]().item() == pytest.approx(kept)


def test_objects_that_share_a_text_are_no_negatives_with_a_margin():
    given = batch(6, views=1, texts=1)
    given.text_features[:] = given.text_features[:1]  # one class name for all
    parts = make("ulip", false_negative_margin=0.01).eval().training_step(given).parts
    assert parts["shape_text"].item() == parts["shape_image"].item() == 0.0
    kept = make("ulip").eval().training_step(given).parts
    assert kept["shape_text"].item() >= math.log(6)


@pytest.mark.parametrize("backbone", sorted(SMALL))
def test_every_backbone_learns_into_the_space_of_the_towers(backbone):
    channels = 4 if backbone == "pointnext_s" else 3
    shape = create_encoder("projected", encoder=backbone, options=SMALL[backbone], embed_dim=WIDTH)
    config = {"embed_dim": WIDTH, "image_dim": WIDTH, "text_dim": WIDTH}
    method = create_method("ulip", config, encoders={"shape": shape}, objects=8)
    given = batch(8, views=1, texts=1)
    seen = replace(given, points=F.pad(given.points, (0, channels - 3)))
    method.training_step(seen).loss.backward()
    gradients = [parameter.grad for parameter in shape.parameters()]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)
    assert shape.projection.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"scale_start": 0.5}, "scale_start must lie in 1 to 100, got 0.5"),
        ({"texts": 2}, "reads one text"),
        ({"image_dim": 3}, "set head: linear"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, said):
    with pytest.raises(ConfigError, match=said):
        make("ulip", **options)
