"""`anaglyph finetune` and what measures its results, on the real digits in small."""

import json

import pytest

from anaglyph.cli.main import main
from tiny_runs import DATA, SHAPES

SMALL = ("--set", "encoders.shape.options={width: 12, depth: 2, heads: 2, groups: 8, group_size: 4}",
         "labelled_clouds.cover=40")  # fmt: skip
DIGITS = ("--data", "digits3d", "--data-set", *(f"{key}={value}" for key, value in DATA["options"].items()))
FEW_PICTURES = ("--data-set", *(f"{key}={json.dumps(value)}" for key, value in SHAPES["options"].items()))
QUICK = ("--points", "32", "--device", "cpu", "--validate-every", "0")


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """Folder of a run that learned from two labels of every digit."""
    output = tmp_path_factory.mktemp("tuned")
    more = (*DIGITS, *QUICK, "--labels-per-class", "2", "--epochs", "2", "--output", str(output), *SMALL)
    assert main(["finetune", "point_mae", *more]) == 0
    (run,) = output.glob("*/seed-0")
    return run


def test_a_run_is_named_after_what_it_is_and_leaves_a_report(tuned):
    assert tuned.parent.name == "point_mae-random-digits3d-full-2labels"
    assert (tuned.parent.parent / "report.html").is_file()


def test_only_the_labelled_objects_are_trained_on(tuned):
    rows = (tuned / "stages/finetune/metrics.jsonl").read_text().splitlines()
    assert json.loads(rows[-1])["step"] == 2  # 20 objects are one batch an epoch


def test_votes_stand_beside_the_one_pass(anaglyph, tuned):
    shown = anaglyph("evaluate", tuned, "--votes", "2", "--device", "cpu", "--json")
    assert shown.code == 0, shown.err
    metrics = shown.data["metrics"]
    assert metrics["correct"] / metrics["objects"] == pytest.approx(metrics["accuracy"])
    assert {"voted_accuracy", "votes"} <= set(metrics)


def test_a_run_is_where_the_next_one_starts(anaglyph, tuned, tmp_path):
    shown = anaglyph(
        "finetune", tuned, *DIGITS, *QUICK, "--mode", "linear", "--labels-per-class", "1", "--epochs", "1",
        "--output", tmp_path, "--json",
    )  # fmt: skip
    assert shown.code == 0, shown.err
    (result,) = shown.data["results"]
    assert result["metrics"]["objects"] == 201.0


def test_a_frozen_encoder_is_probed_by_a_linear_machine(anaglyph, tuned):
    shown = anaglyph("evaluate", tuned, "--probe", "svm", "--points", "32", "--device", "cpu", "--json")
    assert shown.code == 0, shown.err
    assert shown.data["metrics"]["accuracy"] > 0.15  # of ten digits
    assert shown.data["cross_validation"][f"{shown.data['metrics']['C']}"] > 0.2


def test_episodes_have_a_mean_and_a_spread(anaglyph, tuned):
    shown = anaglyph(
        "evaluate", tuned, "--probe", "svm", "--few-shot", "3way4shot", "--folds", "3", "--points", "32",
        "--device", "cpu", "--json",
    )  # fmt: skip
    assert shown.code == 0, shown.err
    assert len(shown.data["fold_accuracies"]) == shown.data["metrics"]["folds"] == 3
    assert 0.0 < shown.data["metrics"]["accuracy_spread"] < 0.5


def test_fine_tuning_over_episodes_is_one_command(anaglyph, tuned, tmp_path):
    shown = anaglyph(
        "finetune", tuned, *DIGITS, *QUICK, "--few-shot", "3way4shot", "--folds", "2", "--epochs", "2",
        "--output", tmp_path, "--json",
    )  # fmt: skip
    assert shown.code == 0, shown.err
    assert len(shown.data["fold_accuracies"]) == 2
    assert len(list(tmp_path.glob("*/few_shot.json"))) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("finetune", "point_may", *DIGITS), "did you mean 'point_mae'"),
        (("finetune", "runs/none", *DIGITS), "there is no file or folder 'runs/none'"),
        (("finetune", "resnet18", *DIGITS), "no shape encoder 'resnet18'"),
        (
            ("finetune", "point_mae", "--data", "procedural", *FEW_PICTURES),
            "procedural has no clouds with classes",
        ),
        (("finetune", "point_mae", *DIGITS, "--points", "600"), "600"),
        (("finetune", "point_mae", *DIGITS, "--labels-per-class", "500"), "every class needs 500"),
        (("finetune", "point_mae", *DIGITS, "--few-shot", "5by5"), "write such as 5way10shot"),
        (("finetune", "pointnet_small", *DIGITS, "--mode", "prompt"), "take point_mae, point_bert or recon"),
        (("evaluate", "nowhere", "--few-shot", "5way10shot"), "belongs to --probe svm"),
    ],
)
def test_a_mistake_is_one_line(anaglyph, arguments, said, tmp_path):
    more = ("--output", tmp_path) if arguments[0] == "finetune" else ()
    shown = anaglyph(*arguments, *more, "--device", "cpu")
    assert shown.code == 2
    assert said in shown.err
    assert shown.err.count("\n") == 1, shown.err
    assert not any(tmp_path.iterdir())
