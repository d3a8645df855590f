"""Pictures find shapes of their class and shapes find pictures: the task of paired objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from anaglyph.data.objects import Objects
from anaglyph.data.paired import PairedObjects
from anaglyph.engine.evaluate import DIRECTIONS, Embedded, chance_metrics, embed_split, retrieval_metrics
from anaglyph.engine.tasks.base import Asked, Measured
from anaglyph.evaluation.report import Gallery, GalleryRow, Hit, Picture, Table
from anaglyph.geometry.draw import draw_shaded
from anaglyph.methods.base import Method

QUERIES = 10
HITS = 8


class CrossModal:
    """Retrieval both ways by class, over the whole split."""

    name: ClassVar[str] = "cross_modal"
    title: ClassVar[str] = "Retrieval on held-out"
    question: ClassVar[str] = "How well a picture finds its shape, and a shape its picture"
    note: ClassVar[str] = (
        "Mean average precision over the whole held-out gallery (1 is perfect) and the share of queries "
        "whose first hit is of their class. Spread is the standard deviation over seeds."
    )
    shown: ClassVar[Mapping[str, str]] = {
        "image_to_shape_map": "image→shape mAP",
        "shape_to_image_map": "shape→image mAP",
        "average_map": "average mAP",
        "image_to_shape_recall_at_1": "image→shape R@1",
        "shape_to_image_recall_at_1": "shape→image R@1",
    }
    headline: ClassVar[str] = "average_map"
    followed: ClassVar[Mapping[str, Mapping[str, str]]] = {}

    def measure(self, method: Method, dataset: Objects, asked: Asked) -> Measured:
        """MAP and recalls, both ways."""
        embedded = embed_split(method, _paired(dataset), device=asked.device, views=asked.views)
        return Measured(retrieval_metrics(embedded), {})

    def chance(self, dataset: Objects, *, seed: int) -> dict[str, float]:
        """Random unit vectors, measured, not assumed."""
        return chance_metrics(torch.from_numpy(dataset.labels), seed=seed)

    def inputs(self, dataset: Objects, asked: Asked) -> str:
        """Views of a picture and points of a shape."""
        sample = _paired(dataset)[0]
        have = 0 if sample.images is None else len(sample.images)
        points = 0 if sample.points is None else len(sample.points)
        return f"{asked.views or have} view(s) of a picture against {points} points of a shape"

    def seen(self, train: Objects, test: Objects, *, labels: bool) -> str:
        """Objects on both sides."""
        return (
            f"{len(train)} objects were seen in training, {'WITH' if labels else 'without'} labels; "
            f"{len(test)} others are the questions and the answers below."
        )

    def tables(self, measured: Measured) -> list[Table]:
        """None beside the results."""
        return []

    def galleries(self, method: Method, dataset: Objects, asked: Asked) -> list[Gallery]:
        """One query per class, both ways."""
        test = _paired(dataset)
        embedded = embed_split(method, test, device=asked.device, views=asked.views)
        return [gallery(query, found, embedded=embedded, test=test) for query, found in DIRECTIONS]


def _paired(dataset: Objects) -> PairedObjects:
    if not isinstance(dataset, PairedObjects):
        raise TypeError(f"{type(dataset).__name__} holds no pairs of pictures and clouds")
    return dataset


def gallery(query: str, found: str, *, embedded: Embedded, test: PairedObjects) -> Gallery:
    """One query per class and its nearest objects of the other modality, drawn."""
    labels = embedded.labels
    classes = torch.unique(labels)[:QUERIES]
    # The middle object of each class, so that nobody picks a flattering one.
    queries = torch.stack([rows[len(rows) // 2] for rows in ((labels == c).nonzero()[:, 0] for c in classes)])
    scores = embedded.vectors[query][queries] @ embedded.vectors[found].T
    nearest = scores.argsort(dim=1, descending=True, stable=True)[:, :HITS]
    query_pictures = pictures(query, test, queries)
    hit_pictures = pictures(found, test, nearest.flatten())
    rows = []
    for place, row in enumerate(queries.tolist()):
        hits = [
            Hit(
                picture=hit_pictures[place * nearest.shape[1] + rank],
                caption=f"{test.class_names[int(labels[item])]}, {float(scores[place, item]):.2f}",
                correct=bool(labels[item] == labels[row]),
            )
            for rank, item in enumerate(nearest[place].tolist())
        ]
        rows.append(GalleryRow(query_pictures[place], test.class_names[int(labels[row])], hits))
    words = {"image": "picture", "shape": "shape"}
    return Gallery(
        title=f"A {words[query]} looks for {words[found]}s",
        rows=rows,
        note="The middle held-out object of each class; below each hit its class and its cosine.",
    )


def pictures(modality: str, dataset: PairedObjects, rows: Tensor) -> list[Picture]:
    """Pictures of objects: the image itself (its first view), or the cloud drawn."""
    batch = dataset.batch(rows.tolist(), epoch=None)
    if modality == "shape":
        return list(draw_shaded(batch.require("points").numpy()))
    images = (batch.require("images")[:, 0] * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    return [image[..., 0] if image.shape[-1] == 1 else image for image in np.ascontiguousarray(images)]
