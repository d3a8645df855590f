"""Pages of lists."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from anaglyph.serve.schemas import DEEPEST, PAGE

Limit = Annotated[int, Query(ge=1, le=PAGE)]
Offset = Annotated[int, Query(ge=0, le=DEEPEST)]


def following(total: int, *, limit: int, offset: int) -> int | None:
    """Offset of the next page; None on the last one."""
    return offset + limit if offset + limit < total else None
