"""Pseudo labels: emission from cluster posteriors, their statistics, and the files that cross stages.

Files follow the published list format, one line per object, `key pseudo true`, one file per modality;
the third column is -1 throughout, because stage 1 has no truth to write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from anaglyph.errors import DataError
from anaglyph.evaluation.clustering import agreement, largest_share, occupied_clusters, size_entropy
from anaglyph.io.atomic import write_text
from anaglyph.io.label_file import LabelRow, labels_by_id, read_label_file, write_label_file

IGNORED = -1
MODALITIES = ("image", "shape")


@dataclass(frozen=True)
class PseudoLabels:
    """One label per object and modality, with the posterior it came from."""

    labels: dict[str, Tensor]
    """modality -> (N,) int64, IGNORED where there is none."""
    confidence: dict[str, Tensor]
    """modality -> (N,) float32 posterior of the label, in [0, 1]."""


def emit_labels(posteriors: dict[str, Tensor], *, fusion: Literal["none", "mean", "agree"]) -> PseudoLabels:
    """(N, K) posteriors of each modality -> labels, fused as asked (dossier, section 3, step 7)."""
    if fusion == "mean":
        mean = torch.stack([posteriors[name] for name in MODALITIES]).mean(dim=0)
        posteriors = dict.fromkeys(MODALITIES, mean)
    best = {name: posteriors[name].max(dim=1) for name in MODALITIES}
    labels = {name: best[name].indices for name in MODALITIES}
    if fusion == "agree":
        same = labels["image"] == labels["shape"]
        labels = {name: torch.where(same, labels[name], IGNORED) for name in MODALITIES}
    return PseudoLabels(labels, {name: best[name].values for name in MODALITIES})


def write_pseudo_labels(folder: Path, keys: Sequence[str], pseudo: PseudoLabels) -> list[Path]:
    """Write labels_<modality>.txt and confidence_<modality>.txt; returns their paths."""
    written = []
    for name in MODALITIES:
        rows = [
            LabelRow(key, int(label), IGNORED) for key, label in zip(keys, pseudo.labels[name], strict=True)
        ]
        write_label_file(folder / f"labels_{name}.txt", rows)
        lines = [f"{key} {float(c):.6f}\n" for key, c in zip(keys, pseudo.confidence[name], strict=True)]
        write_text(folder / f"confidence_{name}.txt", "".join(lines))
        written += [folder / f"labels_{name}.txt", folder / f"confidence_{name}.txt"]
    return written


def read_pseudo_labels(folder: Path, keys: Sequence[str], *, clusters: int) -> PseudoLabels:
    """Read what `write_pseudo_labels` wrote, joined by key, never by row.

    Raises:
        DataError: a key is missing or a label lies outside 0..clusters-1 (and is not -1).
    """
    labels, confidence = {}, {}
    for name in MODALITIES:
        file = folder / f"labels_{name}.txt"
        table = labels_by_id(read_label_file(file), whole_path=True)
        weights = dict(line.rsplit(" ", 1) for line in _lines(folder / f"confidence_{name}.txt"))
        missing = [key for key in keys if key not in table or key not in weights]
        if missing:
            raise DataError(
                f"'{file}' has no label for {len(missing)} of {len(keys)} objects (first: {missing[0]}); "
                f"it was made for other data. Run the annotation stage on this training split."
            )
        column = torch.tensor([table[key] for key in keys], dtype=torch.int64)
        if not bool(((column >= IGNORED) & (column < clusters)).all()):
            raise DataError(
                f"'{file}' holds labels from {int(column.min())} to {int(column.max())}; "
                f"allowed are 0..{clusters - 1} and -1. Set clusters to what stage 1 used."
            )
        labels[name] = column
        confidence[name] = torch.tensor([float(weights[key]) for key in keys])
    return PseudoLabels(labels, confidence)


def cluster_health(labels: Mapping[str, Tensor], *, clusters: int) -> dict[str, float]:
    """Label-free numbers of a clustering: agreement of the modalities, and the worse one's cluster sizes.

    Args:
        labels: modality -> (N,) cluster of every object.
        clusters: K.
    """
    columns = {name: column.cpu().numpy() for name, column in labels.items()}
    return {
        "label_agreement": agreement(columns["image"], columns["shape"]),
        "occupied_clusters": float(min(occupied_clusters(column) for column in columns.values())),
        "size_entropy": min(size_entropy(column, clusters=clusters) for column in columns.values()),
        "largest_share": max(largest_share(column) for column in columns.values()),
    }


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DataError(f"cannot read '{path}': {error.strerror}; run the annotation stage again.") from error
