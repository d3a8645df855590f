"""Embed a split with a method and measure it: retrieval both ways, and clusters where there are any."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from anaglyph.data.paired import PairedObjects
from anaglyph.errors import ConfigError
from anaglyph.evaluation.retrieval import instance_recall_at, mean_average_precision, recall_at
from anaglyph.methods.base import Method
from anaglyph.randomness import torch_generator
from anaglyph.types import Batch

DIRECTIONS = (("image", "shape"), ("shape", "image"))
RECALLS = (1, 5, 10)


@dataclass(frozen=True)
class Embedded:
    """A split as the method sees it."""

    vectors: dict[str, Tensor]
    """modality -> (N, D) unit vectors on the CPU."""
    labels: Tensor
    """(N,) true classes."""


def split_batches(dataset: PairedObjects, *, batch: int = 250) -> Iterator[Batch]:
    """The whole split in row order, without augmentation."""
    for first in range(0, len(dataset), batch):
        yield dataset.batch(range(first, min(first + batch, len(dataset))), epoch=None)


@torch.no_grad()
def embed_split(
    method: Method, dataset: PairedObjects, *, device: torch.device, views: int | None = None
) -> Embedded:
    """Both modalities of every object, in eval mode; the method's mode is put back afterwards.

    Args:
        method: what embeds.
        dataset: a split with images, shapes and labels.
        device: where the method lives.
        views: how many views of an image are averaged, evenly spaced; None takes all there are.
    """
    training = method.training
    method.eval()
    parts: dict[str, list[Tensor]] = {"image": [], "shape": []}
    for rows in split_batches(dataset):
        moved = choose_views(rows.without_labels(), views).to(device)
        for modality, vectors in parts.items():
            vectors.append(method.embed(modality, moved).float().cpu())
    method.train(training)
    return Embedded(
        {name: torch.cat(vectors) for name, vectors in parts.items()}, torch.from_numpy(dataset.labels)
    )


def choose_views(batch: Batch, views: int | None) -> Batch:
    """The batch with `views` evenly spaced views of each image, or their vectors."""
    if views is None:
        return batch
    images, vectors = batch.images, batch.image_features
    return replace(
        batch,
        images=None if images is None else _spaced(images, views),
        image_features=None if vectors is None else _spaced(vectors, views),
    )


def _spaced(values: Tensor, views: int) -> Tensor:
    have = values.shape[1]
    if not 1 <= views <= have:
        raise ConfigError(f"{views} views are asked for; the pictures have 1 to {have}.")
    return values[:, [have * place // views for place in range(views)]]


def retrieval_metrics(embedded: Embedded) -> dict[str, float]:
    """MAP over the whole gallery and recall@k (class and instance), both ways and averaged."""
    metrics: dict[str, float] = {}
    labels = embedded.labels
    for query, gallery in DIRECTIONS:
        name = f"{query}_to_{gallery}"
        pair = embedded.vectors[query], embedded.vectors[gallery]
        metrics[f"{name}_map"] = float(mean_average_precision(*pair, labels, labels))
        for k, value in recall_at(*pair, labels, labels, ks=RECALLS).items():
            metrics[f"{name}_recall_at_{k}"] = value
        for k, value in instance_recall_at(*pair, torch.arange(len(labels)), ks=RECALLS).items():
            metrics[f"{name}_instance_recall_at_{k}"] = value
    metrics["average_map"] = (metrics["image_to_shape_map"] + metrics["shape_to_image_map"]) / 2
    return metrics


def chance_metrics(labels: Tensor, *, seed: int, width: int = 64) -> dict[str, float]:
    """The same numbers for random unit vectors, measured, not assumed."""
    vectors = {
        modality: torch.nn.functional.normalize(
            torch.randn(len(labels), width, generator=torch_generator(seed, "chance", modality)), dim=1
        )
        for modality in ("image", "shape")
    }
    return retrieval_metrics(Embedded(vectors, labels))
