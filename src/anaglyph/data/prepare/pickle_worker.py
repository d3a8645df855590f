"""The process that reads pickles of data sets: `python -m anaglyph.data.prepare.pickle_worker MEMORY`.

Nothing is unpickled here either (`io.array_pickle`); the process bounds what a file can cost in time and
memory. It never writes a file.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import IO, Any

import numpy as np

from anaglyph.data.prepare.cloud_values import CLOUD_KINDS
from anaglyph.data.prepare.openshape_values import KINDS
from anaglyph.errors import DataError
from anaglyph.geometry.confinement import allow_seconds, confine
from anaglyph.geometry.mesh_channel import ChannelClosedError, receive_header, send, standard_channel
from anaglyph.io.array_pickle import read_array_pickle


def main(memory_bytes: int) -> None:
    """Serve until the caller closes the channel."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests, answers = standard_channel()
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
    allow_seconds(request["seconds"])
    path = Path(request["path"])
    try:
        arrays, facts = {**KINDS, **CLOUD_KINDS}[request["kind"]](
            read_array_pickle(path, most=request["most"]), **request["options"]
        )
    except (DataError, ValueError, LookupError, TypeError, OverflowError) as error:
        lines = str(error).strip().splitlines()
        send(answers, {"error": lines[0][:500] if lines else type(error).__name__})
        return
    except MemoryError:
        send(answers, {"error": "reading it takes more memory than is allowed"})
        return
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    announced = {name: [array.dtype.str, list(array.shape)] for name, array in arrays.items()}
    send(answers, {"arrays": announced, "facts": facts}, list(arrays.values()))


if __name__ == "__main__":
    main(int(sys.argv[1]))
