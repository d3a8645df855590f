"""Towers small enough for tests, as files, and described objects for them to read."""

import numpy as np

from anaglyph.config import plain
from anaglyph.data.catalog import DataConfig
from anaglyph.data.described import DescribedObjects
from anaglyph.data.records import TextSource
from anaglyph.encoders.catalog import create_encoder
from anaglyph.engine.models import save_method
from anaglyph.engine.recipe import EncoderSpec, StageSpec
from anaglyph.methods.catalog import create_method
from anaglyph.methods.image_text.config import ImageTextConfig
from anaglyph.randomness import seeded

SPECS = {
    "image": EncoderSpec(name="digit_cnn", options={"embed_dim": 16, "width": 4, "in_channels": 3}),
    "text": EncoderSpec(name="word_text", options={"embed_dim": 16, "width": 16, "buckets": 256, "depth": 1}),
}
WIDTH = 12
CLASSES = ("chair", "Floor_Lamp", "table")
NAME, CAPTION, RETRIEVED = TextSource.NAME, TextSource.CAPTION, TextSource.RETRIEVED


def make_dual(seed=0, **config):
    """An untrained `image_text`."""
    with seeded(seed, "small dual encoder"):
        encoders = {side: create_encoder(spec.name, **spec.options) for side, spec in SPECS.items()}
        return create_method("image_text", {"embed_dim": WIDTH, **config}, encoders=encoders, objects=6)


def save_dual(path, method=None, *, name="image_text", **config):
    """Its weights as a finished stage leaves them; returns the path."""
    spec = StageSpec(
        method=name,
        encoders=SPECS,
        epochs=1,
        batch=6,
        config={**plain(ImageTextConfig(embed_dim=WIDTH)), **config},
    )
    data = DataConfig(name="procedural_models", options={"size": 16})
    save_method(path, method or make_dual(), spec=spec, data=data, objects=6, identity="x")
    return path


def described(count=5, *, views=2, seed=0, **more):
    """`count` objects with two views, a cloud, no to three texts and now and then a thumbnail."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % len(CLASSES)
    pictures = generator.integers(0, 256, size=(count, views, 3, 16, 16), dtype=np.uint8)
    points = generator.uniform(-0.5, 0.5, size=(count, 8, 6)).astype(np.float32)
    points[:, :, 3:] += 0.5
    texts = [
        (
            (NAME, CLASSES[label]),
            (CAPTION, f"a {CLASSES[label]} number {row}"),
            (RETRIEVED, f"buy this {CLASSES[label]}"),
        )[: (row + 1) % 4]
        for row, label in enumerate(labels)
    ]
    thumbnails = [
        generator.integers(0, 256, size=(3, 20, 24), dtype=np.uint8) if row % 2 else None
        for row in range(count)
    ]
    made = {
        "keys": tuple(f"object-{row}" for row in range(count)),
        "class_names": CLASSES,
        "labels": labels,
        "points": points,
        "pictures": pictures,
        "thumbnails": tuple(thumbnails),
        "texts": tuple(texts),
    }
    return DescribedObjects(**{**made, **more})
