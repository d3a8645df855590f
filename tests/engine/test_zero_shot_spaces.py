"""Spaces asked to name objects: the numbers of their run, official encoders, and what is refused."""

import numpy as np
import pytest
import torch

from anaglyph.config import structure
from anaglyph.encoders.checkpoints.importer import import_checkpoint
from anaglyph.encoders.spaces.trained import write_space
from anaglyph.engine import zero_shot
from anaglyph.engine.features import embedded_objects
from anaglyph.engine.models import load_method
from anaglyph.engine.tower_specs import TowersSpec
from anaglyph.engine.towers import open_towers
from anaglyph.engine.zero_shot import ZeroShotOptions, measure_zero_shot
from anaglyph.errors import ConfigError, WeightsError
from embedded_toys import toy_objects
from reference import official_backbones as backbones
from reference.official_keys import table
from space_files import METHODS, objects, save_run, towers_of
from tower_files import CLASSES, described

DUAL = {"image_tower": "dual:dual.safetensors", "text_tower": "dual:dual.safetensors"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("zero-shot-spaces")


@pytest.fixture(scope="module")
def runs(folder):
    return {name: save_run(folder / f"{name}.safetensors", name) for name in METHODS}


@pytest.fixture
def measure(monkeypatch, folder):
    """Name the objects of a split that is given by hand."""

    def call(weights, split, **options):
        monkeypatch.setattr(zero_shot, "create_dataset", lambda *_, **__: split)
        return measure_zero_shot(weights, ZeroShotOptions(device="cpu", data_root=folder, **options))

    return call


@pytest.mark.parametrize("name", METHODS)
def test_a_space_gives_the_numbers_of_its_run_by_every_mode(measure, runs, name):
    run, space = (measure(runs[name], objects(), mode="full", **more) for more in ({}, DUAL))
    drawn = {key for key in run["metrics"] if key.startswith("resampled")}  # turned before or after the swap
    assert drawn == {key for key in space["metrics"] if key.startswith("resampled")}
    for found in (run, space):
        found["metrics"] = {key: value for key, value in found["metrics"].items() if key not in drawn}
    assert space["metrics"] == pytest.approx(run["metrics"])
    assert ("fused_top_1" in space["metrics"]) == (name == "mixcon3d")
    for fact in ("method", "data", "trained_on", "inputs", "objects", "chance", "groups"):
        assert space[fact] == run[fact], fact


def test_stored_vectors_of_class_names_need_no_tower(measure, runs, folder):
    spec = structure(TowersSpec, towers_of(folder), where="towers")
    split = embedded_objects(objects(), open_towers(spec, root=folder), spec, cache=None, seed=0)
    run, space = (measure(runs["mixcon3d"], split, **more) for more in ({}, DUAL))
    assert space["metrics"] == pytest.approx(run["metrics"])


def test_a_slim_file_is_measured_on_the_data_of_its_training(measure, runs, folder):
    write_space(runs["openshape"], folder / "slim.safetensors", root=folder, header={})
    found = measure(folder / "slim.safetensors", objects())
    assert (found["method"], found["data"], found["trained_on"]) == ("openshape", *["procedural_models"] * 2)
    assert {"points_top_1", "sum_top_1", "text_to_points_recall_at_5"} <= set(found["metrics"])
    with pytest.raises(WeightsError, match="measure it with --zero-shot"):
        load_method(folder / "slim.safetensors")


def test_an_official_encoder_names_objects_beside_a_table_of_words(measure, folder):
    shapes = table(backbones.SSG, "point_encoder.") | {"pc_projection": (256, 512)}
    torch.save({key: torch.full(shape, 0.02) for key, shape in shapes.items()}, folder / "official.pt")
    import_checkpoint(folder / "official.pt", folder / "official.safetensors")
    words = np.random.default_rng(0).normal(size=(3, 512)).astype(np.float32)
    np.savez(folder / "words.npz", names=np.array(CLASSES), vectors=words)
    clouds = np.random.default_rng(1).uniform(-0.5, 0.5, (5, 600, 3)).astype(np.float32)
    split = described(5, points=clouds, pictures=None, thumbnails=(None,) * 5, texts=((),) * 5)
    asked = {"text_tower": "stored_text:words.npz", "templates": "plain", "data": "procedural_models"}
    found = measure(folder / "official.safetensors", split, **asked)
    assert (found["method"], found["trained_on"]) == ("ulip", None)
    assert found["inputs"].startswith("points: 600 points")
    assert {key for key in found["metrics"] if key.endswith("top_1")} == {"points_top_1"}
    with pytest.raises(ConfigError, match=r"name no data set of their training; pass --data"):
        measure(folder / "official.safetensors", split, text_tower="stored_text:words.npz")
    with pytest.raises(ConfigError, match="name no text tower"):
        measure(folder / "official.safetensors", split, data="procedural_models")


def test_class_vectors_of_another_width_are_refused(measure, runs):
    with pytest.raises(ConfigError, match="have vectors of 3 numbers, 'mixcon3d' reads 12"):
        measure(runs["mixcon3d"], toy_objects(), **DUAL)
