"""Stopped and resumed, or crashed and resumed, a run ends exactly as one that nothing disturbed."""

import os
import signal

import pytest

from anaglyph.engine import run
from anaglyph.engine.interrupt import Interrupted
from tiny_runs import STEPS_PER_EPOCH, CrashError, crashing, interrupting, outcome, tiny_recipe, train

MID_EPOCH, EPOCH_END = STEPS_PER_EPOCH + 1, STEPS_PER_EPOCH
STOPS = [
    ("pair_contrast", "contrast", 1),
    ("pair_contrast", "contrast", EPOCH_END),
    ("pair_contrast", "contrast", 3 * STEPS_PER_EPOCH),
    ("crossmost", "adapt", MID_EPOCH),  # with the teacher's ramp half way
    ("cmic", "contrast", 1),
    ("cmic", "contrast", MID_EPOCH),  # with colours of earlier batches remembered
    ("cmic", "contrast", 3 * STEPS_PER_EPOCH),
    ("finetune", "finetune", MID_EPOCH),  # with dropout, stochastic depth and batch statistics
    ("paper", "annotate", 2),
    ("paper", "annotate", EPOCH_END),  # before memory and clusters exist
    ("paper", "annotate", MID_EPOCH),  # with memory, clusters and selected labels
    ("paper", "annotate", 3 * STEPS_PER_EPOCH),
    ("paper", "learn", 2),
    ("best", "annotate", MID_EPOCH),
    ("best", "annotate", 2 * STEPS_PER_EPOCH),
    ("best", "learn", MID_EPOCH),  # with a moving average under way
    ("best", "learn", 2 * STEPS_PER_EPOCH + 1),  # after labels were refreshed
    ("best", "learn", 3 * STEPS_PER_EPOCH),
]


@pytest.mark.parametrize(("kind", "stage", "step"), STOPS)
def test_a_run_stopped_by_ctrl_c_and_resumed_ends_bit_for_bit_like_an_undisturbed_one(
    kind, stage, step, tmp_path, tiny_cache, undisturbed
):
    with pytest.raises(Interrupted, match=rf"stopped at step {step} of \d+ of stage {stage}"):
        train(tiny_recipe(kind), tmp_path, cache=tiny_cache, listen=interrupting(stage, step))
    train(tiny_recipe(kind), tmp_path, cache=tiny_cache, resume=True)
    assert outcome(tmp_path) == undisturbed(kind)


@pytest.mark.parametrize(
    ("kind", "stage", "step", "save_every"),
    [
        ("pair_contrast", "contrast", 5, None),
        ("pair_contrast", "contrast", 1, 1),
        ("cmic", "contrast", 5, 2),
        ("crossmost", "adapt", 6, 2),
        ("finetune", "finetune", 5, 2),
        ("paper", "annotate", 6, 2),
        ("paper", "annotate", 5, None),  # with lines in the log that no checkpoint knows
        ("paper", "learn", 1, None),  # before the stage's first checkpoint
        ("best", "annotate", 5, 2),
        ("best", "learn", 8, 1),
    ],
)
def test_a_run_that_crashed_goes_on_from_its_last_checkpoint_to_the_same_end(
    kind, stage, step, save_every, tmp_path, tiny_cache, undisturbed
):
    with pytest.raises(CrashError):
        train(
            tiny_recipe(kind),
            tmp_path,
            cache=tiny_cache,
            listen=crashing(stage, step),
            save_every=save_every,
        )
    train(tiny_recipe(kind), tmp_path, cache=tiny_cache, resume=True)
    assert outcome(tmp_path) == undisturbed(kind)


@pytest.mark.parametrize("kind", ["paper", "best"])
def test_loader_workers_change_nothing_even_when_a_run_is_stopped_mid_epoch(
    kind, tmp_path, tiny_cache, undisturbed
):
    with pytest.raises(Interrupted):
        train(
            tiny_recipe(kind),
            tmp_path,
            cache=tiny_cache,
            listen=interrupting("annotate", MID_EPOCH),
            workers=2,
        )
    train(tiny_recipe(kind), tmp_path, cache=tiny_cache, resume=True, workers=2)
    assert outcome(tmp_path) == undisturbed(kind)


def test_a_run_stopped_after_every_single_step_ends_the_same(tmp_path, tiny_cache, undisturbed):
    recipe = tiny_recipe("pair_contrast")
    for step in range(1, 3 * STEPS_PER_EPOCH + 1):
        with pytest.raises(Interrupted):
            train(recipe, tmp_path, cache=tiny_cache, listen=interrupting("contrast", step), resume=step > 1)
    train(recipe, tmp_path, cache=tiny_cache, resume=True)
    assert outcome(tmp_path) == undisturbed("pair_contrast")


def test_saving_and_measuring_more_often_changes_no_weight(tmp_path, tiny_cache, undisturbed):
    train(tiny_recipe("best"), tmp_path, cache=tiny_cache, save_every=1, validate_every=1)
    for path, content in undisturbed("best").items():
        if not path.endswith("metrics.jsonl"):
            assert outcome(tmp_path)[path] == content, path


def test_finished_stages_are_skipped_and_a_finished_run_is_left_alone(tmp_path, tiny_cache, undisturbed):
    with pytest.raises(Interrupted):
        train(tiny_recipe("paper"), tmp_path, cache=tiny_cache, listen=interrupting("learn", 1))
    before = (tmp_path / "stages/annotate/artefact/model.safetensors").stat().st_mtime_ns
    train(tiny_recipe("paper"), tmp_path, cache=tiny_cache, resume=True)
    train(tiny_recipe("paper"), tmp_path, cache=tiny_cache, resume=True)
    assert (tmp_path / "stages/annotate/artefact/model.safetensors").stat().st_mtime_ns == before
    assert outcome(tmp_path) == undisturbed("paper")


def test_another_seed_gives_other_weights(tmp_path, tiny_cache, undisturbed):
    train(tiny_recipe("pair_contrast", "seed=1"), tmp_path, cache=tiny_cache)
    weights = "stages/contrast/artefact/model.safetensors"
    assert outcome(tmp_path)[weights] != undisturbed("pair_contrast")[weights]


def test_ctrl_c_between_steps_is_not_lost(tmp_path, tiny_cache, undisturbed, monkeypatch):
    real = run.leave_artefact

    def leave_and_press(*arguments):
        os.kill(os.getpid(), signal.SIGINT)
        real(*arguments)

    monkeypatch.setattr(run, "leave_artefact", leave_and_press)
    with pytest.raises(Interrupted, match="stopped before stage learn"):
        train(tiny_recipe("best"), tmp_path, cache=tiny_cache)
    with pytest.raises(Interrupted, match="stopped after its last stage"):
        train(tiny_recipe("best"), tmp_path, cache=tiny_cache, resume=True)
    monkeypatch.undo()
    train(tiny_recipe("best"), tmp_path, cache=tiny_cache, resume=True)
    assert outcome(tmp_path) == undisturbed("best")
