"""What does not fit together is refused before a run leaves anything, and without data if possible."""

import pytest
from safetensors.torch import save_file

from anaglyph.encoders.catalog import create_encoder
from anaglyph.engine.run import RunOptions
from anaglyph.engine.study import run_study
from anaglyph.errors import AnaglyphError
from tiny_runs import tiny_recipe, train

IMAGE, SHAPE = (f"stages.contrast.encoders.{modality}" for modality in ("image", "shape"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (f"{IMAGE}.options.in_channels=3", "the image encoder reads 3 channels, and a query has 4"),
        (f"{SHAPE}.options.in_channels=3", f"{SHAPE} cannot read this data: pictures must be"),
        ("data.options.coloured_views=true", f"{SHAPE} cannot read this data: pictures must be"),
        ("stages.contrast.batch=13", "needs 13 different shapes, and the repository has 12"),
        ("stages.contrast.batch=25", "the training split has 24 objects"),
        ("evaluation_views=2", "evaluation_views is 2"),
        ("data.name=digits3d", "digits3d"),
    ],
)
def test_data_encoders_and_batches_that_do_not_fit_leave_no_run_folder(change, words, tmp_path, tiny_cache):
    with pytest.raises(AnaglyphError, match=words):
        train(tiny_recipe("cmic", change), tmp_path / "run", cache=tiny_cache)
    assert not (tmp_path / "run").exists()


def test_weights_that_are_missing_or_do_not_fit_are_refused_before_data_is_made(tmp_path):
    for change in ("nowhere/resnet.safetensors", "other.safetensors"):
        save_file(create_encoder("resnet18", width=3).state_dict(), tmp_path / "other.safetensors")
        recipe = tiny_recipe("cmic", f"{IMAGE}.weights={change}")
        with pytest.raises(AnaglyphError, match=r"weights|other"):
            train(recipe, tmp_path / "run", cache=tmp_path / "cache", data_root=tmp_path)
        assert not (tmp_path / "run").exists()
        assert not (tmp_path / "cache").exists()


def test_a_study_looks_at_all_recipes_before_it_trains_one(tmp_path, tiny_cache):
    recipes = {
        "good": tiny_recipe("cmic"),
        "bad": tiny_recipe("cmic", f"{SHAPE}.options.in_channels=3"),
    }
    options = RunOptions(output=tmp_path / "runs", data_root=tmp_path, cache=tiny_cache, device="cpu")
    with pytest.raises(AnaglyphError, match="cannot read this data"):
        run_study(recipes, seeds=(), options=options)
    assert not (tmp_path / "runs").exists()
