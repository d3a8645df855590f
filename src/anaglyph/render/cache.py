"""Rendered views, kept in a folder of their own, checked when read.

The name of an entry holds the content's hash and a fingerprint of all settings, the back-end and the
renderer's version, so that pictures of different settings never mix. An entry that is damaged is named in the
log, removed and made again. Where the folder cannot be used, the log says so and pictures are made anew.
"""

from __future__ import annotations

import hashlib
import io
import logging
import shutil
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from anaglyph.errors import DataError
from anaglyph.geometry.cameras import Camera
from anaglyph.geometry.mesh import Mesh
from anaglyph.io.atomic import new_folder, verify_manifest, write_bytes, write_manifest
from anaglyph.render.backends import choose_backend
from anaglyph.render.options import OUTPUTS, Output, RenderOptions, fingerprint
from anaglyph.render.views import Views, check_outputs, render_views

log = logging.getLogger(__name__)
_ARRAYS = ("depth", "normals")
"""Kept as .npy; the others as PNG, one below the other."""
_PIXELS = 1 << 26
"""In one PNG at most, where more than one picture goes into it."""


def cached_views(
    folder: Path | None,
    content: str,
    mesh: Callable[[], Mesh],
    cameras: Sequence[Camera],
    *,
    options: RenderOptions | None = None,
    outputs: Collection[Output] = ("gray", "mask"),
    device: torch.device | str = "cpu",
) -> Views:
    """What `render_views` makes, from `folder` where it lies there for the same content and settings.

    Args:
        folder: where views are kept; None makes them each time.
        content: what the mesh is made from, such as the hash of its file and how it is normalised.
        mesh: gives the mesh; called only where its pictures are not there.
        cameras: one picture for each.
        options: as for `render_views`.
        outputs: as for `render_views`.
        device: where to compute.
    """
    options = RenderOptions() if options is None else options
    check_outputs(outputs)

    def make() -> Views:
        return render_views(mesh(), cameras, options=options, outputs=outputs, device=device)

    if folder is None:
        return make()
    backend = choose_backend(options.backend, torch.device(device).type)
    settings = fingerprint(options, cameras, backend=backend)
    wanted = _written(outputs)
    place = folder / _entry(content, settings, wanted)
    arrays = _kept(place, wanted, count=len(cameras), size=options.size)
    if arrays is not None:
        return Views(cameras=tuple(cameras), backend=backend, fingerprint=settings, **arrays)
    views = make()
    _keep(place, {output: getattr(views, output) for output in wanted})
    return views


def has_views(
    folder: Path | None,
    content: str,
    cameras: Sequence[Camera],
    *,
    options: RenderOptions,
    outputs: Collection[Output],
    device: torch.device | str = "cpu",
) -> bool:
    """Whether `cached_views` has an entry for these arguments; damage shows when it is read."""
    if folder is None:
        return False
    settings = fingerprint(
        options, cameras, backend=choose_backend(options.backend, torch.device(device).type)
    )
    return (folder / _entry(content, settings, _written(outputs))).exists()


def _written(outputs: Collection[Output]) -> list[Output]:
    return [name for name in OUTPUTS if name in {"gray", "mask", *outputs}]


def _entry(content: str, settings: str, outputs: Sequence[Output]) -> str:
    name = hashlib.sha256(content.encode()).hexdigest()[:24]
    return f"{name}-{settings}-{''.join(output[0] for output in outputs)}"


def _kept(place: Path, outputs: Sequence[Output], *, count: int, size: int) -> dict[str, Any] | None:
    """The pictures in `place`; None where there are none, or damaged ones, which are removed."""
    try:
        if not place.exists():
            return None
        problem = verify_manifest(place)
        if problem is None:
            return {name: _read(place, name, count, size) for name in outputs}
    except (OSError, ValueError, SyntaxError) as error:  # SyntaxError is Pillow's for a broken PNG
        problem = f"'{place}' cannot be read: {error}"
    log.warning("kept views are damaged and made again: %s", problem)
    shutil.rmtree(place, ignore_errors=True)
    return None


def _keep(place: Path, arrays: dict[str, NDArray[Any]]) -> None:
    try:
        with new_folder(place) as temporary:
            for name, array in arrays.items():
                _write(temporary, name, array)
            write_manifest(temporary)
    except (DataError, OSError) as error:
        if not place.exists():  # otherwise somebody else was faster
            log.warning(
                "views are not kept in '%s' (%s), so they are made anew each time; "
                "choose a folder that can be written and has room.",
                place.parent,
                error,
            )


def _write(folder: Path, name: str, array: NDArray[Any]) -> None:
    buffer = io.BytesIO()
    if name in _ARRAYS:
        np.save(buffer, array, allow_pickle=False)
        write_bytes(folder / f"{name}.npy", buffer.getvalue())
        return
    for part, views in enumerate(_strips(*array.shape[:2])):
        buffer = io.BytesIO()
        strip = array[views].reshape(-1, *array.shape[2:])  # (views * H, W, ...)
        Image.fromarray(strip).save(buffer, "PNG", compress_level=4)
        write_bytes(folder / f"{name}-{part}.png", buffer.getvalue())


def _read(folder: Path, name: str, count: int, size: int) -> NDArray[Any]:
    """One output of `count` views; ValueError where it has another shape."""
    ending = (3,) if name in ("colour", "normals") else ()
    shape = (count, size, size, *ending)
    if name in _ARRAYS:
        array: NDArray[Any] = np.load(folder / f"{name}.npy", allow_pickle=False)
    else:
        array = np.empty(shape, dtype=np.uint8)
        for part, views in enumerate(_strips(count, size)):
            with Image.open(folder / f"{name}-{part}.png", formats=("PNG",)) as strip:
                pixels = np.asarray(strip)
            array[views] = pixels.reshape(array[views].shape)
    if array.shape != shape:
        raise ValueError(f"{name} has the shape {array.shape}, not {shape}")
    return array


def _strips(count: int, size: int) -> list[slice]:
    """Which views share a PNG."""
    each = max(1, _PIXELS // (size * size))
    return [slice(begin, min(begin + each, count)) for begin in range(0, count, each)]
