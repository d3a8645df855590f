"""The doctor looks and leaves: quick, without a trace, and whole whatever it meets."""

import pytest
import torch

from anaglyph.data.catalog import DATASETS
from anaglyph.data.datasets.mnist3d import Mnist3D
from anaglyph.engine import environment
from anaglyph.errors import ConfigError
from anaglyph.ops import backends


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


def test_every_point_operation_has_a_line_with_the_back_end_taken(anaglyph, tmp_path, monkeypatch):
    installed = {"cpu": ("numba", "tree", "torch")}
    monkeypatch.setattr(backends, "available_backends", lambda name, device: installed[device])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    def details():
        shown = anaglyph("doctor", "--data-root", tmp_path, "--json")
        lines = {row["check"]: row["detail"] for row in shown.data if row["check"].startswith("ops ")}
        assert set(lines) == {f"ops {name}" for name in backends.OPERATIONS}
        return set(lines.values())

    assert details() == {"cpu: numba; also tree, torch"}
    installed["cpu"] = ("torch",)
    assert details() == {"cpu: torch"}
    installed["cpu"] = ("tree", "torch")
    assert details() == {"cpu: tree for large clouds, torch for small ones"}
    installed["cuda"] = ("triton", "torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert details() == {"cpu: tree for large clouds, torch for small ones; cuda: triton; also torch"}


def test_the_extra_fast_is_told_by_the_package_it_brings(anaglyph, tmp_path, monkeypatch):
    versions = {"numba": "0.99.1"}
    monkeypatch.setattr(environment, "installed_version", lambda package: versions.get(package))

    def fast():
        shown = anaglyph("doctor", "--data-root", tmp_path, "--json")
        return next((row["state"], row["detail"]) for row in shown.data if row["check"] == "extra fast")

    assert fast() == ("ok", "numba 0.99.1")
    versions.clear()
    assert fast() == ("absent", "pip install 'anaglyph[fast]'")
