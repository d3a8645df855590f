"""How pictures of a model look, and the fingerprint of everything that decides their pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from anaglyph import config
from anaglyph.errors import ConfigError, unknown_name
from anaglyph.geometry.cameras import Camera

Backend = Literal["auto", "torch", "numba", "moderngl", "embree"]
Output = Literal["gray", "mask", "colour", "depth", "normals"]
OUTPUTS: tuple[Output, ...] = ("gray", "mask", "colour", "depth", "normals")
RENDERER_VERSION = 1
"""Goes up with every change of a pixel; kept pictures of other versions are never read."""
MAX_SAMPLES = 8192
"""Samples across a picture at most."""


@dataclass(frozen=True, kw_only=True)
class RenderOptions:
    """Size, light and background (dossier CMIC, 2).

    The light stands at the camera and reaches both sides of a face: its brightness is
    ambient + diffuse * |n . v|, with the face's normal n and the direction v to the camera.

    Raises:
        ConfigError: a value is out of range.
    """

    size: int = 224
    """Pixels across and down."""
    supersampling: int = 2
    """Samples across and down in a pixel; their mean is the pixel."""
    ambient: float = 0.16
    """Brightness of a face seen from its edge, in [0, 1]."""
    diffuse: float = 0.78
    """What a face turned to the camera has on top, in [0, 1]."""
    background: float = 1.0
    """Brightness behind the model, in [0, 1], in gray and colour pictures; 1 is white."""
    lit: bool = True
    """Whether colour pictures are lit; otherwise they show the surface's own colour."""
    backend: Backend = "auto"
    """What finds the faces seen."""

    def __post_init__(self) -> None:
        if self.supersampling < 1 or self.size < 1:
            raise ConfigError(f"size and supersampling must be >= 1, got {self.size}, {self.supersampling}.")
        if self.samples > MAX_SAMPLES:
            raise ConfigError(
                f"size x supersampling must be at most {MAX_SAMPLES}, "
                f"got {self.size} x {self.supersampling}; choose smaller pictures."
            )
        for name in ("ambient", "diffuse", "background"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise ConfigError(f"{name} must lie in [0, 1], got {value}.")
        if self.backend not in (names := ("auto", "torch", "numba", "moderngl", "embree")):
            raise ConfigError(unknown_name("back-end", self.backend, names))

    @property
    def samples(self) -> int:
        """Samples across and down the picture."""
        return self.size * self.supersampling


def fingerprint(options: RenderOptions, cameras: Sequence[Camera], *, backend: str) -> str:
    """16 hexadecimal digits that change with anything that decides a pixel.

    Args:
        options: whose `backend` is left out,
        cameras: in their order,
        backend: the back-end that runs, never "auto".
    """
    settings = {**config.plain(options), "backend": backend}
    return config.fingerprint(
        {
            "version": RENDERER_VERSION,
            "options": settings,
            "cameras": [config.plain(item) for item in cameras],
        }
    )
