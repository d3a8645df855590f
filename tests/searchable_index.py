"""A small index of bricks with a tiny trained space, made in this process: what queries are tested on."""

from contextlib import closing
from types import SimpleNamespace

from anaglyph.encoders.spaces.open import open_space
from anaglyph.geometry.load import MeshReaders
from anaglyph.search.closeness import NOTE, measure_closeness
from anaglyph.search.embedder import Embedder
from anaglyph.search.items import Entry, Item
from anaglyph.search.opening import create_store
from anaglyph.search.preparation import prepare
from anaglyph.search.store import Header
from indexed_models import SIZES, brick, save_space
from model_files import write_model

VIEWS = "faces6"


def make_index(folder):
    """Index of the bricks of `indexed_models`, "chairs/low.off" twice; its place, models and towers' root."""
    weights, models, place = save_space(folder / "space"), folder / "models", folder / "index"
    sizes = {**SIZES, "tables/copy of low.off": SIZES["chairs/low.off"]}
    for path, size in sizes.items():
        write_model(models / path, brick(size))
    space = open_space(weights, root=weights.parent)
    embed = Embedder(space)
    settings = embed.preparation(VIEWS)
    header = Header(
        model=str(weights), fingerprint=space.fingerprint, dim=space.dim, views=(VIEWS, space.pixels)
    )
    with closing(create_store(place, header)) as store, MeshReaders() as readers:
        entries = []
        for path in sorted(sizes):
            made = prepare(models / path, root=models, settings=settings, readers=readers)
            (vectors,) = embed([made])
            item = Item(
                id=0, root=str(models), path=path, content=made.content, bytes=1, modified=1, added=1,
                state="ready", facets=made.facets,
            )  # fmt: skip
            entries.append(
                Entry(item=item, vector=vectors.vector, views=vectors.views, thumbnail=made.thumbnail)
            )
        with store.writer(owner="test") as writer:
            writer.put(entries)
            closeness = measure_closeness(store, texts=lambda words: space.texts(words).numpy())
            writer.note(NOTE, closeness.plain())
    return SimpleNamespace(place=place, models=models, root=weights.parent)
