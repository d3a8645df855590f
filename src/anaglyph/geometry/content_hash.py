"""One hash for a model and the files it refers to: the key under which its renderings are kept."""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from anaglyph.errors import MeshError
from anaglyph.geometry.formats.mtl import beside, texture_name
from anaglyph.geometry.load import admitted
from anaglyph.geometry.mesh_files import Folder, ReferenceRefusedError, open_regular_file
from anaglyph.geometry.mesh_limits import DEFAULT_LIMITS, MeshLimits

READING = 2
"""Raised whenever a reader begins to make another mesh of the same bytes."""
_CHUNK = 4 << 20
_OVERLAP = 64 << 10
_MATCHES = 100
# Every repetition has a bound, and none gives back what it took: these run on hostile files, without a clock.
_NAMES = {
    ".obj": re.compile(rb"mtllib[ \t]{1,99}+([^\r\n]{0,4096}+)"),
    ".ply": re.compile(rb"TextureFile[ \t]{1,99}+([^\r\n]{0,4096}+)"),
    ".gltf": re.compile(rb'"uri"\s{0,99}+:\s{0,99}+("(?!data:)(?:[^"\\]|\\.){0,4096}+")'),
    ".dae": re.compile(
        rb"<(?:\w{1,64}+:)?(?:init_from|ref)(?:\s[^<>]{0,1024}+)?>(?:\s{0,99}+<!\[CDATA\[)?([^<]{0,4096}+)<"
    ),
    ".fbx": re.compile(
        rb'(?:RelativeFilename|FileName|Filename)(?:: "([^"\r\n]{0,4096}+)"'
        rb"|S([\s\S]{4}[^\x00-\x1f]{0,4096}+))"
    ),
}
_NAMES[".glb"] = _NAMES[".gltf"]
_TEXTURE = re.compile(rb"map_Kd[ \t]{1,99}+([^\r\n]{0,4096}+)", re.IGNORECASE)


def content_hash(path: str | Path, *, root: Path | None = None, limits: MeshLimits = DEFAULT_LIMITS) -> str:
    """SHA-256, in 64 hexadecimal digits, of everything that decides what `load_mesh(path)` returns.

    That is the suffix, the bytes of the model, and the name and bytes of each file it refers to; one that is
    missing, too large or may not be read counts as absent. Where the folder lies and what it is called makes
    no difference. Files are scanned, not parsed, a piece at a time; together they stay within
    `limits.file_bytes`, and their names within `limits.references`, however often one file is named.

    Args:
        path: a model file.
        root: folder that may hold what the model refers to, as for `load_mesh`.
        limits: bounds of the files' sizes and number.

    Raises:
        MeshError: the file is absent, empty, too large or of no known format.
    """
    path = Path(path)
    resolved, folder_path = admitted(path, root, limits)
    suffix = path.suffix.lower()
    files = _Files(Folder(resolved, folder_path, limits, beside=path.parent.resolve()), limits)
    digest = hashlib.sha256(f"{READING} {suffix}".encode())
    try:
        content, names = files.scanned(resolved, suffix, most=limits.file_bytes)
    except (OSError, ValueError) as error:
        raise MeshError(path, f"it cannot be read: {error}") from error
    digest.update(content)
    for line in files.references(names, suffix):
        digest.update(line)
    return digest.hexdigest()


class _Files:
    """The files of one model, each read once, until the limits are reached."""

    def __init__(self, folder: Folder, limits: MeshLimits) -> None:
        self._folder = folder
        self._limits = limits
        self._bytes_left = limits.file_bytes
        self._references_left = limits.references
        self._known: dict[tuple[Path, str], tuple[bytes, tuple[str, ...]]] = {}

    def scanned(self, path: Path, kind: str, *, most: int) -> tuple[bytes, tuple[str, ...]]:
        """The digest of a file and the names in it; `kind` is a model's suffix, ".mtl", or "" for neither.

        Raises:
            ValueError: it is no regular file, or too large.
            OSError: it cannot be read.
        """
        if (path, kind) not in self._known:
            digest = hashlib.sha256()
            names: dict[str, None] = {}
            left = _MATCHES * self._limits.references  # a file may name the same one again and again
            most = min(most, self._bytes_left)
            with open_regular_file(path, most=most, root=self._folder.root) as file:
                tail = b""
                while chunk := file.read(min(_CHUNK, most)):
                    most -= len(chunk)
                    self._bytes_left -= len(chunk)
                    digest.update(chunk)
                    for name in islice(_names(tail + chunk, kind), left):
                        left = left - 1 if len(names) <= self._limits.references else 0
                        names[name] = None
                        if not left:
                            break
                    tail = (tail + chunk)[-_OVERLAP:]
            self._known[path, kind] = digest.digest(), tuple(names)
        return self._known[path, kind]

    def references(self, names: tuple[str, ...], suffix: str) -> Iterator[bytes]:
        """What the hash takes of each named file, and of those that material libraries name."""
        pictures_only = suffix not in (".obj", ".gltf", ".glb")
        most = self._limits.texture_bytes if pictures_only else self._limits.file_bytes
        for name in names:
            if self._references_left < 1:
                return
            self._references_left -= 1
            yield f"\x00{name}\x00".encode("utf-8", errors="surrogateescape")
            try:
                place = self._folder.locate(name.replace("\\", "/"))
                content, inner = self.scanned(place, ".mtl" if suffix == ".obj" else "", most=most)
            except (ReferenceRefusedError, OSError, ValueError):
                yield b"absent"
                continue
            yield content
            yield from self.references(tuple(beside(name, each) for each in inner), ".mtl")


def _names(window: bytes, kind: str) -> Iterator[str]:
    pattern = _TEXTURE if kind == ".mtl" else _NAMES.get(kind)
    for match in pattern.finditer(window) if pattern else ():
        found = next(group for group in match.groups() if group is not None)
        if kind in (".gltf", ".glb"):
            try:
                yield str(json.loads(found))
            except ValueError:
                continue
        elif kind == ".fbx" and match.group(1) is None:
            length = int.from_bytes(found[:4], "little")
            yield found[4 : 4 + length].decode("utf-8", errors="surrogateescape")
        else:
            yield from _names_in_text(found.decode("utf-8", errors="surrogateescape").strip(), kind)


def _names_in_text(text: str, kind: str) -> Iterator[str]:
    if kind == ".dae":
        yield html.unescape(text).removesuffix("]]>").strip()
    elif kind == ".mtl":
        yield texture_name(text)
    else:
        yield text
        if kind == ".obj" and len(text.split()) > 1:  # one name with blanks, or several names
            yield from text.split()
