"""The process that reads 3D models for `geometry.load`: `python -m anaglyph.geometry.mesh_worker MEMORY`.

It answers one request after another on its standard streams until they close, so that NumPy and the readers
are imported once for many files. It never writes a file and takes nothing from the network.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from anaglyph.errors import MeshError
from anaglyph.geometry.confinement import allow_seconds, confine, peak_bytes
from anaglyph.geometry.mesh_channel import (
    ChannelClosedError,
    receive_header,
    send,
    send_mesh,
    standard_channel,
)
from anaglyph.geometry.mesh_limits import MeshLimits
from anaglyph.geometry.mesh_reader import read_mesh, readers
from anaglyph.io.archive import ArchiveLimits

RETIRE_BYTES = 1 << 30
"""A child that ever held as much gives its place to a fresh one, which gives the memory back."""


def request_of(
    path: Path, *, suffix: str, beside: Path, root: Path, up: str, limits: MeshLimits
) -> dict[str, object]:
    """What `main` understands; the paths are resolved, `suffix` and `beside` are those of the name given."""
    places = {"path": os.fspath(path), "beside": os.fspath(beside), "root": os.fspath(root)}
    return {**places, "suffix": suffix, "up": up, "limits": asdict(limits)}


def main(memory_bytes: int) -> None:
    """Serve until the caller closes the channel."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # before the imports below take their time
    requests, answers = standard_channel()
    readers()  # imported before the first file, not on its account
    confine(memory_bytes=memory_bytes)
    while True:
        try:
            request = receive_header(requests)
        except ChannelClosedError:
            return
        if "path" in request:
            _serve(request, answers)
        else:
            send(answers, {"ready": True})


def _serve(request: dict[str, Any], answers: IO[bytes]) -> None:
    options = dict(request["limits"])
    limits = MeshLimits(**{**options, "archive": ArchiveLimits(**options["archive"])})
    allow_seconds(limits.seconds)
    try:
        mesh = read_mesh(
            Path(request["path"]),
            suffix=request["suffix"],
            beside=Path(request["beside"]),
            root=Path(request["root"]),
            up=request["up"],
            limits=limits,
        )
    except MeshError as error:
        send(answers, {"error": error.reason, "fault": error.fault, "retire": peak_bytes() > RETIRE_BYTES})
        return
    send_mesh(answers, mesh, retire=peak_bytes() > RETIRE_BYTES)


if __name__ == "__main__":
    main(int(sys.argv[1]))
