"""Records made up for tests: every combination of texts, pictures and colours that is allowed."""

import numpy as np

from anaglyph.data.records import Record
from anaglyph.randomness import numpy_generator

KINDS = [(0, 2, 3, 4, 4), (1, 2, 4), (0, 0), (3,), (1,), ()]


def made_up(row, *, points=20, views=3, width=8, text_width=6, channels=6):
    """Record `row`, a function of its number."""
    draw = numpy_generator("made up", row)
    kinds = KINDS[row % len(KINDS)]
    cloud = draw.uniform(size=(points, channels)).astype(np.float32)
    cloud[:, 3:] = np.round(cloud[:, 3:] * 255) / 255
    return Record(
        points=cloud.astype(np.float16).astype(np.float32) if channels == 3 else _half(cloud),
        images=draw.normal(size=(views, width)).astype(np.float16),
        thumbnail=draw.normal(size=width).astype(np.float16) if row % 2 else None,
        texts=draw.normal(size=(len(kinds), text_width)).astype(np.float16),
        sources=np.array(kinds, dtype=np.uint8),
    )


def _half(cloud):
    """Coordinates that half precision holds, colours that bytes hold."""
    cloud[:, :3] = cloud[:, :3].astype(np.float16)
    return cloud


def keys_of(count):
    return tuple(f"set/group/{row:03d}" for row in range(count))


def same(a, b):
    """Whether two records are equal bit for bit."""
    pairs = [(getattr(a, name), getattr(b, name)) for name in ("points", "images", "texts", "sources")]
    pairs += [(a.thumbnail, b.thumbnail)] if a.thumbnail is not None and b.thumbnail is not None else []
    return (a.thumbnail is None) == (b.thumbnail is None) and all(np.array_equal(x, y) for x, y in pairs)
