"""A CrossMoST of the published kind, small, and batches for it."""

from dataclasses import replace

import torch

from anaglyph.encoders.catalog import create_encoder
from anaglyph.methods.catalog import create_method
from anaglyph.randomness import seeded, torch_generator
from anaglyph.types import Batch

CLASSES = ("one", "two", "three")


def make(*, image=None, shape=None, dtype=torch.float32, **config):
    """The method with a vision transformer and a point transformer, always from the same weights."""
    with seeded("crossmost"):
        encoders = {
            "image": image or create_encoder("clip_vit", width=8, depth=2, patch=4, pixels=16),
            "shape": shape
            or create_encoder(
                "point_bert",
                width=12,
                depth=1,
                heads=2,
                groups=6,
                group_size=4,
                patch_channels=8,
                drop_path=0.0,
            ),
        }
        plain = {
            "classes": CLASSES,
            "embed_dim": 16,
            "scale_start": 10.0,
            "threshold": 0.4,
            "image_mask_pixels": 8,
        }
        chosen = {**plain, "image_layer_decay": 1.0, **config}
        method = create_method("crossmost", chosen, encoders=encoders, objects=8)
        method.teacher.copy_from(method.student)
        return method.to(dtype)


def batch(rows=8, *, dtype=torch.float32, first=0):
    """`rows` objects from number `first` on, weakly and strongly changed."""

    def drawn(row, what, *size):
        return torch.rand(*size, generator=torch_generator(row, what), dtype=torch.float64).to(dtype)

    numbers = range(first, first + rows)
    weak, strong = (
        Batch(
            keys=tuple(f"object-{row}" for row in numbers),
            indices=torch.tensor(list(numbers)),
            images=torch.stack([drawn(row, f"image {draw}", 1, 3, 16, 16) for row in numbers]),
            points=torch.stack([drawn(row, f"points {draw}", 24, 3) - 0.5 for row in numbers]),
        )
        for draw in range(2)
    )
    return replace(weak, crops=(strong,))
