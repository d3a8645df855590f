"""A full disk: what was saved stays, training waits for room once, and then says what is missing."""

import errno
import os
import subprocess

import pytest

from anaglyph.engine.events import Note, Step
from anaglyph.errors import DataError, TrainingError
from anaglyph.io import atomic
from anaglyph.io.atomic import verify_manifest
from tiny_runs import outcome, tiny_recipe, train


class InjectedDisk:
    """A disk on which fsync fails while it is full."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.full = folder, False
        synced = os.fsync

        def fsync(descriptor):
            if self.full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            synced(descriptor)

        monkeypatch.setattr(atomic.os, "fsync", fsync)

    def fill(self):
        self.full = True

    def free(self):
        self.full = False


class SmallDisk:
    """A real file system of its own, small enough to be filled."""

    def __init__(self, folder):
        self.folder = folder

    def fill(self):
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            self.write_for_ever()

    def write_for_ever(self):
        with (self.folder / "filler").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def free(self):
        (self.folder / "filler").unlink()


@pytest.fixture(params=["injected", "small file system"])
def disk(request, tmp_path, monkeypatch):
    if request.param == "injected":
        yield InjectedDisk(tmp_path, monkeypatch)
        return
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small file system needs root")
    yield SmallDisk(folder)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="session")
def tiny_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("tiny_cache")


@pytest.fixture(scope="session")
def whole(tmp_path_factory, tiny_cache):
    """What a run leaves that always had room."""
    folder = tmp_path_factory.mktemp("whole")
    train(tiny_recipe("pair_contrast"), folder, cache=tiny_cache)
    return outcome(folder)


def at(actions, notes):
    """A listener that fills or frees the disk after the given steps and collects notes."""

    def listen(event):
        if isinstance(event, Step) and event.step in actions:
            actions[event.step]()
        if isinstance(event, Note):
            notes.append(event.text)

    return listen


def intact(folder):
    return [
        found.name
        for found in sorted(folder.glob("stages/contrast/checkpoints/step-*"))
        if verify_manifest(found) is None
    ]


def test_one_failed_save_is_reported_and_training_ends_as_if_nothing_had_been(disk, whole, tiny_cache):
    notes = []
    listen = at({3: disk.fill, 4: disk.free}, notes)  # the save after step 3 finds no room
    run = disk.folder / "run"
    train(tiny_recipe("pair_contrast"), run, cache=tiny_cache, listen=listen)
    (note,) = notes
    assert "could not save a checkpoint" in note
    assert "bytes are free" in note
    assert outcome(run) == whole
    assert not list(run.rglob(".*.partial"))


def test_the_second_failed_save_stops_with_the_old_checkpoint_intact_and_resume_ends_the_same(
    disk, whole, tiny_cache
):
    notes = []
    run = disk.folder / "run"
    with pytest.raises(TrainingError, match=r"twice in a row.*bytes are free.*--resume"):
        train(
            tiny_recipe("pair_contrast"),
            run,
            cache=tiny_cache,
            listen=at({5: disk.fill}, notes),
            save_every=2,
        )
    assert "step-00000004" in intact(run)
    disk.free()
    train(tiny_recipe("pair_contrast"), run, cache=tiny_cache, resume=True)
    assert outcome(run) == whole
    assert not list(run.rglob(".*.partial"))


def test_no_room_for_the_artefact_is_one_clear_error_and_resume_ends_the_same(disk, whole, tiny_cache):
    run = disk.folder / "run"
    with pytest.raises(DataError, match=r"bytes are free.*make room"):
        train(tiny_recipe("pair_contrast"), run, cache=tiny_cache, listen=at({9: disk.fill}, []))
    disk.free()
    train(tiny_recipe("pair_contrast"), run, cache=tiny_cache, resume=True)
    assert outcome(run) == whole
