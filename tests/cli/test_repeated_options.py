"""Options of several values that are given again: the values add up in their order."""

import functools

import pytest

from anaglyph.cli.main import COMMANDS, join_repeated


@pytest.mark.parametrize(
    ("given", "joined"),
    [
        ("train X --set a=1 --set b=2", "train X --set a=1 b=2"),
        ("train X --set a=1 b=2 --json --set c=3", "train X --set a=1 b=2 c=3 --json"),
        ("train X --set=a=1 --seeds 1 --set=a=2 --seeds -2", "train X --set a=1 a=2 --seeds 1 -2"),
        ("train X --log tensorboard --log=wandb", "train X --log tensorboard wandb"),
        ("evaluate X --views 2 --split test", "evaluate X --views 2 --split test"),
        ("train --set a=1 -- X", "train --set a=1 -- X"),
        ("", ""),
    ],
)
def test_values_join_the_first_occurrence_and_nothing_else_moves(given, joined):
    assert join_repeated(given.split()) == joined.split()


@pytest.mark.parametrize("spelling", [["--set", "{}"], ["--set={}"]])
@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_a_command_sees_every_repeated_change_in_order(command, spelling, anaglyph, monkeypatch):
    seen = {}

    @functools.wraps(COMMANDS[command])
    def spy(*positional, **options):
        seen.update(options)
        return 0

    monkeypatch.setitem(COMMANDS, command, spy)
    again = [word.format(change) for change in ("a.b=5", "seed=3", "a.b=6") for word in spelling]
    assert anaglyph(command, "X", *again).code == 0
    assert seen["set"] == ("a.b=5", "seed=3", "a.b=6")


def test_of_two_values_for_one_name_the_later_wins(anaglyph, finished):
    twice = ["--set", "evaluation_points=64", "--set", "evaluation_points=1.5"]
    assert "1.5" in anaglyph("evaluate", finished.run, *twice).err
    assert anaglyph("evaluate", finished.run, *twice[2:], *twice[:2], "--device", "cpu").code == 0
