"""From the place of an index to something that can be served."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from anaglyph.errors import MissingExtraError
from anaglyph.search.index_place import is_address
from anaglyph.search.index_space import space_of
from anaglyph.search.indexer import roots_of
from anaglyph.search.opening import open_store
from anaglyph.serve.clocks import Clocks
from anaglyph.serve.settings import ServeSettings

if TYPE_CHECKING:
    from anaglyph.serve.served import Served


def open_served(place: str, *, settings: ServeSettings, clocks: Clocks, root: Path) -> Served:
    """Open an index and its model, and bring all vectors into memory.

    Args:
        place: folder of the index, or the address of a database.
        settings: of the server.
        clocks: of the server.
        root: folder where relative sources of towers start.

    Raises:
        IndexFormatError: no index, a damaged one, or another model than it was made with.
        WeightsError: its model is not there.
        MissingExtraError: FastAPI is not installed.
    """
    try:
        from anaglyph.serve.index_engine import IndexEngine
        from anaglyph.serve.index_job import index_in_child
        from anaglyph.serve.served import Served
    except ModuleNotFoundError as error:
        raise MissingExtraError(what="the HTTP server", extra="serve") from error

    def opened(before: Served | None) -> Served:
        store = open_store(place)
        try:
            space = space_of(store, root=root)
            store.vectors()
            cache = None if is_address(place) else Path(place) / "cache"
            return Served(
                store,
                IndexEngine(store, space=space, cache=cache, limits=settings.limits),
                settings=settings,
                clocks=clocks,
                roots=roots_of(store),
                index=index_in_child(place, root=root) if settings.write else None,
                reopen=opened,
                before=before,
            )
        except BaseException:
            store.close()
            raise

    return opened(None)
