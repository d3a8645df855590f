"""How far the scores of `anaglyph classify` are chances of being right, with labels that it never sees.

python tools/calibration_of_classify.py [RUN of crossmost on modelnet10_pairs ...]

mini names the held-out generated and CC0 objects of models_mixed, each RUN the test objects of
modelnet10_pairs.
The calibration error (ECE, 10 bins of equally many) of raw and of calibrated scores.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from anaglyph.cli.places import cache_folder, data_root
from anaglyph.data.catalog import DataConfig, create_dataset
from anaglyph.engine.classify import Unnamed, name_objects, open_namer
from anaglyph.evaluation.calibration import calibration_error
from anaglyph.evaluation.report import number

CPU = torch.device("cpu")


def measure(dataset, rows, namer):
    """(raw, calibrated) errors by picture, points and both, and the share right by both."""
    objects = [
        Unnamed(dataset.keys[row], dataset.pictures[row], np.asarray(dataset.points[row])) for row in rows
    ]
    labels = torch.tensor([namer.classes.index(dataset.class_names[dataset.labels[row]]) for row in rows])
    found = [name_objects(objects, namer, calibrate=wanted) for wanted in (False, True)]
    errors = [{name: calibration_error(p, labels) for name, p in each.scores.items()} for each in found]
    right = float((found[0].scores["joint"].argmax(1) == labels).double().mean())
    return errors, right, found[1].agreement


def show(title, dataset, rows, namer):
    """One row of the table."""
    (raw, ours), right, agreed = measure(dataset, rows, namer)
    cells = [f"{raw[name]:.3f} / {ours[name]:.3f}" for name in ("image", "shape", "joint")]
    print(
        "|", " | ".join([title, number(len(rows)), f"{right:.3f}", f"{agreed:.3f}", *cells]), "|", flush=True
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", type=Path)
    asked = parser.parse_args()
    root, cache = data_root(None), cache_folder()
    print("| named | objects | right | agreement | picture, raw / calibrated | points | both |")
    print("|---|---|---|---|---|---|---|")
    mixed = create_dataset(
        DataConfig(name="models_mixed", options={"size": 96, "train": 1880}), "test",
        root=root, cache=cache, seed=0,
    )  # fmt: skip
    mini = open_namer("mini", mixed.class_names, root=root, device=CPU)
    for part in ("procedural", "cc0"):
        rows = [row for row, key in enumerate(mixed.keys) if key.startswith(part)]
        show(f"{part} by mini", mixed, rows, mini)
    pairs = create_dataset(
        DataConfig(name="modelnet10_pairs", options={"size": 96}), "test", root=root, cache=cache, seed=0
    )
    for run in asked.runs:
        show(
            f"ModelNet10 by {run.parent.name}",
            pairs,
            range(len(pairs)),
            open_namer(run, (), root=root, device=CPU),
        )
