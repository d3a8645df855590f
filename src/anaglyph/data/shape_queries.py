"""Pictures that show shapes of a repository: what CMIC learns from and is measured on.

A query is a cropped picture with the mask of its object; a shape is a set of rendered views. Many queries may
show one shape. A training batch of B queries comes with exactly B different shapes: those the queries show,
each once, and others drawn from the whole repository (dossier CMIC, 1.5). So a batch holds no false negative,
and the repository must have at least B shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anaglyph.data.objects import digest
from anaglyph.data.schema import check_keys, check_labels
from anaglyph.data.transforms.joint import (
    QueryAugmentation,
    ViewAugmentation,
    augment_queries,
    augment_views,
)
from anaglyph.errors import DataError
from anaglyph.geometry.mesh import Mesh
from anaglyph.randomness import numpy_generator, row_keys, uniform
from anaglyph.types import Batch, Candidates

Rows = NDArray[np.int64]


class MeshSource(Protocol):
    """The mesh of a shape by its row; picklable, so that loader processes can have it."""

    def __call__(self, row: int) -> Mesh:
        """The mesh of repository row `row`, as its file or its maker gives it."""
        ...

    def opened(self) -> AbstractContextManager[Callable[[int], Mesh]]:
        """The same for many rows: what they share, such as child processes, is kept while this is open."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class ShapeRepository:
    """All shapes that a search may return. Checked when made: DataError says what does not fit."""

    keys: tuple[str, ...]
    """(S) ids, unique."""
    category_names: tuple[str, ...]
    categories: NDArray[np.int64]
    """(S,) rows of `category_names`."""
    views: NDArray[np.uint8]
    """(S, V, C, H, W) rendered pictures, C = 1 grey or 3 coloured; may be a read-only memory map."""
    azimuths: NDArray[np.float32] | None = None
    """(V,) degrees of the cameras, None where unknown."""
    meshes: MeshSource | None = None
    """For surface distances and pictures; None where only views are at hand."""

    def __post_init__(self) -> None:
        check_keys(self.keys)
        check_labels(self.categories, objects=len(self.keys), classes=len(self.category_names))
        views = self.views
        wrong = views.dtype != np.uint8 or views.ndim != 5 or views.shape[2] not in (1, 3)
        if wrong or 0 in views.shape[1:] or len(views) != len(self.keys):
            raise DataError(
                f"views are {views.dtype} of shape {views.shape} for {len(self.keys)} shapes; they must be "
                f"uint8 (shapes, views, 1 or 3 channels, height, width)."
            )
        if self.azimuths is not None and self.azimuths.shape != (views.shape[1],):
            raise DataError(f"{views.shape[1]} views have {self.azimuths.shape} azimuths; give one each.")

    def __len__(self) -> int:
        return len(self.keys)

    def view_tensor(self, rows: Sequence[int] | Rows) -> Tensor:
        """(S, V, C, H, W) float32 in [0, 1], as they are."""
        return torch.from_numpy(np.ascontiguousarray(self.views[np.asarray(rows)])).float() / 255.0

    def batch(self, rows: Sequence[int] | Rows) -> Batch:
        """These shapes without augmentation, as `embed("shape", ...)` reads them."""
        chosen = np.asarray(rows, dtype=np.int64)
        return Batch(
            keys=tuple(self.keys[row] for row in chosen),
            indices=torch.from_numpy(chosen.copy()),
            views=self.view_tensor(chosen),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class ShapeQueries:
    """One split of queries against one repository. Checked when made: DataError says what does not fit."""

    keys: tuple[str, ...]
    """(N) ids, unique."""
    shapes: Rows
    """(N,) repository row of the shape that each query shows."""
    images: NDArray[np.uint8]
    """(N, 3, H, W) cropped pictures; may be a read-only memory map."""
    masks: NDArray[np.uint8]
    """(N, H, W) where the object is, 0 to 255."""
    repository: ShapeRepository
    azimuths: NDArray[np.float32] | None = None
    """(N,) degrees of the photo's camera in the frame of the views, NaN where unknown."""
    query_augmentation: QueryAugmentation = field(default_factory=QueryAugmentation)
    view_augmentation: ViewAugmentation = field(default_factory=ViewAugmentation)
    training_views: int = 0
    """Different random views of each shape in a training batch; 0 is all, as published and in evaluation."""
    seed: int = 0
    """Run seed of the augmentation and of the shapes that fill up a batch."""

    def __post_init__(self) -> None:
        check_keys(self.keys)
        objects = len(self.keys)
        check_labels(self.shapes, objects=objects, classes=len(self.repository))
        images, masks = self.images, self.masks
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[:2] != (objects, 3):
            raise DataError(
                f"images are {images.dtype} of shape {images.shape}; they must be uint8 ({objects}, 3, H, W)."
            )
        if masks.dtype != np.uint8 or masks.shape != (objects, *images.shape[2:]):
            raise DataError(
                f"masks are {masks.dtype} of shape {masks.shape}; they must be uint8 and as large as the "
                f"images, {(objects, *images.shape[2:])}."
            )
        if not 0 <= self.training_views <= self.repository.views.shape[1]:
            raise DataError(
                f"{self.training_views} training views are asked for; the shapes have "
                f"{self.repository.views.shape[1]}, and 0 takes all."
            )
        if self.azimuths is not None and self.azimuths.shape != (objects,):
            raise DataError(f"{objects} queries have {self.azimuths.shape} azimuths; give one each, or NaN.")

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def labels(self) -> NDArray[np.int64]:
        """(N,) category of the shape that each query shows."""
        return self.repository.categories[self.shapes]

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the categories."""
        return self.repository.category_names

    @property
    def fields(self) -> frozenset[str]:
        """What batches hold beside keys and indices; `views` when shapes are embedded."""
        return frozenset({"images", "masks", "labels", "targets", "shapes", "views"})

    def fingerprint(self) -> str:
        """16 hexadecimal digits over ids, pictures, masks, views, pairing and categories."""
        ids = (*self.keys, *self.repository.keys, *self.class_names)
        shapes = self.repository
        return digest(ids, (self.images, self.masks, shapes.views, self.shapes, shapes.categories))

    def batch(self, indices: Sequence[int] | Rows, *, epoch: int | None, crop: int = 0) -> Batch:
        """These queries; with an epoch augmented and with as many shapes to compare them with.

        `crop` separates independent draws within one epoch.

        Raises:
            DataError: the repository has fewer shapes than the batch has queries.
        """
        chosen = np.asarray(indices, dtype=np.int64)
        keys = tuple(self.keys[row] for row in chosen)
        images = torch.from_numpy(np.ascontiguousarray(self.images[chosen])).float() / 255.0
        masks = torch.from_numpy(np.ascontiguousarray(self.masks[chosen])).float()[:, None] / 255.0
        shapes, targets = None, None
        if epoch is not None:
            draws = row_keys(keys, self.seed, epoch, crop)
            images, masks = augment_queries(images, masks, self.query_augmentation, draws)
            rows = batch_shapes(
                self.shapes[chosen], repository=len(self.repository), parts=(self.seed, epoch, crop)
            )
            shapes = self._candidates(rows, parts=(self.seed, epoch, crop, *chosen.tolist()))
            places = {row: place for place, row in enumerate(rows.tolist())}
            targets = torch.tensor([places[row] for row in self.shapes[chosen].tolist()])
        return Batch(
            keys=keys,
            indices=torch.from_numpy(chosen.copy()),
            images=images[:, None],
            masks=masks[:, None],
            labels=torch.from_numpy(self.labels[chosen]),
            shapes=shapes,
            targets=targets,
        )

    def _candidates(self, rows: Rows, *, parts: tuple[Any, ...]) -> Candidates:
        keys = tuple(self.repository.keys[row] for row in rows)
        # The batch enters: a shape that fills up several batches of an epoch looks different in each.
        draws = row_keys(keys, "views", *parts)
        views = self.repository.view_tensor(rows)
        if self.training_views:
            order = uniform(draws, "training views", views.shape[1]).argsort(axis=1, kind="stable")
            kept = torch.from_numpy(np.sort(order[:, : self.training_views], axis=1))
            views = views[torch.arange(len(views))[:, None], kept]
        return Candidates(
            keys=keys,
            rows=torch.from_numpy(rows),
            views=augment_views(views, self.view_augmentation, draws),
            categories=torch.from_numpy(self.repository.categories[rows]),
        )


def batch_shapes(shown: Rows, *, repository: int, parts: tuple[Any, ...]) -> Rows:
    """(B,) different rows: those in `shown` in order of appearance, then others of the whole repository.

    A function of its arguments alone, so a resumed run and any number of workers draw the same.

    Raises:
        DataError: the repository is smaller than the batch; the published code never ends there.
    """
    batch = len(shown)
    if repository < batch:
        raise DataError(
            f"a batch of {batch} queries needs {batch} different shapes, and the repository has "
            f"{repository}; lower the batch size to at most {repository}, or add shapes."
        )
    own = np.array(list(dict.fromkeys(shown.tolist())), dtype=np.int64)
    others = np.setdiff1d(np.arange(repository), own, assume_unique=True)
    generator = numpy_generator("fillers", *parts, *shown.tolist())
    return np.concatenate([own, generator.permutation(others)[: batch - len(own)]])
