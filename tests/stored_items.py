"""Entries of an index, made up."""

from pathlib import PurePosixPath

import numpy as np

from anaglyph.search.items import Entry, Item, ItemFacets


def an_entry(
    path, *, vector=None, views=None, content=None, root="/models", state="ready", tags=(), problems=(),
    ignored=False, bytes=1000, added=1_700_000_000, thumbnail=None, **facets,
):  # fmt: skip
    """A new item at `path`; what is not said is plain."""
    return Entry(
        item=Item(
            id=0, root=root, path=path, content=content or f"content of {path}", bytes=bytes, modified=1,
            added=added, state=state, problems=problems, tags=tags, ignored=ignored,
            facets=ItemFacets(format=PurePosixPath(path).suffix[1:].lower(), **facets),
        ),
        vector=None if vector is None else np.asarray(vector, dtype=np.float32),
        views=None if views is None else np.asarray(views, dtype=np.float16),
        thumbnail=thumbnail,
    )  # fmt: skip
