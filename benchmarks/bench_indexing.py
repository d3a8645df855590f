"""Indexing real models: models a minute, how busy the cores are, and where the time goes.

    python -m benchmarks bench_indexing        (reads $ANAGLYPH_DATA, else ../shared/data)

Every third of the 682 PLY files of `cc0_objects` is indexed into an empty index, by one and by two processes,
with networks of the size of `mini` that nobody trained. "cores" is the processor time of all processes,
parsers included, over the wall time, with the start of the processes (imports, kernels; "start_seconds"
until the first file is done) in both. The shares are of the time that processes spent on models: reading
(with the hash), measuring (facets, problems, points), drawing (views, thumbnail), embedding, writing. "load"
is the load average before the run: on a busy machine the numbers say little. "busy" says whether the cores of
so many processes were at least 80 % in use.
"""

from __future__ import annotations

# ruff: noqa: E402 - the allocator is set before torch is imported
from anaglyph.cli.allocator import keep_freed_memory

keep_freed_memory()

import os
import resource
import shutil
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import torch

from anaglyph.cli.places import data_root
from anaglyph.encoders.catalog import create_encoder
from anaglyph.engine.models import save_method
from anaglyph.engine.recipe import load_recipe
from anaglyph.methods.catalog import create_method
from anaglyph.randomness import seeded
from anaglyph.search.index_space import ModelChoice, new_index
from anaglyph.search.indexer import Indexed, IndexEvent, IndexOptions, index_folder

STEP = 3
SHARES = {
    "parse": ("hash", "parse"),
    "measure": ("measure", "sample"),
    "render": ("render", "thumbnail"),
    "embed": ("embed",),
    "write": ("write",),
}
"""Column -> what the report calls it."""


def run() -> list[dict[str, Any]]:
    """Rows: processes, models a minute, cores, shares."""
    meshes = data_root(None) / "cc0_objects" / "meshes"
    files = sorted(meshes.rglob("*.ply"))[::STEP]
    if not files:
        return [{"what": f"no models at '{meshes}'; set ANAGLYPH_DATA"}]
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "models"
        for file in files:
            (folder / file.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(file, folder / file.parent.name / file.name)
        model = untrained(Path(scratch) / "model.safetensors")
        return [
            measured(folder, Path(scratch) / f"index{processes}", model, processes) for processes in (1, 2)
        ]


def measured(folder: Path, place: Path, model: Path, processes: int) -> dict[str, Any]:
    """Index the folder once."""
    load = os.getloadavg()[0]
    times: list[float] = []

    def listen(event: IndexEvent) -> None:
        if isinstance(event, Indexed):
            times.append(time.perf_counter())

    choice = ModelChoice(source=str(model))
    ready = new_index(str(place), choice, root=data_root(None), device=torch.device("cpu"))
    with closing(ready.store), ready.store.writer(owner="bench") as writer:
        start, before = time.perf_counter(), processor_seconds()
        report = index_folder(
            ready.store, writer, folder, embed=ready.embed, preparation=ready.preparation,
            options=IndexOptions(processes=processes), now=lambda: 0, listen=listen,
        )  # fmt: skip
        wall, processor = time.perf_counter() - start, processor_seconds() - before
    spent = {name: sum(report.seconds.get(part, 0.0) for part in parts) for name, parts in SHARES.items()}
    total = sum(spent.values())
    working = times[-1] - times[0]
    cores = processor / wall
    return {
        "processes": processes,
        "models": report.new,
        "models_per_minute": 60 * (len(times) - 1) / working,
        "start_seconds": times[0] - start,
        "cores": cores,
        **{f"{name}_share": value / total for name, value in spent.items()},
        "load": load,
        "busy": "yes" if cores >= 0.8 * processes else "NO",
    }


def untrained(path: Path) -> Path:
    """Weights of the recipe that `mini` comes from, as they are drawn."""
    recipe = load_recipe("models_mixed_mixcon3d_best")
    [spec] = recipe.stages.values()
    shape = spec.encoders["shape"]
    with seeded(0, "bench_indexing"):
        encoders = {"shape": create_encoder(shape.name, **shape.options)}
        method = create_method(spec.method, spec.config, encoders=encoders, objects=1)
    save_method(path, method, spec=spec, data=recipe.data, towers=recipe.towers, objects=1, identity="bench")
    return path


def processor_seconds() -> float:
    """Of this process and of all that it started and that have ended."""
    used: Sequence[Any] = [
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    return float(sum(each.ru_utime + each.ru_stime for each in used))
