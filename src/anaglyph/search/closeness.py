"""How close is close: further above the rest of the index than the best hit of a query that means nothing.

A query's best hit is the best of many, and the more items, the better it is by chance. So chance itself is
asked: random vectors with the mean and the spread of real queries (words, views, items), which point at
nothing. How far their best hits lie above their mean score over the index is the margin; a hit is close when
it lies further above the mean score of its own query than 4 in 5 of them. Each kind of query has its margin,
since their scores lie on scales of their own. (Measured: `tools/recall_of_search.py`.)
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anaglyph.randomness import numpy_generator
from anaglyph.search.items import Filters
from anaglyph.search.store import Store

Kind = Literal["text", "image", "shape"]
KINDS: tuple[Kind, ...] = ("text", "image", "shape")
NOTE = "closeness"
"""Name under which an index keeps it."""
EXCEEDING = 1 / 5
"""Share of queries that mean nothing whose best hit is called close."""
ITEMS = 20_000
"""Looked at, at most; of a larger index the rest is extrapolated."""
QUERIES = 1000
"""Random ones of each kind."""
LEAST_ITEMS = 10
"""Fewer have no spread to speak of."""
VIEWS_OF = 500
"""Items whose views stand for pictures."""
WORDS = (
    "airplane", "apple", "arch", "axe", "bag", "barrel", "basket", "bathtub", "bed", "bench", "bicycle",
    "bird", "boat", "book", "bottle", "bowl", "box", "bridge", "bus", "cabinet", "cactus", "camera",
    "candle", "car", "castle", "cat", "chair", "chest", "clock", "computer", "crane", "cup", "desk",
    "dog", "door", "engine", "fence", "fish", "flag", "flower", "fork", "gear", "glasses", "guitar",
    "gun", "hammer", "hat", "helmet", "horse", "house", "key", "keyboard", "knife", "ladder", "lamp",
    "laptop", "lock", "mailbox", "motorcycle", "mountain", "mug", "person", "piano", "pillow", "pipe",
    "pot", "robot", "rock", "rocket", "screw", "shelf", "ship", "shoe", "sink", "sofa", "spoon",
    "stairs", "statue", "sword", "table", "tank", "tent", "toilet", "tower", "train", "tree", "truck",
    "valve", "vase", "wheel", "window", "windmill",
)  # fmt: skip
Vectors = NDArray[np.float32]
EmbedTexts = Callable[[Sequence[str]], Vectors]
"""B texts -> (B, D) unit vectors."""


@dataclass(frozen=True, kw_only=True)
class Closeness:
    """What is close in an index; None where it could not be measured."""

    mean: tuple[float, ...] = ()
    """(D,) of all items: its product with a query is the query's mean score."""
    text: float | None = None
    """How far above the mean score of its query a hit for words lies that is close."""
    image: float | None = None
    """Likewise, for pictures."""
    shape: float | None = None
    """Likewise, for models and items."""

    def threshold(self, vector: Vectors, kinds: Sequence[tuple[Kind, float]]) -> float | None:
        """The score from which a hit is close.

        Args:
            vector: (D,) the query, of length 1.
            kinds: of its parts, and their weights; the margin is the mean of theirs by weight, since parts
                together are again one vector of length 1.
        """
        total, weights = 0.0, 0.0
        for kind, weight in kinds:
            margin: float | None = getattr(self, kind)
            if margin is None:
                return None
            total, weights = total + abs(weight) * margin, weights + abs(weight)
        if len(self.mean) != len(vector) or not weights:
            return None
        return float(np.asarray(self.mean) @ vector.astype(np.float64)) + total / weights

    def plain(self) -> str:
        """JSON, for `Writer.note`."""
        margins = {kind: getattr(self, kind) for kind in KINDS}
        return json.dumps({"mean": self.mean, "margins": margins})


def measure_closeness(store: Store, *, texts: EmbedTexts | None, seed: int = 0) -> Closeness:
    """Search the index with random queries of each kind.

    Args:
        store: an index; up to 20,000 of its items are looked at.
        texts: None for a space that reads no words.
        seed: what the choice depends on.
    """
    generator = numpy_generator(seed, "closeness")
    every = store.ids(Filters())
    ids, items = store.vectors(np.sort(every[generator.permutation(len(every))[:ITEMS]]))
    if len(ids) < LEAST_ITEMS:
        return Closeness()
    # The best of N is below t when the best of each of N / n groups is: so of n, a higher quantile.
    level = (1.0 - EXCEEDING) ** (len(ids) / len(every))
    mean = items.mean(axis=0, dtype=np.float64)

    def margin(like: Vectors | None) -> float | None:
        if like is None:
            return None
        queries = random_queries(like, generator, count=QUERIES)
        above = _best(queries, items) - queries @ mean
        return float(np.quantile(above, level))

    return Closeness(
        mean=tuple(round(value, 7) for value in mean.tolist()),
        text=margin(None if texts is None else texts(WORDS)),
        image=margin(_views(store, generator.permutation(ids)[:VIEWS_OF].tolist())),
        shape=margin(unit(items)),
    )


def random_queries(like: Vectors, generator: np.random.Generator, *, count: int) -> Vectors:
    """(count, D) unit vectors, normally distributed with the mean and the covariance of (N, D)."""
    centre = like.mean(axis=0)
    mixture = generator.standard_normal((count, len(like))) / math.sqrt(len(like))
    return unit(centre + mixture @ (like - centre))


def read_closeness(text: str | None) -> Closeness | None:
    """What `plain` wrote; None where that is missing, older or makes no sense."""
    try:
        given = json.loads(text or "")
        mean = tuple(float(value) for value in given["mean"])
        margins = {
            kind: None if given["margins"][kind] is None else float(given["margins"][kind]) for kind in KINDS
        }
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    known = [value for value in margins.values() if value is not None]
    if not all(map(math.isfinite, [*mean, *known])):
        return None
    return Closeness(mean=mean, **margins)


def unit(vectors: NDArray[np.floating]) -> Vectors:
    """At length 1; zeros stay."""
    length = np.linalg.norm(vectors.astype(np.float64), axis=-1, keepdims=True)
    made: Vectors = (vectors / np.where(length > 0, length, 1.0)).astype(np.float32)
    return made


def _best(queries: Vectors, items: Vectors) -> NDArray[np.float64]:
    """(Q,) the largest product of each query with an item."""
    best = np.full(len(queries), -np.inf)
    for first in range(0, len(items), 4096):
        best = np.maximum(best, (queries @ items[first : first + 4096].T).max(axis=1))
    return best


def _views(store: Store, ids: list[int]) -> Vectors | None:
    """(n, D) views of some items."""
    seen = [views.astype(np.float32) for views in store.views(ids).values() if len(views)]
    return np.concatenate(seen) if seen else None
