"""Kill -9 at any moment: there is always a state to go on from, and the end is bit for bit the same.

ANAGLYPH_KILLS=200 kills more often than a plain `make test`.
"""

import os
import random
import signal
import time

import pytest

from anaglyph.io.atomic import verify_manifest
from tiny_runs import outcome, train_command

KILLS = int(os.environ.get("ANAGLYPH_KILLS", "16"))
SAVE = "anaglyph.engine.loop:save_checkpoint"
LEAVE = "anaglyph.engine.run:leave_artefact"
OPEN = "anaglyph.engine.run:open_run_folder"


def leftovers(folder):
    return list(folder.rglob(".*.partial"))


def intact_checkpoints(folder):
    return [found for found in folder.glob("stages/*/checkpoints/step-*") if verify_manifest(found) is None]


def finish(server, command):
    child = server.start([*command, "--resume"])
    assert child.wait() == 0, child.text()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["best", "paper"])
def test_a_run_killed_at_random_moments_ends_bit_for_bit_like_an_undisturbed_one(
    kind, server, recipes, undisturbed, tmp_path
):
    expected = undisturbed(kind)
    moments = random.Random(f"kills of {kind}")
    command = train_command(recipes / f"{kind}.yaml", tmp_path, "--save-every", "1")
    began = time.monotonic()
    finish(server, train_command(recipes / f"{kind}.yaml", tmp_path / "timed", "--save-every", "1"))
    usual = time.monotonic() - began
    kills = ends = 0
    while kills < KILLS // 2 or not ends:
        child = server.start([*command, "--resume"])
        time.sleep(moments.uniform(0.0, usual))
        child.send(signal.SIGKILL)
        code = child.wait()
        assert code in (0, -signal.SIGKILL), child.text()
        kills += code != 0
        if code == 0:  # came through: compare, and begin anew in another folder
            ends += 1
            assert outcome(tmp_path / kind / "seed-0") == expected
            command = train_command(recipes / f"{kind}.yaml", tmp_path / str(ends), "--save-every", "1")
            tmp_path = tmp_path / str(ends)
    finish(server, command)
    assert outcome(tmp_path / kind / "seed-0") == expected
    assert not leftovers(tmp_path / kind)


@pytest.mark.slow
def test_killed_before_every_single_write_of_a_save_a_run_always_goes_on_to_the_same_end(
    server, recipes, undisturbed, tmp_path
):
    expected = undisturbed("pair_contrast")
    codes = []
    while not codes or codes[-1] != 0:
        point = len(codes) + 1
        command = train_command(recipes / "pair_contrast.yaml", tmp_path / str(point), "--save-every", "1")
        # The fifth save is that of step 4 (step 3 is saved twice), and the first to drop an old checkpoint.
        child = server.start(command, inside=SAVE, call=5, point=point)
        codes.append(child.wait())
        folder = tmp_path / str(point) / "pair_contrast/seed-0"
        if codes[-1] != 0:
            assert codes[-1] == -signal.SIGKILL, child.text()
            assert len(intact_checkpoints(folder)) >= 2  # two before the old one goes, three for a moment
            finish(server, command)
        assert outcome(folder) == expected
        assert not leftovers(folder)
    assert len(codes) > 12  # a save has more moments than that, and none is missed


@pytest.mark.parametrize("kind", ["crossmost", "finetune"])
def test_a_run_killed_in_the_middle_of_an_epoch_goes_on_to_the_same_bits(
    kind, server, recipes, undisturbed, tmp_path
):
    expected = undisturbed(kind)
    command = train_command(recipes / f"{kind}.yaml", tmp_path, "--save-every", "1")
    child = server.start(command, inside=SAVE, call=5, point=3)
    assert child.wait() == -signal.SIGKILL, child.text()
    finish(server, command)
    assert outcome(tmp_path / kind / "seed-0") == expected


@pytest.mark.slow
@pytest.mark.parametrize("inside", [LEAVE, OPEN])
def test_killed_while_a_stage_leaves_its_artefact_or_a_run_begins_it_ends_the_same(
    inside, server, recipes, undisturbed, tmp_path
):
    expected = undisturbed("paper")
    point, code = 1, None
    while code != 0:
        command = train_command(recipes / "paper.yaml", tmp_path / str(point))
        child = server.start(command, inside=inside, call=1, point=point)
        code = child.wait()
        folder = tmp_path / str(point) / "paper/seed-0"
        if code != 0:
            assert code == -signal.SIGKILL, child.text()
            finish(server, command)
        assert outcome(folder) == expected
        assert not leftovers(folder)
        point += 7 if inside == LEAVE else 1
    assert point > 3
