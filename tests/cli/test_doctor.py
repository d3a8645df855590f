"""The doctor looks and leaves: quick, without a trace, and whole whatever it meets."""

import pytest

from anaglyph.data.catalog import DATASETS
from anaglyph.data.datasets.mnist3d import Mnist3D
from anaglyph.errors import ConfigError


def states(shown):
    return {row["check"]: row["state"] for row in shown.data}


def test_data_folders_are_looked_for_and_never_read(anaglyph, tmp_path, monkeypatch):
    def read(*arguments, **options):
        raise RuntimeError("the doctor must not load data")

    for name in DATASETS.names():
        monkeypatch.setattr(DATASETS.load(name), "load", read)
    root, cache = tmp_path / "data", tmp_path / "cache"
    monkeypatch.setenv("ANAGLYPH_CACHE", str(cache))
    for folder in ("mnist", "modelnet40_aligned"):  # modelnet has no pictures
        (root / folder).mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    found = states(anaglyph("doctor", "--data-root", root, "--json"))
    assert (found["data digits3d"], found["data mnist3d"], found["data modelnet"]) == ("ok", "ok", "absent")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("trouble", [ConfigError("odd."), PermissionError(13, "Permission denied", "/x")])
def test_one_bad_line_never_ends_the_command(trouble, anaglyph, tmp_path, monkeypatch):
    def broken(self):
        raise trouble

    monkeypatch.setattr(Mnist3D, "__post_init__", broken, raising=False)
    shown = anaglyph("doctor", "--data-root", tmp_path, "--json")
    assert shown.code == 1
    found = states(shown)
    assert (found["data digits3d"], found["data mnist3d"]) == ("ok", "attention")
    assert "extra wandb" in found
