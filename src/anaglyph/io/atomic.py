"""Bytes reach the disk here, all or nothing: temporary name, fsync, rename, fsync of the folder.

Whoever reads a path sees the old content or the new one, never a part, even after kill -9 or a power
cut. A write that finds no room ends in a DataError and leaves the old file untouched.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from anaglyph.errors import DataError

MANIFEST = "manifest.json"
_SUFFIX = ".partial"
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""What the system calls a full disk, a used-up quota and a file beyond its limit."""


def write_bytes(path: Path, data: bytes) -> None:
    """Put `data` at `path`, replacing what was there only when all of it is safely on disk."""
    _write(path, (data,), needed=len(data))


def write_chunks(path: Path, chunks: Iterable[bytes]) -> None:
    """`write_bytes` for what need not lie in memory as a whole; an error in `chunks` changes nothing."""
    _write(path, chunks, needed=None)


def write_text(path: Path, text: str) -> None:
    """`write_bytes` of UTF-8 text; line ends stay as they are."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: object) -> None:
    """`write_bytes` of indented JSON with a newline at the end; NaN is refused (ValueError)."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Fill a temporary sibling folder; it becomes `path` when the block ends well.

    Every file and folder in it is fsynced before the rename. On any error the temporary folder is
    removed and `path` stays absent. DataError when `path` is there already.
    """
    if path.exists():
        raise DataError(f"'{path}' exists already; choose another name or remove it first.")
    temporary = _temporary(path)
    with _no_room_is_named(path, needed=None):
        try:
            temporary.mkdir(parents=True)
            yield temporary
            _sync_tree(temporary)
            _rename_folder(temporary, path)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        _sync_folder(path.parent)


def remove_leftovers(folder: Path, *, of: str = "") -> list[Path]:
    """Remove what killed writers left in `folder` (not deeper); only while nobody else writes there.

    With `of`, what writers of the file of that name left, and nothing else.
    """
    start = f".{of[:200]}." if of else "."
    leftovers = sorted(path for path in folder.glob(f".*{_SUFFIX}") if path.name.startswith(start))
    for leftover in leftovers:
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()
    return leftovers


def write_manifest(folder: Path) -> None:
    """Write size and SHA-256 of every file below `folder` into its manifest.json; call it last."""
    files = {name: {"bytes": path.stat().st_size, "sha256": sha256(path)} for name, path in _files(folder)}
    write_json(folder / MANIFEST, {"files": files})


def verify_manifest(folder: Path) -> str | None:
    """None when `folder` is exactly what its manifest says, otherwise a sentence naming the first fault."""
    try:
        listed: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        sizes = {name: (int(row["bytes"]), str(row["sha256"])) for name, row in listed.items()}
    except FileNotFoundError:
        return f"'{folder}' has no {MANIFEST}: it was never finished."
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"'{folder / MANIFEST}' cannot be read: {error}"
    found = dict(_files(folder))
    for name, (size, digest) in sorted(sizes.items()):
        if name not in found:
            return f"'{folder / name}' is missing."
        if found[name].stat().st_size != size:
            return f"'{folder / name}' has {found[name].stat().st_size} bytes, its manifest says {size}."
        if sha256(found[name]) != digest:
            return f"'{folder / name}' has changed: its SHA-256 is not the one in the manifest."
    extra = sorted(set(found) - set(sizes))
    return f"'{folder / extra[0]}' is not in the manifest." if extra else None


def sha256(path: Path) -> str:
    """SHA-256 of a file as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(folder: Path) -> list[tuple[str, Path]]:
    """(relative name, path) of every file below `folder` but the manifest, by name."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST)
    return sorted((path.relative_to(folder).as_posix(), path) for path in paths)


def _write(path: Path, chunks: Iterable[bytes], *, needed: int | None) -> None:
    temporary = _temporary(path)
    with _no_room_is_named(path, needed=needed):
        try:
            with temporary.open("xb") as file:
                for chunk in chunks:
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)


def _temporary(path: Path) -> Path:
    # File systems count bytes, of which a character may need four.
    name = path.name.encode()[:200].decode(errors="ignore")
    return path.with_name(f".{name}.{secrets.token_hex(6)}{_SUFFIX}")


@contextmanager
def _no_room_is_named(path: Path, *, needed: int | None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        place = next((folder for folder in path.absolute().parents if folder.is_dir()), Path("/"))
        amount = "" if needed is None else f"{needed} bytes are needed, "
        raise DataError(
            f"cannot write '{path}' ({error.strerror}): {amount}{shutil.disk_usage(place).free} bytes are "
            f"free in '{place}'. What was there before is untouched; make room and start again."
        ) from error


def _rename_folder(temporary: Path, path: Path) -> None:
    try:
        temporary.rename(path)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
            raise DataError(f"'{path}' was written by somebody else meanwhile; that one stays.") from error
        raise


def _sync_tree(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        elif path.is_dir():
            _sync_folder(path)
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
