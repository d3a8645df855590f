"""Every refusal of the server: one JSON shape, and codes that never change their meaning."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from starlette.responses import JSONResponse


class Code(StrEnum):
    """What went wrong, for programs; messages are for people and may change."""

    INVALID_REQUEST = "invalid_request"
    """A parameter, a body or a form that cannot be meant; `details` says where."""
    NOT_FOUND = "not_found"
    """No such address, or a method that it does not have (status 405)."""
    ITEM_NOT_FOUND = "item_not_found"
    FILE_NOT_AVAILABLE = "file_not_available"
    """The item's file is gone, was replaced by something else, or lies outside its root by now."""
    JOB_NOT_FOUND = "job_not_found"
    JOB_RUNNING = "job_running"
    """Another job is at work; one at a time."""
    BODY_TOO_LARGE = "body_too_large"
    BODY_TOO_SLOW = "body_too_slow"
    TOO_MANY_PARTS = "too_many_parts"
    TEXT_TOO_LONG = "text_too_long"
    PICTURE_UNUSABLE = "picture_unusable"
    MODEL_UNUSABLE = "model_unusable"
    QUERY_NOT_SUPPORTED = "query_not_supported"
    """The model of the index reads no pictures, or no words."""
    NOT_SUPPORTED = "not_supported"
    """This server was started without what it takes."""
    RANGE_NOT_SATISFIABLE = "range_not_satisfiable"
    UNAUTHORIZED = "unauthorized"
    HOST_NOT_ALLOWED = "host_not_allowed"
    ORIGIN_NOT_ALLOWED = "origin_not_allowed"
    READ_ONLY = "read_only"
    BUSY = "busy"
    """Too many queries wait, or another writer holds the index; `Retry-After` says when to come back."""
    INDEX_UNUSABLE = "index_unusable"
    """The index is damaged or gone, or its database cannot be reached; come back after `Retry-After`."""
    INTERNAL = "internal"
    """A fault of the server; its log says more."""


class RefusedError(Exception):
    """A request that is answered by an error."""

    def __init__(
        self,
        status: int,
        code: Code,
        message: str,
        *,
        headers: dict[str, str] | None = None,
        details: list[dict[str, Any]] | None = None,
    ) -> None:
        self.status, self.code, self.message = status, code, message
        self.headers, self.details = headers, details
        super().__init__(message)

    def response(self) -> JSONResponse:
        """The answer."""
        body: dict[str, Any] = {"code": self.code.value, "message": self.message}
        if self.details is not None:
            body["details"] = self.details
        return JSONResponse(body, status_code=self.status, headers=self.headers)


def busy(message: str, *, seconds: int = 1) -> RefusedError:
    """503, with the time after which to come back."""
    return RefusedError(503, Code.BUSY, message, headers={"Retry-After": str(seconds)})
