"""The OpenGL back-end's own matters: contexts, planes of depth, and machines without a driver."""

import gc
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np
import pytest

from anaglyph.errors import ConfigError, MissingExtraError
from anaglyph.geometry.cameras import orbit
from anaglyph.render import opengl
from anaglyph.render.backends import explain
from scenes import SCENES, box, joined, mesh_of, sphere

CAMERAS = (orbit(30, 30), orbit(200, 10))


@pytest.fixture
def driver():
    if reason := explain("moderngl"):
        pytest.skip(reason)


def in_a_child(code, **environment):
    """Run Python in a process with a changed environment; its result."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_many_contexts_one_after_the_other_give_the_same_and_leave_nothing_open(driver):
    mesh = SCENES["chair"]()
    first = opengl.faces_seen(mesh.vertices, mesh.faces, CAMERAS, size=64)
    files = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for turn in range(30):
        again = opengl.faces_seen(mesh.vertices, mesh.faces, CAMERAS, size=64)
        np.testing.assert_array_equal(again, first)
        if turn % 10 == 0:
            gc.collect()  # what the collector takes late must not be something of a later context
    assert len(os.listdir("/proc/self/fd")) <= files + 2  # noqa: PTH208


def test_threads_may_draw_at_the_same_time(driver):
    meshes = [SCENES[name]() for name in ("chair", "box", "sphere", "wires")] * 3

    def draw(mesh):
        return opengl.faces_seen(mesh.vertices, mesh.faces, CAMERAS, size=64)

    alone = [draw(mesh) for mesh in meshes]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(draw, meshes))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def test_numbers_of_faces_stay_exact_beyond_what_colours_or_float32_hold(driver):
    """A grid of 2^24 + 2 triangles would be slow; the last of 70,000 hidden ones is as good: beyond 2^16."""
    far = np.array([[[-0.01, -0.01, -0.5], [0.01, -0.01, -0.5], [0, 0.01, -0.5]]] * 70_000).reshape(-1, 3)
    near = np.array([[-0.4, -0.4, 0.4], [0.4, -0.4, 0.4], [0, 0.4, 0.4]])
    mesh = mesh_of(np.concatenate([far, near]), np.arange(210_003).reshape(-1, 3))
    found = opengl.faces_seen(mesh.vertices, mesh.faces, (orbit(0, 0),), size=32)
    assert set(np.unique(found)) == {-1, 70_000}


def test_surfaces_close_to_each_other_are_told_apart_beside_something_far_away(driver):
    plates = [box((-0.5, -0.5, z), (0.5, 0.5, z + 1e-6)) for z in (0.0, 1e-5)]
    whole = joined(*plates, sphere(8, 8, radius=0.2))
    moved = whole.vertices.copy()
    moved[16:] += np.float32([0, 0, -200])
    found = opengl.faces_seen(moved, whole.faces, (orbit(0, 0),), size=64)
    centre = found[0, 24:40, 24:40]
    assert (centre // 12 == 1).all()


def test_a_grid_larger_than_the_driver_draws_is_refused_by_its_number(driver):
    mesh = SCENES["box"]()
    seen = np.broadcast_to(np.int32(-1), (1, 100_000, 100_000))  # of four bytes
    with (
        opengl._context() as context,
        ExitStack() as stack,
        pytest.raises(ConfigError, match=r"at most \d+ samples a side, 100000 are asked for"),
    ):
        opengl._draw(context, stack, mesh.vertices, mesh.faces, CAMERAS[:1], seen)


BROKEN = {
    "GLCONTEXT_LINUX_LIBEGL": "libabsent.so",
    "GLCONTEXT_LINUX_LIBGL": "libabsent.so",
    "__EGL_VENDOR_LIBRARY_FILENAMES": "/absent.json",
    "MESA_GL_VERSION_OVERRIDE": "2.1",
}
SAY = """
from anaglyph.errors import ConfigError
from anaglyph.render import opengl
try:
    opengl.require()
except ConfigError as error:
    print(error)
"""


@pytest.mark.parametrize("variable", list(BROKEN))
def test_a_broken_driver_is_one_line_that_names_the_way_out(driver, variable):
    ran = in_a_child(SAY, **{variable: BROKEN[variable]})
    assert ran.returncode == 0, ran.stderr
    assert len(ran.stdout.splitlines()) == 1
    assert "back-end 'moderngl' cannot draw here" in ran.stdout
    assert "apt install libegl1" in ran.stdout
    assert "backend='auto' and 'torch' work without it" in ran.stdout
    if "GLCONTEXT" in variable:
        assert "libabsent.so" in ran.stdout


@pytest.mark.parametrize(
    ("trial", "reason"),
    [
        ("import os; os.kill(os.getpid(), 11)", "the OpenGL driver crashed (signal 11)"),
        ("import time; time.sleep(60)", "the OpenGL driver did not answer within 1 s"),
        ("raise SystemExit(3)", "no reason given"),
    ],
)
def test_a_driver_that_crashes_or_hangs_does_so_in_a_child(monkeypatch, trial, reason):
    pytest.importorskip("moderngl")
    monkeypatch.setattr(opengl, "_TRIAL", trial)
    monkeypatch.setattr(opengl, "PATIENCE", 1.0)
    opengl._require_driver.cache_clear()
    with pytest.raises(ConfigError) as caught:
        opengl.require()
    assert reason in str(caught.value)


def test_a_driver_is_tried_until_it_works_and_then_no_more(monkeypatch):
    pytest.importorskip("moderngl")
    answers = iter(["no screen", "out of memory", ""])
    monkeypatch.setattr(opengl, "_driver_trouble", lambda: next(answers))
    opengl._require_driver.cache_clear()
    try:
        for reason in ("no screen", "out of memory"):
            with pytest.raises(ConfigError, match=reason):
                opengl.require()
        opengl.require()
        opengl.require()
    finally:
        opengl._require_driver.cache_clear()  # what was learnt here is not true of this machine


def test_without_the_package_the_install_line_is_named(monkeypatch):
    monkeypatch.setattr(opengl.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"back-end 'moderngl' .* pip install 'anaglyph\[render\]'"):
        opengl.require()
