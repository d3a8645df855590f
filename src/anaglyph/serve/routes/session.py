"""A cookie for browsers: pictures are asked for without a header that could hold a token."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from anaglyph.serve.guard import cookie_name
from anaglyph.serve.schemas import Error, Session

router = APIRouter(tags=["system"])


@router.post("/session", responses={401: {"model": Error}})
async def session(request: Request, response: Response) -> Session:
    """Exchange the token, sent as 'Authorization: Bearer', for a cookie that lasts as long as the server."""
    response.set_cookie(
        cookie_name(request.scope),
        request.scope["state"]["session"],
        path="/",
        httponly=True,
        samesite="strict",
    )
    return Session(authorized=True)
