"""A few models on disk, a real index of them, and a space whose arithmetic fits on a page."""

from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from anaglyph.search.items import Entry, Item, ItemFacets, Problem
from anaglyph.search.opening import create_store
from anaglyph.search.store import Header
from anaglyph.serve.clocks import Clocks
from anaglyph.serve.index_engine import IndexEngine
from anaglyph.serve.served import Served
from anaglyph.serve.settings import ServeSettings

WORDS = ("chair", "table", "lamp", "car")
NAMES = ("chairs/oak.obj", "chairs/pine.obj", "table.obj", "<script>.obj")
TOKEN = "a-token-for-tests-only"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
OBJ = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 2 3\nf 1 2 4\n"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000002000000010802000000"
    "7b40e8dd0000000f49444154789c63f8cfc0c0c0c0f01f0005000201a5f0d4f90000000049454e44ae426082"
)
WRITING = ServeSettings(write=True, token=TOKEN)


class TinySpace:
    """Four dimensions: one a word; of a picture red, green, blue; of a shape its spread along x, y, z."""

    name, fingerprint, dim, pixels, points, fuses = "tiny", "0" * 16, 4, 8, 64, False
    default_inputs = "sum"
    reads = frozenset({"shape", "image", "text"})
    clouds = SimpleNamespace(grey=0.8)

    def texts(self, texts):
        return self._unit([[float(word in text) for word in WORDS] for text in texts], more=1e-3)

    def pictures(self, pictures):
        return self._unit([[*row, 1.0] for row in pictures.mean(dim=(2, 3)).tolist()])

    def shapes(self, clouds):
        return self._unit([[*row, 1.0] for row in clouds[..., :3].std(dim=1).tolist()])

    def _unit(self, rows, *, more=0.0):
        import torch  # here: a server that is asked for items only starts without it

        return torch.nn.functional.normalize(torch.tensor(rows) + more, dim=-1)


def tiny_entry(root: Path, name: str, place: int, *, text: str = OBJ, problems: tuple[Problem, ...] = ()):
    """A model, written below `root` now, and its row: mostly the word of its place, a little the next."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    vector = np.zeros(4, dtype=np.float32)
    vector[place % 4], vector[(place + 1) % 4] = 0.8, 0.6
    facets = ItemFacets(
        format=name.rpartition(".")[2],
        vertices=4,
        faces=2 + place,
        size=(1.0, 1.0, 1.0),
        proportions=1.0,
        category=name.rpartition("/")[0] or None,
    )
    item = Item(
        id=0,
        root=str(root),
        path=name,
        content=f"{place:064x}",
        bytes=len(text),
        modified=1_700_000_000_000_000_000,
        added=1_700_000_000,
        state="ready",
        facets=facets,
        problems=problems,
    )
    views = np.eye(4, dtype=np.float16)[:2]
    return Entry(item=item, vector=vector, views=views, thumbnail=PNG)


def tiny_store(folder: Path, *, names=NAMES, root: Path | None = None):
    """An index in `folder`; ids are 1, 2, ... in the order of the names."""
    root = root or folder / "models"
    header = Header(model="mini", fingerprint="0" * 16, dim=4, views=("ring12", 8))
    store = create_store(folder / "index", header)
    with store.writer(owner="test") as writer:
        writer.put([tiny_entry(root, name, place) for place, name in enumerate(names)])
    return store


def tiny_served(store, *, settings=None, space=None, clocks=None, **given):
    """The store behind a server."""
    settings = settings or ServeSettings()
    clocks = clocks or Clocks(now=lambda: 1_700_000_000.0, monotonic=lambda: 0.0)
    engine = IndexEngine(store, space=space or TinySpace(), cache=None, limits=settings.limits)
    return Served(store, engine, settings=settings, clocks=clocks, **given)


@contextmanager
def client(folder: Path, *, settings=None, names=NAMES, host="http://127.0.0.1:8340", **given):
    """An HTTP client of a server over a new index, in this process."""
    from starlette.testclient import TestClient

    from anaglyph.serve.app import create_app

    store = tiny_store(folder, names=names)
    with TestClient(create_app(tiny_served(store, settings=settings, **given)), base_url=host) as opened:
        yield opened
