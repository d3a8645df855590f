"""How close is close: scores that 1 in 200 unrelated items exceed, measured on the index itself.

Scores of words, pictures and shapes lie on scales of their own, so each kind of query has its threshold. It
is the quantile over pairs of items and queries drawn at random: among many different things nearly all pairs
are unrelated.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
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
EXCEEDING = 1 / 200
ITEMS = 2000
QUERIES = 200
LEAST_PAIRS = 1000
"""Fewer say nothing about 1 in 200."""
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


@dataclass(frozen=True)
class Scale:
    """Scores of unrelated pairs."""

    close: float
    """What 1 in 200 exceed."""
    mean: float


@dataclass(frozen=True, kw_only=True)
class Closeness:
    """A scale for each kind of query; None where it could not be measured."""

    text: Scale | None = None
    image: Scale | None = None
    shape: Scale | None = None

    def of(self, kind: Kind) -> Scale | None:
        """The scale of one kind."""
        scale: Scale | None = getattr(self, kind)
        return scale

    def plain(self) -> str:
        """JSON, for `Writer.note`."""
        return json.dumps(asdict(self))


def measure_closeness(store: Store, *, texts: EmbedTexts | None, seed: int = 0) -> Closeness:
    """Compare random items with 92 words, with single views of other items, and with other items.

    Args:
        store: an index; up to 2,000 of its items are looked at.
        texts: None for a space that reads no words.
        seed: what the choice depends on.
    """
    generator = numpy_generator(seed, "closeness")
    ids = store.ids(Filters())
    ids, items = store.vectors(np.sort(ids[generator.permutation(len(ids))[:ITEMS]]))
    asking = np.sort(generator.permutation(len(ids))[:QUERIES])
    return Closeness(
        text=None if texts is None or not len(ids) else _scale(texts(WORDS) @ items.T),
        image=_of_views(store, ids, items, asking, generator),
        shape=_scale(_others(unit(items[asking]) @ items.T, asking)),
    )


def read_closeness(text: str | None) -> Closeness | None:
    """What `plain` wrote; None where that is missing or makes no sense."""
    try:
        given = json.loads(text or "")
        scales = {kind: given[kind] for kind in KINDS if given.get(kind) is not None}
        made = {kind: Scale(float(each["close"]), float(each["mean"])) for kind, each in scales.items()}
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    if not all(math.isfinite(scale.close) and math.isfinite(scale.mean) for scale in made.values()):
        return None
    return Closeness(**made)


def unit(vectors: Vectors) -> Vectors:
    """At length 1; zeros stay."""
    length = np.linalg.norm(vectors.astype(np.float64), axis=-1, keepdims=True)
    made: Vectors = (vectors / np.where(length > 0, length, 1.0)).astype(np.float32)
    return made


def _of_views(
    store: Store, ids: NDArray[np.int64], items: Vectors, asking: NDArray[np.int64],
    generator: np.random.Generator,
) -> Scale | None:  # fmt: skip
    views = store.views(ids[asking].tolist())
    rows = [row for row in asking.tolist() if int(ids[row]) in views]
    if not rows:
        return None
    chosen = []
    for row in rows:
        seen = views[int(ids[row])].astype(np.float32)
        chosen.append(seen[int(generator.integers(len(seen)))])
    return _scale(_others(unit(np.stack(chosen)) @ items.T, np.array(rows)))


def _others(scores: Vectors, rows: NDArray[np.int64]) -> Vectors:
    """Without each query's own item, as NaN."""
    scores[np.arange(len(rows)), rows] = np.nan
    return scores


def _scale(scores: Vectors) -> Scale | None:
    known = scores[np.isfinite(scores)]
    if len(known) < LEAST_PAIRS:
        return None
    return Scale(float(np.quantile(known, 1.0 - EXCEEDING)), float(known.mean()))
