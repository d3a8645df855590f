"""`anaglyph doctor`: what works on this machine, for bug reports and for the worried."""

from __future__ import annotations

import json as jsonlib
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from anaglyph.errors import AnaglyphError, ConfigError, DataError

if TYPE_CHECKING:
    from anaglyph.ops.backends import Operation

FOLDERS = ("folder", "views_folder")
"""Options of data sets that name a folder below the data root."""


def doctor(
    model: tyro.conf.Positional[str] = "",
    *,
    up: Literal["auto", "y", "z"] = "auto",
    picture: Path | None = None,
    root: Path | None = None,
    data_root: Path | None = None,
    json: bool = False,
) -> int:
    """Check a 3D model, or the installation.

    With a model file: what is in it, what is wrong with it and what to do, and what it looks like. Without:
    versions, devices, point operations, renderers, data folders, cache and optional packages; data is looked
    for, not read. Exit code 1 when something needs attention.

    Args:
        model: a model file; empty checks the installation.
        up: the model's axis that points up; auto takes the file's word or its format's custom.
        picture: PNG file to write a picture of the model to.
        root: folder that the model's textures may lie in, if not its own.
        data_root: folder of data sets; default $ANAGLYPH_DATA, else ../shared/data.
        json: print JSON.
    """
    if model:
        from anaglyph.cli.doctor_model import doctor_model

        return doctor_model(Path(model), up=up, picture=picture, json=json, root=root)
    if picture is not None or root is not None or up != "auto":
        raise ConfigError("--up, --picture and --root are for a model; name its file.")
    from anaglyph.cli.places import data_root as data_folder
    from anaglyph.cli.tables import show_table
    from anaglyph.data.catalog import DATASETS
    from anaglyph.engine.environment import EXTRAS, describe_environment
    from anaglyph.ops.backends import OPERATIONS
    from anaglyph.render.backends import BACKENDS

    environment = describe_environment()
    place = data_folder(data_root)
    looks: dict[str, Callable[[], tuple[str, str]]] = {
        "packages": lambda: _packages(environment["packages"]),  # type: ignore[arg-type]
        "python": lambda: ("ok", f"{environment['python']} on {environment['system']}"),
        "devices": lambda: ("ok", f"{environment['devices']}, {environment['threads']} threads"),
        **{f"ops {operation}": partial(_operation, operation) for operation in OPERATIONS},
        **{f"render {name}": partial(_renderer, name) for name in BACKENDS},
        "allocator": _allocator,
        "cache": _cache,
        **{f"data {name}": partial(_data, name, place) for name in DATASETS.names()},
        "extra fast": partial(_extra, "fast", package="numba"),
        **{f"extra {name}": partial(_extra, name, package=name) for name in EXTRAS},
    }
    checks = [(check, *_careful(look)) for check, look in looks.items()]
    if json:
        print(jsonlib.dumps([dict(zip(("check", "state", "detail"), row, strict=True)) for row in checks]))
    else:
        show_table("anaglyph doctor", ["check", "state", "detail"], [list(row) for row in checks])
    return 1 if any(state == "attention" for _, state, _ in checks) else 0


def _careful(look: Callable[[], tuple[str, str]]) -> tuple[str, str]:
    """State and detail of one line, whatever it meets: one bad line never ends the command."""
    try:
        return look()
    except (AnaglyphError, OSError) as error:
        return "attention", str(error)


def _packages(versions: dict[str, str | None]) -> tuple[str, str]:
    missing = [name for name, version in versions.items() if version is None]
    listed = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    return ("attention", f"{listed}; missing: {missing}") if missing else ("ok", listed)


def _operation(name: Operation) -> tuple[str, str]:
    """Which back-end of a point operation is taken on each device here, and which others there are."""
    import torch

    devices = ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)
    return "ok", "; ".join(f"{device}: {_backends(name, device)}" for device in devices)


def _backends(name: Operation, device: str) -> str:
    from anaglyph.ops.backends import available_backends

    chosen, *others = available_backends(name, device)
    if chosen == "tree":
        return "tree for large clouds, torch for small ones"
    return f"{chosen}; also {', '.join(others)}" if others else chosen


def _renderer(name: str) -> tuple[str, str]:
    """Whether a renderer works here, which one is taken, and what another one lacks."""
    from anaglyph.render.backends import choose_backend, explain

    reason = explain(name)
    if reason:
        return "absent", reason
    return "ok", "taken on the CPU" if name == choose_backend("auto", "cpu") else "works"


def _allocator() -> tuple[str, str]:
    from anaglyph.cli.allocator import keep_freed_memory

    return "ok", "keeps freed memory" if keep_freed_memory() else "not glibc; left as it is"


def _cache() -> tuple[str, str]:
    from anaglyph.cli.places import cache_folder

    cache = cache_folder()
    free = shutil.disk_usage(next(p for p in (cache, *cache.parents) if p.exists())).free / 2**30
    return "ok" if free > 1 else "attention", f"{cache}, {free:.1f} GiB free"


def _data(name: str, root: Path) -> tuple[str, str]:
    """Whether the folders of a data set are there; some need none."""
    from anaglyph.data.catalog import DataConfig, dataset_source
    from anaglyph.data.source import folder_in

    source = dataset_source(DataConfig(name=name))
    folders = [getattr(source, option) for option in FOLDERS if getattr(source, option, "")]
    try:
        places = [str(folder_in(root, folder, obtain=source.obtain)) for folder in folders]
    except DataError as error:
        return "absent", str(error)
    return "ok", f"{source.title}; {' and '.join(places) or 'needs no files'}"


def _extra(name: str, *, package: str) -> tuple[str, str]:
    from anaglyph.engine.environment import installed_version

    version = installed_version(package)
    if version is None:
        return "absent", f"pip install 'anaglyph[{name}]'"
    return "ok", version if package == name else f"{package} {version}"
