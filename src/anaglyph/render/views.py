"""Pictures of a mesh from several cameras: the door to rendering."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from anaglyph.errors import ConfigError, unknown_name
from anaglyph.geometry.cameras import Camera
from anaglyph.geometry.mesh import Mesh
from anaglyph.render.backends import choose_backend, find_faces
from anaglyph.render.options import OUTPUTS, Output, RenderOptions, fingerprint
from anaglyph.render.shade import shade
from anaglyph.render.surface import Surface


@dataclass(frozen=True, kw_only=True, eq=False)
class Views:
    """Pictures of one mesh, row 0 on top; those not asked for are None."""

    cameras: tuple[Camera, ...]
    """C of them; they hold the matrices."""
    gray: NDArray[np.uint8]
    """(C, H, W) lit, on the background."""
    mask: NDArray[np.uint8]
    """(C, H, W) 255 x the part of the pixel that the model covers."""
    colour: NDArray[np.uint8] | None = None
    """(C, H, W, 3) sRGB, on the background."""
    depth: NDArray[np.float32] | None = None
    """(C, H, W) model units along the line of sight to the nearest sample of the pixel, inf for none."""
    normals: NDArray[np.float32] | None = None
    """(C, H, W, 3) unit normals in the world, turned to the camera, 0 for none."""
    backend: str
    """What found the faces seen."""
    fingerprint: str
    """Of everything that decided the pixels but the mesh."""


def render_views(
    mesh: Mesh,
    cameras: Sequence[Camera],
    *,
    options: RenderOptions | None = None,
    outputs: Collection[Output] = ("gray", "mask"),
    device: torch.device | str = "cpu",
) -> Views:
    """Pictures of a mesh that stands where the cameras look (`geometry.normalize` puts it there).

    Args:
        mesh: +y up; one without faces gives empty pictures.
        cameras: one picture for each.
        options: size, light, background, back-end; None takes the defaults.
        outputs: what to make beside gray and mask, which are always made.
        device: where to compute.

    Raises:
        ConfigError: an unknown output or back-end, or a back-end that does not work here.
        MissingExtraError: the back-end needs a package that is not installed.
    """
    options = RenderOptions() if options is None else options
    check_outputs(outputs)
    place = torch.device(device)
    backend = choose_backend(options.backend, place.type)
    cameras = tuple(cameras)
    seen = find_faces(mesh, cameras, size=options.samples, backend=backend, device=place)
    pictures = shade(seen, Surface.of(mesh, place), cameras, options, outputs)
    arrays: dict[str, Any] = {
        name: None if picture is None else picture.cpu().numpy()
        for name, picture in pictures._asdict().items()
    }
    return Views(
        cameras=cameras,
        backend=backend,
        fingerprint=fingerprint(options, cameras, backend=backend),
        **arrays,
    )


def check_outputs(outputs: Collection[Output]) -> None:
    """ConfigError for a picture that does not exist."""
    for name in outputs:
        if name not in OUTPUTS:
            raise ConfigError(unknown_name("output", str(name), OUTPUTS))
