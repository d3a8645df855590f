"""Time spent on waiting for data: measured by the clock that is given, logged, of no account otherwise."""

import itertools
import json
import time

import pytest

from anaglyph.engine.events import Step
from anaglyph.engine.report import waiting
from anaglyph.engine.study import Result
from anaglyph.engine.waiting import Waiting
from tiny_runs import STEPS_PER_EPOCH, outcome, tiny_recipe, train


class Hand:
    """A clock that is moved by hand."""

    now = 100.0

    def __call__(self):
        return self.now


def slowly(clock, seconds):
    """Numbers, each of which takes so long to make."""
    for number, pause in enumerate(seconds):
        clock.now += pause
        yield number


def test_the_share_is_the_time_until_items_are_there_of_all_time_since_the_first_was_asked_for():
    clock = Hand()
    waits, shares = Waiting(clock), []
    for _ in waits.over(slowly(clock, [3.0, 0.0, 1.0])):
        clock.now += 2.0  # the step
        shares.append(waits.share())
    assert shares == [3 / 5, 3 / 7, 4 / 10]
    for _ in waits.over(slowly(clock, [1.0])):
        clock.now += 9.0
    assert waits.share() == 1 / 10  # of the new interval alone


def test_without_a_clock_items_pass_through_and_nothing_is_said():
    waits = Waiting(None)
    assert list(waits.over(iter("abc"))) == ["a", "b", "c"]
    assert waits.share() is None


def test_where_no_time_passes_there_is_no_share():
    waits = Waiting(Hand())
    assert list(waits.over(iter("ab"))) == ["a", "b"]
    assert waits.share() is None


def test_an_epoch_logs_its_share_and_each_step_the_share_so_far(tmp_path, tiny_cache):
    steps = []
    train(
        tiny_recipe("pair_contrast", "stages.contrast.epochs=2"), tmp_path, cache=tiny_cache,
        clock=itertools.count().__next__,
        listen=lambda event: steps.append(event.data_wait_share) if isinstance(event, Step) else None,
    )  # fmt: skip
    rows = [
        json.loads(line) for line in (tmp_path / "stages/contrast/metrics.jsonl").read_text().splitlines()
    ]
    # The clock moves by 1 when read: twice about a batch (1 of waiting), once by a step, once at the end.
    n = STEPS_PER_EPOCH
    expected = [(n + 1) / (3 * n + 3)] * 2
    assert [row["data_wait_share"] for row in rows] == pytest.approx(expected)
    assert steps[:n] == pytest.approx([step / (3 * step) for step in range(1, n + 1)])


def test_measuring_time_changes_nothing_that_is_learned_or_logged_beside_it(
    tmp_path, tiny_cache, undisturbed
):
    train(tiny_recipe("pair_contrast"), tmp_path, cache=tiny_cache, clock=time.monotonic)
    assert "data_wait_share" in (tmp_path / "stages/contrast/metrics.jsonl").read_text()
    assert outcome(tmp_path) == undisturbed("pair_contrast")


def test_a_report_says_how_much_each_stage_waited_and_leaves_out_what_was_not_measured(tmp_path):
    for stage, shares in (("one", [0.25, 0.5]), ("two", [])):
        (tmp_path / "stages" / stage).mkdir(parents=True)
        lines = [json.dumps({"step": 1, "loss": 1.0})] + [json.dumps({"data_wait_share": s}) for s in shares]
        (tmp_path / "stages" / stage / "metrics.jsonl").write_text("\n".join(lines))
    result = Result("mine", 3, "d", "i", {}, {}, 1.0, [], str(tmp_path))
    assert waiting(result) == {"mine, seed 3, one": 0.375}
