"""Where things lie on this machine, and what time it is: the only module that reads the environment."""

import os
import shutil
import sys
import time
from pathlib import Path

from anaglyph.errors import ConfigError


def data_root(given: Path | None) -> Path:
    """Folder of data sets: the option, else $ANAGLYPH_DATA, else ../shared/data beside the working folder."""
    if given is not None:
        return given
    return Path(os.environ.get("ANAGLYPH_DATA", "../shared/data"))


def cache_folder() -> Path:
    """Folder for generated data: $ANAGLYPH_CACHE, else the user's cache folder."""
    given = os.environ.get("ANAGLYPH_CACHE")
    if given:
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "anaglyph"


def index_place(index: Path | None, store: str | None = None) -> str:
    """Where an index lies: an address of a database, the folder given, else one in the user's data folder."""
    if store is not None and index is not None:
        from anaglyph.search.opening import shown_place

        raise ConfigError(
            f"two indexes are named, '{index}' and '{shown_place(store)}'; give --index or --store, not both."
        )
    if store is not None:
        return store
    if index is not None:
        return str(index)
    base = os.environ.get("XDG_DATA_HOME")
    return str((Path(base) if base else Path.home() / ".local" / "share") / "anaglyph" / "index")


def own_command() -> str:
    """What a user types to call this program again."""
    started = Path(sys.argv[0])
    if started.stem != "anaglyph":
        return f"{shown_path(Path(sys.executable))} -m anaglyph"
    found = shutil.which("anaglyph")
    known = found is not None and Path(found).resolve() == started.resolve()
    return "anaglyph" if known else shown_path(started)


def shown_path(path: Path) -> str:
    """Relative where it lies below the working folder; links on the way are not followed."""
    whole = Path.cwd() / path
    return str(whole.relative_to(Path.cwd()) if whole.is_relative_to(Path.cwd()) else whole)


def cores() -> int:
    """Processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # only Linux says which of them are ours
        return os.cpu_count() or 1


def now() -> int:
    """UTC seconds."""
    return int(time.time())


def serve_token() -> str | None:
    """The token of a server: $ANAGLYPH_TOKEN."""
    return os.environ.get("ANAGLYPH_TOKEN") or None


def processes() -> tuple[int, int, int]:
    """(all, local, rank) as torchrun announces them; (1, 1, 0) in a plain start."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_WORLD_SIZE", str(world)))
    return world, local, int(os.environ.get("RANK", "0"))
