"""What is looked at in XML from others before a parser sees it."""

from __future__ import annotations

import re

from anaglyph.geometry.mesh_parts import MalformedError

NUMBERS_CUT_SHORT = "string or file could not be read"
"""NumPy's warning of numbers that end in something else; the libraries would go on with those before it."""
_ENCODING = re.compile(rb"^\s*<\?xml[^>]*?encoding\s*=\s*[\"']([^\"']*)[\"']", re.IGNORECASE)
_PLAIN = (b"utf-8", b"utf8", b"us-ascii", b"ascii", b"iso-8859-1", b"latin-1", b"windows-1252")
_REFUSED = (b"<!doctype", b"<!entity", b"<!element", b"<!attlist", b"<!notation")


def check_xml(data: bytes, what: str = "it") -> None:
    """Refuse encodings that could hide a document type, and document types: entities start there.

    Raises:
        MalformedError: naming what was found.
    """
    text = data.removeprefix(b"\xef\xbb\xbf")
    if b"\x00" in text or text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise MalformedError(f"{what} is XML that is not UTF-8; save it as UTF-8")
    if not text.lstrip().startswith(b"<"):
        raise MalformedError(f"{what} does not begin as XML")
    found = _ENCODING.match(text[:1000])
    if found and found.group(1).strip().lower() not in _PLAIN:
        raise MalformedError(f"{what} is XML in the encoding {found.group(1)[:20]!r}; save it as UTF-8")
    lower = text.lower()
    for mark in _REFUSED:
        if mark in lower:
            raise MalformedError(f"{what} holds a document type ('{mark.decode()}'), which no 3D model needs")
