"""Which implementation of a point operation runs: chosen at run time, from what is installed.

"torch" is always there and works on every device and type. "numba" (extra `fast`) and "tree" (scipy) serve
float32 xyz on the CPU, "triton" on CUDA devices; Triton compiles its launcher with the C compiler of the
machine, so without one it does not count as available. Nothing optional is imported before its first use.
"""

from __future__ import annotations

import importlib
import importlib.util
import shutil
from collections.abc import Callable
from functools import cache
from typing import Any, Literal, get_args

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
    order = {"cpu": ("numba", "tree"), "cuda": ("triton",)}.get(device_type, ())
    found = [name for name in order if operation in _PLACES[name] and _installed(name)]
    return (*found, "torch")


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
    found = available_backends(operation, query.device.type)
    if "triton" in found:
        return "triton"
    if "numba" in found:
        return "numba"
    if "tree" in found:
        pays_from = importlib.import_module("anaglyph.ops.tree").TREE_FROM_POINTS[operation]
        if reference.shape[1] >= pays_from:
            return "tree"
    return "torch"


def _require(backend: Backend, operation: Operation, query: Tensor, fits: bool) -> None:
    if operation not in _PLACES[backend]:
        able = ["auto", "torch", *(name for name, places in _PLACES.items() if operation in places)]
        raise ConfigError(f"back-end '{backend}' has no {operation}; choose from {', '.join(able)}")
    if not fits:
        raise ConfigError(
            f"back-end '{backend}' computes on float32 xyz, got {query.dtype} with {query.shape[2]} channels"
            f"; use backend='auto' or 'torch'"
        )
    if not _found(_PACKAGES[backend]):
        raise MissingExtraError(what=f"back-end '{backend}'", extra="fast")
    if backend == "triton":
        _require_triton_device(query.device.type)
    elif query.device.type != "cpu":
        raise ConfigError(f"back-end '{backend}' runs on the CPU, the points are on {query.device}")


def _require_triton_device(device_type: str) -> None:
    if device_type == "cpu" and _interpreted():
        return
    if device_type != "cuda":
        raise ConfigError(f"back-end 'triton' needs a CUDA device, the points are on {device_type}")
    if _compiler() is None:
        raise ConfigError(
            "back-end 'triton' needs a C compiler at run time and finds none (cc, gcc or clang); "
            "install one or use backend='torch'"
        )


def _installed(backend: str) -> bool:
    if backend == "triton" and _compiler() is None:
        return False
    return _found(_PACKAGES[backend])


@cache
def _found(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


@cache
def _compiler() -> str | None:
    return next((path for name in ("cc", "gcc", "clang") if (path := shutil.which(name))), None)


def _interpreted() -> bool:
    """Whether Triton simulates its kernels on the CPU, which tests do (TRITON_INTERPRET=1)."""
    tiles = importlib.import_module("anaglyph.ops.triton_kernels.tiles")
    return isinstance(tiles.squared_distance, tiles.InterpretedFunction)
