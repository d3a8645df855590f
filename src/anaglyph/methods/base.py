"""The one base class of Anaglyph: what a method must say and may override."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor, nn

from anaglyph.nn.projection import Projection, projection
from anaglyph.types import Batch, StageContext, StepOutput


class Method(nn.Module):
    """A training objective that owns its encoders, heads, loss weights and state.

    Everything that influences the next step lives in parameters and buffers, so that a state dict is
    the whole state. The engine calls, in this order:

        start -> (before_epoch -> (training_step -> optimiser -> after_step)*)* -> finish

    A resumed stage loads its state dict instead of calling `start`.
    """

    config_cls: ClassVar[type]
    """The frozen dataclass of this method's options."""
    inputs: ClassVar[Mapping[str, tuple[str, ...]]] = {"image": ("images",), "shape": ("points",)}
    """Modality -> the fields of Batch that `embed` reads for it; see `embeds` for what an instance has."""
    encoder_names: ClassVar[tuple[str, ...]] = ("image", "shape")
    """Encoders it is made of; one may serve two modalities."""
    trains: ClassVar[bool] = True
    """False for a method that is used as it is made; its stage has 0 epochs."""
    may_rest: ClassVar[bool] = False
    """Whether a method that trains may have a stage of 0 epochs, to be measured as `start` leaves it."""
    names_classes: ClassVar[bool] = False
    """Whether it chooses among named classes: `start` asks the recipe's `class_names` for their vectors, its
    data is shown weakly and strongly changed, and `class_logits(modality, batch, teacher=...)` answers."""
    classifies: ClassVar[bool] = False
    """Whether it learns classes from labelled clouds: its data is shown as the recipe's `labelled_clouds`
    says, and `logits(batch)` answers in the order of `class_names`."""
    uses_labels: bool = False
    """Only where True does the engine hand out labels; an instance may raise it behind a loud option."""
    crops: int = 1
    """Independent augmentations of each object per batch; the further ones arrive in Batch.crops."""
    accumulates: ClassVar[bool] = False
    """Whether `training_step` is `objective(encode(batch))`, so that a batch may be worked off in parts."""

    @classmethod
    def leaks_labels(cls, config: Any) -> bool:
        """Whether these options make an unsupervised method read true labels; refused without a loud flag."""
        return False

    def training_step(self, batch: Batch) -> StepOutput:
        """Loss and its named parts for one batch, every process with its own rows."""
        raise NotImplementedError

    def encode(self, batch: Batch) -> dict[str, Tensor]:
        """Named features of the rows of a batch, (B, ...) each: all that the loss reads of them.

        Row b depends on row b of the batch alone, but for batch normalisation. Parameters used here and
        those used in `objective` may overlap.
        """
        raise NotImplementedError

    def objective(self, features: Mapping[str, Tensor]) -> StepOutput:
        """Loss and its named parts from the features of a whole batch, every process with its own rows."""
        raise NotImplementedError

    def embed(self, modality: str, batch: Batch) -> Tensor:
        """One modality of a batch -> (B, D) unit vectors; the only door for evaluation and search.

        A method that keeps several vectors of a shape returns (B, V, D) for it, and overrides `score`.
        """
        raise NotImplementedError

    def score(self, query: Tensor, items: Tensor) -> Tensor:
        """(Q, D), (K, D) -> (Q, K) similarity, larger is closer; cosine unless overridden."""
        return query @ items.T

    def view_weights(self, query: Tensor, items: Tensor) -> Tensor | None:
        """(Q, D), (K, V, D) -> (Q, K, V) share of each view in the score; None where views do not count."""
        return None

    @property
    def embeds(self) -> Mapping[str, tuple[str, ...]]:
        """`inputs` of this very method: its options may leave out a modality that others of its kind have."""
        return self.inputs

    def param_groups(self) -> list[dict[str, Any]]:
        """Groups for the optimiser: `params` and, where it differs, `lr_scale` or `weight_decay`."""
        return [{"params": [p for p in self.parameters() if p.requires_grad]}]

    def start(self, context: StageContext) -> None:
        """Once before the first epoch of a fresh stage: take over what earlier stages left."""

    def before_epoch(self, context: StageContext) -> None:
        """Before each epoch: a full pass over `context.batches()` where the method needs one."""

    def after_step(self) -> None:
        """After each optimiser step that was taken (not after a skipped one): banks, moving averages."""

    def finish(self, context: StageContext, folder: Path) -> Iterable[Path]:
        """Once after the last epoch: write this stage's products into `folder`, return their paths."""
        return ()


def projections(kind: Projection, encoders: Mapping[str, nn.Module], embed_dim: int) -> nn.ModuleDict:
    """A projection from each encoder's width into the shared space, by modality."""
    return nn.ModuleDict(
        {name: projection(kind, width_of(encoder), embed_dim) for name, encoder in encoders.items()}
    )


def width_of(encoder: nn.Module) -> int:
    """`embed_dim` of an encoder; TypeError when it states none."""
    width = getattr(encoder, "embed_dim", None)
    if not isinstance(width, int):
        raise TypeError(f"{type(encoder).__name__}.embed_dim must be an int, got {type(width).__name__}")
    return width


def encode_modality(encoders: nn.ModuleDict, modality: str, batch: Batch) -> Tensor:
    """Encoder output (B, C) of one modality; features of several views of an image are averaged."""
    if modality == "shape":
        features: Tensor = encoders["shape"](batch.require("points"))
        return features
    images = batch.require("images")  # (B, V, C, H, W)
    per_view: Tensor = encoders["image"](images.flatten(0, 1))
    return per_view.reshape(len(images), images.shape[1], -1).mean(dim=1)
