"""What finds the faces that samples see: chosen at run time, from what is installed.

"torch" is always there and works on the CPU and on CUDA devices. "numba" (extra `fast`) is the fastest on the
CPU; it gives the same pixels. "moderngl" (extra `render` and an OpenGL driver) and "embree" (extra `render`)
run only when they are asked for. Nothing optional is imported before its first use.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

import torch

from anaglyph.errors import ConfigError, MissingExtraError, unknown_name
from anaglyph.geometry.cameras import Camera
from anaglyph.geometry.mesh import Mesh
from anaglyph.render.surface import as_tensor

BACKENDS = ("numba", "torch", "moderngl", "embree")
"""The preferred first."""
_PLACES = {"numba": "fast_rasterise", "moderngl": "opengl", "embree": "ray_casting"}


def available_backends(device_type: str) -> tuple[str, ...]:
    """The back-ends that work here for tensors on a device ("cpu", "cuda", ...), the preferred first."""
    return tuple(name for name in BACKENDS if explain(name, device_type) == "")


def explain(name: str, device_type: str = "cpu") -> str:
    """Why a back-end does not work here, and which one does; empty where it works."""
    try:
        _require(name, device_type)
    except (ConfigError, MissingExtraError) as error:
        return str(error)
    return ""


def choose_backend(name: str, device_type: str) -> str:
    """The back-end that runs: `name`, or for "auto" numba on the CPU where it is installed, else torch.

    Raises:
        ConfigError: no such back-end, or one that does not work on this device or machine.
        MissingExtraError: it needs a package that is not installed.
    """
    if name == "auto":
        name = "numba" if device_type == "cpu" and explain("numba") == "" else "torch"
    _require(name, device_type)
    return name


def find_faces(
    mesh: Mesh, cameras: Sequence[Camera], *, size: int, backend: str, device: torch.device
) -> torch.Tensor:
    """(C, size, size) int32 nearest face at each sample on `device`, -1 for none, by the named back-end."""
    if backend == "torch":
        from anaglyph.render.rasterise import faces_seen

        vertices, faces = as_tensor(mesh.vertices, device), as_tensor(mesh.faces, device)
        return faces_seen(vertices, faces, cameras, size=size)
    find: Callable[..., Any] = _module(backend).faces_seen
    return torch.from_numpy(find(mesh.vertices, mesh.faces, cameras, size=size)).to(device)


def _require(name: str, device_type: str) -> None:
    """Raise the reason why a back-end does not work."""
    if name not in BACKENDS:
        raise ConfigError(unknown_name("back-end", name, ("auto", *BACKENDS)))
    if device_type not in ("cpu", "cuda"):
        raise ConfigError(f"pictures are made on 'cpu' or 'cuda', not on '{device_type}'; use device='cpu'.")
    if name == "torch":
        return
    if device_type != "cpu":
        raise ConfigError(
            f"back-end '{name}' gives its result on the CPU, the pictures are wanted on '{device_type}'; "
            f"use backend='auto' or 'torch'."
        )
    _module(name).require()


def _module(name: str) -> Any:
    return importlib.import_module(f"anaglyph.render.{_PLACES[name]}")
