"""Many models in, a folder of pictures for each out: read, normalise, render, write, several at a time.

What is there with the same content and the same settings stays; one bad model never stops the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from anaglyph import __version__, config
from anaglyph.engine.interrupt import graceful_interrupt
from anaglyph.engine.names import is_plain, plain_name
from anaglyph.engine.render_inputs import ModelFile
from anaglyph.engine.render_output import (
    DEPTH_STEP,
    is_finished,
    is_foreign,
    remove_unfinished,
    write_pictures,
)
from anaglyph.errors import ConfigError, MeshError
from anaglyph.geometry.cameras import Camera, view_cameras
from anaglyph.geometry.content_hash import content_hash
from anaglyph.geometry.load import MeshReaders
from anaglyph.geometry.mesh import Mesh
from anaglyph.geometry.normalize import normalized
from anaglyph.geometry.sample import sample_surface
from anaglyph.randomness import numpy_generator
from anaglyph.render.backends import choose_backend
from anaglyph.render.options import Output, RenderOptions, fingerprint
from anaglyph.render.views import render_views

State = Literal["made", "kept", "failed"]


@dataclass(frozen=True, kw_only=True)
class RenderSettings:
    """What is made of every model."""

    views: str = "ring12"
    """Name of a set of cameras."""
    elevation: float = 30.0
    """Degrees above the horizon, for rings."""
    outputs: tuple[Output, ...] = ("gray", "mask")
    points: int = 0
    """Points sampled on the surface; 0 for no cloud."""
    up: Literal["auto", "y", "z"] = "auto"
    """The axis of the files that points up."""
    seed: int = 0
    """Of the points."""
    look: RenderOptions = field(default_factory=RenderOptions)

    def __post_init__(self) -> None:
        if not self.outputs:
            raise ConfigError("nothing to write; --outputs takes gray, mask, colour, depth and normals.")
        if not -90.0 <= self.elevation <= 90.0:
            raise ConfigError(f"elevation must lie between -90 and 90 degrees, got {self.elevation}.")
        if self.points < 0:
            raise ConfigError(f"points must be >= 0, got {self.points}.")


@dataclass(frozen=True)
class Rendered:
    """What became of one model; also the event of its end."""

    name: str
    """Of the folder below the output."""
    source: str
    state: State
    reason: str = ""
    """Why it failed."""


@dataclass(frozen=True)
class RenderSummary:
    """What a run left."""

    models: tuple[Rendered, ...]
    """In the order of the files."""
    backend: str
    fingerprint: str
    stopped: bool
    """Whether the user asked to stop before the last one."""

    def count(self, state: State) -> int:
        """How many models ended so."""
        return sum(each.state == state for each in self.models)


@dataclass(frozen=True)
class _Plan:
    """The settings, resolved for this machine."""

    settings: RenderSettings
    cameras: tuple[Camera, ...]
    options: RenderOptions
    device: torch.device
    fingerprint: str


def render_files(
    models: Sequence[ModelFile],
    output: Path,
    settings: RenderSettings,
    *,
    device: torch.device,
    processes: int = 1,
    overwrite: bool = False,
    listen: Callable[[Rendered], None] = lambda event: None,
) -> RenderSummary:
    """Render every model into a folder of its own below `output`.

    Args:
        models: of `find_models`.
        output: made where it is not there.
        settings: views, outputs, looks.
        device: where pictures are computed.
        processes: models in work at a time; each is read in a child process.
        overwrite: make anew what is there already.
        listen: called with each model as it ends, in the order in which they end.

    Raises:
        ConfigError: a setting or a back-end that cannot be used here.
        DataError: the disk is full.
    """
    if processes < 1:
        raise ConfigError(f"processes must be >= 1, got {processes}.")
    plan = _plan(settings, device)
    remove_unfinished(output, (model.name for model in models if is_plain(model.name)))
    done: dict[ModelFile, Rendered] = {}
    with graceful_interrupt() as stop, MeshReaders(processes) as readers:

        def work(model: ModelFile) -> Rendered:
            return _render_one(model, output, plan, readers, overwrite=overwrite)

        for model, rendered in _as_they_end(work, models, processes, lambda: stop.requested):
            done[model] = rendered
            listen(rendered)
    rows = tuple(done[model] for model in models if model in done)
    return RenderSummary(rows, plan.options.backend, plan.fingerprint, stopped=len(rows) < len(models))


def _plan(settings: RenderSettings, device: torch.device) -> _Plan:
    cameras = view_cameras(settings.views, elevation=settings.elevation)
    backend = choose_backend(settings.look.backend, device.type)
    options = config.structure(
        RenderOptions, {**config.plain(settings.look), "backend": backend}, where="options"
    )
    decides = {
        "pictures": fingerprint(options, cameras, backend=backend),
        "outputs": sorted(set(settings.outputs)),
        "points": settings.points,
        "seed": settings.seed if settings.points else None,
        "up": settings.up,
    }
    return _Plan(settings, cameras, options, device, config.fingerprint(decides))


def _as_they_end(
    work: Callable[[ModelFile], Rendered],
    models: Sequence[ModelFile],
    threads: int,
    stopped: Callable[[], bool],
) -> Iterator[tuple[ModelFile, Rendered]]:
    """`work` of every model on some threads, each yielded when it is done; after a stop no more are begun."""
    remaining = iter(models)
    running: dict[Future[Rendered], ModelFile] = {}
    with ThreadPoolExecutor(threads, thread_name_prefix="render") as pool:
        while True:
            while len(running) < threads and not stopped() and (model := next(remaining, None)) is not None:
                running[pool.submit(work, model)] = model
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()


def _render_one(
    model: ModelFile, output: Path, plan: _Plan, readers: MeshReaders, *, overwrite: bool
) -> Rendered:
    """Make the folder of one model; whatever is wrong with the model is a result, not an error."""
    source = plain_name(model.path.as_posix())

    def ended(state: State, reason: str = "") -> Rendered:
        return Rendered(plain_name(model.name), source, state, reason)

    if not is_plain(model.path.as_posix()):
        return ended(
            "failed", f"'{source}' has a name that is not UTF-8, which no record can hold; rename it"
        )
    folder = output / model.name
    try:
        facts = {
            "fingerprint": plan.fingerprint,
            "content": content_hash(model.path, root=model.root),
        }
        if not overwrite and is_finished(folder, facts):
            return ended("kept")
        if is_foreign(folder):
            reason = f"'{folder}' is there and was not written by `anaglyph render`; choose another --output"
            return ended("failed", reason)
        mesh = readers.load(model.path, up=plan.settings.up, root=model.root)
        shown = _usable(mesh, model.path)
        views = render_views(
            shown, plan.cameras, options=plan.options, outputs=plan.settings.outputs, device=plan.device
        )
        points = None
        if plan.settings.points:
            draws = numpy_generator(plan.settings.seed, "points", facts["content"])
            points = sample_surface(shown, plan.settings.points, generator=draws)
    except MeshError as error:
        return ended("failed", error.reason)
    except (MemoryError, torch.OutOfMemoryError):
        return ended("failed", f"no memory for its {plan.options.size} pixel views; use a smaller --size")
    described = {"anaglyph": __version__, **facts, **_described(mesh, source, plan)}
    write_pictures(folder, views, described, outputs=plan.settings.outputs, points=points)
    return ended("made")


def _usable(mesh: Mesh, path: Path) -> Mesh:
    """The mesh in the frame of the cameras."""
    try:
        return normalized(mesh, "sphere")
    except ValueError as error:
        raise MeshError(path, f"no usable surface: {error}") from error


def _described(mesh: Mesh, source: str, plan: _Plan) -> dict[str, Any]:
    """What stands in the record beside the cameras."""
    return {
        "source": source,
        "backend": plan.options.backend,
        "settings": config.plain(plan.settings),
        "frame": "+y up, front +z, right-handed; centre of the box at 0, farthest vertex at distance 1",
        "model": {
            "vertices": len(mesh.vertices),
            "faces": len(mesh.faces),
            "up": mesh.up,
            "notes": list(mesh.notes),
        },
        "depth": {"model_units_per_step": DEPTH_STEP, "nothing": 0},
        "normals": {"component": "2 * value / 255 - 1, in the frame above", "nothing": [0, 0, 0]},
    }
