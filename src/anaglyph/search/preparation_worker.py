"""A process that prepares models for the index: `python -m anaglyph.search.preparation_worker SETTINGS`.

It answers requests on its standard streams until they close. Files are parsed in a child of its own; what
happens here sees checked meshes only, and is bounded for their size.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import MESH_FAULTS, MeshError
from anaglyph.geometry.confinement import limit_memory
from anaglyph.geometry.load import MeshReaders
from anaglyph.geometry.mesh_channel import (
    ChannelClosedError,
    ChannelError,
    receive_array,
    receive_header,
    send,
    standard_channel,
)
from anaglyph.geometry.mesh_limits import MeshLimits
from anaglyph.io.archive import ArchiveLimits
from anaglyph.search.items import ItemFacets, Problem
from anaglyph.search.preparation import (
    Outcome,
    Preparation,
    Prepared,
    Same,
    Unusable,
    prepare,
    single_threaded,
)

_MOST_NUMBERS = 1 << 28
"""Of one array that is received."""


def settings_text(settings: Preparation) -> str:
    """What `main` takes."""
    return json.dumps(asdict(settings))


def main(text: str) -> None:
    """Serve until the caller closes the channel."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests, answers = standard_channel()
    single_threaded()
    settings = _settings(text)
    limit_memory(settings.work_bytes)
    with MeshReaders(limits=settings.limits) as readers:
        while True:
            try:
                request = receive_header(requests)
            except ChannelClosedError:
                return
            if "path" in request:
                _send(answers, _outcome(request, settings, readers))
            else:
                send(answers, {"ready": True})


def receive_outcome(stream: IO[bytes], header: Mapping[str, Any], path: Path) -> Outcome:
    """Read what `main` sent about a file."""
    try:
        content = str(header["content"])
        if "same" in header:
            return Same(content=content)
        if "error" in header:
            fault = header["fault"] if header["fault"] in MESH_FAULTS else "crash"
            return Unusable(content=content, error=MeshError(path, str(header["error"]), fault=fault))
        facts = dict(header["facets"])
        return Prepared(
            content=content,
            facets=ItemFacets(**{**facts, "size": tuple(facts["size"])}),
            problems=tuple(Problem(*row) for row in header["problems"]),
            seconds=dict(header["seconds"]),
            cloud=_array(stream, header["cloud"], np.float32),
            pictures=_array(stream, header["pictures"], np.uint8) if header["pictures"] else None,
            thumbnail=_array(stream, header["thumbnail"], np.uint8).tobytes(),
        )
    except (LookupError, TypeError, ValueError) as error:
        raise ChannelError(f"what was made of the model makes no sense: {error}") from error


def _outcome(request: Mapping[str, Any], settings: Preparation, readers: MeshReaders) -> Outcome:
    path = Path(request["path"])
    try:
        return prepare(
            path, root=Path(request["root"]), settings=settings, readers=readers, unless=request["unless"]
        )
    except Exception as error:  # noqa: BLE001 - one odd file is a problem of that file, never the end of a run
        reason = f"measuring or drawing it failed ({type(error).__name__}: {str(error)[:200]})"
        return Unusable(content="", error=MeshError(path, reason, fault="crash"))


def _send(stream: IO[bytes], outcome: Outcome) -> None:
    match outcome:
        case Same():
            send(stream, {"content": outcome.content, "same": True})
        case Unusable():
            error = outcome.error
            send(stream, {"content": outcome.content, "error": error.reason, "fault": error.fault})
        case Prepared():
            thumbnail = np.frombuffer(outcome.thumbnail, dtype=np.uint8)
            pictures = outcome.pictures
            header = {
                "content": outcome.content,
                "facets": asdict(outcome.facets),
                "problems": [[each.category, each.severity, each.reason] for each in outcome.problems],
                "seconds": outcome.seconds,
                "cloud": list(outcome.cloud.shape),
                "pictures": None if pictures is None else list(pictures.shape),
                "thumbnail": [len(thumbnail)],
            }
            arrays: list[NDArray[Any]] = [outcome.cloud, *([] if pictures is None else [pictures]), thumbnail]
            send(stream, header, arrays)


def _array(stream: IO[bytes], shape: object, dtype: type[np.generic]) -> NDArray[Any]:
    if not isinstance(shape, list) or not all(type(side) is int and side >= 0 for side in shape):
        raise ValueError(f"{shape!r:.100} is no shape")
    if np.prod(shape, dtype=np.float64) > _MOST_NUMBERS:
        raise ValueError(f"an array of {shape} is announced")
    return receive_array(stream, tuple(shape), dtype)


def _settings(text: str) -> Preparation:
    plain = json.loads(text)
    limits = plain.pop("limits")
    archive = ArchiveLimits(**limits.pop("archive"))
    return Preparation(**plain, limits=MeshLimits(**limits, archive=archive))


if __name__ == "__main__":
    main(sys.argv[1])
