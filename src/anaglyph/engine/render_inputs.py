"""Which models a command line means, and the folder below the output that each gets.

Names never meet: a folder is named after its file with the suffix, files of several folders stand below the
folder's name, and what would still share a name gets the digest of its place behind it.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from anaglyph.engine.names import is_plain, plain_name
from anaglyph.errors import ConfigError
from anaglyph.geometry.mesh_formats import SUPPORTED

_WILD = frozenset("*?[")
_LONGEST = 180
"""Bytes of a name; file systems end at 255, and what is being written has a longer one."""


@dataclass(frozen=True)
class ModelFile:
    """One model to look at."""

    path: Path
    root: Path | None
    """Folder that may hold what the model refers to; None for what `load_mesh` takes by default."""
    name: str
    """Where its pictures go, relative to the output."""


def find_models(names: Sequence[str], *, leave_out: Path | None = None) -> list[ModelFile]:
    """Every model that `names` stand for, in their order, folders and patterns sorted, each file once.

    Args:
        names: files; folders, of which every file with the suffix of a model is taken, hidden ones and links
            that lead elsewhere excepted; patterns such as 'kits/**/*.glb'.
        leave_out: a folder in which folders and patterns find nothing, namely the output.

    Raises:
        ConfigError: a name that is neither.
    """
    found: dict[Path, tuple[Path, Path | None, PurePosixPath]] = {}
    several = len(names) > 1
    for name in names:
        path = Path(name)
        if path.is_dir():
            below = PurePosixPath(path.resolve().name or "root") if several else PurePosixPath()
            for each in _inside(path.rglob("*"), path, leave_out):
                found.setdefault(each.resolve(), (each, path, below / each.relative_to(path).as_posix()))
        elif _WILD & set(name) and not path.exists():
            root = Path(path.anchor)
            matches = root.glob(str(path.relative_to(root)) if path.anchor else name)
            for each in _inside(matches, None, leave_out):
                found.setdefault(each.resolve(), (each, None, PurePosixPath(each.name)))
        elif path.exists():
            found.setdefault(path.resolve(), (path, None, PurePosixPath(path.name)))
        else:
            raise ConfigError(f"no file, folder or pattern '{plain_name(name)}'; check the path.")
    places = _apart([(resolved, place) for resolved, (_, _, place) in found.items()])
    return [
        ModelFile(path, root, place) for (path, root, _), place in zip(found.values(), places, strict=True)
    ]


def check_output(output: Path, names: Sequence[str]) -> None:
    """Refuse a place for pictures that is a file, or a folder that is to be searched for models.

    Args:
        output: where pictures would go.
        names: as for `find_models`.

    Raises:
        ConfigError: saying what to choose instead.
    """
    there = next((place for place in (output, *output.parents) if place.exists()), None)
    if there is not None and not there.is_dir():
        raise ConfigError(
            f"the output '{plain_name(str(output))}' needs a folder where '{plain_name(str(there))}' is a "
            f"file; choose another --output."
        )
    if any(Path(name).is_dir() and Path(name).resolve() == output.resolve() for name in names):
        raise ConfigError(
            f"the output '{plain_name(str(output))}' is the folder of the models, and the output is not "
            f"searched; choose another --output, such as '{plain_name(str(output / 'pictures'))}'."
        )


def _inside(paths: Iterable[Path], folder: Path | None, leave_out: Path | None) -> list[Path]:
    """Models among `paths`, sorted, links last; in a folder nothing hidden, nothing from elsewhere."""
    excepted = None if leave_out is None else leave_out.resolve()
    kept = []
    for path in paths:
        if path.suffix.lower() not in SUPPORTED or not path.is_file():
            continue
        resolved = path.resolve()
        if excepted is not None and resolved.is_relative_to(excepted):
            continue
        parts = path.parts if folder is None else path.relative_to(folder).parts
        hidden = any(part.startswith(".") and part not in (".", "..") for part in parts)
        elsewhere = folder is not None and not resolved.is_relative_to(folder.resolve())
        if not hidden and not elsewhere:
            kept.append(path)
    return sorted(kept, key=lambda path: (path.is_symlink(), path))


def _apart(files: Sequence[tuple[Path, PurePosixPath]]) -> list[str]:
    """A name of its own for each (resolved path, wanted name): no two equal, none within another."""
    wanted = ["/".join(_short(part) for part in place.parts) for _, place in files]
    taken = Counter(_folded(name) for name in wanted)
    folders = {parent.as_posix() for name in wanted for parent in PurePosixPath(_folded(name)).parents}
    names = []
    for (resolved, _), name in zip(files, wanted, strict=True):
        meets = taken[_folded(name)] > 1 or _folded(name) in folders
        names.append(f"{name}-{_digest(str(resolved))}" if meets else name)
    return names


def _folded(name: str) -> str:
    """Equal for names that are one file on some disks: upper case, and accents written in two ways."""
    return unicodedata.normalize("NFC", name).casefold()


def _short(part: str) -> str:
    """A part of a path, with the end replaced by a digest where it is too long to be written beside."""
    if not is_plain(part) or len(part.encode()) <= _LONGEST:
        return part
    start = part.encode()[: _LONGEST - 20].decode(errors="ignore")
    return f"{start}-{_digest(part)}{PurePosixPath(part).suffix}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:8]
