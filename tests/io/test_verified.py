import os

import pytest

from anaglyph.io import atomic
from anaglyph.io.verified import verify_manifest_once


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "a"
    place.mkdir()
    (place / "x").write_bytes(b"12")
    (place / "y").write_bytes(b"34")
    atomic.write_manifest(place)
    return place


@pytest.fixture
def hashed(monkeypatch):
    """Names of the files that were hashed."""
    names = []
    original = atomic.sha256

    def counted(path):
        names.append(path.name)
        return original(path)

    monkeypatch.setattr(atomic, "sha256", counted)
    return names


def test_an_untouched_folder_is_hashed_once(folder, hashed):
    for _ in range(3):
        assert verify_manifest_once(folder) is None
    assert hashed == ["x", "y"]


@pytest.mark.parametrize("keep_time", [True, False])
def test_a_file_that_changes_later_is_found_even_under_its_old_size_and_date(folder, keep_time):
    assert verify_manifest_once(folder) is None
    before = (folder / "y").stat()
    (folder / "y").write_bytes(b"43")
    if keep_time:
        os.utime(folder / "y", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "'y' has changed" in str(verify_manifest_once(folder)).replace(f"{folder}/", "")


def test_a_folder_that_was_damaged_and_is_made_anew_is_fine_again(folder):
    (folder / "x").write_bytes(b"13")
    assert verify_manifest_once(folder) is not None
    (folder / "x").write_bytes(b"12")
    assert verify_manifest_once(folder) is None
    (folder / "extra").write_bytes(b"")
    assert "is not in the manifest" in str(verify_manifest_once(folder))


def test_a_folder_without_a_manifest_was_never_finished(tmp_path):
    assert "never finished" in str(verify_manifest_once(tmp_path))
