"""Opening a model and the files it refers to: regular files inside one folder, and no more than allowed.

Nothing a file says about its neighbours is believed: a reference is a relative name below the root, links
included, or it is refused. There is no network here.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path, PureWindowsPath
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


def read_regular_file(path: Path, *, most: int) -> bytes:
    """All bytes of a regular file; pipes and devices are not even waited for.

    Raises:
        ValueError: it is something else, or larger than `most` bytes.
        OSError: it cannot be opened.
    """
    check_regular(path.stat())
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor has no path
        facts = os.fstat(descriptor)
        check_regular(facts)
        if facts.st_size > most:
            raise ValueError(f"it has {facts.st_size} bytes; at most {most} are read")
        return file.read(facts.st_size)


def check_regular(facts: os.stat_result) -> None:
    """ValueError unless these are the facts of a regular file."""
    if not stat.S_ISREG(facts.st_mode):
        kind = next((words for test, words in _KINDS if test(facts.st_mode)), "something else")
        raise ValueError(f"it is {kind}, not a file")


class Folder:
    """The files that one model may refer to, with all bytes counted; what was left out stands in `notes`."""

    def __init__(self, model: Path, root: Path, limits: MeshLimits, *, used: int = 0) -> None:
        self.model = model
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
        path = self._inside(name)
        if "%" in name and not path.exists():
            path = self._inside(unquote(name))
        return path

    def _inside(self, name: str) -> Path:
        check_reference(name)
        try:
            path = (self.model.parent / name.strip().replace("\\", "/")).resolve()
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
            data = read_regular_file(self.locate(name), most=bound)
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
