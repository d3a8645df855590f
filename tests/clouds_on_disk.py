"""Small clouds in files, and what `anaglyph embed` leaves beside its vectors."""

import json

import numpy as np


def points(count=40, *, seed=0):
    return np.random.default_rng(seed).normal(size=(count, 3)).astype(np.float32)


def folder(tmp_path, *, clouds=7):
    """Clouds of different sizes, two of them in one file, one in a folder below."""
    root = tmp_path / "clouds"
    (root / "deep").mkdir(parents=True)
    for number in range(clouds - 3):
        np.save(root / f"{number}.npy", points(30 + number, seed=number))
    np.save(root / "deep" / "x.npy", points(90, seed=90))
    np.save(root / "two.npy", np.stack([points(20, seed=1), points(20, seed=2)]))
    return root


def sidecar(path):
    return json.loads(path.with_name(path.name + ".json").read_text(encoding="utf-8"))
