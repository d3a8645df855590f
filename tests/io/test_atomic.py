import errno
import json
import os
import subprocess
import sys

import pytest

from anaglyph.errors import DataError
from anaglyph.io.atomic import (
    new_folder,
    remove_leftovers,
    verify_manifest,
    write_bytes,
    write_chunks,
    write_json,
    write_manifest,
    write_text,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_bytes_text_and_json_arrive_and_nothing_else_is_left(tmp_path):
    write_bytes(tmp_path / "a", b"\x00\xff")
    write_text(tmp_path / "b", "größe\r\n")
    write_json(tmp_path / "c", {"x": [1, 2.5, None]})
    assert (tmp_path / "a").read_bytes() == b"\x00\xff"
    assert (tmp_path / "b").read_bytes() == "größe\r\n".encode()
    assert json.loads((tmp_path / "c").read_text()) == {"x": [1, 2.5, None]}
    assert names(tmp_path) == ["a", "b", "c"]


def test_names_as_long_as_the_file_system_allows_can_be_written_in_any_script(tmp_path):
    for name in ("a" * 255, "猫" * 85, "é" * 127):
        write_bytes(tmp_path / name, b"x")
    assert sorted(names(tmp_path)) == sorted(["a" * 255, "猫" * 85, "é" * 127])


def test_a_failed_write_keeps_the_old_file_and_removes_its_own_traces(tmp_path, monkeypatch):
    write_bytes(tmp_path / "a", b"old")

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        DataError, match=r"cannot write .*a'.*No space left.* 3 bytes are needed, \d+ bytes are free"
    ):
        write_bytes(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_a_real_size_limit_of_the_system_is_reported_the_same_way(tmp_path):
    code = (
        "import resource, sys; from pathlib import Path; from anaglyph.io.atomic import write_bytes\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: write_bytes(Path(sys.argv[1]) / 'a', bytes(5000))\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("DataError cannot write")
    assert "5000 bytes are needed" in done.stdout
    assert names(tmp_path) == []


def test_other_write_errors_pass_through(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_bytes(tmp_path / "no" / "such" / "folder", b"")


def test_a_new_folder_appears_only_when_its_block_ends_well(tmp_path):
    with new_folder(tmp_path / "run") as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "x").write_text("1")
        assert not (tmp_path / "run").exists()
    assert (tmp_path / "run" / "deep" / "x").read_text() == "1"

    def fail_half_way():
        with new_folder(tmp_path / "other") as folder:
            (folder / "x").write_text("1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert names(tmp_path) == ["run"]


def test_a_new_folder_never_replaces_one(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "x").write_text("mine")
    with pytest.raises(DataError, match="exists already"), new_folder(tmp_path / "run"):
        pass

    def lose_the_race():
        with new_folder(tmp_path / "race"):
            (tmp_path / "race").mkdir()
            (tmp_path / "race" / "x").write_text("theirs")

    with pytest.raises(DataError, match="written by somebody else"):
        lose_the_race()
    assert (tmp_path / "race" / "x").read_text() == "theirs"
    assert names(tmp_path) == ["race", "run"]


def test_leftovers_of_killed_writers_are_found_and_other_files_are_not(tmp_path):
    code = (
        "import os, sys; from pathlib import Path; from anaglyph.io import atomic\n"
        "atomic.os.fsync = lambda descriptor: os._exit(9)\n"
        "atomic.write_bytes(Path(sys.argv[1]) / 'a', b'x')"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    (tmp_path / ".hidden").write_text("keep")
    assert len(names(tmp_path)) == 2
    assert len(remove_leftovers(tmp_path)) == 1
    assert names(tmp_path) == [".hidden"]


@pytest.fixture
def sealed(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "sub" / "b").write_bytes(b"67890")
    write_manifest(tmp_path)
    return tmp_path


def test_an_untouched_folder_verifies(sealed):
    assert verify_manifest(sealed) is None


def test_each_kind_of_damage_is_named(sealed):
    (sealed / "sub" / "b").write_bytes(b"67891")
    assert "sub/b' has changed" in verify_manifest(sealed)
    (sealed / "sub" / "b").write_bytes(b"678")
    assert "has 3 bytes, its manifest says 5" in verify_manifest(sealed)
    (sealed / "sub" / "b").unlink()
    assert "sub/b' is missing" in verify_manifest(sealed)
    (sealed / "sub" / "b").write_bytes(b"67890")
    (sealed / "c").write_bytes(b"")
    assert "c' is not in the manifest" in verify_manifest(sealed)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": 3}', '{"files": {"a": {}}}', "\xff"])
def test_a_damaged_manifest_is_a_problem_not_a_crash(sealed, text):
    (sealed / "manifest.json").write_bytes(text.encode("latin-1"))
    assert "manifest.json' cannot be read" in verify_manifest(sealed)


def test_a_folder_without_a_manifest_was_never_finished(tmp_path):
    assert "never finished" in verify_manifest(tmp_path)


def test_chunks_are_joined_and_an_error_among_them_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.bin"
    write_chunks(path, (bytes([number]) * 3 for number in range(3)))
    assert path.read_bytes() == b"\0\0\0\1\1\1\2\2\2"

    def failing():
        yield b"new"
        raise RuntimeError("the source ended")

    with pytest.raises(RuntimeError, match="the source ended"):
        write_chunks(path, failing())
    assert path.read_bytes() == b"\0\0\0\1\1\1\2\2\2"
    assert [found.name for found in tmp_path.iterdir()] == ["a.bin"]


def test_leftovers_of_one_file_are_removed_and_those_of_others_stay(tmp_path):
    for name in (".a.npy.0123.partial", ".a.npy.json.0123.partial", ".b.npy.0123.partial", "a.npy.partial"):
        (tmp_path / name).touch()
    removed = remove_leftovers(tmp_path, of="a.npy.json")
    assert [path.name for path in removed] == [".a.npy.json.0123.partial"]
    assert {path.name for path in tmp_path.iterdir()} == {
        ".a.npy.0123.partial",
        ".b.npy.0123.partial",
        "a.npy.partial",
    }
