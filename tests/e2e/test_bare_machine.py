"""Without GL, EGL, X11, OSMesa and LLVM libraries everything runs, and the default never wants them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from anaglyph.render.backends import explain
from model_files import write_model
from scenes import SCENES

HIDDEN = (
    "GL",
    "EGL",
    "GLX",
    "GLdispatch",
    "OpenGL",
    "GLES",
    "X11",
    "Xrender",
    "OSMesa",
    "gbm",
    "LLVM",
    "vulkan",
)
GRAPHICS = ("libGL", "libEGL", "libX11", "libOSMesa", "libgbm", "libgallium", "swrast")

HIDE = r"""
set -eu
none=$(mktemp)
for folder in $FOLDERS; do
  for name in $NAMES; do
    for library in "$folder"/lib$name*.so*; do
      if [ -f "$library" ]; then mount --bind "$none" "$(readlink -f "$library")"; fi
    done
  done
done
exec "$@"
"""
"""An empty file over each library, in a mount namespace of the process alone: the loader refuses it."""

USED = r"""
import io, json, sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
import numpy as np
from anaglyph.geometry.cameras import view_cameras
from anaglyph.geometry.load import MeshReaders
from anaglyph.geometry.normalize import normalized
from anaglyph.geometry.sample import sample_surface
from anaglyph.geometry.voxels import solid_grid
from anaglyph.render.backends import available_backends
from anaglyph.render.options import OUTPUTS, RenderOptions
from anaglyph.render.views import render_views

used = []
models, commands = json.loads(sys.argv[1])
with MeshReaders() as readers:
    for path in models:
        mesh = normalized(readers.load(path), "sphere")
        for backend in available_backends("cpu"):
            views = render_views(
                mesh, view_cameras("faces6"), options=RenderOptions(size=32, backend=backend), outputs=OUTPUTS
            )
            assert (views.mask.max(axis=(1, 2)) > 0).all()
        assert np.isfinite(sample_surface(mesh, 100, generator=np.random.default_rng(0)).points).all()
        assert solid_grid(mesh, resolution=16).any()
        used.append(path)

from anaglyph.cli.main import main

ended = []
for words in commands:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(words)
    ended.append({"code": code, "out": out.getvalue(), "err": err.getvalue()})
print(json.dumps({"back_ends": available_backends("cpu"), "used": used, "commands": ended}))
"""
"""The library and then the commands, in one process: each start takes seconds."""

MAPPED = r"""
import importlib, pkgutil
from pathlib import Path
import numpy as np
import anaglyph.render
for module in pkgutil.iter_modules(anaglyph.render.__path__, "anaglyph.render."):
    importlib.import_module(module.name)
from anaglyph.geometry.cameras import view_cameras
from anaglyph.geometry.mesh import Mesh
from anaglyph.render.views import render_views
mesh = Mesh(np.eye(3, dtype=np.float32), np.array([[0, 1, 2]], np.int32))
print(render_views(mesh, view_cameras("thumbnail")).backend)
print(Path("/proc/self/maps").read_text())
"""


def library_folders():
    """Where the loader looks."""
    listed = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=False).stdout
    folders = {str(Path(line.split("=> ")[1]).parent) for line in listed.splitlines() if "=> " in line}
    drivers = {str(path) for folder in folders for path in Path(folder).glob("dri") if path.is_dir()}
    return sorted(folders | drivers)


def libraries():
    """The graphics libraries of this machine."""
    return [
        path
        for folder in library_folders()
        for name in HIDDEN
        for path in Path(folder).glob(f"lib{name}*.so*")
        if path.is_file()
    ]


def bare(*command, **environment):
    """Run a command on the machine as it would be without these libraries."""
    return subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", HIDE, "sh", *map(str, command)],
        env={
            **os.environ,
            "FOLDERS": " ".join(library_folders()),
            "NAMES": " ".join(HIDDEN),
            "OMP_NUM_THREADS": "1",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def hidden():
    """Skips where libraries cannot be hidden; says whether the machine has any."""
    if shutil.which("unshare") is None or not Path("/sbin/ldconfig").exists():
        pytest.skip("no unshare or ldconfig here: libraries cannot be hidden")
    tried = bare("true")
    if tried.returncode:
        pytest.skip(f"libraries cannot be hidden here: {tried.stderr.strip().splitlines()[-1:]}")
    there = libraries()
    if there:
        loading = f"import ctypes; ctypes.CDLL({str(there[0])!r})"
        assert bare(sys.executable, "-c", loading).returncode, f"'{there[0]}' was not hidden"
    return there


@pytest.fixture(scope="module")
def models(tmp_path_factory, request):
    """A model made here and some real ones, where there are any."""
    folder = tmp_path_factory.mktemp("models")
    chosen = [write_model(folder / "chair.obj", SCENES["chair"]())]
    data = Path(os.environ.get("ANAGLYPH_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
    for pattern in ("*_platformer/crate.[fg]*", "draco_gltf/burger.gltf", "modelnet10_off/*1.off"):
        chosen += sorted((data / "format_samples").glob(pattern))
    return chosen


@pytest.fixture(scope="module")
def ran(hidden, models, tmp_path_factory):
    """What the library and three commands gave on the bare machine."""
    folder = tmp_path_factory.mktemp("bare")
    given = [str(path) for path in models]
    small = ["--views", "faces6", "--size", "32", "--points", "10", "--json"]
    commands = [
        ["render", *given, "-o", str(folder / "out"), *small],
        ["doctor", "--json"],
        ["render", given[0], "-o", str(folder / "opengl"), "--backend", "moderngl"],
    ]
    ended = bare(
        sys.executable, "-c", USED, json.dumps([given, commands]), ANAGLYPH_CACHE=str(folder / "cache")
    )
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    said = json.loads(ended.stdout.splitlines()[-1])
    return {**said, "commands": dict(zip(("render", "doctor", "opengl"), said["commands"], strict=True))}


def test_models_are_read_rendered_sampled_and_voxelised(hidden, models, ran):
    assert ran["used"] == [str(path) for path in models]
    assert "torch" in ran["back_ends"]
    if hidden:
        assert "moderngl" not in ran["back_ends"]


def test_the_command_renders_and_doctor_looks_around(models, ran):
    rendered, looked = ran["commands"]["render"], ran["commands"]["doctor"]
    assert rendered["code"] == 0, rendered["err"]
    assert len(json.loads(rendered["out"])["rendered"]) == len(models)
    assert looked["code"] in (0, 1), looked["err"]
    assert "Traceback" not in looked["err"]
    assert json.loads(looked["out"])


def test_asking_for_opengl_names_the_missing_library_in_one_line(hidden, ran):
    if not hidden or explain("moderngl"):
        pytest.skip("this machine has no OpenGL to take away")
    asked = ran["commands"]["opengl"]
    assert asked["code"] == 2
    assert len(asked["err"].splitlines()) == 1
    assert "libGL.so" in asked["err"] or "libEGL.so" in asked["err"]
    assert "backend='auto' and 'torch' work without it" in asked["err"]


def test_by_default_no_graphics_library_is_loaded():
    ran = subprocess.run([sys.executable, "-c", MAPPED], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    backend, _, mapped = ran.stdout.partition("\n")
    assert backend in ("numba", "torch")
    assert "python" in mapped
    files = {line.split("/")[-1] for line in mapped.splitlines() if "/" in line}
    assert not [name for name in files if name.startswith(GRAPHICS)]
