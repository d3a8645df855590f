"""A step that is not finite changes nothing, is reported, and the third in a row ends the run."""

import json

import pytest
import torch

from anaglyph.engine.events import Step
from anaglyph.engine.guards import DiskGuard
from anaglyph.engine.interrupt import Interrupted
from anaglyph.engine.loop import _Run
from anaglyph.errors import DataError, TrainingError
from anaglyph.methods.catalog import METHODS
from anaglyph.registry import Entry
from tiny_runs import interrupting, outcome, tiny_recipe, train


@pytest.fixture
def fragile(monkeypatch):
    """Assignments -> the recipe of the method that breaks on demand."""
    monkeypatch.setitem(METHODS.entries, "fragile", Entry("engine.fragile_method:Fragile", "breaks"))

    def recipe(**broken):
        changes = [f"stages.contrast.config.{name}={list(steps)}" for name, steps in broken.items()]
        return tiny_recipe("pair_contrast", "stages.contrast.method=fragile", *changes)

    return recipe


@pytest.fixture
def states(monkeypatch):
    """The method's state after every step, in a list that a run fills."""
    seen = []
    original = _Run.step

    def step(run, batch):
        original(run, batch)
        seen.append({name: value.clone() for name, value in run.stage.method.state_dict().items()})

    monkeypatch.setattr(_Run, "step", step)
    return seen


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("fault", ["nan_losses", "infinite_gradients", "nan_inputs"])
def test_a_step_that_is_not_finite_leaves_weights_statistics_memory_and_average_untouched(
    fault, fragile, states, tmp_path, tiny_cache
):
    train(fragile(**{fault: [4]}), tmp_path, cache=tiny_cache)
    assert len(states) == 9
    assert same(states[4], states[3])
    assert not same(states[3], states[2])
    assert not same(states[5], states[4])
    assert all(bool(value.isfinite().all()) for value in states[-1].values())


def test_skipped_steps_are_counted_and_their_keys_written_down(fragile, tmp_path, tiny_cache):
    steps = []
    train(
        fragile(nan_losses=[1, 4, 5]),
        tmp_path,
        cache=tiny_cache,
        listen=lambda event: steps.append(event) if isinstance(event, Step) else None,
    )
    rows = json.loads((tmp_path / "stages/contrast/nonfinite.json").read_text())
    assert [row["step"] for row in rows] == [1, 4, 5]
    assert all(row["loss"] == "nan" and len(row["keys"]) == steps[0].objects for row in rows)
    lines = [
        json.loads(line) for line in (tmp_path / "stages/contrast/metrics.jsonl").read_text().splitlines()
    ]
    assert [line["skipped_steps"] for line in lines] == [1, 3, 3]
    assert all(line["loss"] == line["loss"] for line in lines)  # no NaN enters the means


@pytest.mark.parametrize("fault", ["nan_losses", "infinite_gradients"])
def test_the_third_refused_step_in_a_row_ends_the_run_and_names_the_file(
    fault, fragile, tmp_path, tiny_cache
):
    with pytest.raises(TrainingError, match=r"3 steps in a row.*lower the learning rate.*nonfinite\.json"):
        train(fragile(**{fault: [4, 5, 6]}), tmp_path, cache=tiny_cache, save_every=1)
    assert len(json.loads((tmp_path / "stages/contrast/nonfinite.json").read_text())) == 3
    newest = max((tmp_path / "stages/contrast/checkpoints").iterdir())
    assert newest.name == "step-00000006"  # counts the two refused steps before the last


def test_two_refused_steps_a_good_one_and_two_more_do_not_end_the_run(fragile, tmp_path, tiny_cache):
    train(fragile(nan_losses=[1, 2, 4, 5]), tmp_path, cache=tiny_cache)
    assert len(json.loads((tmp_path / "stages/contrast/nonfinite.json").read_text())) == 4


def test_a_resumed_run_remembers_what_was_refused_and_draws_the_same_dropout(
    fragile, states, tmp_path, tiny_cache
):
    train(fragile(nan_losses=[2]), tmp_path / "whole", cache=tiny_cache)
    # The method counts its own steps from 0 in every process, so the second part meets no fault.
    with pytest.raises(Interrupted):
        train(
            fragile(nan_losses=[2]), tmp_path / "parts", cache=tiny_cache, listen=interrupting("contrast", 7)
        )
    train(fragile(nan_losses=[2]), tmp_path / "parts", cache=tiny_cache, resume=True)
    assert outcome(tmp_path / "parts") == outcome(tmp_path / "whole")


def test_the_second_failed_save_in_a_row_ends_the_run_and_a_good_one_between_does_not():
    guard = DiskGuard()
    full = DataError("cannot write 'x': 7 bytes are free.")
    assert "7 bytes are free" in guard.failed(full)
    guard.saved()
    assert "tries again" in guard.failed(full)
    with pytest.raises(TrainingError, match=r"twice in a row.*7 bytes are free.*--resume"):
        guard.failed(full)
