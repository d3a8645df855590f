"""What a server is told when it starts: where it listens, who may do what, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import lru_cache
from ipaddress import ip_address

from anaglyph.errors import ConfigError
from anaglyph.geometry.mesh_limits import UPLOAD_BYTES, MeshLimits
from anaglyph.io.pictures import MAX_BYTES as PICTURE_BYTES


@dataclass(frozen=True, kw_only=True)
class ServeLimits:
    """Bounds of requests; beyond any of them the answer is an error with a code, never a crash."""

    body_bytes: int = 1 << 20
    """Body of a request that brings no files."""
    head_bytes: int = 32 << 10
    """Headers of a request together."""
    upload_bytes: int = UPLOAD_BYTES
    """One model in a query."""
    picture_bytes: int = PICTURE_BYTES
    """One picture in a query."""
    search_bytes: int = 160 << 20
    """Body of a search with all its files."""
    uploads: int = 4
    """Searches with files that are received at a time; with `search_bytes` the bound of temporary space."""
    parts: int = 8
    """Parts of a combined query, which is also how many files a form may hold."""
    text: int = 1_000
    """Characters of a text query."""
    queue: int = 64
    """Queries that wait; the next one is told to come back."""
    mesh_faces: int = 1_000_000
    """Triangles of a model that is converted for a viewer."""
    idle_seconds: float = 15.0
    """Longest wait for the next piece of a request's body, and for its head as a whole."""
    least_rate: int = 16 << 10
    """Bytes a second that a body must bring on average, `idle_seconds` in advance."""
    requests: int = 256
    """Requests that are answered at a time; the next one is told to come back."""
    connections: int = 1024
    """Open connections; more are refused without a body."""
    mesh: MeshLimits = field(default_factory=lambda: MeshLimits(file_bytes=UPLOAD_BYTES))
    """Of models in queries and of those that are converted for a viewer."""

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, int | float) and value <= 0:
                raise ValueError(f"{each.name} must be above 0, got {value!r}")


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """Where a server listens and what it lets people do.

    Raises:
        ConfigError: an open door: writes, or an address that others reach, without a token.
    """

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 8340
    """0 takes a free one."""
    write: bool = False
    """Tags, ignored items and indexing again; without it nothing changes."""
    token: str | None = None
    """Asked of whoever writes and, where others than this machine can reach the server, of everybody."""
    hosts: tuple[str, ...] = ()
    """Further names, without port, under which the server may be called."""
    limits: ServeLimits = field(default_factory=ServeLimits)

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"port must be from 0 to 65535, got {self.port}.")
        if self.token is not None and len(self.token) < 16:
            raise ConfigError(
                f"the token has {len(self.token)} characters; at least 16 are needed. `openssl rand -hex 32` "
                f"makes a good one."
            )
        if self.token is not None and not (self.token.isascii() and self.token.isprintable()):
            raise ConfigError("the token holds other characters than printable ASCII; choose another.")
        if self.token is None and (self.write or not self.local):
            what = "writes" if self.write else f"listening on '{self.host}', which others can reach,"
            raise ConfigError(f"{what} needs a token; pass --token-file FILE or leave it to the command.")

    @property
    def local(self) -> bool:
        """Whether only this machine can reach the address."""
        return is_loopback(self.host)


@lru_cache(maxsize=64)
def is_loopback(host: str) -> bool:
    """Whether a name or address, without port and brackets, is this machine's own."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
