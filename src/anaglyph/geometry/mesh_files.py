"""Opening a model and the files it refers to: regular files inside one folder, and no more than allowed.

Nothing a file says about its neighbours is believed: a reference is a relative name below the root, links
included, or it is refused. There is no network here.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PureWindowsPath
from typing import IO
from urllib.parse import unquote

from anaglyph.errors import MeshError
from anaglyph.geometry.mesh_limits import MeshLimits

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class ReferenceRefusedError(Exception):
    """A file that a model refers to is not read; the message says why, in words that follow its name."""


def read_regular_file(path: Path, *, most: int, root: Path | None = None) -> bytes:
    """All bytes of a regular file, as `open_regular_file` opens it."""
    with open_regular_file(path, most=most, root=root) as file:
        return file.read(os.fstat(file.fileno()).st_size)  # `most` itself would be allocated


@contextmanager
def open_regular_file(path: Path, *, most: int, root: Path | None = None) -> Iterator[IO[bytes]]:
    """Open a regular file; pipes and devices are not even waited for.

    Args:
        path: links resolved already: a link that has taken its place since is not followed.
        most: bytes that the file may have.
        root: folder above `path`; then no folder in between may have become a link either.

    Raises:
        ValueError: it is something else, larger than `most` bytes, or was replaced in this moment.
        OSError: it cannot be opened.
    """
    checked = path.stat()
    check_regular(checked)
    descriptor = _descriptor(path, root)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor has no path
        facts = os.fstat(descriptor)
        check_regular(facts)
        if not os.path.samestat(checked, facts):
            raise ValueError("it was replaced while it was opened")
        if facts.st_size > most:
            raise ValueError(f"it has {facts.st_size} bytes; at most {most} are read")
        yield file


def _descriptor(path: Path, root: Path | None) -> int:
    """Open a file without following a link at its end, nor, below `root`, anywhere on the way."""
    no_links = getattr(os, "O_NOFOLLOW", 0)
    flags = os.O_RDONLY | no_links | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    if root is None or os.open not in os.supports_dir_fd:
        return os.open(path, flags)
    into = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY
    *folders, name = path.relative_to(root).parts
    here = os.open(root, into)
    try:
        for folder in folders:
            inner = os.open(folder, into | no_links, dir_fd=here)
            os.close(here)
            here = inner
        return os.open(name, flags, dir_fd=here)
    finally:
        os.close(here)


def check_regular(facts: os.stat_result) -> None:
    """ValueError unless these are the facts of a regular file."""
    if not stat.S_ISREG(facts.st_mode):
        kind = next((words for test, words in _KINDS if test(facts.st_mode)), "something else")
        raise ValueError(f"it is {kind}, not a file")


class Folder:
    """The files that one model may refer to, with all bytes counted; what was left out stands in `notes`.

    Args:
        model: the model file, links resolved.
        root: folder that holds everything that may be read, links resolved.
        limits: bounds of sizes and numbers.
        beside: folder where the user found the model, which differs from the file's own where it is a link;
            references start there, and in the file's own folder where nothing of that name is there.
        used: bytes that were read already.
    """

    def __init__(
        self, model: Path, root: Path, limits: MeshLimits, *, beside: Path | None = None, used: int = 0
    ) -> None:
        self.model = model
        self.folders = tuple(dict.fromkeys((beside or model.parent, model.parent)))
        self.root = root
        self.limits = limits
        self.notes: list[str] = []
        self._used = used
        self._count = 0

    def required(self, name: str) -> bytes:
        """The bytes of a file without which there is no geometry.

        Raises:
            MeshError: naming the reference, when it is refused, absent or too large.
        """
        try:
            return self._read(name)
        except ReferenceRefusedError as error:
            raise MeshError(self.model, f"it needs the file {_shown(name)}, {error}") from error

    def optional(self, name: str, *, what: str, most: int | None = None) -> bytes | None:
        """The bytes of a picture or a material library, or None and a note that says why not."""
        try:
            return self._read(name, most=most)
        except ReferenceRefusedError as error:
            self.note(f"without the {what} {_shown(name)}, {error}")
            return None

    def exists(self, name: str) -> bool:
        """Whether there is such a file, inside the root."""
        try:
            return self.locate(name).is_file()
        except (ReferenceRefusedError, OSError):
            return False

    def note(self, text: str) -> None:
        """Remember what was left out, once."""
        if text not in self.notes:
            self.notes.append(text)

    def locate(self, name: str) -> Path:
        """Where the file `name` lies, links resolved; nothing is opened.

        Raises:
            ReferenceRefusedError: the name leads out of the root, or is no plain relative name.
        """
        forms = (name, unquote(name)) if "%" in name else (name,)
        for folder in self.folders:
            for form in forms:
                with suppress(ReferenceRefusedError):
                    path = self._inside(folder, form)
                    if os.path.exists(path):  # noqa: PTH110 - Path.exists raises for names that are too long
                        return path
        return self._inside(self.folders[0], forms[-1])

    def _inside(self, folder: Path, name: str) -> Path:
        check_reference(name)
        try:
            path = (folder / name.strip().replace("\\", "/")).resolve()
        except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a name of no file system
            raise ReferenceRefusedError("which cannot be resolved") from error
        if not path.is_relative_to(self.root):
            raise ReferenceRefusedError(
                f"which lies outside the folder {_shown(str(self.root))}; pass root= to allow a larger one"
            )
        return path

    def _read(self, name: str, *, most: int | None = None) -> bytes:
        self._count += 1
        if self._count > self.limits.references:
            raise ReferenceRefusedError(f"one of more than {self.limits.references} files it refers to")
        left = self.limits.file_bytes - self._used
        bound = left if most is None else min(left, most)
        try:
            data = read_regular_file(self.locate(name), most=bound, root=self.root)
        except FileNotFoundError as error:
            raise ReferenceRefusedError("which is not there") from error
        except ValueError as error:
            raise ReferenceRefusedError(f"which is not read: {error}") from error
        except OSError as error:
            raise ReferenceRefusedError(f"which cannot be read: {error.strerror}") from error
        self._used += len(data)
        return data


def check_reference(name: str) -> None:
    """Refuse every name but a relative one of this system; `..` is judged by where it leads.

    Raises:
        ReferenceRefusedError: absolute, a drive letter, a URI, backslashes that climb, or control characters.
    """
    for form in (name, unquote(name)):
        if not form.strip() or any(ord(letter) < 32 or letter == "\x7f" for letter in form):
            raise ReferenceRefusedError("which is no file name")
        windows = PureWindowsPath(form)
        if form.startswith(("/", "\\", "~")) or windows.drive or windows.root:
            raise ReferenceRefusedError("an absolute path, and only files in the model's folder are read")
        if _SCHEME.match(form):
            raise ReferenceRefusedError("an address, and nothing is fetched")


def _shown(name: str) -> str:
    text = "".join(letter if letter.isprintable() else "?" for letter in name)
    return f"'{text[:100]}...'" if len(text) > 100 else f"'{text}'"
