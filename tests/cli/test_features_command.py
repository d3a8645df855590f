"""`anaglyph features`: towers over a data set from the command line, shown and read again."""

import json

import pytest

from anaglyph.data.catalog import DataConfig, create_dataset
from tower_files import WIDTH, save_dual

DATA = (
    "data.options.train=5", "data.options.validation=2", "data.options.test=3", "data.options.size=16",
    "data.options.views=ring8", "data.options.stored_points=16", "data.options.points=8",
    "data.options.categories=[bowl,plate]",
)  # fmt: skip


@pytest.fixture(scope="module")
def dual(tmp_path_factory):
    return save_dual(tmp_path_factory.mktemp("dual") / "dual.safetensors")


@pytest.fixture
def compute(anaglyph, dual):
    def run(folder, *more, target="procedural_models"):
        towers = ("--image-tower", f"dual:{dual}", "--text-tower", f"dual:{dual}")
        return anaglyph(
            "features", "compute", target, *towers, "-o", folder, "--device", "cpu", "--set", *DATA, *more
        )

    return run


def test_a_data_set_becomes_a_folder_that_the_data_set_features_reads(compute, anaglyph, tmp_path):
    ran = compute(tmp_path / "made", "towers.templates=photo")
    assert ran.code == 0, ran.err
    assert "5 of 5 objects" in ran.err
    shown = anaglyph("features", "show", tmp_path / "made", "--json")
    assert shown.code == 0
    assert {split: facts["objects"] for split, facts in shown.data.items()} == {
        "train": 5,
        "validation": 2,
        "test": 3,
    }
    assert shown.data["train"]["settings"]["templates"] == "photo"
    config = DataConfig(name="features", options={"folder": "made"})
    test = create_dataset(config, "test", root=tmp_path)
    assert test.class_features.shape == (2, WIDTH)
    assert test.batch([0, 1, 2], epoch=None).image_features.shape == (3, 8, WIDTH)
    described = anaglyph("data", "features", "--data-root", tmp_path, "--json")
    assert described.code == 1  # no folder of the default name


def test_shards_are_made_one_by_one_and_unfinished_ones_are_shown(compute, anaglyph, tmp_path):
    assert compute(tmp_path, "--shard", "1/2", "--splits", "train", "--json").code == 0
    shown = anaglyph("features", tmp_path)
    assert shown.code == 1
    assert "unfinished" in shown.out
    assert "shard 0/2" in shown.err
    assert compute(tmp_path, "--shard", "0/2", "--splits", "train").code == 0
    assert anaglyph("features", tmp_path).code == 0


def test_a_recipe_brings_its_data_and_towers(anaglyph, dual, tmp_path):
    recipe = {
        "title": "test",
        "method": "openshape",
        "data": {"name": "procedural_models"},
        "towers": {"text": {"name": "dual", "options": {"source": str(dual)}}},
    }
    (tmp_path / "own.yaml").write_text(json.dumps(recipe))
    ran = anaglyph(
        "features", "compute", tmp_path / "own.yaml", "-o", tmp_path / "made", "--splits", "test", "--json",
        "--device", "cpu", "--set", *DATA,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    shown = anaglyph("features", tmp_path / "made", "--json")
    assert set(shown.data["test"]["towers"]) == {"text"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("procedural_modells", "--text-tower", "sentence"), "did you mean 'procedural_models'"),
        (("procedural_models",), "no tower is named"),
        (("procedural_models", "--text-tower", "encoder:x"), "'encoder' reads no texts"),
        (("procedural_models", "--image-tower", "dual:gone"), "there are no weights at"),
        (("procedural_models", "--text-tower", "sentence", "--shard", "1"), "write I/N, such as 0/4"),
        (("procedural_models", "--text-tower", "sentence", "--shard", "4/4"), "shards count from 0"),
        (("procedural_models", "--text-tower", "sentence", "--set", "data.options.sise=3"), "'size'"),
        (("procedural_models", "--text-tower", "sentence", "--set", "towers.batch=0"), "batch must be >= 1"),
    ],
)
def test_what_cannot_be_meant_is_one_line_and_code_2(anaglyph, tmp_path, arguments, message):
    ran = anaglyph("features", "compute", *arguments, "-o", tmp_path / "made")
    assert ran.code == 2
    assert message in ran.err
    assert len(ran.err.strip().splitlines()) == 1
    assert not (tmp_path / "made").exists()


def test_data_without_pictures_and_texts_is_refused(anaglyph, dual, tmp_path):
    ran = anaglyph("features", "compute", "digits3d", "--text-tower", f"dual:{dual}", "-o", tmp_path / "made")
    assert ran.code == 2
    assert "digits3d has no pictures and texts for towers" in ran.err


def test_a_folder_without_features_is_code_1(anaglyph, tmp_path):
    ran = anaglyph("features", "show", tmp_path)
    assert ran.code == 1
    assert "holds no features" in ran.err
