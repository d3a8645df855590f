"""Open an index to search it from one process; the model is opened when a query first needs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anaglyph.search.closeness import NOTE, Closeness, measure_closeness, read_closeness
from anaglyph.search.finder import Finder
from anaglyph.search.index_place import is_address
from anaglyph.search.opening import open_store
from anaglyph.search.query import QueryEmbedder
from anaglyph.search.searcher import Searcher

if TYPE_CHECKING:
    from anaglyph.encoders.spaces.space import Space
    from anaglyph.geometry.load import MeshReaders
    from anaglyph.search.store import Store


@contextmanager
def open_searcher(place: str, *, root: Path, device: str = "cpu") -> Iterator[Searcher]:
    """An index that answers queries while the block lasts.

    Args:
        place: its folder, or the address of a database.
        root: folder where relative sources of the model's towers start.
        device: where the model computes.

    Raises:
        IndexFormatError: there is none, it is damaged, or the model is another one than it was made with.
    """
    with closing(open_store(place)) as store, ExitStack() as stack:

        @cache
        def space() -> Space:
            from anaglyph.search.index_space import space_of

            return space_of(store, root=root, device=device)

        @cache
        def closeness() -> Closeness:
            return read_closeness(store.notes().get(NOTE)) or measure_closeness(store, texts=None)

        @cache
        def readers() -> MeshReaders:
            from anaglyph.geometry.load import MeshReaders

            return stack.enter_context(MeshReaders())

        def model(path: Path) -> NDArray[np.float32]:
            return _model_vector(path, store, space(), readers())

        yield Searcher(
            store=store,
            finder=Finder(store, cache=None if is_address(place) else Path(place) / "cache"),
            embedder=QueryEmbedder(store=store, space=space, model=model, closeness=closeness),
        )


def _model_vector(path: Path, store: Store, space: Space, readers: MeshReaders) -> NDArray[np.float32]:
    """(D,) of a model file, made as those of the index."""
    from anaglyph.search.embedder import Embedder
    from anaglyph.search.preparation import Prepared, Unusable, prepare

    embed = Embedder(space)
    settings = embed.preparation(store.header.views[0])
    outcome = prepare(path, root=path.parent, settings=settings, readers=readers)
    if isinstance(outcome, Unusable):
        raise outcome.error
    if not isinstance(outcome, Prepared):  # `Same` is for contents that were excepted, and none is
        raise TypeError(f"preparing a model gave {outcome!r}")
    (made,) = embed([outcome])
    return made.vector
