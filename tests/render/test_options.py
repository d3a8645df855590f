import dataclasses

import pytest

from anaglyph.config import structure
from anaglyph.errors import ConfigError
from anaglyph.geometry.cameras import orbit, view_cameras
from anaglyph.render import options as module
from anaglyph.render.options import RenderOptions, fingerprint

CAMERAS = view_cameras("ring8")
OTHERS = {"size": 112, "supersampling": 3, "ambient": 0.2, "diffuse": 0.7, "background": 0.5, "lit": False}


def test_every_option_but_the_wish_for_a_back_end_changes_the_fingerprint():
    plain = fingerprint(RenderOptions(), CAMERAS, backend="torch")
    assert set(OTHERS) == {field.name for field in dataclasses.fields(RenderOptions)} - {"backend"}
    others = {fingerprint(RenderOptions(**{k: v}), CAMERAS, backend="torch") for k, v in OTHERS.items()}
    assert len(others | {plain}) == len(OTHERS) + 1
    assert fingerprint(RenderOptions(backend="torch"), CAMERAS, backend="torch") == plain


def test_cameras_back_end_and_version_change_the_fingerprint(monkeypatch):
    made = [
        fingerprint(RenderOptions(), cameras, backend=backend)
        for cameras in (CAMERAS, CAMERAS[:7], CAMERAS[::-1], [orbit(0, 30, margin=1.1)])
        for backend in ("torch", "numba")
    ]
    monkeypatch.setattr(module, "RENDERER_VERSION", module.RENDERER_VERSION + 1)
    made.append(fingerprint(RenderOptions(), CAMERAS, backend="torch"))
    assert len(set(made)) == 9


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"size": 0}, "must be >= 1, got 0"),
        ({"supersampling": 0}, "must be >= 1"),
        ({"size": 5000}, "at most 8192, got 5000 x 2"),
        ({"ambient": -0.1}, r"ambient must lie in \[0, 1\], got -0.1"),
        ({"background": float("nan")}, "background must lie"),
        ({"backend": "numbra"}, "no back-end 'numbra'; did you mean 'numba'"),
    ],
)
def test_a_value_out_of_range_is_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        RenderOptions(**values)


def test_the_largest_picture_is_allowed():
    assert RenderOptions(size=4096, supersampling=2).samples == module.MAX_SAMPLES


def test_options_come_from_a_recipe():
    assert structure(RenderOptions, {"size": 96, "lit": False}, where="views") == RenderOptions(
        size=96, lit=False
    )
