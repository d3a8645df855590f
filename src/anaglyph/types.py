"""What flows between the layers: samples, batches, what a training step returns, what a stage sees.

Torch appears only in annotations, so that importing this module costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from anaglyph.errors import DataError

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class Sample:
    """One object with what is known of it; a modality that it lacks is None."""

    key: str
    """Object id, unique within a data set; modalities are paired by it."""
    index: int
    """Row in its data set."""
    images: Tensor | None = None
    """(V, C, H, W) float32 in [0, 1], V views."""
    points: Tensor | None = None
    """(N, 3) float32, model units; the data set states axes and scale."""
    label: int | None = None
    """True class; only evaluation sees it (label firewall)."""


@dataclass(frozen=True)
class Candidates:
    """The shapes that a batch of queries is compared with: their own, each once, then others that fill up."""

    keys: tuple[str, ...]
    """(S) shape ids, unique."""
    rows: Tensor
    """(S,) int64 rows in the repository of shapes."""
    views: Tensor
    """(S, V, C, H, W) float32 in [0, 1], V pictures of each shape."""
    categories: Tensor | None = None
    """(S,) int64; None whenever the method does not declare `uses_labels`."""

    def __len__(self) -> int:
        return len(self.keys)

    def to(self, device: torch.device | str) -> Candidates:
        """Every tensor moved to `device`."""
        return replace(
            self,
            rows=self.rows.to(device),
            views=self.views.to(device),
            categories=None if self.categories is None else self.categories.to(device),
        )


@dataclass(frozen=True)
class Batch:
    """Rows of objects; the fields of a modality that is absent are None.

    Ask for a field with `require`, which fails by name instead of passing None on.
    """

    keys: tuple[str, ...]
    """(B) object ids."""
    indices: Tensor
    """(B,) int64 rows in the data set."""
    images: Tensor | None = None
    """(B, V, C, H, W) float32 in [0, 1], V views of each object."""
    points: Tensor | None = None
    """(B, N, 3) float32, or (B, N, 6) with red, green and blue in [0, 1] behind the coordinates."""
    image_features: Tensor | None = None
    """(B, M, D) float32: what a frozen tower says of M pictures of each object, not normalised."""
    text_features: Tensor | None = None
    """(B, T, E) float32: what a frozen tower says of T texts of each object; rows without a text are 0."""
    text_present: Tensor | None = None
    """(B, T) bool: which rows of `text_features` belong to a text."""
    texts: tuple[tuple[str, ...], ...] | None = None
    """(B) the texts of each object as words, before any tower; an object without one has an empty tuple.
    They are no labels, although a data set may give a category's name as a text, which it says."""
    labels: Tensor | None = None
    """(B,) int64 true classes; None whenever the method does not declare `uses_labels`."""
    masks: Tensor | None = None
    """(B, V, 1, H, W) float32 in [0, 1]: where in `images` the object is, soft at its border."""
    views: Tensor | None = None
    """(B, V, C, H, W) float32 in [0, 1]: pictures of the shapes themselves, rendered."""
    shapes: Candidates | None = None
    """Shapes that the rows are queries for."""
    targets: Tensor | None = None
    """(B,) int64 row of `shapes` that each query shows; None whenever the method does not declare
    `uses_labels`."""
    groups: Tensor | None = None
    """(B,) int64 which group of look-alikes each row was drawn in, counted over all processes and parts; None
    for objects drawn evenly. Groups are made of features, never of labels."""
    crops: tuple[Batch, ...] = ()
    """Further, independent augmentations of the same objects in the same order."""

    def __len__(self) -> int:
        return len(self.keys)

    def require(self, name: str) -> Tensor:
        """The tensor `name`; DataError when this batch does not have it."""
        value: Tensor | None = getattr(self, name)
        if value is None:
            raise DataError(
                f"this batch has no '{name}' (first key: {self.keys[0] if self.keys else 'none'}); "
                f"choose a data set that provides it"
            )
        return value

    def without_labels(self) -> Batch:
        """The same batch as a method that uses no labels may see it."""
        return replace(
            self,
            labels=None,
            targets=None,
            shapes=None if self.shapes is None else replace(self.shapes, categories=None),
            crops=tuple(crop.without_labels() for crop in self.crops),
        )

    def to(self, device: torch.device | str) -> Batch:
        """Every tensor moved to `device`; texts have none."""
        tensors = ("images", "points", "image_features", "text_features", "text_present", "labels", "masks",
                   "views", "targets", "groups")  # fmt: skip
        present = {name: value for name in tensors if (value := getattr(self, name)) is not None}
        return replace(
            self,
            indices=self.indices.to(device),
            shapes=None if self.shapes is None else self.shapes.to(device),
            crops=tuple(crop.to(device) for crop in self.crops),
            **{name: value.to(device) for name, value in present.items()},
        )


@dataclass(frozen=True)
class StepOutput:
    """What a training step returns: the loss to descend and its named parts for the log."""

    loss: Tensor
    parts: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class StageContext:
    """What the engine shows a method outside its training step."""

    seed: int
    epoch: int
    """Epoch about to start, 0-based; equals `epochs` when the stage has ended."""
    epochs: int
    keys: tuple[str, ...]
    """Object ids of the training split, in row order."""
    artefacts: Mapping[str, Path]
    """Folders that earlier stages left, by stage name."""
    batches: Callable[[], Iterator[Batch]]
    """The whole training split in row order, without augmentation and without labels
    (with labels only for a method that declares `uses_labels`)."""
    augmented: Callable[[int], Iterator[Batch]]
    """The same, augmented; the argument separates independent draws within one epoch."""
    log: Callable[[Mapping[str, float]], None]
    """Writes named numbers to the metrics of the run."""
    class_vectors: Callable[[Sequence[str]], Tensor] | None = None
    """C class names -> (C, E) unit vectors by the recipe's text tower, its templates averaged, on the CPU;
    None where the recipe has no `class_names`."""
