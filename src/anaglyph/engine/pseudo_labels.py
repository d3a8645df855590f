"""How good the labels are that a stage emitted: the truth is read here, after training, and only here."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from anaglyph.data.objects import Objects
from anaglyph.evaluation.clustering import (
    adjusted_rand_index,
    agreement,
    hungarian_accuracy,
    joint_accuracy,
    largest_share,
    normalized_mutual_information,
    occupied_clusters,
)
from anaglyph.io.label_file import labels_by_id, read_label_file

MODALITIES = ("image", "shape")


def pseudo_label_quality(run: Path, train: Objects) -> dict[str, dict[str, float]]:
    """Stage -> numbers, for every finished stage of a run that left label files."""
    return {
        artefact.parent.name: label_quality(artefact, train)
        for artefact in sorted(run.glob("stages/*/artefact"))
        if all((artefact / f"labels_{name}.txt").is_file() for name in MODALITIES)
    }


def label_quality(artefact: Path, train: Objects) -> dict[str, float]:
    """Accuracy under separate and common mappings, NMI, ARI, agreement and cluster sizes of emitted labels.

    Objects that a stage left unlabelled (-1) count as wrong for accuracy and are left out of NMI and ARI.
    """
    tables = {
        name: labels_by_id(read_label_file(artefact / f"labels_{name}.txt"), whole_path=True)
        for name in MODALITIES
    }
    labels = {name: np.array([table[key] for key in train.keys]) for name, table in tables.items()}
    truth = train.labels
    numbers: dict[str, float] = {}
    for name in MODALITIES:
        known = labels[name] >= 0
        numbers[f"{name}_accuracy"] = hungarian_accuracy(labels[name], truth).accuracy
        numbers[f"{name}_nmi"] = normalized_mutual_information(labels[name][known], truth[known])
        numbers[f"{name}_ari"] = adjusted_rand_index(labels[name][known], truth[known])
        numbers[f"{name}_occupied"] = float(occupied_clusters(labels[name]))
        numbers[f"{name}_largest_share"] = largest_share(labels[name])
    numbers["joint_accuracy"] = joint_accuracy(labels, truth).accuracy
    numbers["agreement"] = agreement(labels["image"], labels["shape"])
    return numbers
