"""Which files a command line means: files, folders (all clouds below, sorted) and patterns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from anaglyph.errors import ConfigError
from anaglyph.io.clouds import READERS

FORMAT = "anaglyph embeddings 1"
_WILD = frozenset("*?[")


def find_clouds(names: Sequence[str], *, leave_out: Path | None = None) -> list[Path]:
    """Every file that `names` stand for, in their order, folders and patterns sorted, each once.

    Args:
        names: files; folders, of which every file with the suffix of a cloud is taken, hidden ones and
            links that lead elsewhere excepted; patterns such as 'scans/**/*.ply'.
        leave_out: a file that folders and patterns do not yield, namely the output.

    Raises:
        ConfigError: a name that is neither.
    """
    found: dict[Path, Path] = {}
    excepted = None if leave_out is None else leave_out.resolve()
    for name in names:
        path = Path(name)
        if path.is_file():
            if holds_vectors(path):
                raise ConfigError(f"'{path}' holds vectors that `anaglyph embed` wrote, no cloud.")
            found.setdefault(path.resolve(), path)
            continue
        for each in _inside(path, name):
            if each.resolve() != excepted and not holds_vectors(each):
                found.setdefault(each.resolve(), each)
    return list(found.values())


def sidecar_of(output: Path) -> Path:
    """The file beside an output of `anaglyph embed` that says what it holds."""
    return output.with_name(output.name + ".json")


def read_sidecar(output: Path) -> dict[str, Any] | None:
    """What stands beside an output; None where `anaglyph embed` has written nothing."""
    try:
        described = json.loads(sidecar_of(output).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    ours = isinstance(described, dict) and described.get("format") == FORMAT
    return described if ours else None


def holds_vectors(path: Path) -> bool:
    """Whether a file is an output of `anaglyph embed`, which would pass for a cloud of many columns."""
    return path.suffix.lower() == ".npy" and read_sidecar(path) is not None


def _inside(path: Path, name: str) -> list[Path]:
    if path.is_dir():
        below = path.rglob("*")
    elif _WILD & set(name):
        root = Path(path.anchor)
        below = root.glob(str(path.relative_to(root)) if path.anchor else name)
    else:
        raise ConfigError(f"no file, folder or pattern '{name}'; check the path.")
    return sorted(
        each
        for each in below
        if each.suffix.lower() in READERS
        and each.is_file()
        and not _hidden(each, path if path.is_dir() else None)
    )


def _hidden(path: Path, root: Path | None) -> bool:
    parts = path.parts if root is None else path.relative_to(root).parts
    return any(part.startswith(".") and part not in (".", "..") for part in parts)
