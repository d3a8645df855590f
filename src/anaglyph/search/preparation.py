"""One model file -> everything that an index keeps of it but its vectors; runs in the preparing processes."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from anaglyph.config import fingerprint
from anaglyph.errors import MeshError
from anaglyph.geometry.cameras import view_cameras
from anaglyph.geometry.content_hash import content_hash
from anaglyph.geometry.facets import facets
from anaglyph.geometry.load import MeshReaders
from anaglyph.geometry.mesh import Mesh
from anaglyph.geometry.mesh_limits import DEFAULT_LIMITS, MeshLimits
from anaglyph.geometry.normalize import normalized
from anaglyph.geometry.problems import find_problems
from anaglyph.geometry.sample import sample_surface
from anaglyph.geometry.topology import topology
from anaglyph.randomness import numpy_generator
from anaglyph.render.options import RENDERER_VERSION, Output, RenderOptions
from anaglyph.render.views import render_views
from anaglyph.search.item_facets import format_of, item_facets
from anaglyph.search.items import ItemFacets, Problem
from anaglyph.search.problems import findings
from anaglyph.search.thumbnails import LEAST_SAMPLES, strip

VERSION = 2
"""Raised with every change of what is handed to the encoders."""
VIEWS = "ring8"
"""Cameras of an index. Twelve find no more (`docs/how-to/index.md`) and take half as long again."""
COLOUR: tuple[Output, ...] = ("colour",)


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """What is made of every model."""

    points: int = 2048
    """Of its surface."""
    grey: float = 0.8
    """Red, green and blue of points of a model without colours, in [0, 1]."""
    views: str = VIEWS
    """Cameras by name."""
    pixels: int = 224
    """Side of the pictures that the encoder is given; 0 for none. Thumbnails are made in any case."""
    limits: MeshLimits = DEFAULT_LIMITS
    """Of reading."""
    work_seconds: float = 240.0
    """For all that follows reading."""
    work_bytes: int = 8 << 30
    """Address space of a preparing process."""

    @property
    def samples(self) -> int:
        """Across a view, drawn once for all: a multiple of `pixels`, twice that at least, as `render` takes
        for a picture, and enough for thumbnails.
        """
        if not self.pixels:
            return LEAST_SAMPLES
        return self.pixels * max(2, -(-LEAST_SAMPLES // self.pixels))

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits over everything that decides what the encoders are given."""
        return fingerprint(
            {
                "version": VERSION,
                "renderer": RENDERER_VERSION,
                "points": self.points,
                "grey": self.grey,
                "views": self.views if self.pixels else "",
                "pixels": self.pixels,
            }
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """What was made of one model."""

    content: str
    """Hash of the file and of what it refers to."""
    facets: ItemFacets
    problems: tuple[Problem, ...]
    cloud: NDArray[np.float32]
    """(P, 6) +y up, in the unit sphere, colours in [0, 1]."""
    pictures: NDArray[np.uint8] | None
    """(V, 3, H, W)."""
    thumbnail: bytes
    seconds: dict[str, float] = field(default_factory=dict)
    """"hash", "parse", "measure", "sample", "render" and "thumbnail" -> seconds it took."""


@dataclass(frozen=True, kw_only=True)
class Same:
    """The file has one of the contents that make work needless."""

    content: str


@dataclass(frozen=True, kw_only=True)
class Unusable:
    """No picture and no vector can be made of it."""

    content: str
    """Empty where the file could not even be hashed."""
    error: MeshError


Outcome = Prepared | Same | Unusable


def prepare(
    path: Path, *, root: Path, settings: Preparation, readers: MeshReaders, unless: Collection[str] = ()
) -> Outcome:
    """Hash, read, measure, sample and draw one model; a function of its files and the settings alone.

    Args:
        path: the model.
        root: folder that may hold what it refers to.
        settings: what to make.
        readers: child processes that read it under `settings.limits`.
        unless: contents that need no work.
    """
    content = ""
    clock = _Clock()
    try:
        with clock.of("hash"):
            content = content_hash(path, root=root, limits=settings.limits)
        if content in unless:
            return Same(content=content)
        with clock.of("parse"):
            mesh = readers.load(path, root=root)
        return _prepared(mesh, path, content, settings, clock)
    except MeshError as error:
        return Unusable(content=content, error=error)
    except MemoryError as error:
        reason = f"measuring or drawing it takes more than {settings.work_bytes} bytes of memory"
        del error  # it holds what filled the memory
        return Unusable(content=content, error=MeshError(path, reason, fault="memory"))


def _prepared(mesh: Mesh, path: Path, content: str, settings: Preparation, clock: _Clock) -> Prepared:
    with clock.of("measure"):
        structure = topology(mesh)
        measured = facets(mesh, structure=structure)
        found = findings(find_problems(mesh, structure=structure))
        try:
            shown = normalized(mesh, "sphere")
        except ValueError as error:
            raise MeshError(path, f"no usable surface: {error}", fault="no_area") from error
    with clock.of("sample"):
        cloud = _cloud(shown, path, content, settings, coloured=measured.coloured)
    with clock.of("render"):
        views = _views(shown, settings)
    with clock.of("thumbnail"):
        picture = strip(views)
    return Prepared(
        content=content,
        facets=item_facets(measured, format=format_of(path.name)),
        problems=found,
        cloud=cloud,
        pictures=_reduced(views, settings.pixels) if settings.pixels else None,
        thumbnail=picture,
        seconds=clock.seconds,
    )


def _cloud(
    mesh: Mesh, path: Path, content: str, settings: Preparation, *, coloured: bool
) -> NDArray[np.float32]:
    try:
        sample = sample_surface(mesh, settings.points, generator=numpy_generator("index cloud", content))
    except ValueError as error:
        raise MeshError(path, str(error), fault="no_area") from error
    cloud = np.empty((settings.points, 6), dtype=np.float32)
    cloud[:, :3] = sample.points
    cloud[:, 3:] = sample.colours / np.float32(255.0) if coloured else settings.grey
    return cloud


def _views(mesh: Mesh, settings: Preparation) -> NDArray[np.uint8]:
    """(V, S, S, 3) on white, a sample a pixel."""
    try:
        views = render_views(
            mesh,
            view_cameras(settings.views),
            options=RenderOptions(size=settings.samples, supersampling=1),
            outputs=COLOUR,
        )
    except RuntimeError as error:  # torch has no kind of its own for memory of the CPU
        if "memory" in str(error):
            raise MemoryError from error
        raise
    if views.colour is None:
        raise RuntimeError("render_views made no colour pictures")
    return views.colour


def _reduced(views: NDArray[np.uint8], pixels: int) -> NDArray[np.uint8]:
    """(V, S, S, 3) -> (V, 3, pixels, pixels), each pixel the mean of its block; S is a multiple of it."""
    count, side = views.shape[:2]
    block = side // pixels
    if block > 1:
        blocks = views.reshape(count, pixels, block, pixels, block, 3).astype(np.uint32)
        views = ((blocks.sum(axis=(2, 4)) + block * block // 2) // (block * block)).astype(np.uint8)
    return np.ascontiguousarray(views.transpose(0, 3, 1, 2))


class _Clock:
    """Where the time goes; for reports, nothing depends on it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def of(self, what: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[what] = time.perf_counter() - start


def single_threaded() -> None:
    """One thread for torch in this process: parallel work is a process for each core."""
    torch.set_num_threads(1)
