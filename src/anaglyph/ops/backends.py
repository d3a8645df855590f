"""Which implementation of a point operation runs: chosen at run time, from what is installed.

"torch" is always there and works on every device and type. "numba" (extra `fast`) and "tree" (scipy) serve
float32 xyz on the CPU, "triton" on CUDA devices; Triton compiles its launcher with the C compiler and the
Python headers of the machine, so without them it does not count as available. Nothing optional is imported
before its first use.
"""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import sysconfig
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast, get_args

import torch
from torch import Tensor

from anaglyph.errors import ConfigError, MissingExtraError, unknown_name

Backend = Literal["auto", "torch", "numba", "tree", "triton"]
Operation = Literal["farthest_points", "k_nearest", "ball_query", "nearest_point"]
Kernel = Callable[..., Any]

OPERATIONS: tuple[Operation, ...] = get_args(Operation)
"""The operations that have more than one back-end; everything else is built on them."""

_PLACES: dict[str, dict[Operation, tuple[str, str]]] = {
    "numba": {
        "farthest_points": ("fast.fps", "farthest"),
        "k_nearest": ("fast.knn", "nearest"),
        "ball_query": ("fast.ball", "ball"),
        "nearest_point": ("fast.nearest", "nearest_one"),
    },
    "tree": {
        "k_nearest": ("tree", "nearest"),
        "ball_query": ("tree", "ball"),
        "nearest_point": ("tree", "nearest_one"),
    },
    "triton": {
        "farthest_points": ("triton_kernels.fps", "farthest"),
        "k_nearest": ("triton_kernels.knn", "nearest"),
        "ball_query": ("triton_kernels.ball", "ball"),
        "nearest_point": ("triton_kernels.nearest", "nearest_one"),
    },
}
_PACKAGES = {"numba": "numba", "tree": "scipy", "triton": "triton"}


def available_backends(operation: Operation, device_type: str) -> tuple[str, ...]:
    """The back-ends that can run `operation` on a device ("cpu", "cuda", ...) here, the preferred first."""
    if operation not in OPERATIONS:
        raise ConfigError(unknown_name("operation", operation, OPERATIONS))
    order = {"cpu": ("numba", "tree", "torch"), "cuda": ("triton", "torch")}.get(device_type, ("torch",))
    if operation == "ball_query" and device_type == "cpu":
        order = ("numba", "torch", "tree")  # the tree is fast where balls hold few points only
    return tuple(name for name in order if name == "torch" or (operation in _PLACES[name] and _usable(name)))


def find_kernel(operation: Operation, query: Tensor, reference: Tensor, backend: Backend) -> Kernel | None:
    """The function of the chosen back-end, or None for the torch implementation.

    Args:
        operation: what to compute.
        query: (B, M, C) points on the device of the computation, float32 or float64.
        reference: (B, N, C) points; the same tensor for farthest point sampling.
        backend: "auto" takes the fastest one available for these sizes; a name insists on that one.

    Raises:
        ConfigError: no such back-end, or one that cannot work on these tensors.
        MissingExtraError: the back-end named needs a package that is not installed.
    """
    if backend not in get_args(Backend):
        raise ConfigError(unknown_name("back-end", backend, get_args(Backend)))
    fits = query.shape[2] == 3 and query.dtype == torch.float32
    if backend == "auto":
        backend = _fastest(operation, query, reference) if fits else "torch"
    elif backend != "torch":
        _require(backend, operation, query, fits)
    if backend == "torch" or query.numel() == 0:
        return None
    module, name = _PLACES[backend][operation]
    kernel: Kernel = getattr(importlib.import_module(f"anaglyph.ops.{module}"), name)
    return kernel


def _fastest(operation: Operation, query: Tensor, reference: Tensor) -> Backend:
    chosen, *_ = available_backends(operation, query.device.type)
    if chosen == "tree":
        tree = importlib.import_module("anaglyph.ops.tree")
        large = reference.shape[1] >= tree.TREE_FROM_POINTS[operation]
        return "tree" if large and query.shape[1] >= tree.TREE_FROM_QUERIES else "torch"
    return cast(Backend, chosen)


def _require(backend: Backend, operation: Operation, query: Tensor, fits: bool) -> None:
    if operation not in _PLACES[backend]:
        able = ["auto", "torch", *(name for name, places in _PLACES.items() if operation in places)]
        raise ConfigError(f"back-end '{backend}' has no {operation}; choose from {', '.join(able)}")
    _require_device(backend, query.device)
    if not fits:
        raise ConfigError(
            f"back-end '{backend}' computes on float32 xyz, got {query.dtype} with {query.shape[2]} channels"
            f"; use backend='auto' or 'torch'"
        )
    if backend == "numba" and not _found("numba"):
        raise MissingExtraError(what="back-end 'numba'", extra="fast")
    if backend == "tree" and not _found("scipy"):
        raise ConfigError("back-end 'tree' needs scipy, which anaglyph depends on: pip install scipy")
    if backend == "triton":
        if not _found("triton"):
            raise ConfigError(
                "back-end 'triton' needs the package triton, which comes with the CUDA builds of PyTorch; "
                "install one of them or use backend='torch'"
            )
        if query.device.type == "cuda" and (missing := _missing_for_triton()):
            raise ConfigError(
                f"back-end 'triton' compiles C at run time and finds no {missing}; "
                f"install what is missing or use backend='torch'"
            )


def _require_device(backend: Backend, device: torch.device) -> None:
    advice = f"the points are on {device}; use backend='auto' or 'torch'"
    if backend != "triton" and device.type != "cpu":
        raise ConfigError(f"back-end '{backend}' runs on the CPU, {advice}")
    if backend == "triton" and device.type != "cuda" and not (device.type == "cpu" and _interpreted()):
        raise ConfigError(f"back-end 'triton' needs a CUDA device, {advice}")


def _usable(backend: str) -> bool:
    return _found(_PACKAGES[backend]) and not (backend == "triton" and _missing_for_triton())


@cache
def _found(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


@cache
def _missing_for_triton() -> str:
    """What Triton needs on this machine beside itself and does not find; empty where it has everything."""
    if not (shutil.which("gcc") or shutil.which("clang")):
        return "C compiler (gcc or clang)"
    scheme = sysconfig.get_default_scheme().replace("posix_local", "posix_prefix")  # as Triton looks for it
    folder = sysconfig.get_path("include", scheme)
    if not (Path(folder) / "Python.h").is_file():
        return f"Python.h in {folder} (package python3-dev or python3-devel)"
    return ""


def _interpreted() -> bool:
    """Whether Triton simulates its kernels on the CPU, which tests do (TRITON_INTERPRET=1)."""
    if not _found("triton"):
        return False
    tiles = importlib.import_module("anaglyph.ops.triton_kernels.tiles")
    return isinstance(tiles.squared_distance, tiles.InterpretedFunction)
