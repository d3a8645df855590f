"""A training step of CrossMoST against the published way of writing it, and the cost of changing its objects.

Both train the same networks (a vision and a point transformer, small) on the same objects with the preset
paper's changes; ours changes a batch at once, the other item by item. "changes" is the share of the step that
goes into them. They run in turn in one process.
"""

from __future__ import annotations

# ruff: noqa: E402 - the allocator is set before torch is imported
from anaglyph.cli.allocator import keep_freed_memory

keep_freed_memory()

import argparse
import resource
import time
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from anaglyph.config import structure
from anaglyph.data.paired import PairedObjects
from anaglyph.data.weak_strong import WeakStrong, WeakStrongSpec
from anaglyph.encoders.catalog import create_encoder
from anaglyph.engine.recipe import load_preset
from anaglyph.methods.crossmost.config import CrossMoSTConfig
from anaglyph.methods.crossmost.method import CrossMoST
from anaglyph.randomness import numpy_generator, seeded
from benchmarks.plain_self_training import PlainStep, plain_batches

OBJECTS, BATCH, SIDE, POINTS = 256, 64, 64, 1024
WARM_UP, STEPS = 1, 4
CONFIG = CrossMoSTConfig(
    classes=tuple(f"class {row}" for row in range(40)),
    embed_dim=256,
    image_layer_decay=1.0,
    image_mask_pixels=16,
)


def run() -> list[dict[str, Any]]:
    """Rows: objects per second, share of changes, peak memory, and ours over the plain way."""
    data = _data()
    rates = {"published way": _plain(data), "ours": _ours(data)}
    return [
        {
            "what": name,
            "objects/s": round(rate, 1),
            "changes": f"{share:.0%}",
            "ratio": round(rate / rates["published way"][0], 2),
            "peak MB of the process": peak,
        }
        for name, (rate, share, peak) in rates.items()
    ]


def _ours(data: WeakStrong) -> tuple[float, float, int]:
    method = _method().train()
    optimiser = torch.optim.AdamW([p for p in method.parameters() if p.requires_grad], lr=1e-4)

    def changed(step: int) -> Any:
        first, second = (data.batch(range(BATCH), epoch=step, crop=crop) for crop in range(2))
        return replace(first, crops=(second,))

    def learn(batch: Any) -> None:
        output = method.training_step(batch)
        optimiser.zero_grad()
        output.loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        with torch.no_grad():
            method.after_step()

    return _timed(changed, learn)


def _plain(data: WeakStrong) -> tuple[float, float, int]:
    step = PlainStep(_method().student, CONFIG)
    return _timed(lambda epoch: plain_batches(data, range(BATCH), epoch=epoch), step)


def _timed(changed: Any, learn: Any) -> tuple[float, float, int]:
    """(objects per second, share of changes, peak memory of the process so far in MB)."""
    changing = learning = 0.0
    for step in range(WARM_UP + STEPS):
        began = time.perf_counter()
        batch = changed(step)
        made = time.perf_counter()
        learn(batch)
        if step >= WARM_UP:
            changing += made - began
            learning += time.perf_counter() - made
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return STEPS * BATCH / (changing + learning), changing / (changing + learning), peak


def _method() -> CrossMoST:
    with seeded("bench self training"):
        encoders = {
            "image": create_encoder("clip_vit", width=128, depth=3, patch=8, pixels=SIDE),
            "shape": create_encoder("point_bert", width=96, depth=3, heads=3, groups=32, group_size=32),
        }
        return CrossMoST(CONFIG, encoders=encoders, objects=OBJECTS)


def _data() -> WeakStrong:
    draw = numpy_generator("bench self training")
    objects = PairedObjects(
        keys=tuple(f"object-{row}" for row in range(OBJECTS)),
        class_names=("any",),
        labels=np.zeros(OBJECTS, dtype=np.int64),
        images=draw.integers(0, 256, (OBJECTS, 1, 3, SIDE, SIDE)).astype(np.uint8),
        points=draw.normal(0, 0.3, (OBJECTS, POINTS, 3)).astype(np.float32),
    )
    spec = structure(WeakStrongSpec, load_preset("crossmost", "paper")["weak_strong"], where="weak_strong")
    return WeakStrong(objects=objects, spec=spec)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    for row in run():
        print(row)
