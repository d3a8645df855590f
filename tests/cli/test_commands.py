"""Commands for scripts: JSON that parses, exit codes 0, 1 and 2, and errors of one line."""

import json

import pytest

from anaglyph.cli.main import COMMANDS
from anaglyph.data.catalog import list_datasets
from anaglyph.encoders.catalog import list_encoders
from anaglyph.engine.recipe import list_recipes
from anaglyph.errors import TrainingError
from anaglyph.methods.catalog import list_methods
from tiny_runs import tiny_file


def refused(shown, *parts):
    """It ended with code 2 and one line on stderr that holds every part."""
    assert shown.code == 2
    assert shown.out == ""
    assert shown.err.startswith("anaglyph: ")
    assert shown.err.count("\n") == 1, shown.err
    for part in parts:
        assert part in shown.err
    return True


def test_models_lists_every_method_encoder_and_recipe(anaglyph):
    shown = anaglyph("models", "--json")
    names = {(row["kind"], row["name"]) for row in shown.data}
    for kind, listed in (
        ("method", list_methods()),
        ("encoder", list_encoders()),
        ("recipe", list_recipes()),
    ):
        assert {(kind, name) for name in listed} <= names
    assert all(row["summary"] for row in shown.data)
    assert shown.code == 0


def test_models_filters_by_pattern_and_says_when_nothing_matches(anaglyph):
    assert {row["name"] for row in anaglyph("models", "resnet*", "--json").data} == {
        "resnet18",
        "resnet20_cifar",
        "resnet50",
    }
    nothing = anaglyph("models", "transformer*")
    assert nothing.code == 1
    assert "nothing is called 'transformer*'" in nothing.out
    assert (anaglyph("models", "transformer*", "--json").code) == 1


def test_data_lists_all_sets_and_describes_one(anaglyph):
    assert [row["name"] for row in anaglyph("data", "--json").data] == list_datasets()
    shown = anaglyph("data", "digits3d", "--json")
    assert shown.code == 0
    assert {split: facts["objects"] for split, facts in shown.data["splits"].items()} == {
        "train": 1200, "validation": 197, "test": 400,
    }  # fmt: skip
    assert "digits3d" in anaglyph("data").out


def test_missing_data_is_said_with_the_folder_and_where_it_is_had(anaglyph, tmp_path):
    shown = anaglyph("data", "mnist3d", "--data-root", tmp_path, "--json")
    assert shown.code == 1
    assert not shown.data["available"]
    assert str(tmp_path) in shown.data["missing"]
    assert shown.data["obtain"]


def test_training_on_missing_data_says_what_to_do(anaglyph, tmp_path):
    shown = anaglyph(
        "train", "mnist3d_romo_best", "--data-root", tmp_path / "none", "--output", tmp_path / "o"
    )
    assert refused(shown, str(tmp_path / "none"))


def test_doctor_checks_packages_data_and_cache(anaglyph, tmp_path):
    shown = anaglyph("doctor", "--data-root", tmp_path, "--json")
    assert shown.code in (0, 1)
    checks = {row["check"]: row["state"] for row in shown.data}
    assert checks["packages"] == "ok"
    assert (checks["data digits3d"], checks["data mnist3d"]) == ("ok", "absent")
    assert set(checks.values()) <= {"ok", "absent", "attention"}
    (detail,) = [row["detail"] for row in shown.data if row["check"] == "data mnist3d"]
    assert str(tmp_path / "mnist") in detail
    assert "anaglyph doctor" in anaglyph("doctor", "--data-root", tmp_path).out


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["train", "digits3d_romo_bset"], ["did you mean 'digits3d_romo_best'"]),
        (["train", "romo", "--preset", "bets"], ["did you mean 'best'"]),
        (["train", "romo", "--data", "digits"], ["did you mean 'digits3d_romo_best'"]),
        (["train", "romo", "--data", "digits3d", "--preset", "bets"], ["did you mean 'best'"]),
        (["train", "digits3d_romo_best", "--set", "stages.lern.epochs=3"], ["stages"]),
        (["train", "digits3d_romo_best", "--set", "stages.learn.epochs"], ["NAME.NAME=VALUE"]),
        (["train", "digits3d_romo_best", "--set", "sed=3"], ["did you mean 'seed'"]),
        (
            ["train", "digits3d_romo_best", "--set", "encoders.image.name=digit_cn"],
            ["did you mean 'digit_cnn'"],
        ),
        (["train", "digits3d_romo_best", "--set", "data.name=digits"], ["did you mean 'digits3d'"]),
        (["train", "missing.yaml"], ["cannot read 'missing.yaml'"]),
        (["train"], ["name a recipe"]),
        (["train", "digits3d_romo_best", "--workers", "-1"], ["--workers is -1", "0 or more"]),
        (["train", "digits3d_romo_best", "--save-every", "0"], ["--save-every is 0", "1 or more"]),
        (["train", "digits3d_romo_best", "--validate-every", "-5"], ["--validate-every is -5", "0 or more"]),
        (["train", "digits3d_romo_best", "--seeds", "0", "-2"], ["--seeds is -2", "0 or more"]),
        (["data", "digits"], ["did you mean 'digits3d'"]),
        (["evaluate", "nowhere"], ["no weights at 'nowhere'"]),
    ],
)
def test_a_mistake_ends_with_code_2_and_one_line_that_helps(arguments, parts, anaglyph):
    assert refused(anaglyph(*arguments), *parts)


@pytest.mark.parametrize(
    "arguments", [["trian"], ["train", "x", "--sede", "3"], ["train", "x", "--seeds", "three"], ["evaluate"]]
)
def test_a_command_line_that_cannot_be_parsed_ends_with_code_2_and_no_traceback(arguments, anaglyph):
    shown = anaglyph(*arguments)
    assert shown.code == 2
    assert "Traceback" not in shown.out + shown.err


def test_ctrl_c_and_our_own_errors_leave_no_traceback(anaglyph, monkeypatch):
    for raised, code, text in (
        (KeyboardInterrupt(), 1, "anaglyph: stopped."),
        (TrainingError("it broke."), 2, "anaglyph: it broke."),
    ):

        def broken(error=raised):
            raise error

        monkeypatch.setitem(COMMANDS, "models", broken)
        shown = anaglyph("models")
        assert (shown.code, shown.err) == (code, text + "\n")


def test_trouble_with_files_is_one_line_with_code_2(anaglyph, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    recipe = tiny_file("pair_contrast", tmp_path)
    shown = anaglyph("train", recipe, "--output", tmp_path / "file/runs", "--device", "cpu")
    assert refused(shown, f"'{tmp_path}/file/runs", "Not a directory", "Check that the path")
    for raised, parts in (
        (PermissionError(13, "Permission denied", "/data/x"), ("cannot use '/data/x': Permission denied.",)),
        (OSError(28, "No space left on device"), ("cannot go on: No space left on device.", "room")),
        (OSError("of two\nlines"), ("of two lines.",)),
    ):

        def broken(error=raised):
            raise error

        monkeypatch.setitem(COMMANDS, "models", broken)
        assert refused(anaglyph("models"), *parts)


def test_a_reader_that_left_is_no_error_to_tell(anaglyph, monkeypatch):
    def broken():
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setitem(COMMANDS, "models", broken)
    shown = anaglyph("models")
    assert (shown.code, shown.err) == (1, "")


def test_evaluate_finds_the_numbers_of_the_report(anaglyph, finished):
    report = json.loads((finished.output / "report.json").read_text())
    shown = anaglyph("evaluate", finished.run, "--json", "--device", "cpu")
    assert shown.code == 0
    assert shown.data["metrics"]["average_map"] == pytest.approx(
        report["headlines"]["average mAP"], abs=1e-12
    )
    row = dict(zip(report["tables"][0]["columns"], report["tables"][0]["rows"][-1], strict=True))
    assert f"{shown.data['metrics']['image_to_shape_map']:.3f}" == row["image→shape mAP"]
    assert f"{shown.data['metrics']['shape_to_image_recall_at_1']:.3f}" == row["shape→image R@1"]
    weights = finished.run / "stages/contrast/artefact/model.safetensors"
    for place in (weights, weights.parent):
        assert anaglyph("evaluate", place, "--json", "--device", "cpu").data == shown.data
    assert "average_map" in anaglyph("evaluate", finished.run).out


def test_evaluate_takes_other_splits_and_refuses_more_views_than_there_are(anaglyph, finished):
    assert anaglyph("evaluate", finished.run, "--split", "train", "--json").data["objects"] == 96
    assert refused(anaglyph("evaluate", finished.run, "--views", "3"), "3 views", "1 to 1")


def test_the_runs_of_a_recipe_file_are_named_after_it_and_never_land_beside_it(finished):
    assert (finished.run / "recipe.yaml").is_file()
    assert sorted(path.name for path in finished.recipe.parent.iterdir()) == [finished.recipe.name, "runs"]


def test_a_stored_recipe_resumes_its_own_run(anaglyph, finished):
    again = anaglyph(
        "train",
        finished.run / "recipe.yaml",
        "--output",
        finished.output,
        "--resume",
        "--json",
        "--device",
        "cpu",
    )
    assert again.code == 0
    assert again.data["results"][0]["folder"] == str(finished.run)


def test_training_into_a_run_again_is_refused_and_so_is_resuming_with_another_recipe(anaglyph, finished):
    place = ["--output", finished.output, "--device", "cpu"]
    assert refused(anaglyph("train", finished.recipe, *place), "already holds a run", "--resume")
    other = anaglyph("train", finished.recipe, *place, "--resume", "--set", "stages.contrast.epochs=7")
    assert refused(other, "stages.contrast.epochs: 7 now, 3 then")


def test_progress_is_plain_lines_when_piped_and_the_table_goes_to_stdout(anaglyph, tmp_path):
    shown = anaglyph(
        "train", tiny_file("pair_contrast", tmp_path), "--output", tmp_path / "o", "--device", "cpu",
        "--validate-every", "3",
    )  # fmt: skip
    assert shown.code == 0
    lines = shown.err.splitlines()
    assert lines[0].startswith("contrast step 3: loss ")
    assert any("validation_average_map" in line for line in lines)
    assert lines[-1] == "contrast: finished"
    assert "\x1b" not in shown.err + shown.out
    assert "\r" not in shown.err
    for part in ("chance", "pair_contrast", "average mAP", "report.html"):
        assert part in shown.out


def test_seeds_make_a_row_with_mean_and_spread_and_the_recipes_own_seed_is_the_default(anaglyph, tmp_path):
    recipe = tiny_file("pair_contrast", tmp_path)
    place = ["--output", tmp_path / "o", "--device", "cpu", "--validate-every", "0", "--json"]
    short = ["--set", "stages.contrast.epochs=1"]
    shown = anaglyph("train", recipe, *place, *short, "--seeds", "1", "2")
    assert [result["seed"] for result in shown.data["results"]] == [1, 2]
    assert "±" in shown.data["summary"][-1]["average mAP"]
    own = anaglyph("train", recipe, *place, *short, "seed=5")
    assert [result["seed"] for result in own.data["results"]] == [5]


def test_two_targets_of_one_name_are_refused(anaglyph, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    files = [tiny_file("pair_contrast", tmp_path / name) for name in ("a", "b")]
    assert refused(anaglyph("train", *files, "--output", tmp_path / "o"), "share a name")
