"""Ctrl-C in a real process: the first saves after the step and says how to go on; the second stops now."""

import signal
import time

import pytest

from tiny_runs import outcome, train_command


def lines(child):
    """What it said as the program, not as progress."""
    return [line for line in child.text().splitlines() if line.startswith("anaglyph:")]


@pytest.mark.parametrize(
    ("kind", "stage", "number"),
    [
        ("best", "annotate", signal.SIGINT),
        ("paper", "learn", signal.SIGINT),
        ("best", "learn", signal.SIGTERM),
    ],
)
def test_the_first_signal_saves_and_a_resumed_run_ends_like_an_undisturbed_one(
    kind, stage, number, server, recipes, undisturbed, tmp_path
):
    command = train_command(recipes / f"{kind}.yaml", tmp_path)
    child = server.start(command, pause=0.15)
    child.wait_for(tmp_path / kind / "seed-0/stages" / stage / "metrics.jsonl")
    child.send(number)
    assert child.wait() == 1, child.text()
    (line,) = lines(child)
    assert f"of stage {stage}. Go on with the same command and --resume." in line
    child = server.start([*command, "--resume"])
    assert child.wait() == 0, child.text()
    assert outcome(tmp_path / kind / "seed-0") == undisturbed(kind)


def test_ctrl_c_in_a_terminal_reaches_loader_workers_too_and_does_no_harm(
    server, recipes, undisturbed, tmp_path
):
    command = train_command(recipes / "best.yaml", tmp_path, "--workers", "2")
    child = server.start(command, pause=0.15)
    child.wait_for(tmp_path / "best/seed-0/stages/annotate/metrics.jsonl")
    child.send_group(signal.SIGINT)
    assert child.wait() == 1, child.text()
    assert "Traceback" not in child.text()
    assert "Go on with the same command and --resume." in lines(child)[-1]
    child = server.start([*command, "--resume"])
    assert child.wait() == 0, child.text()
    assert outcome(tmp_path / "best/seed-0") == undisturbed("best")


def test_the_second_ctrl_c_stops_at_once_and_the_run_can_still_go_on(server, recipes, undisturbed, tmp_path):
    command = train_command(recipes / "pair_contrast.yaml", tmp_path)
    child = server.start(command, pause=20)
    child.wait_for(tmp_path / "pair_contrast/seed-0/stages/contrast/metrics.jsonl")
    time.sleep(0.5)  # into the first step
    child.send(signal.SIGINT)
    time.sleep(0.5)
    began = time.monotonic()
    child.send(signal.SIGINT)
    assert child.wait() == 1, child.text()
    assert time.monotonic() - began < 10  # the step would have taken 20 s
    assert lines(child) == ["anaglyph: stopped."]
    assert "Traceback" not in child.text()
    child = server.start([*command, "--resume"])
    assert child.wait() == 0, child.text()
    assert outcome(tmp_path / "pair_contrast/seed-0") == undisturbed("pair_contrast")
