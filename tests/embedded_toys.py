"""Objects whose colour says what they are, and a method that reads it: what is found is known beforehand."""

import hashlib
from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from anaglyph.data.embedded import EmbeddedObjects
from anaglyph.data.records import Record, TextSource
from anaglyph.methods.base import Method

NAMES = ("bowl", "chair", "lamp")
POINTS, VIEWS = 12, 4


@dataclass(frozen=True, eq=False)
class ToyRecords:
    """Records in memory."""

    keys: tuple[str, ...]
    records: tuple[Record, ...]

    @property
    def blocks(self):
        return np.array([0, len(self.keys)], dtype=np.int64)

    def read(self, row):
        return self.records[row]

    def fingerprint(self):
        total = hashlib.sha256("/".join(self.keys).encode())
        for record in self.records:
            total.update(np.ascontiguousarray(record.points).tobytes())
        return total.hexdigest()[:16]


def codes(labels, *, seed=0):
    """(N, 3) in (0, 1): near the axis of each object's class, no two alike."""
    rng = np.random.default_rng(seed)
    return np.eye(3)[labels] * 0.8 + rng.uniform(0.01, 0.15, (len(labels), 3))


def toy_objects(labels=(0, 1, 2, 0, 1, 2), *, said=None, shown=None, captions=None, **changes):
    """A split; clouds say `said`, pictures `shown`, by default both the truth; `captions` counts texts."""
    labels = np.asarray(labels)
    own = codes(labels)
    cloud = own if said is None else codes(np.asarray(said), seed=1)
    pictures = own if shown is None else codes(np.asarray(shown), seed=2)
    captions = [1] * len(labels) if captions is None else captions
    rng = np.random.default_rng(5)
    records = []
    for row in range(len(labels)):
        place = rng.uniform(-1, 1, (POINTS, 3))
        colours = np.repeat(cloud[row][None], POINTS, axis=0)
        texts = own[row][None] + rng.uniform(0, 0.001, (captions[row], 3))
        records.append(
            Record(
                points=np.concatenate([place, colours], axis=1).astype(np.float32),
                images=np.repeat(pictures[row][None], VIEWS, axis=0).astype(np.float32),
                texts=texts.astype(np.float32),
                sources=np.full(len(texts), TextSource.CAPTION, np.uint8),
            )
        )
    fields = {
        "records": ToyRecords(tuple(f"o{row}" for row in range(len(labels))), tuple(records)),
        "class_names": NAMES,
        "labels": labels.astype(np.int64),
        "class_features": np.eye(3, dtype=np.float32),
        **changes,
    }
    return EmbeddedObjects(**fields)


class Reader(Method):
    """The mean colour of a cloud, the mean vector of pictures, the vector of a text."""

    inputs: ClassVar = {
        "shape": ("points",),
        "image": ("image_features",),
        "text": ("text_features", "text_present"),
        "fused": ("points", "image_features"),
    }
    encoder_names = ("shape",)

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.seen = []

    def embed(self, modality, batch):
        self.seen.append((modality, batch))
        assert not self.training
        if modality == "fused":
            return F.normalize(self.embed("shape", batch) + self.embed("image", batch), dim=1)
        raw = {
            "shape": lambda: batch.require("points")[..., 3:].mean(dim=1),
            "image": lambda: batch.require("image_features").mean(dim=1),
            "text": lambda: batch.require("text_features")[:, 0],
        }[modality]()
        return F.normalize(raw * self.scale, dim=1)

    def class_vectors(self, features):
        return F.normalize(features * self.scale, dim=1)


def saved(method, data="toys", *, towers=None, **options):
    """What loading a weights file of this method gives."""
    return SimpleNamespace(
        method=method,
        spec=SimpleNamespace(method="reader"),
        data=SimpleNamespace(name=data, options=options),
        header={"leaks": []},
        towers=towers,
    )
