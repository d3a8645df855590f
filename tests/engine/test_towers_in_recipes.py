"""Recipes that name towers: checked, part of a stage's identity, and used for splits."""

import pytest

import tiny_runs
from anaglyph.data.embedded import EmbeddedObjects
from anaglyph.engine.recipe import resolve, stage_identity
from anaglyph.engine.splits import make_splits
from anaglyph.errors import ConfigError
from tower_files import save_dual

DATA = {
    "name": "procedural_models",
    "options": {
        "train": 6, "validation": 2, "test": 3, "size": 16, "views": "ring8", "stored_points": 16,
        "points": 8, "categories": ["bowl", "plate"],
    },
}  # fmt: skip
PLAIN = {
    "title": "test",
    "method": "openshape",
    "data": DATA,
    "stages": {"align": {"encoders": {"shape": {"name": "pointnet_small", "options": {"embed_dim": 12}}}}},
}


def recipe(towers, **more):
    return resolve({**PLAIN, "towers": towers, **more})


@pytest.fixture(scope="module")
def dual(tmp_path_factory):
    return str(save_dual(tmp_path_factory.mktemp("dual") / "dual.safetensors"))


@pytest.mark.parametrize(
    ("towers", "message"),
    [
        ({}, "towers need one for image, for text, or for both"),
        ({"image": {"name": "clp"}}, r"towers\.image\.name: no image tower 'clp'; did you mean 'clip'"),
        ({"text": {"name": "encoder"}}, r"towers\.text\.name: 'encoder' reads no texts"),
        ({"text": {"name": "sentence", "options": {"token": 3}}}, "did you mean 'tokens'"),
        ({"text": {"name": "sentence"}, "templates": "photos"}, "no family of templates 'photos'"),
        ({"text": {"name": "sentence"}, "clouds": {"points": -1}}, "points=-1"),
        ({"texts": {}, "tower": 1}, "no option 'tower'"),
    ],
)
def test_towers_that_cannot_be_meant_are_refused_by_place(towers, message):
    with pytest.raises(ConfigError, match=message):
        recipe(towers)


def test_every_option_of_a_tower_is_written_out():
    made = recipe({"text": {"name": "sentence"}})
    assert made.towers.text.options == {"source": "", "tokens": 256}


def test_towers_are_part_of_a_stage_s_identity_and_recipes_without_are_as_before():
    one, two = (recipe({"text": {"name": "sentence", "options": {"tokens": n}}}) for n in (16, 32))
    (stage,) = one.stages
    assert stage_identity(one, stage) != stage_identity(two, stage)
    assert "towers" not in stage_identity(resolve(PLAIN), stage)


def test_described_splits_go_through_the_towers(dual, tmp_path):
    tower = {"name": "dual", "options": {"source": dual}}
    made = recipe({"image": tower, "text": tower, "views": {"views": 2}, "clouds": {"points": 8}})
    splits = make_splits(made, data_root=tmp_path, cache=tmp_path)
    for split, count in ((splits.train, 6), (splits.validation, 2), (splits.test, 3)):
        assert isinstance(split, EmbeddedObjects)
        assert len(split) == count
    batch = splits.train.batch([0, 1], epoch=0)
    assert batch.image_features.shape == (2, 2, 12)
    assert batch.text_features.shape[-1] == 12
    assert splits.test.class_features.shape == (2, 12)


def test_towers_for_data_without_pictures_and_texts_are_refused(tmp_path):
    made = recipe({"text": {"name": "stored_text", "options": {"source": "x.npz"}}}, data=tiny_runs.DATA)
    import numpy as np

    np.savez(tmp_path / "x.npz", names=np.array(["a"]), vectors=np.ones((1, 3), np.float32))
    with pytest.raises(ConfigError, match="digits3d has no pictures and texts for them"):
        make_splits(made, data_root=tmp_path, cache=None)
