"""One hash for a model and the files it refers to: the key under which its renderings are kept."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from anaglyph.errors import MeshError
from anaglyph.geometry.formats.mtl import beside, texture_names
from anaglyph.geometry.load import admitted
from anaglyph.geometry.mesh_files import Folder, ReferenceRefusedError, read_regular_file
from anaglyph.geometry.mesh_limits import DEFAULT_LIMITS, MeshLimits

READING = 1
"""Raised whenever a reader begins to make another mesh of the same bytes."""
_CHUNK = 16 << 20
_OVERLAP = 64 << 10
_NAMES = {
    ".obj": re.compile(rb"^[ \t]*mtllib[ \t]+([^\r\n]*)[\r\n]", re.MULTILINE),
    ".ply": re.compile(rb"^comment TextureFile[ \t]+([^\r\n]*)[\r\n]", re.MULTILINE),
    ".gltf": re.compile(rb'"uri"\s*:\s*("(?!data:)(?:[^"\\]|\\.)*")'),
    ".dae": re.compile(rb"<(?:\w+:)?(?:init_from|ref)>([^<]*)<"),
    ".fbx": re.compile(
        rb'(?:RelativeFilename|FileName|Filename)(?:: "([^"\r\n]*)"|S([\s\S]{4}[^\x00-\x1f]*))'
    ),
}
_NAMES[".glb"] = _NAMES[".gltf"]


def content_hash(path: str | Path, *, root: Path | None = None, limits: MeshLimits = DEFAULT_LIMITS) -> str:
    """SHA-256, in 64 hexadecimal digits, of everything that decides what `load_mesh(path)` returns.

    That is the suffix, the bytes of the model, and the name and bytes of each file it refers to; one that is
    missing or may not be read counts as absent. Where the folder lies and what it is called makes no
    difference. Files are scanned, not parsed, so that this is safe and cheap.

    Args:
        path: a model file.
        root: folder that may hold what the model refers to, as for `load_mesh`.
        limits: bounds of the file's size.

    Raises:
        MeshError: the file is absent, empty, too large or of no known format.
    """
    path = Path(path)
    resolved, folder_path = admitted(path, root, limits)
    suffix = path.suffix.lower()
    folder = Folder(resolved, folder_path, limits)
    digest = hashlib.sha256(f"{READING} {suffix}".encode())
    names: dict[str, None] = {}
    try:
        with resolved.open("rb") as file:
            chunks = iter(lambda: file.read(_CHUNK), b"")
            for window in _windows(chunks, digest.update):
                names.update(dict.fromkeys(_names(window, suffix)))
    except OSError as error:
        raise MeshError(path, f"it cannot be read: {error.strerror}") from error
    for name in list(names)[: limits.references]:
        _add(digest.update, name, folder, limits, library=suffix == ".obj")
    return digest.hexdigest()


def _windows(chunks: Iterator[bytes], seen: Callable[[bytes], object]) -> Iterator[bytes]:
    """Overlapping pieces of a file, the last one closed by a line end; `seen` gets every byte once."""
    tail = b""
    for chunk in chunks:
        seen(chunk)
        yield tail + chunk
        tail = (tail + chunk)[-_OVERLAP:]
    yield tail + b"\n"


def _names(window: bytes, suffix: str) -> Iterator[str]:
    pattern = _NAMES.get(suffix)
    for match in pattern.finditer(window) if pattern else ():
        found = next(group for group in match.groups() if group is not None)
        if suffix in (".gltf", ".glb"):
            try:
                yield str(json.loads(found))
            except ValueError:
                continue
        elif suffix == ".fbx" and match.group(1) is None:
            length = int.from_bytes(found[:4], "little")
            yield found[4 : 4 + length].decode("utf-8", errors="surrogateescape")
        else:
            yield from _names_in_text(found.decode("utf-8", errors="surrogateescape").strip(), suffix)


def _names_in_text(text: str, suffix: str) -> Iterator[str]:
    yield text
    if suffix == ".obj" and len(text.split()) > 1:  # one name with blanks, or several names
        yield from text.split()


def _add(
    seen: Callable[[bytes], object], name: str, folder: Folder, limits: MeshLimits, *, library: bool
) -> None:
    seen(f"\x00{name}\x00".encode("utf-8", errors="surrogateescape"))
    try:
        data = read_regular_file(folder.locate(name.replace("\\", "/")), most=limits.file_bytes)
    except (ReferenceRefusedError, OSError, ValueError):
        seen(b"absent")
        return
    seen(hashlib.sha256(data).digest())
    for texture in dict.fromkeys(texture_names(data)) if library else ():
        _add(seen, beside(name, texture), folder, limits, library=False)
