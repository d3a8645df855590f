import os

import numpy as np
import pytest

from anaglyph.data.datasets import model_contents
from anaglyph.data.datasets.model_contents import contents_of
from anaglyph.geometry.content_hash import content_hash
from furniture_on_disk import boxes, write


@pytest.fixture
def models(tmp_path):
    """Three models below a folder; the last is of no known format."""
    paths = [tmp_path / "models" / name for name in ("a/1.obj", "b/2.obj", "c/3.txt")]
    for number, path in enumerate(paths, start=1):
        write(path, "mtllib looks.mtl\n" + boxes(((0, number), (0, 1), (0, 1))))
    write(paths[0].parent / "looks.mtl", "newmtl red\nKd 1 0 0\n")
    return paths


@pytest.fixture
def hashed(monkeypatch):
    """The models that were hashed."""
    asked = []

    def counted(path, **options):
        asked.append(path)
        return content_hash(path, **options)

    monkeypatch.setattr(model_contents, "content_hash", counted)
    return asked


def found(models, cache):
    return contents_of(models, root=models[0].parents[1], cache=cache, name="models")


@pytest.mark.parametrize("kept", [False, True])
def test_hashes_are_those_of_the_contents_and_unreadable_models_have_none(models, tmp_path, kept):
    cache = tmp_path / "cache" if kept else None
    expected = (*(content_hash(path, root=models[0].parents[1]) for path in models[:2]), "")
    assert [found(models, cache) for _ in range(2)] == [expected] * 2


def test_models_are_hashed_once_while_nothing_below_the_folder_changes(models, tmp_path, hashed):
    first = found(models, tmp_path / "cache")
    assert len(hashed) == 3
    assert found(models, tmp_path / "cache") == first
    assert len(hashed) == 3
    assert found(models[::-1], tmp_path / "cache") == first[::-1]


def test_hashes_of_another_way_of_reading_are_not_taken(models, tmp_path, hashed, monkeypatch):
    found(models, tmp_path / "cache")
    monkeypatch.setattr(model_contents, "READING", model_contents.READING + 1)
    found(models, tmp_path / "cache")
    assert len(hashed) == 6


def test_a_cache_among_the_models_does_not_count_as_a_change(models, hashed):
    for _ in range(2):
        found(models, models[0].parents[1] / "cache")
        write(models[0].parents[1] / "cache" / "other.txt", str(len(hashed)))
    assert len(hashed) == 3


def change_bytes(folder):
    path = folder / "a" / "looks.mtl"
    before = path.stat()
    path.write_text("newmtl red\nKd 0 0 1\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def add_file(folder):
    write(folder / "b" / "looks.mtl", "newmtl red\nKd 1 0 0\n")


def turn_link(folder):
    (folder / "a" / "looks.mtl").unlink()
    write(folder / "elsewhere.mtl", "newmtl red\nKd 0 1 0\n")
    (folder / "a" / "looks.mtl").symlink_to("../elsewhere.mtl")


@pytest.mark.parametrize("change", [change_bytes, add_file, turn_link])
def test_a_change_of_what_models_refer_to_is_noticed(models, tmp_path, change):
    first = np.array(found(models, tmp_path / "cache"))
    change(models[0].parents[1])
    second = np.array(found(models, tmp_path / "cache"))
    other = 1 if change is add_file else 0
    assert (first != second).nonzero()[0].tolist() == [other]


def test_a_folder_that_cannot_be_looked_through_is_hashed_at_each_start(
    models, tmp_path, hashed, monkeypatch
):
    whole = os.scandir

    def closed(path):
        if os.fspath(path).endswith("c"):
            raise PermissionError(13, "Permission denied", path)
        return whole(path)

    monkeypatch.setattr(model_contents.os, "scandir", closed)
    for _ in range(2):
        assert found(models, tmp_path / "cache")[:2] == tuple(content_hash(path) for path in models[:2])
    assert len(hashed) == 6
