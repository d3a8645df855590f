"""Indexing again, in the background."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path

from anaglyph.serve.jobs import Job
from anaglyph.serve.schemas import Error, JobAnswer, JobList, JobRequest
from anaglyph.serve.served import Serving

router = APIRouter(prefix="/jobs", tags=["jobs"])
JobId = Annotated[int, Path(ge=1, le=2**63 - 1)]
WRITES: dict[int | str, dict[str, Any]] = {status: {"model": Error} for status in (401, 403, 404, 409, 501)}


@router.get("")
async def list_jobs(serving: Serving) -> JobList:
    """The last 100 since the server started, the newest first."""
    return JobList(jobs=[_answer(job) for job in serving.jobs.all()])


@router.post("", status_code=202, responses=WRITES)
async def start_job(serving: Serving, request: JobRequest) -> JobAnswer:
    """Look for new, changed, moved and deleted files below a root; watch it under its number."""
    return _answer(serving.jobs.start(request.root))


@router.get("/{id}", responses={404: {"model": Error}})
async def one_job(serving: Serving, id: JobId) -> JobAnswer:
    """How far it is."""
    return _answer(serving.jobs.one(id))


@router.post("/{id}/cancel", status_code=202, responses=WRITES)
async def cancel_job(serving: Serving, id: JobId) -> JobAnswer:
    """Ask it to stop after the files it is at; what is indexed stays."""
    return _answer(serving.jobs.cancel(id))


def _answer(job: Job) -> JobAnswer:
    return JobAnswer(kind="index", **asdict(job))
