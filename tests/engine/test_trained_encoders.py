"""Encoders that start from what another run of this project learned."""

import pytest
import torch

from anaglyph.encoders.catalog import create_encoder
from anaglyph.encoders.towers.catalog import open_image_tower
from anaglyph.encoders.towers.dual import packaged_weights
from anaglyph.engine.models import build_method
from anaglyph.engine.recipe import EncoderSpec, StageSpec
from anaglyph.engine.starting_weights import starting_weights
from anaglyph.errors import ConfigError
from anaglyph.io.weights import read_weights
from tiny_runs import tiny_recipe, train

IMAGE = EncoderSpec(name="projected_image", options={"mean": [0.5], "std": [0.5]}, weights="mini")
OFF = {
    "image_layer_decay": 1.0, "shape_reconstruction_weight": 0.0, "shape_local_weight": 0.0,
    "classes": ["one", "two"], "embed_dim": 256,
}  # fmt: skip


def stage(**encoders):
    return StageSpec(method="crossmost", config=OFF, encoders=encoders, epochs=1, batch=4)


def test_the_picture_half_of_mini_embeds_as_its_tower_does(tmp_path):
    spec = stage(image=IMAGE, shape=EncoderSpec(name="pointnet_small"))
    starts = starting_weights(spec, root=tmp_path)
    method = build_method(spec, objects=4, seed=0, name="adapt", starts=starts).eval()
    pictures = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    tower = open_image_tower("dual", {"source": "mini"}, root=tmp_path)
    with torch.no_grad():
        found = method.student.image(pictures[:, None])
    torch.testing.assert_close(found, tower(pictures), rtol=1e-3, atol=1e-4)


def test_a_shape_encoder_starts_from_the_last_stage_of_a_run(tmp_path, tiny_cache):
    artefact = train(tiny_recipe("pair_contrast"), tmp_path / "run", cache=tiny_cache)
    shape = EncoderSpec(
        name="pointnet_small", options={"embed_dim": 16, "widths": (16, 16, 32)}, weights="run"
    )
    found = starting_weights(stage(shape=shape), root=tmp_path)["shape"]
    written = read_weights(artefact / "model.safetensors")
    expected = {key: value for key, value in written.items() if key.startswith("encoders.shape.")}
    assert found.name == "pointnet_small"
    assert len(expected) == len(found.state)
    assert all(torch.equal(value, expected[f"encoders.shape.{key}"]) for key, value in found.state.items())
    found.put_into(create_encoder("pointnet_small", **shape.options), where="here")
    with pytest.raises(ConfigError, match="does not fit here"):
        found.put_into(create_encoder("pointnet_small"), where="here")


def test_a_run_without_that_modality_is_refused_by_name(tmp_path):
    towers = str(packaged_weights("mini_towers"))
    with pytest.raises(
        ConfigError, match="trained image_text with encoders for image, text and none for shape"
    ):
        starting_weights(stage(shape=EncoderSpec(name="pointnet_small", weights=towers)), root=tmp_path)


def test_a_cloud_encoder_starts_from_what_the_package_learned_beside_its_towers(tmp_path):
    found = starting_weights(stage(shape=EncoderSpec(name="projected", weights="mini")), root=tmp_path)
    assert found["shape"].name == "projected"
    assert found["shape"].state["projection"].shape == (384, 256)
