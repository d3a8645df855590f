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
import sys
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

print("back-ends", *available_backends("cpu"))
with MeshReaders() as readers:
    for path in sys.argv[1:]:
        mesh = normalized(readers.load(path), "sphere")
        for backend in available_backends("cpu"):
            views = render_views(
                mesh, view_cameras("faces6"), options=RenderOptions(size=32, backend=backend), outputs=OUTPUTS
            )
            assert (views.mask.max(axis=(1, 2)) > 0).all()
        assert np.isfinite(sample_surface(mesh, 100, generator=np.random.default_rng(0)).points).all()
        assert solid_grid(mesh, resolution=16).any()
        print("used", Path(path).name)
mapped = Path("/proc/self/maps").read_text()
print("mapped", *sorted({line.split("/")[-1] for line in mapped.splitlines() if "/" in line}))
"""

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


def test_models_are_read_rendered_sampled_and_voxelised(hidden, models):
    ran = bare(sys.executable, "-c", USED, *models)
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert [line for line in lines if line.startswith("used")] == [f"used {path.name}" for path in models]
    assert "torch" in lines[0].split()
    if hidden:
        assert "moderngl" not in lines[0].split()


def test_the_command_renders_and_doctor_looks_around(hidden, models, tmp_path):
    command = "import sys; from anaglyph.cli.main import main; sys.exit(main())"
    output = tmp_path / "out"
    arguments = [
        "render",
        *models,
        "--views",
        "faces6",
        "--size",
        "32",
        "-o",
        output,
        "--points",
        "10",
        "--json",
    ]
    ran = bare(sys.executable, "-c", command, *arguments, ANAGLYPH_CACHE=str(tmp_path / "cache"))
    assert ran.returncode == 0, ran.stderr
    assert len(json.loads(ran.stdout)["rendered"]) == len(models)
    looked = bare(sys.executable, "-c", command, "doctor", "--json", ANAGLYPH_CACHE=str(tmp_path / "cache"))
    assert looked.returncode in (0, 1), looked.stderr
    assert "Traceback" not in looked.stderr
    assert json.loads(looked.stdout)


def test_asking_for_opengl_names_the_missing_library_in_one_line(hidden, models, tmp_path):
    if not hidden or explain("moderngl"):
        pytest.skip("this machine has no OpenGL to take away")
    command = "import sys; from anaglyph.cli.main import main; sys.exit(main())"
    ran = bare(
        sys.executable, "-c", command, "render", models[0], "--backend", "moderngl", "-o", tmp_path / "out"
    )
    assert ran.returncode == 2
    assert len(ran.stderr.splitlines()) == 1
    assert "libGL.so" in ran.stderr or "libEGL.so" in ran.stderr
    assert "backend='auto' and 'torch' work without it" in ran.stderr


def test_by_default_no_graphics_library_is_loaded():
    ran = subprocess.run([sys.executable, "-c", MAPPED], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    backend, _, mapped = ran.stdout.partition("\n")
    assert backend in ("numba", "torch")
    assert "python" in mapped
    files = {line.split("/")[-1] for line in mapped.splitlines() if "/" in line}
    assert not [name for name in files if name.startswith(GRAPHICS)]
