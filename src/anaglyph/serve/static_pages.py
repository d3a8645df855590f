"""The gallery's files: read once, sent with their hash, and nothing else below the folder can be named."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from anaglyph.serve.errors import Code, RefusedError
from anaglyph.serve.etags import matches

FOLDER = Path(__file__).parent / "static"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}
"""What is sent at all; files of other kinds are not."""


@dataclass(frozen=True)
class _Page:
    data: bytes
    kind: str
    tag: str


class StaticPages:
    """An ASGI application over a table of files; addresses are looked up in it, never on the disk.

    Args:
        folder: whose files are read now.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self.pages: dict[str, _Page] = {}
        for path in sorted(folder.rglob("*")):
            kind = TYPES.get(path.suffix.lower())
            if kind is None or path.is_symlink() or not path.is_file():
                continue
            data = path.read_bytes()
            tag = f'"{hashlib.blake2b(data, digest_size=16).hexdigest()}"'
            self.pages[f"/{path.relative_to(folder).as_posix()}"] = _Page(data, kind, tag)
        if "/index.html" in self.pages:
            self.pages["/"] = self.pages["/index.html"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self.answer(Request(scope))(scope, receive, send)

    def answer(self, request: Request) -> Response:
        """The file, or that there is none."""
        page = self.pages.get(request.scope["path"])
        if page is None:
            return RefusedError(404, Code.NOT_FOUND, "there is nothing at this address.").response()
        if request.method not in ("GET", "HEAD"):
            headers = {"Allow": "GET, HEAD"}
            return RefusedError(405, Code.NOT_FOUND, "this can only be read.", headers=headers).response()
        # Asked for again each time, answered by 304: an update must not meet the page of yesterday.
        headers = {"ETag": page.tag, "Cache-Control": "no-cache"}
        if matches(request.headers.get("if-none-match"), page.tag):
            return Response(status_code=304, headers=headers)
        return Response(page.data, media_type=page.kind, headers=headers)
