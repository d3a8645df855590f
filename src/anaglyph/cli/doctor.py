"""`anaglyph doctor`: what works on this machine, for bug reports and for the worried."""

from __future__ import annotations

import json as jsonlib
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from anaglyph.errors import AnaglyphError, DataError

if TYPE_CHECKING:
    from anaglyph.ops.backends import Operation

FOLDERS = ("folder", "views_folder")
"""Options of data sets that name a folder below the data root."""


def doctor(*, data_root: Path | None = None, json: bool = False) -> int:
    """Check the installation: versions, devices, point operations, data folders, cache and optional packages.

    Data is looked for, not read; `anaglyph data NAME` reads it. Exit code 1 when something needs attention.

    Args:
        data_root: folder of data sets; default $ANAGLYPH_DATA, else ../shared/data.
        json: print JSON.
    """
    from anaglyph.cli.places import data_root as root
    from anaglyph.cli.tables import show_table
    from anaglyph.data.catalog import DATASETS
    from anaglyph.engine.environment import EXTRAS, describe_environment
    from anaglyph.ops.backends import OPERATIONS

    environment = describe_environment()
    place = root(data_root)
    looks: dict[str, Callable[[], tuple[str, str]]] = {
        "packages": lambda: _packages(environment["packages"]),  # type: ignore[arg-type]
        "python": lambda: ("ok", f"{environment['python']} on {environment['system']}"),
        "devices": lambda: ("ok", f"{environment['devices']}, {environment['threads']} threads"),
        **{f"ops {operation}": partial(_operation, operation) for operation in OPERATIONS},
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
