"""What people look through and decide: problems, duplicates, tags. Files are never touched."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from anaglyph.serve.paging import Limit, Offset, following
from anaglyph.serve.schemas import (
    PAGE,
    Changed,
    Error,
    GroupAnswer,
    GroupPage,
    IgnoreRequest,
    ProblemPage,
    ProblemRow,
    TagRequest,
)
from anaglyph.serve.served import Served, Serving

router = APIRouter(tags=["review"])
WRITES: dict[int | str, dict[str, Any]] = {status: {"model": Error} for status in (401, 403, 404, 503)}


@router.get("/problems")
async def problems(serving: Serving, limit: Limit = 50, offset: Offset = 0) -> ProblemPage:
    """Findings about files, the most serious first."""
    generation = await serving.read(serving.store.generation)
    found = await serving.read(serving.store.problems, limit=limit + 1, offset=offset)
    rows = [
        ProblemRow(
            category=problem.category,
            severity=problem.severity,
            reason=problem.reason,
            item=serving.presenter.item(item),
        )
        for item, problem in found[:limit]
    ]
    total = offset + len(found) if found or not offset else 0
    return ProblemPage(
        problems=rows,
        total=total,
        limit=limit,
        offset=offset,
        next=offset + limit if len(found) > limit else None,
        generation=generation,
    )


@router.get("/duplicates")
async def duplicates(
    serving: Serving,
    kind: Annotated[Literal["exact", "near"], Query()] = "exact",
    limit: Limit = 50,
    offset: Offset = 0,
) -> GroupPage:
    """Groups of equal files, or of models that look alike and are equally large; not those ignored."""
    generation = await serving.read(serving.store.generation)
    groups = await serving.parse(serving.engine.duplicates, kind)
    page = groups[offset : offset + limit]
    shown = [group.ids[:PAGE] for group in page]
    items = await serving.read(serving.store.items, [id for ids in shown for id in ids])
    known = {item.id: item for item in items}
    return GroupPage(
        groups=[
            GroupAnswer(
                kind=group.kind,
                size=len(group.ids),
                items=[serving.presenter.item(known[id]) for id in ids if id in known],
                similarities=list(group.cosines[: len(ids)]),
            )
            for group, ids in zip(page, shown, strict=True)
        ],
        total=len(groups),
        limit=limit,
        offset=offset,
        next=following(len(groups), limit=limit, offset=offset),
        generation=generation,
    )


@router.post("/tags", responses=WRITES)
async def tags(serving: Serving, request: TagRequest) -> Changed:
    """Add and remove tags of items; all of them or, where one does not exist, none."""
    await _require(serving, request.ids)
    await serving.write(lambda writer: writer.tag(request.ids, add=request.add, remove=request.remove))
    return await _changed(serving, request.ids)


@router.post("/ignored", responses=WRITES)
async def ignored(serving: Serving, request: IgnoreRequest) -> Changed:
    """Leave items out of duplicates, or take them in again."""
    await _require(serving, request.ids)
    await serving.write(lambda writer: writer.ignore(request.ids, request.ignored))
    return await _changed(serving, request.ids)


async def _require(serving: Served, ids: list[int]) -> None:
    found = await serving.read(serving.store.items, ids)
    missing = sorted(set(ids) - {item.id for item in found})
    if missing:
        await serving.item(missing[0])  # says it


async def _changed(serving: Served, ids: list[int]) -> Changed:
    items = await serving.read(serving.store.items, list(dict.fromkeys(ids)))
    return Changed(
        items=[serving.presenter.item(item) for item in items],
        generation=await serving.read(serving.store.generation),
    )
