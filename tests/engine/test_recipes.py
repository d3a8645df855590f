"""Recipes: each that ships resolves, resolving again changes nothing, mistakes are named where they are."""

import pytest
import yaml

from anaglyph.config import dump_yaml, plain
from anaglyph.engine.recipe import (
    list_recipes,
    load_preset,
    load_recipe,
    recipe_name,
    recipe_title,
    resolve,
    run_name,
    stage_identity,
)
from anaglyph.errors import ConfigError
from anaglyph.methods.catalog import DEFAULT_DATA, METHODS, PRESET_FAMILIES
from tiny_runs import tiny_plain, tiny_recipe


@pytest.mark.parametrize("name", list_recipes())
def test_every_recipe_that_ships_resolves_and_its_stored_form_resolves_to_itself(name, tmp_path):
    recipe = load_recipe(name)
    assert recipe.title == recipe_title(name) != ""
    stored = tmp_path / "recipe.yaml"
    stored.write_text(dump_yaml(recipe), encoding="utf-8")
    assert load_recipe(stored) == recipe


@pytest.mark.parametrize(("family", "preset"), [(f, p) for f, all_ in PRESET_FAMILIES.items() for p in all_])
def test_every_preset_resolves_under_a_minimal_recipe(family, preset):
    stages = load_preset(family, preset)["stages"].values()
    wanted = {name for stage in stages for name in METHODS.load(stage["method"]).encoder_names}
    plain_recipe = {
        "title": "minimal",
        "method": family,
        "preset": preset,
        "data": {"name": DEFAULT_DATA[family]},
        "encoders": {name: spec for name, spec in tiny_plain("best")["encoders"].items() if name in wanted},
    }
    recipe = resolve(plain_recipe)
    assert list(recipe.stages) == list(load_preset(family, preset)["stages"])
    assert resolve(plain(recipe)) == recipe


def test_a_recipe_lies_over_its_preset_and_assignments_over_both():
    preset = load_preset("romo", "best")["stages"]["learn"]
    recipe = tiny_recipe("best", "stages.learn.config.temperature=0.5", "seed=3")
    config = recipe.stages["learn"].config
    assert config["refresh_every"] == 2  # the recipe's
    assert config["contrast_weight"] == preset["config"]["contrast_weight"]
    assert (config["temperature"], recipe.seed) == (0.5, 3)
    assert recipe.stages["learn"].optimiser.lr == float(preset["optimiser"]["lr"])


def test_resolving_leaves_the_data_it_was_given_alone():
    data = tiny_plain("best")
    before = yaml.safe_dump(data)
    resolve(data, assignments=["stages.learn.epochs=9"])
    assert yaml.safe_dump(data) == before


MISTAKES = {
    "stages=3": "stages must be a mapping of names to values, got int 3",
    "stages.learn=3": "stages.learn must be a mapping",
    "encoders=3": "encoders must be a mapping",
    "encoders.image=3": "stages.annotate.encoders.image must be a mapping",
    "stages.learn.encoders=[1]": "stages.learn.encoders must be a mapping",
    "method=rom": "no method 'rom'; did you mean 'romo'?",
    "preset=papr": "no preset of romo 'papr'; did you mean 'paper'?",
    "titel=x": "no option 'titel'; did you mean 'title'?",
    "seed=x": "seed must be int, got str 'x'",
    "seed=true": "seed must be int, got bool True",
    "data.options=3": "data.options must be a mapping",
    "data.options.trian=3": "no option 'trian'; did you mean 'train'?",
    "data.name=digits": "no dataset 'digits'; did you mean 'digits3d'?",
    "stages.learn.config.alhpa=3": "stages.learn.config: no option 'alhpa'; did you mean 'alpha'?",
    "stages.learn.config.alpha=-1": "stages.learn.config: alpha must be > 0, got -1.0",
    "stages.learn.config.robust_form=clap": "robust_form: no choice 'clap'; did you mean 'clip'?",
    "stages.annotate.config.head_multiples=[1, x]": "head_multiples[1] must be float, got str 'x'",
    "stages.learn.needs=annotate": "needs must be a list such as [1, 2], got str 'annotate'",
    "stages.learn.needs=[anotate]": "no earlier stage 'anotate'; did you mean 'annotate'?",
    "stages.learn.optimiser.name=adamm": "optimiser.name: no choice 'adamm'; did you mean 'adam'?",
    "stages.learn.optimiser.lr=0": "optimiser: lr must be > 0, got 0.0",
    "stages.learn.optimiser.lr=.nan": "optimiser.lr must be float, got float nan",
    "stages.learn.optimiser.momentum=1": "momentum must be in [0, 1), got 1.0",
    "stages.learn.optimiser.clip_norm=0": "clip_norm must be > 0 or null, got 0.0",
    "stages.learn.epochs=0": "epochs must be >= 1",
    "stages.learn.batch=1": "batch >= 2",
    "stages.learn.method=romo_lern": "no method 'romo_lern'; did you mean 'romo_learn'?",
    "stages.extra.epochs=3": "no stage in preset best 'extra'. All: annotate, learn",
    "encoders.image.name=digitcnn": "encoders.image.name: no encoder 'digitcnn'; did you mean 'digit_cnn'?",
    "encoders.image.options.widht=3": "encoders.image.options: no option 'widht'; did you mean 'width'?",
    "encoders.picture={name: digit_cnn}": "romo_discover needs one for each of image, shape",
    "precision=bf16": "precision: no choice 'bf16'; did you mean 'bfloat16'?",
    "evaluation_views=0": "evaluation_views must be >= 1 or null (all), got 0",
}


@pytest.mark.parametrize("assignment", list(MISTAKES))
def test_a_mistake_is_one_line_that_names_the_place_and_what_is_allowed(assignment):
    with pytest.raises(ConfigError) as error:
        tiny_recipe("best", assignment)
    assert MISTAKES[assignment] in str(error.value)
    assert "\n" not in str(error.value)


def test_a_recipe_without_a_method_says_which_there_are():
    with pytest.raises(
        ConfigError, match="'method' is required but missing; it is one of pair_contrast, romo"
    ):
        resolve({"title": "x"})


def test_an_unknown_recipe_comes_with_the_closest_and_all():
    with pytest.raises(
        ConfigError, match="no recipe 'digits3d_romo_bset'; did you mean 'digits3d_romo_best'"
    ):
        load_recipe("digits3d_romo_bset")


def test_a_method_on_the_command_line_means_the_recipe_of_its_data_and_preset():
    assert recipe_name("romo", data="digits3d", preset="paper") == "digits3d_romo_paper"
    assert recipe_name("pair_contrast", data="digits3d", preset="best") == "digits3d_pair_contrast"
    assert recipe_name("mnist3d_romo_best", data=None, preset="best") == "mnist3d_romo_best"
    assert recipe_name("romo", data=None, preset="best") == "digits3d_romo_best"
    assert recipe_name("cmic", data=None, preset="paper") == "procedural_cmic_paper"
    with pytest.raises(ConfigError, match="did you mean 'paper'"):
        recipe_name("romo", data="digits3d", preset="papers")


@pytest.mark.parametrize(("family", "preset"), [(f, p) for f, all_ in PRESET_FAMILIES.items() for p in all_])
def test_every_method_by_itself_means_a_recipe_that_ships(family, preset):
    recipe = load_recipe(recipe_name(family, data=None, preset=preset))
    assert (recipe.method, recipe.preset) == (family, preset)
    assert recipe.data.name == DEFAULT_DATA[family]


def test_the_runs_of_a_file_are_named_after_it_and_a_stored_recipe_names_its_own_run(tmp_path):
    assert run_name("digits3d_romo_best") == "digits3d_romo_best"
    assert run_name("folder/mine.yaml") == "mine"
    assert run_name(str(tmp_path / "mine/seed-3/recipe.yaml")) == "mine"
    assert run_name(str(tmp_path / "mine/recipe.yaml")) == "recipe"


def test_a_stage_is_identified_by_what_determines_its_weights_and_by_nothing_else():
    base = stage_identity(tiny_recipe("best"), "learn")
    for change in (
        "seed=1",
        "stages.learn.epochs=9",
        "stages.annotate.optimiser.lr=1",  # an earlier stage that it needs
        "data.options.points=16",
        "precision=bfloat16",
        "encoders.image.options.width=8",
    ):
        assert stage_identity(tiny_recipe("best", change), "learn") != base, change
    for change in ("title=other", "evaluation_views=1"):
        assert stage_identity(tiny_recipe("best", change), "learn") == base, change
    first = stage_identity(tiny_recipe("best"), "annotate")
    assert stage_identity(tiny_recipe("best", "stages.learn.epochs=9"), "annotate") == first


def test_another_encoder_in_one_stage_starts_from_its_own_defaults():
    recipe = load_recipe(
        "digits3d_romo_best", assignments=["stages.learn.encoders={shape: {name: pointnet_small}}"]
    )
    assert recipe.stages["learn"].encoders["shape"].options == {}
    assert recipe.stages["annotate"].encoders["shape"].options["side"] == 20
    kept = load_recipe(
        "digits3d_romo_best", assignments=["stages.learn.encoders={shape: {options: {side: 24}}}"]
    )
    assert kept.stages["learn"].encoders["shape"].name == "point_grid"
    assert kept.stages["learn"].encoders["shape"].options["side"] == 24


def test_another_encoder_than_the_presets_starts_from_its_own_defaults():
    data = {
        "title": "other",
        "method": "cmic",
        "data": {"name": "procedural"},
        "encoders": {"image": {"name": "digit_cnn"}, "shape": {"options": {"width": 8}}},
    }
    encoders = resolve(data).stages["contrast"].encoders
    assert encoders["image"].options == {}  # the preset's resnet50 has in_channels: 4
    assert encoders["shape"].options == {"in_channels": 1, "width": 8}
    changed = resolve(data, assignments=["encoders.shape.name=digit_cnn"]).stages["contrast"].encoders
    assert (changed["shape"].name, changed["shape"].options) == ("digit_cnn", {"width": 8})
