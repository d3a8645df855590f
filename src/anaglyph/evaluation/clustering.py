"""How well clusters match classes, and each other: Hungarian accuracy, NMI, ARI, agreement, balance.

Labels are whole numbers >= 0 in any numbering. -1 marks a sample that a method left without a label: it
is wrong in an accuracy and an agreement, and left out of everything else.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment


@dataclass(frozen=True)
class Match:
    """Accuracy under the best one-to-one mapping of clusters to classes."""

    accuracy: float
    """Matched samples over all samples."""
    mapping: dict[int, int]
    """Cluster -> class; a cluster left over when there are fewer classes is absent."""


@dataclass(frozen=True)
class JointMatch:
    """Accuracies of several labelings under one common mapping."""

    accuracy: float
    """Matched samples over all samples of all labelings."""
    by_name: dict[str, float]
    """The same for each labeling alone, under the common mapping."""
    mapping: dict[int, int]
    """Cluster -> class."""


def hungarian_accuracy(predicted: ArrayLike, true: ArrayLike) -> Match:
    """Share of samples whose cluster is mapped to their class, under the best mapping (Kuhn, 1955).

    Args:
        predicted: (N,) clusters.
        true: (N,) classes.
    """
    joint = joint_accuracy({"": predicted}, true)
    return Match(accuracy=joint.accuracy, mapping=joint.mapping)


def joint_accuracy(predicted: Mapping[str, ArrayLike], true: ArrayLike) -> JointMatch:
    """Hungarian accuracy of several labelings of the same objects under ONE mapping.

    Two modalities may each match the classes well and still mean different things by cluster 3; separate
    mappings hide that, a common one does not.

    Args:
        predicted: name, such as the modality -> (N,) clusters.
        true: (N,) classes.
    """
    if not predicted:
        raise ValueError("joint_accuracy needs at least one labeling, got none")
    pairs = {name: _paired(labels, true) for name, labels in predicted.items()}
    clusters, classes = (np.concatenate(side) for side in zip(*pairs.values(), strict=True))
    table, rows, columns = _contingency(clusters, classes)
    picked = zip(*linear_sum_assignment(-table), strict=True)
    mapping = {int(rows[row]): int(columns[column]) for row, column in picked}
    share = {name: _mapped_share(mapping, *pair) for name, pair in pairs.items()}
    return JointMatch(accuracy=float(np.mean(list(share.values()))), by_name=share, mapping=mapping)


def normalized_mutual_information(first: ArrayLike, second: ArrayLike) -> float:
    """I(first; second) over the mean of both entropies, in [0, 1].

    It is 1 when both have one single group, and 0 when no sample has both labels.
    """
    table, _, _ = _contingency(*_paired(first, second))
    if not table.size:
        return 0.0
    joint = table / table.sum()
    entropies = _entropy(joint.sum(axis=1)), _entropy(joint.sum(axis=0))
    if max(entropies) == 0:
        return 1.0
    shared = sum(entropies) - _entropy(joint.ravel())
    return float(np.clip(2 * shared / sum(entropies), 0, 1))


def adjusted_rand_index(first: ArrayLike, second: ArrayLike) -> float:
    """Pairs on which both labelings agree, corrected for chance (Hubert and Arabie, 1985).

    At most 1, 0 by chance and when no sample has both labels.
    """
    table, _, _ = _contingency(*_paired(first, second))
    if not table.size:
        return 0.0
    together = _pairs(table)
    rows, columns = _pairs(table.sum(axis=1)), _pairs(table.sum(axis=0))
    expected = rows * columns / max(_pairs(table.sum()), 1)
    largest = (rows + columns) / 2
    return 1.0 if largest == expected else float((together - expected) / (largest - expected))


def agreement(first: ArrayLike, second: ArrayLike) -> float:
    """Share of samples that carry the same label, under the same number, in both labelings."""
    one, other = _paired(first, second)
    return float(np.mean((one == other) & (one >= 0)))


def occupied_clusters(labels: ArrayLike) -> int:
    """How many clusters hold at least one sample."""
    return len(np.unique(_assigned(labels)))


def size_entropy(labels: ArrayLike, *, clusters: int) -> float:
    """Entropy of the cluster sizes over ln(clusters): 0 when one holds all, 1 when all are equal.

    Args:
        labels: (N,) clusters in [0, clusters).
        clusters: K, empty ones included.
    """
    sizes = _sizes(labels, clusters)
    return float(_entropy(sizes / max(sizes.sum(), 1)) / np.log(clusters)) if clusters > 1 else 0.0


def largest_share(labels: ArrayLike) -> float:
    """Share of the labelled samples that the largest cluster holds; 1 means collapse, 0 no label at all."""
    sizes = np.unique(_assigned(labels), return_counts=True)[1]
    return float(sizes.max() / sizes.sum()) if len(sizes) else 0.0


def _labels(labels: ArrayLike) -> NDArray[np.int64]:
    array = np.asarray(labels)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(f"labels must be (N,) whole numbers, got {array.dtype} of shape {array.shape}")
    if len(array) and array.min() < -1:
        raise ValueError(f"labels must be >= 0, or -1 for none, got {array.min()}")
    return array.astype(np.int64)


def _assigned(labels: ArrayLike) -> NDArray[np.int64]:
    array = _labels(labels)
    return array[array >= 0]


def _paired(first: ArrayLike, second: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    one, other = _labels(first), _labels(second)
    if len(one) != len(other) or not len(one):
        raise ValueError(f"two labelings of the same samples are needed, got {len(one)} and {len(other)}")
    return one, other


def _sizes(labels: ArrayLike, clusters: int) -> NDArray[np.int64]:
    assigned = _assigned(labels)
    if clusters < 1 or (len(assigned) and assigned.max() >= clusters):
        raise ValueError(f"clusters must be >= 1 and above every label, got {clusters}")
    return np.bincount(assigned, minlength=clusters)


def _contingency(
    first: NDArray[np.int64], second: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Counts of (row label, column label) over samples that have both, and the labels of rows and columns."""
    both = (first >= 0) & (second >= 0)
    rows, row = np.unique(first[both], return_inverse=True)
    columns, column = np.unique(second[both], return_inverse=True)
    table = np.zeros((len(rows), len(columns)), dtype=np.int64)
    np.add.at(table, (row, column), 1)
    return table, rows, columns


def _mapped_share(
    mapping: Mapping[int, int], clusters: NDArray[np.int64], classes: NDArray[np.int64]
) -> float:
    return float(np.mean([mapping.get(int(a)) == b for a, b in zip(clusters, classes, strict=True)]))


def _entropy(shares: NDArray[np.float64]) -> float:
    positive = shares[shares > 0]
    return float(-(positive * np.log(positive)).sum())


def _pairs(counts: NDArray[np.int64]) -> float:
    return float((counts.astype(np.float64) * (counts - 1) / 2).sum())
