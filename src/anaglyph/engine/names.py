"""Names of files as text.

A name that is not UTF-8 reaches Python with lone surrogates, which neither JSON nor a terminal takes.
"""

from __future__ import annotations


def is_plain(name: str) -> bool:
    """Whether `name` can be written as UTF-8."""
    return plain_name(name) == name


def plain_name(name: str) -> str:
    """`name` with an escape in place of each byte that is not UTF-8."""
    return name.encode("utf-8", errors="backslashreplace").decode("utf-8")
