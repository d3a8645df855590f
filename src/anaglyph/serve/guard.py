"""Who may ask: names of the server (against DNS rebinding), origins (against other pages), tokens."""

from __future__ import annotations

import hmac
import secrets
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from anaglyph.serve.errors import Code, RefusedError
from anaglyph.serve.settings import ServeSettings, is_loopback

COOKIE = "anaglyph_session_{port}"
"""Browsers send cookies to every port of a machine: each server has a name of its own."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
GUARDED = ("/api/", "/metrics")
"""What asks for the token; the files of the page, which hold no data, and /healthz do not."""
SESSION = "/api/v1/session"
READS_BY_POST = frozenset({"/api/v1/search", "/api/v1/search/export", SESSION})
"""Unsafe by their method, but they change nothing."""


class Guard:
    """Pure ASGI middleware, outside of everything that reads a request.

    Args:
        app: what is guarded.
        settings: names, token, and whether others can reach the server.
        session: value of the cookie that stands for the token in browsers; drawn when the server starts.
    """

    def __init__(self, app: ASGIApp, *, settings: ServeSettings, session: str | None = None) -> None:
        self.app = app
        self.settings = settings
        self.session = session or secrets.token_urlsafe(32)
        self.names = frozenset(name.lower() for name in settings.hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer why not."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # websockets, of which there are none
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            authorized = self.check(scope)
        except RefusedError as refusal:
            await refusal.response()(scope, receive, send)
            return
        scope["state"] = {**scope.get("state", {}), "session": self.session, "authorized": authorized}
        await self.app(scope, receive, send)

    def check(self, scope: Scope) -> bool:
        """Whether the caller has the token; RefusedError unless this request may be answered."""
        method, path, headers = scope["method"], scope["path"], Headers(raw=list(scope["headers"]))
        host = self._known_host(headers)
        if method not in SAFE or path.startswith(
            GUARDED
        ):  # what other pages cannot read costs time all the same
            _same_origin(headers, host)
        known = self._known_caller(headers, cookie_name(scope))
        if not path.startswith(GUARDED):
            return known
        writes = method not in SAFE and path not in READS_BY_POST
        if writes and not self.settings.write:
            raise RefusedError(
                403, Code.READ_ONLY, "this server changes nothing; start it with --write to allow it."
            )
        if (writes or path == SESSION or not self.settings.local) and not known:
            raise RefusedError(
                401,
                Code.UNAUTHORIZED,
                "this needs the server's token: send 'Authorization: Bearer TOKEN', or open the address that "
                "`anaglyph serve` printed.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return known

    def _known_host(self, headers: Headers) -> str:
        """The Host header, lower case with port; a page elsewhere may have its own name point here."""
        given = headers.getlist("host")
        host = given[0].lower() if len(given) == 1 else ""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            name = ""
        if not (name in self.names or self._own(name)):
            raise RefusedError(
                421,
                Code.HOST_NOT_ALLOWED,
                f"this server does not answer to the name {name[:100]!r}; --allow-host NAME adds one.",
            )
        return host

    def _own(self, name: str) -> bool:
        if is_loopback(name) or name == self.settings.host.lower():
            return bool(name)
        try:
            # An address in figures was looked up by nobody, so no page can have redirected it.
            ip_address(name)
        except ValueError:
            return False
        return not self.settings.local

    def _known_caller(self, headers: Headers, cookie: str) -> bool:
        token = self.settings.token
        if token is None:
            return False
        scheme, _, value = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(value.strip().encode(), token.encode()):
            return True
        return hmac.compare_digest(_cookie(headers, cookie).encode(), self.session.encode())


def _same_origin(headers: Headers, host: str) -> None:
    """Refuse what a browser sends for another site's page; programs send neither header."""
    origins = headers.getlist("origin")
    site = headers.get("sec-fetch-site", "none").lower()
    foreign = any(_netloc(origin) != host for origin in origins)
    if foreign or len(origins) > 1 or site not in ("same-origin", "none"):
        raise RefusedError(
            403, Code.ORIGIN_NOT_ALLOWED, "a page of another site may not send requests to this server."
        )


def cookie_name(scope: Scope) -> str:
    """Of the cookie that this server sets and reads."""
    return COOKIE.format(port=(scope.get("server") or ("", 0))[1])


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin.lower()).netloc
    except ValueError:  # such as "http://["
        return None


def _cookie(headers: Headers, name: str) -> str:
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return "" if morsel is None else morsel.value
