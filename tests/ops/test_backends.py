import importlib.util
import re
import subprocess
import sys

import pytest
import torch

from anaglyph.errors import ConfigError, MissingExtraError
from anaglyph.ops import backends
from anaglyph.ops.backends import OPERATIONS, available_backends, find_kernel
from anaglyph.ops.fps import farthest_points
from anaglyph.ops.knn import k_nearest


@pytest.fixture
def installed(monkeypatch):
    """Choose what counts as installed on this machine."""

    def choose(*packages, missing=""):
        monkeypatch.setattr(backends, "_found", lambda package: package in packages)
        monkeypatch.setattr(backends, "_missing_for_triton", lambda: missing)

    return choose


def points(number=5, dtype=torch.float32, channels=3):
    return torch.zeros(1, number, channels, dtype=dtype)


def test_torch_is_available_for_everything_everywhere():
    for operation in OPERATIONS:
        for device in ("cpu", "cuda", "mps"):
            assert "torch" in available_backends(operation, device)
    assert available_backends("k_nearest", "mps") == ("torch",)


def test_only_what_is_installed_is_available(installed):
    installed("scipy")
    assert available_backends("k_nearest", "cpu") == ("tree", "torch")
    assert available_backends("farthest_points", "cpu") == ("torch",)
    installed("scipy", "numba", "triton", missing="C compiler (gcc or clang)")
    assert available_backends("farthest_points", "cpu") == ("numba", "torch")
    assert available_backends("k_nearest", "cuda") == ("torch",)
    installed("scipy", "numba", "triton")
    assert available_backends("k_nearest", "cuda") == ("triton", "torch")


def test_auto_without_extras_takes_a_tree_for_large_clouds_only(installed):
    installed("scipy")
    assert find_kernel("k_nearest", points(), points(), "auto") is None
    assert find_kernel("k_nearest", points(5), points(100_000), "auto") is None  # building it would not pay
    for operation in ("k_nearest", "nearest_point"):
        kernel = find_kernel(operation, points(2000), points(100_000), "auto")
        assert kernel.__module__ == "anaglyph.ops.tree"
    assert find_kernel("farthest_points", points(100_000), points(100_000), "auto") is None


def test_auto_never_takes_a_tree_for_balls_which_may_be_full(installed):
    installed("scipy")
    assert available_backends("ball_query", "cpu") == ("torch", "tree")
    assert find_kernel("ball_query", points(100_000), points(100_000), "auto") is None
    assert find_kernel("ball_query", points(), points(), "tree").__module__ == "anaglyph.ops.tree"


@pytest.mark.parametrize(
    ("programs", "has_header", "missing"),
    [
        (["gcc"], True, ""),
        (["clang"], True, ""),
        (["cc"], True, "C compiler"),
        ([], False, "C compiler"),
        (["gcc"], False, "Python.h in .*python3-dev"),
    ],
)
def test_triton_counts_as_missing_without_a_compiler_or_the_headers_of_python(
    monkeypatch, tmp_path, programs, has_header, missing
):
    if has_header:
        (tmp_path / "Python.h").touch()
    monkeypatch.setattr(backends.shutil, "which", lambda name: name if name in programs else None)
    monkeypatch.setattr(backends.sysconfig, "get_path", lambda name, scheme: str(tmp_path))
    monkeypatch.setattr(backends, "_found", lambda package: True)
    backends._missing_for_triton.cache_clear()
    found, chosen = backends._missing_for_triton(), available_backends("k_nearest", "cuda")[0]
    backends._missing_for_triton.cache_clear()
    assert re.match(missing, found)
    assert (found == "") == (missing == "") == (chosen == "triton")


@pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="numba is not installed here")
def test_auto_takes_numba_for_float32_points_and_torch_for_all_others():
    kernel = find_kernel("farthest_points", points(), points(), "auto")
    assert kernel.__module__ == "anaglyph.ops.fast.fps"
    for other in (points(dtype=torch.float64), points(channels=6)):
        assert find_kernel("k_nearest", other, other, "auto") is None


def test_every_back_end_named_in_the_table_has_its_function():
    for backend, places in backends._PLACES.items():
        for module, _ in places.values():
            assert importlib.util.find_spec(f"anaglyph.ops.{module}") is not None, (backend, module)


def test_a_back_end_that_is_not_installed_names_its_extra(installed):
    installed("scipy")
    with pytest.raises(MissingExtraError, match=r"back-end 'numba' .* pip install 'anaglyph\[fast\]'"):
        farthest_points(points(), 2, backend="numba")


class Elsewhere:
    """What `find_kernel` looks at of points on a device that this machine need not have."""

    dtype, shape = torch.float32, (1, 5, 3)

    def __init__(self, device):
        self.device = torch.device(device)

    def numel(self):
        return 15


def test_a_missing_package_that_no_extra_brings_is_named_with_what_brings_it(installed):
    installed()
    with pytest.raises(ConfigError, match=r"'tree' needs scipy, .* pip install scipy"):
        find_kernel("k_nearest", points(), points(), "tree")
    with pytest.raises(ConfigError, match=r"'triton' needs the package triton, .* CUDA builds of PyTorch"):
        find_kernel("k_nearest", Elsewhere("cuda"), Elsewhere("cuda"), "triton")
    installed("triton", missing="C compiler (gcc or clang)")
    with pytest.raises(ConfigError, match="compiles C at run time and finds no C compiler"):
        find_kernel("k_nearest", Elsewhere("cuda"), Elsewhere("cuda"), "triton")


def test_the_device_is_looked_at_before_the_packages(installed):
    installed()
    for backend in ("numba", "tree"):
        with pytest.raises(ConfigError, match=f"'{backend}' runs on the CPU, the points are on cuda"):
            find_kernel("k_nearest", Elsewhere("cuda"), Elsewhere("cuda"), backend)
    with pytest.raises(ConfigError, match="'triton' needs a CUDA device, the points are on cpu"):
        find_kernel("k_nearest", points(), points(), "triton")


def test_an_unknown_back_end_is_refused_with_the_name_that_is_close():
    with pytest.raises(ConfigError, match="no back-end 'numbar'; did you mean 'numba'"):
        k_nearest(points(), points(), 2, backend="numbar")


@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="triton is not installed here")
def test_triton_refuses_points_on_the_cpu():
    with pytest.raises(ConfigError, match="back-end 'triton' needs a CUDA device, the points are on cpu"):
        k_nearest(points(), points(), 2, backend="triton")


def test_a_back_end_without_the_operation_names_those_that_have_it():
    with pytest.raises(
        ConfigError, match="'tree' has no farthest_points; choose from auto, torch, numba, triton"
    ):
        farthest_points(points(), 2, backend="tree")


@pytest.mark.parametrize("other", [points(dtype=torch.float64), points(channels=4)])
def test_other_back_ends_do_not_pretend_to_compute_what_they_cannot(other):
    with pytest.raises(ConfigError, match="back-end 'tree' computes on float32 xyz, got"):
        k_nearest(other, other, 2, backend="tree")


def test_an_unknown_operation_is_refused_by_name():
    with pytest.raises(ConfigError, match="no operation 'knn'"):
        available_backends("knn", "cpu")


def test_importing_the_operations_imports_nothing_optional():
    program = (
        "import sys, anaglyph.ops.fps, anaglyph.ops.chamfer, anaglyph.ops.ball, anaglyph.ops.interpolate; "
        "print(*[name for name in ('numba', 'triton', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
