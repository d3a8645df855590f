"""A small `shards` data set in six shards, and a recipe that trains MixCon3D on it in a second."""

import numpy as np
import yaml

from anaglyph.data.shards.class_vectors import write_class_vectors
from anaglyph.data.shards.index import read_index
from anaglyph.data.shards.writer import write_shards
from embedded_objects import made_up

NAMES = ("round", "flat", "long")
WIDTH = 8
PER_SHARD = 8
OBJECTS = 6 * PER_SHARD
BATCH = 8
STEPS_PER_EPOCH = OBJECTS // BATCH
RECIPE = {
    "title": "tiny MixCon3D on shards",
    "method": "mixcon3d",
    "preset": "best",
    "data": {
        "name": "shards",
        "options": {
            "clouds": {
                "points": 64, "channels": 6, "unit_sphere": True, "dropout": 0.5, "scale": [0.8, 1.25],
                "shift": 0.1, "tilt": 0.06, "turn": True, "colour_drop": 0.5,
            },
            "texts": {"mode": "all", "most": 2},
            "views": {"views": 2},
        },
    },
    "encoders": {
        "shape": {
            "name": "pointnet_small",
            "options": {"in_channels": 6, "embed_dim": WIDTH, "widths": [16, 16, 32]},
        }
    },
    "stages": {
        "align": {
            "config": {
                "embed_dim": WIDTH, "image_dim": WIDTH, "text_dim": WIDTH, "texts": 2, "average_decay": 0.9,
            },
            "epochs": 3,
            "batch": BATCH,
            "optimiser": {"lr": 1e-3, "warmup_epochs": 1},
        }
    },
}  # fmt: skip


def write_data(root):
    """48 records for training, and 8 each for validation and test, below `root`."""
    folder = root / "shards"
    parts = {"train": range(OBJECTS), "validation": range(100, 108), "test": range(200, 208)}
    for name, rows in parts.items():
        items = [
            (f"object-{row}", made_up(row, points=100, text_width=WIDTH), {"label": NAMES[row % 3]})
            for row in rows
        ]
        write_shards(folder, items, per_shard=PER_SHARD, name=name)
    write_class_vectors(folder / "classes.safetensors", NAMES, np.eye(3, WIDTH, dtype=np.float32))
    return root


def write_recipe(path):
    """The recipe as a file."""
    path.write_text(yaml.safe_dump(RECIPE, sort_keys=False), encoding="utf-8")
    return path


def spoil(shard, key):
    """Change a byte in the middle of one record."""
    data = bytearray(shard.read_bytes())
    data[_middle(shard, key)] ^= 255
    shard.write_bytes(data)


def cut(shard, key):
    """End a shard in the middle of one record."""
    shard.write_bytes(shard.read_bytes()[: _middle(shard, key)])


def _middle(shard, key):
    (part, _) = next(entry.parts for entry in read_index(shard).entries if entry.key == key)
    return part.offset + part.size // 2
