import importlib.util

import pytest

from anaglyph.errors import ConfigError, MissingExtraError
from anaglyph.geometry.cameras import orbit
from anaglyph.render.backends import BACKENDS, available_backends, choose_backend, explain
from anaglyph.render.options import RenderOptions
from anaglyph.render.views import render_views
from scenes import box


@pytest.fixture
def without_extras(monkeypatch):
    """A machine on which no optional package is installed."""
    find = importlib.util.find_spec
    hidden = {"numba", "moderngl", "embreex"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in hidden else find(name))


def test_torch_is_always_there():
    for device in ("cpu", "cuda"):
        assert "torch" in available_backends(device)
        assert explain("torch", device) == ""


def test_on_other_devices_only_torch_runs():
    assert available_backends("cuda") == ("torch",)
    assert choose_backend("auto", "cuda") == "torch"
    with pytest.raises(
        ConfigError, match=r"'numba' gives its result on the CPU.* use backend='auto' or 'torch'"
    ):
        choose_backend("numba", "cuda")


def test_on_the_cpu_the_fastest_installed_one_runs_and_others_only_when_asked_for():
    pytest.importorskip("numba")
    assert choose_backend("auto", "cpu") == "numba"
    assert available_backends("cpu")[:2] == ("numba", "torch")
    for name in available_backends("cpu"):
        assert choose_backend(name, "cpu") == name


@pytest.mark.usefixtures("without_extras")
def test_without_extras_torch_runs_and_the_others_say_what_is_missing():
    assert available_backends("cpu") == ("torch",)
    assert choose_backend("auto", "cpu") == "torch"
    views = render_views(box([-0.5] * 3, [0.5] * 3), [orbit(0, 0)], options=RenderOptions(size=8))
    assert views.backend == "torch"
    assert views.mask.any()
    for name, extra in (("numba", "fast"), ("moderngl", "render"), ("embree", "render")):
        assert f"pip install 'anaglyph[{extra}]'" in explain(name)
        with pytest.raises(MissingExtraError, match=f"back-end '{name}'"):
            choose_backend(name, "cpu")


def test_a_device_without_float64_is_refused():
    assert available_backends("mps") == ()
    for name in ("auto", "torch", "numba"):
        with pytest.raises(ConfigError, match="made on 'cpu' or 'cuda', not on 'mps'; use device='cpu'"):
            choose_backend(name, "mps")


def test_an_unknown_back_end_is_named():
    with pytest.raises(ConfigError, match="no back-end 'moderngI'; did you mean 'moderngl'"):
        choose_backend("moderngI", "cpu")
    assert set(BACKENDS) == {"numba", "torch", "moderngl", "embree"}
