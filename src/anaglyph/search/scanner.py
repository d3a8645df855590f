"""Which models lie in a folder, and what has become of them since the index saw them.

A walk reads names, sizes and times only; contents are hashed later, by those who read the files anyway. Links
are followed to files inside the root that the walk does not meet otherwise, and to nothing else.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from anaglyph.errors import ConfigError, DataError
from anaglyph.geometry.mesh_formats import SUPPORTED
from anaglyph.search.store import Known


class FolderError(DataError):
    """A folder cannot be looked at, or what is in it cannot be believed; other folders still can."""


@dataclass(frozen=True)
class Found:
    """A model file that lies there."""

    path: str
    """Below the root, with forward slashes."""
    bytes: int
    modified: int
    """Nanoseconds."""


@dataclass(frozen=True)
class Walk:
    """All models below a root."""

    root: str
    """Absolute, links resolved."""
    files: tuple[Found, ...]
    """By path."""
    unreadable: tuple[str, ...] = ()
    """Folders that may not be entered and files that may not be looked at; what is known of them stays."""
    unnameable: tuple[str, ...] = ()
    """Files whose names are not UTF-8, with ? for what cannot be shown; no index can hold them."""


@dataclass(frozen=True)
class Shard:
    """One of `count` shares of the files, `number` from 1; which share a file is in depends on its path."""

    number: int = 1
    count: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise ConfigError(
                f"no shard {self.number}/{self.count}; i/n takes i from 1 to n, such as --shard 2/4."
            )

    def holds(self, path: str) -> bool:
        """Whether a file is in this share."""
        if self.count == 1:
            return True
        digest = hashlib.blake2b(path.encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little") % self.count == self.number - 1


WHOLE = Shard()


@dataclass(frozen=True)
class Task:
    """A file to look into."""

    found: Found
    kind: Literal["new", "changed"]
    known: Known | None = None
    """What was there under this path."""
    unless: tuple[str, ...] = ()
    """Contents that make work needless: the file was only touched, or is one that lay elsewhere before."""


@dataclass(frozen=True)
class Changes:
    """What an indexing run has to do, in the order of paths."""

    tasks: tuple[Task, ...]
    same: int
    """Files with the size and the time that the index knows."""
    gone: tuple[int, ...]
    """Ids whose files are not there and lie nowhere else."""
    perhaps_moved: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    """Content -> (path, id) of files that are gone, while new files of the same size are there."""
    perhaps_back: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    """Likewise of files that were gone before: they may be back, or were moved in two steps."""

    def count(self, kind: Literal["new", "changed"]) -> int:
        """How many tasks are of a kind."""
        return sum(task.kind == kind for task in self.tasks)


def walk(folder: Path) -> Walk:
    """Every model below a folder; hidden files and folders are passed over.

    Raises:
        FolderError: there is no such folder, or it may not be read.
    """
    try:
        root = folder.resolve(strict=True)
        entries = sorted(os.scandir(root), key=lambda entry: entry.name)
    except OSError as error:
        raise FolderError(
            f"the folder '{folder}' cannot be read ({error.strerror}). Name a folder of 3D models; if it is "
            f"on another disk, is that one there?"
        ) from error
    walking = _Walking(root)
    walking.enter(entries, "")
    files = dict(walking.files)
    for path in sorted(walking.links):
        walking.follow(path, files)
    return Walk(
        str(root),
        tuple(files[path] for path in sorted(files)),
        unreadable=tuple(sorted(walking.unreadable)),
        unnameable=tuple(sorted(walking.unnameable)),
    )


def compare(
    seen: Walk,
    known: Mapping[str, Known],
    *,
    deleted: Mapping[str, Known] = MappingProxyType({}),
    shard: Shard = WHOLE,
    retry: bool = False,
    thorough: bool = False,
) -> Changes:
    """What is to be done to bring an index up to date.

    Args:
        seen: what lies there.
        known: path -> what the index knows, of the same root.
        deleted: path -> what it knows of files that were gone before.
        shard: share of the files.
        retry: look again at files that could not be used, even where they are unchanged.
        thorough: hash every file, whatever its size and time say; finds changes of textures and buffers.
    """
    there = {file.path for file in seen.files}
    gone = {
        path: row
        for path, row in known.items()
        if path not in there and not any(f"{path}/".startswith(f"{each}/") for each in seen.unreadable)
    }
    new_sizes = {file.bytes for file in seen.files if file.path not in known}
    moved, back = _of_sizes(gone, new_sizes), _of_sizes(deleted, new_sizes)
    by_size: dict[int, list[str]] = defaultdict(list)
    for row in (*gone.values(), *deleted.values()):
        if row.content in moved or row.content in back:
            by_size[row.bytes].append(row.content)
    tasks = []
    same = 0
    for file in seen.files:
        if not shard.holds(file.path):
            continue
        task = _task(file, known.get(file.path), by_size, retry=retry, thorough=thorough)
        if task is None:
            same += 1
        else:
            tasks.append(task)
    waiting = {path for rows in moved.values() for path, _ in rows}
    lost = [row.id for path, row in sorted(gone.items()) if path not in waiting and shard.holds(path)]
    return Changes(tuple(tasks), same, tuple(lost), perhaps_moved=moved, perhaps_back=back)


def _of_sizes(rows: Mapping[str, Known], sizes: set[int]) -> dict[str, tuple[tuple[str, int], ...]]:
    """Content -> (path, id) of the rows of these sizes, by path."""
    found: dict[str, tuple[tuple[str, int], ...]] = {}
    for path, row in sorted(rows.items()):
        if row.content and row.bytes in sizes:
            found[row.content] = (*found.get(row.content, ()), (path, row.id))
    return found


def _task(
    file: Found, row: Known | None, by_size: Mapping[int, list[str]], *, retry: bool, thorough: bool
) -> Task | None:
    if row is None:
        return Task(file, "new", unless=tuple(dict.fromkeys(by_size.get(file.bytes, ()))))
    if retry and row.state == "problem":
        return Task(file, "changed", row)
    if (row.bytes, row.modified) == (file.bytes, file.modified) and not thorough:
        return None
    return Task(file, "changed", row, unless=(row.content,) if row.content else ())


class _Walking:
    """The state of one walk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[str, Found] = {}
        self.links: list[str] = []
        self.targets: set[str] = set()
        """Of links that were followed."""
        self.unreadable: list[str] = []
        self.unnameable: list[str] = []

    def enter(self, entries: list[os.DirEntry[str]], below: str) -> None:
        """Take in all below `entries`; no recursion, folders may be nested deeply."""
        waiting = [(entry, f"{below}{entry.name}") for entry in entries]
        while waiting:
            entry, path = waiting.pop()
            if entry.name.startswith("."):
                continue
            try:
                if entry.is_dir(follow_symlinks=False):
                    waiting += [(inner, f"{path}/{inner.name}") for inner in _listed(entry)]
                elif Path(entry.name).suffix.lower() in SUPPORTED:
                    self._file(entry, path)
            except OSError:  # gone meanwhile, or not ours to read
                self.unreadable.append(_shown(path))

    def follow(self, path: str, files: dict[str, Found]) -> None:
        """Add a link to a file inside the root, unless that is there already under its own name."""
        try:
            target = (self.root / path).resolve(strict=True)
            facts = target.stat()
        except (OSError, RuntimeError):  # broken, or a circle
            return
        if not stat.S_ISREG(facts.st_mode) or not target.is_relative_to(self.root):
            return
        own = target.relative_to(self.root).as_posix()
        if own not in files and own not in self.targets:
            self.targets.add(own)
            files[path] = Found(path, facts.st_size, facts.st_mtime_ns)

    def _file(self, entry: os.DirEntry[str], path: str) -> None:
        if not _is_text(path):
            self.unnameable.append(_shown(path))
        elif entry.is_symlink():
            self.links.append(path)
        else:
            facts = entry.stat(follow_symlinks=False)
            if stat.S_ISREG(facts.st_mode):
                self.files[path] = Found(path, facts.st_size, facts.st_mtime_ns)


def _listed(entry: os.DirEntry[str]) -> Iterator[os.DirEntry[str]]:
    with os.scandir(entry.path) as inner:
        yield from inner


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(path: str) -> str:
    return path.encode(errors="replace").decode()
