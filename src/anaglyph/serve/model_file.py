"""A model file over HTTP: the path in its row, held against its root at this moment; ranges included."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from anaglyph.geometry.mesh_files import open_regular_file
from anaglyph.search.items import Item
from anaglyph.serve.errors import Code, RefusedError
from anaglyph.serve.etags import matches, tag_of
from anaglyph.serve.presented import VIEWER_TYPES

_CHUNK = 256 << 10
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def resolved_file(item: Item) -> tuple[Path, Path]:
    """The item's file and its root, links resolved.

    Raises:
        RefusedError: gone, or outside the root by now, as after a link was put in its place.
    """
    try:
        root = Path(item.root).resolve(strict=True)
        path = (root / item.path).resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise _unavailable(item, "is not there any more") from error
    if not path.is_relative_to(root):
        raise _unavailable(item, "leads out of the folder that was indexed")
    return path, root


def model_answer(item: Item, headers: Mapping[str, str], method: str, *, most: int) -> Response:
    """The file, a range of it, or 304.

    Args:
        item: whose.
        headers: of the request, in lower case.
        method: GET or HEAD.
        most: bytes of a file that is sent.

    Raises:
        RefusedError: no such file, a format that names other files, too large, or a range beyond it.
    """
    kind = VIEWER_TYPES.get(item.facets.format)
    if kind is None or item.state == "deleted":
        raise _unavailable(item, "is of a format that names other files; ask for its mesh instead")
    path, root = resolved_file(item)
    with ExitStack() as stack:
        try:
            file = stack.enter_context(open_regular_file(path, most=most, root=root))
        except (OSError, ValueError) as error:
            raise _unavailable(item, f"cannot be sent ({_plain(error)})") from error
        facts = os.fstat(file.fileno())
        tag = tag_of("model", str(facts.st_ino), str(facts.st_size), str(facts.st_mtime_ns))
        about = {
            "ETag": tag,
            "Accept-Ranges": "bytes",
            "Cache-Control": "private, no-cache",
            "Content-Disposition": _download(Path(item.path).name),
        }
        if matches(headers.get("if-none-match"), tag):
            return Response(status_code=304, headers=about)
        whole = headers.get("if-range") not in (None, tag)
        first, last = _asked_range(None if whole else headers.get("range"), facts.st_size)
        partial = last - first + 1 != facts.st_size
        if partial:
            about["Content-Range"] = f"bytes {first}-{last}/{facts.st_size}"
        about["Content-Length"] = str(last - first + 1)
        status = 206 if partial else 200
        if method == "HEAD":
            return Response(status_code=status, headers=about, media_type=kind)
        pieces = _pieces(stack.pop_all(), file, first, last)
        return StreamingResponse(pieces, status_code=status, headers=about, media_type=kind)


def _pieces(owner: ExitStack, file: IO[bytes], first: int, last: int) -> Iterator[bytes]:
    with owner:
        file.seek(first)
        left = last - first + 1
        while left > 0 and (piece := file.read(min(_CHUNK, left))):
            left -= len(piece)
            yield piece


def _asked_range(given: str | None, size: int) -> tuple[int, int]:
    """First and last byte; anything but one plain range means the whole file, as HTTP allows."""
    found = _RANGE.fullmatch(given.replace(" ", "")) if given else None
    if found is None or found.group(1) == found.group(2) == "":
        return 0, size - 1
    start, end = found.groups()
    if start:
        first, last = int(start), min(int(end), size - 1) if end else size - 1
        if end and int(end) < first:
            return 0, size - 1
    else:
        first, last = max(0, size - int(end)), size - 1
    if first >= size or last < first:
        raise RefusedError(
            416,
            Code.RANGE_NOT_SATISFIABLE,
            f"the file has {size} bytes; the range begins behind them.",
            headers={"Content-Range": f"bytes */{size}"},
        )
    return first, last


def _download(name: str) -> str:
    """As a file of this name, whatever it is made of (RFC 6266)."""
    return f"attachment; filename*=UTF-8''{quote(name, safe='', errors='replace')}"


def _unavailable(item: Item, why: str) -> RefusedError:
    return RefusedError(404, Code.FILE_NOT_AVAILABLE, f"the file of item {item.id} {why}.")


def _plain(error: OSError | ValueError) -> str:
    """Without the path, which callers may not know."""
    return (error.strerror or "no access") if isinstance(error, OSError) else str(error)
