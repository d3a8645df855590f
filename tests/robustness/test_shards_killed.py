"""`anaglyph train` over tar shards, killed in the middle of one, and over damaged ones."""

import signal

import numpy as np
import pytest
from safetensors.numpy import load

from anaglyph.data.catalog import DataConfig, create_dataset
from anaglyph.data.samplers import epoch_rows
from anaglyph.engine.recipe import resolve
from shards_on_disk import (
    BATCH,
    OBJECTS,
    PER_SHARD,
    RECIPE,
    STEPS_PER_EPOCH,
    cut,
    spoil,
    write_data,
    write_recipe,
)
from tiny_runs import outcome, train_command

STEP = "anaglyph.engine.loop:gradient_norm"
READ = "anaglyph.data.shards.records:decode"
SAVED = STEPS_PER_EPOCH + 2
"""The step of the second epoch after which the last checkpoint before a kill was made."""
READS = 26 + SAVED * BATCH + BATCH
"""Rehearsals read 26 records before the first step; the next checkpoint comes two steps after `SAVED`."""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Six shards, which the whole module reads."""
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture
def own(tmp_path):
    """Shards that a test may damage."""
    return write_data(tmp_path / "data")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    return write_recipe(tmp_path_factory.mktemp("recipe") / "aligned.yaml")


def command(recipe, root, output, *more):
    return [*train_command(recipe, output), "--data-root", str(root), *more]


def ends_well(child):
    assert child.wait() == 0, child.text()
    return child.text()


def ends_in_one_line(child):
    """The sentence that it ended with."""
    assert child.wait() == 2, child.text()
    (line,) = child.text().splitlines()
    assert line.startswith("anaglyph: ")
    return line


@pytest.fixture(scope="module")
def whole(server, recipe, root, tmp_path_factory):
    """What an undisturbed run leaves."""
    output = tmp_path_factory.mktemp("whole")
    ends_well(server.start(command(recipe, root, output)))
    return outcome(output / "aligned/seed-0")


def test_the_checkpoint_of_these_tests_lies_in_the_middle_of_an_epoch_and_of_every_open_shard(root):
    data = resolve(RECIPE).data
    train = create_dataset(DataConfig(name=data.name, options=data.options), "train", root=root)
    rows = np.stack(epoch_rows(len(train), batch=BATCH, seed=0, epoch=1, blocks=train.blocks))
    assert rows.shape == (STEPS_PER_EPOCH, BATCH)
    before, after = (rows[part].ravel() // PER_SHARD for part in np.split(range(len(rows)), [2]))
    assert len(set(before)) == 4
    assert set(before) <= set(after)


@pytest.mark.parametrize(
    ("inside", "call", "workers"),
    [(STEP, SAVED + 2, 0), (READ, READS, 0), (STEP, SAVED + 1, 2)],
    ids=["in a step", "while a record is read", "in a step with workers"],
)
def test_a_run_killed_in_the_middle_of_a_shard_goes_on_to_the_same_weights(
    inside, call, workers, server, recipe, root, whole, tmp_path
):
    run = command(recipe, root, tmp_path, "--save-every", "2", "--workers", str(workers))
    child = server.start(run, inside=inside, call=call, point=0)
    assert child.wait() == -signal.SIGKILL, child.text()
    said = ends_well(server.start([*run, "--resume"]))
    assert f"goes on from step-{SAVED:08d}" in said
    assert outcome(tmp_path / "aligned/seed-0") == whole


def test_a_run_killed_again_and_again_at_each_step_ends_with_the_same_weights(
    server, recipe, root, whole, tmp_path
):
    run = command(recipe, root, tmp_path, "--save-every", "1", "--resume")
    kills = 0
    while (code := (child := server.start(run, inside=STEP, call=5, point=0)).wait()) != 0:
        assert code == -signal.SIGKILL, child.text()
        kills += 1
    assert kills == (3 * STEPS_PER_EPOCH - 1) // 4
    assert outcome(tmp_path / "aligned/seed-0") == whole


def test_a_damaged_record_stops_a_run_before_it_begins(server, recipe, own, tmp_path):
    spoil(own / "shards/train-00002.tar", "object-19")
    line = ends_in_one_line(server.start(command(recipe, own, tmp_path / "runs")))
    assert "records that cannot be used: 1 (object-19), 0 are allowed" in line
    assert "its safetensors member is damaged" in line
    assert line.endswith("set max_bad.")
    assert not (tmp_path / "runs").exists()


def test_damaged_and_lost_records_are_named_counted_and_left_out_when_that_is_asked_for(
    server, recipe, own, tmp_path
):
    spoil(own / "shards/train-00002.tar", "object-19")
    cut(own / "shards/train-00004.tar", "object-38")
    run = command(recipe, own, tmp_path / "runs", "--set", "data.options.max_bad=3")
    said = ends_well(server.start(run))
    named = [line.partition("left out: ")[2] for line in said.splitlines() if "left out: " in line]
    assert [line.partition(":")[0] for line in named] == ["object-19", "object-38", "object-39"]
    assert "damaged: its checksum" in named[0]
    assert "cut off" in named[1]
    assert said.count(f"3 left out of '{own / 'shards'}', {OBJECTS - 3} records remain") == 1


@pytest.mark.parametrize("workers", ["0", "2"])
def test_damage_met_on_the_way_stops_the_run_and_the_mended_shard_lets_it_go_on(
    workers, server, recipe, own, whole, tmp_path
):
    shard = own / "shards/train-00002.tar"
    sound = shard.read_bytes()
    spoil(shard, "object-19")
    run = command(recipe, own, tmp_path / "runs", "--workers", workers, "--save-every", "1")
    run += ["--set", "data.options.verify=false"]
    line = ends_in_one_line(server.start(run))
    assert f"record 'object-19' of '{shard}' cannot be read: its safetensors member is damaged" in line
    shard.write_bytes(sound)
    ends_well(server.start([*run, "--resume"]))
    # `verify` stands in the header, so that only the tensors are the same.
    made, expected = (
        load(files["stages/align/artefact/model.safetensors"])
        for files in (outcome(tmp_path / "runs/aligned/seed-0"), whole)
    )
    assert made.keys() == expected.keys()
    assert all(np.array_equal(made[name], expected[name]) for name in made)
