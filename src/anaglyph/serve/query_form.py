"""A search request: JSON, or a form with the same JSON in `query` and files; its limits are checked here."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from anaglyph.geometry.mesh_formats import SUPPORTED, unknown_format
from anaglyph.search.parts import LikePart, ModelPart, Part, PicturePart, TextPart
from anaglyph.serve import schemas
from anaglyph.serve.errors import Code, RefusedError
from anaglyph.serve.schemas import SearchRequest
from anaglyph.serve.settings import ServeLimits

FIELD = "query"
_COPIED = 1 << 20


@dataclass(frozen=True)
class Asking:
    """A request that passed its checks; files live as long as the block that made it."""

    request: SearchRequest
    parts: tuple[Part, ...]


@asynccontextmanager
async def asking(request: Request, *, limits: ServeLimits) -> AsyncIterator[Asking]:
    """Read a request.

    Raises:
        RefusedError: what it holds cannot be meant, or is beyond a limit.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        asked = _parsed(await request.body(), limits)
        yield Asking(asked, tuple(_without_file(part, limits) for part in asked.parts))
    elif kind == "multipart/form-data":
        async with _form(request, limits) as form:
            asked = _parsed(_query_field(form, limits), limits)
            with tempfile.TemporaryDirectory(prefix="anaglyph-query-") as folder:
                parts = [
                    await _with_file(part, form, Path(folder) / str(place), limits)
                    for place, part in enumerate(asked.parts)
                ]
                yield Asking(asked, tuple(parts))
    else:
        raise RefusedError(
            415,
            Code.INVALID_REQUEST,
            f"a search is application/json or multipart/form-data, not {kind[:100]!r}.",
        )


def check_parts(request: SearchRequest, limits: ServeLimits) -> None:
    """RefusedError for too many parts, or none that says what is wanted."""
    if len(request.parts) > limits.parts:
        raise RefusedError(
            422,
            Code.TOO_MANY_PARTS,
            f"the query has {len(request.parts)} parts; at most {limits.parts} are combined.",
        )
    if all(part.negative for part in request.parts):
        raise _mistake("all parts are negative; say what is wanted too.")


@asynccontextmanager
async def _form(request: Request, limits: ServeLimits) -> AsyncIterator[FormData]:
    if not _is_utf8(request.headers.get("content-type", "")):
        raise _mistake("a form is UTF-8; leave out its charset.")
    try:
        # Starlette keeps files above a megabyte on disk, and closes them with the form.
        form = await request.form(max_files=limits.parts, max_fields=1, max_part_size=limits.body_bytes)
    except (MultiPartException, HTTPException) as error:  # inside an application it is the latter
        words = error.detail if isinstance(error, HTTPException) else error.message
        code = Code.TOO_MANY_PARTS if words.startswith("Too many") else Code.INVALID_REQUEST
        raise RefusedError(400, code, f"the form cannot be read: {words}") from error
    try:
        yield form
    finally:
        await form.close()


def _is_utf8(kind: str) -> bool:
    """Whether a Content-Type states no other charset: Python's slowest, such as punycode, take a minute."""
    kind = kind.lower()
    return "charset" not in kind or (
        kind.count("charset") == 1 and re.search(r';\s*charset="?utf-8"?\s*(;|$)', kind) is not None
    )


def _parsed(data: bytes | str, limits: ServeLimits) -> SearchRequest:
    try:
        request = SearchRequest.model_validate_json(data)
    except ValidationError as error:
        details = [
            {"where": ".".join(map(str, each["loc"])), "what": each["msg"]}
            for each in error.errors(include_url=False, include_context=False, include_input=False)[:20]
        ]
        raise RefusedError(
            422, Code.INVALID_REQUEST, "the query cannot be meant.", details=details
        ) from error
    check_parts(request, limits)
    return request


def _query_field(form: FormData, limits: ServeLimits) -> str:
    value = form.get(FIELD)
    if not isinstance(value, str):
        raise _mistake(f"the form has no text field '{FIELD}'; it holds the query as JSON.")
    if len(value) > limits.body_bytes:
        raise RefusedError(413, Code.BODY_TOO_LARGE, f"the field '{FIELD}' is larger than a query.")
    return value


def _without_file(part: schemas.Part, limits: ServeLimits) -> Part:
    weight = -part.weight if part.negative else part.weight
    if isinstance(part, schemas.TextPart):
        text = part.text.strip()
        if not text:
            raise _mistake("a text part is empty; write what is looked for.")
        if len(text) > limits.text:
            raise RefusedError(
                422,
                Code.TEXT_TOO_LONG,
                f"the text has {len(text)} characters; at most {limits.text} are read.",
            )
        return TextPart(text=text, weight=weight)
    if isinstance(part, schemas.LikePart):
        return LikePart(id=part.id, weight=weight)
    raise _mistake(
        f"an {part.kind} part comes in a form, with its file in field {part.file[:100]!r}; this is JSON."
    )


async def _with_file(part: schemas.Part, form: FormData, folder: Path, limits: ServeLimits) -> Part:
    if isinstance(part, schemas.TextPart | schemas.LikePart):
        return _without_file(part, limits)
    weight = -part.weight if part.negative else part.weight
    upload = form.get(part.file)
    if not isinstance(upload, UploadFile):
        raise _mistake(f"the form has no file {part.file[:100]!r}, which a part of the query names.")
    if isinstance(part, schemas.ImagePart):
        _check_size(upload, limits.picture_bytes, Code.PICTURE_UNUSABLE, "picture")
        box = _box(part.box) if part.box is not None else None
        return PicturePart(data=await upload.read(), box=box, weight=weight)
    _check_size(upload, limits.upload_bytes, Code.MODEL_UNUSABLE, "model")
    suffix = Path((upload.filename or "").replace("\\", "/")).suffix.lower()
    if suffix not in SUPPORTED:
        raise RefusedError(422, Code.MODEL_UNUSABLE, unknown_format(suffix[:20]))
    folder.mkdir()
    target = folder / f"model{suffix}"  # nothing of the given name but its suffix reaches the disk
    await asyncio.to_thread(_copy, upload.file, target)
    return ModelPart(path=target, weight=weight)


def _copy(source: IO[bytes], target: Path) -> None:
    with target.open("xb") as file:
        shutil.copyfileobj(source, file, _COPIED)


def _check_size(upload: UploadFile, most: int, code: Code, what: str) -> None:
    size = upload.size or 0
    if size > most:
        raise RefusedError(
            413, Code.BODY_TOO_LARGE, f"the {what} has {size} bytes; at most {most} are taken."
        )
    if not size:
        raise RefusedError(422, code, f"the {what} is empty; choose another file.")


def _box(given: list[float]) -> tuple[float, float, float, float]:
    left, top, right, bottom = given
    if left >= right or top >= bottom:
        raise _mistake(f"the box {given} holds nothing; it is left, top, right, bottom, from 0 to 1.")
    return left, top, right, bottom


def _mistake(message: str) -> RefusedError:
    return RefusedError(422, Code.INVALID_REQUEST, message)
