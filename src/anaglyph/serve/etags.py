"""ETags: what a browser has already is not sent again."""

from __future__ import annotations

import hashlib


def tag_of(*parts: str) -> str:
    """A strong ETag of texts that decide what is sent."""
    digest = hashlib.blake2b("\0".join(parts).encode(errors="surrogateescape"), digest_size=16).hexdigest()
    return f'"{digest}"'


def matches(given: str | None, tag: str) -> bool:
    """Whether an If-None-Match header names a tag."""
    if given is None:
        return False
    named = {each.strip().removeprefix("W/") for each in given.split(",")}
    return tag in named or "*" in named
