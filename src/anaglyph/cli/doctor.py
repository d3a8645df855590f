"""`anaglyph doctor`: what works on this machine, for bug reports and for the worried."""

from __future__ import annotations

import json as jsonlib
import shutil
from pathlib import Path


def doctor(*, data_root: Path | None = None, json: bool = False) -> int:
    """Check the installation: versions, devices, allocator, data, cache and optional packages.

    Exit code 1 when something needs attention.

    Args:
        data_root: folder of data sets; default $ANAGLYPH_DATA, else ../shared/data.
        json: print JSON.
    """
    from anaglyph.cli.allocator import keep_freed_memory
    from anaglyph.cli.places import cache_folder
    from anaglyph.cli.places import data_root as root
    from anaglyph.cli.tables import show_table
    from anaglyph.data.catalog import DATASETS, DataConfig, describe
    from anaglyph.engine.environment import EXTRAS, describe_environment, installed_version

    environment = describe_environment()
    checks: list[tuple[str, str, str]] = []
    packages = environment["packages"]
    missing = [name for name, version in packages.items() if version is None]  # type: ignore[attr-defined]
    listed = ", ".join(f"{name} {version}" for name, version in packages.items() if version)  # type: ignore[attr-defined]
    checks.append(
        ("packages", "attention" if missing else "ok", listed + (f"; missing: {missing}" if missing else ""))
    )
    checks.append(("python", "ok", f"{environment['python']} on {environment['system']}"))
    checks.append(("devices", "ok", f"{environment['devices']}, {environment['threads']} threads"))
    tuned = keep_freed_memory()
    checks.append(("allocator", "ok", "keeps freed memory" if tuned else "not glibc; left as it is"))
    cache = cache_folder()
    free = shutil.disk_usage(next(p for p in (cache, *cache.parents) if p.exists())).free / 2**30
    checks.append(("cache", "ok" if free > 1 else "attention", f"{cache}, {free:.1f} GiB free"))
    for name in DATASETS.names():
        facts = describe(DataConfig(name=name), root=root(data_root), cache=cache)
        there = bool(facts.get("available", True))
        checks.append(
            (f"data {name}", "ok" if there else "absent", str(facts.get("missing", facts["title"])))
        )
    for name in EXTRAS:
        version = installed_version(name)
        checks.append(
            (f"extra {name}", "ok" if version else "absent", version or f"pip install 'anaglyph[{name}]'")
        )
    if json:
        print(jsonlib.dumps([dict(zip(("check", "state", "detail"), row, strict=True)) for row in checks]))
    else:
        show_table("anaglyph doctor", ["check", "state", "detail"], [list(row) for row in checks])
    return 1 if any(state == "attention" for _, state, _ in checks) else 0
