"""Pages of lists."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

Limit = Annotated[int, Query(ge=1, le=200)]
Offset = Annotated[int, Query(ge=0, le=1_000_000)]


def following(total: int, *, limit: int, offset: int) -> int | None:
    """Offset of the next page; None on the last one."""
    return offset + limit if offset + limit < total else None
