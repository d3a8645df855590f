"""Limits that a process sets itself before it touches a hostile file, where the system knows them."""

from __future__ import annotations

import math
import os
import re
import signal
import time
from pathlib import Path
from types import ModuleType

OPEN_FILES = 64


def confine(*, memory_bytes: int) -> None:
    """Bound address space and open files, allow no core dump and no file to grow; Ctrl-C is the caller's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource = _resource()
    if resource is None:
        return
    for name, most in (
        ("RLIMIT_CORE", 0),
        ("RLIMIT_FSIZE", 0),
        ("RLIMIT_NOFILE", OPEN_FILES),
        ("RLIMIT_AS", memory_bytes),
    ):
        kind = getattr(resource, name, None)
        if kind is not None:
            _lower(resource, kind, most)


def limit_memory(bytes: int) -> None:
    """Bound the address space of this process and of those that it starts, where the system can."""
    resource = _resource()
    if resource is not None and hasattr(resource, "RLIMIT_AS"):
        _lower(resource, resource.RLIMIT_AS, bytes)


def allow_seconds(seconds: float) -> None:
    """Let this process compute for that long from now on; then the system ends it.

    The caller's own clock stops it before that. This one holds when the caller is gone.
    """
    resource = _resource()
    if resource is not None:
        used = math.ceil(time.process_time() + seconds) + 1
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (_least(resource, used, hard), hard))


def peak_bytes() -> int:
    """The most memory this process ever held, in bytes; 0 where the system does not tell.

    Linux says in `getrusage` what the parent held when it started this process, if that was more, so that it
    is asked elsewhere.
    """
    try:
        found = re.search(rb"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_bytes())
    except OSError:
        found = None
    if found:
        return int(found.group(1)) * 1024
    resource = _resource()
    if resource is None:
        return 0
    peak = int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return peak if os.uname().sysname == "Darwin" else peak * 1024


def _lower(resource: ModuleType, kind: int, most: int) -> None:
    _, hard = resource.getrlimit(kind)
    bound = _least(resource, most, hard)
    try:
        resource.setrlimit(kind, (bound, bound))
    except (ValueError, OSError):  # macOS refuses some of them; the clock and the caller's checks remain
        return


def _least(resource: ModuleType, wanted: int, hard: int) -> int:
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)


def _resource() -> ModuleType | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource
