"""From what the teacher says of a joined batch to what each branch is taught, and which rows of it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from anaglyph.errors import TrainingError
from anaglyph.losses.pseudo_labels import Chosen, choose_labels
from anaglyph.methods.crossmost.config import CrossMoSTConfig
from anaglyph.ops.sinkhorn import sinkhorn

MODALITIES = ("image", "shape")
_MOMENTUM = 0.99
"""Of how sure the teacher is (Wang et al., 2023, FreeMatch, have 0.999 for a million steps)."""


class Lesson(NamedTuple):
    """Of one branch."""

    targets: Tensor
    """(B,) int64 classes, or (B, C) probabilities."""
    kept: Tensor
    """(B,) bool."""
    chosen: Chosen


class Teaching(nn.Module):
    """The labelling rule with its state: how sure the teacher is, on average and of each class.

    Args:
        config: rule, thresholds, balance.
    """

    confidence: Tensor
    """(2,) moving mean of the highest probability, by branch."""
    class_mean: Tensor
    """(2, C) moving mean of the probabilities, by branch."""

    def __init__(self, config: CrossMoSTConfig) -> None:
        super().__init__()
        self.config = config
        classes = len(config.classes)
        self.register_buffer("confidence", torch.full((2,), 1 / classes))
        self.register_buffer("class_mean", torch.full((2, classes), 1 / classes))
        self._next: tuple[Tensor, Tensor] | None = None

    @torch.no_grad()
    def probabilities(self, logits: Tensor) -> Tensor:
        """(B, C) of the teacher -> (B, C) float32 that sum to 1 in each row, balanced as asked."""
        plain = logits.float().softmax(dim=1)
        share = self.config.balance
        if not share or not len(logits):
            return plain
        even = sinkhorn(logits.float().log_softmax(dim=1), epsilon=1.0, iterations=10)
        mixed: Tensor = (1 - share) * plain + share * even
        return mixed

    @torch.no_grad()
    def lessons(self, image: Tensor, shape: Tensor, coin: Tensor) -> dict[str, Lesson]:
        """What "image" and "shape" are taught.

        Args:
            image: (B, C) logits of the teacher for the pictures.
            shape: (B, C) logits of the teacher for the clouds.
            coin: (B,) bool, for the rule naive.

        Raises:
            TrainingError: the released rule for ties made a number that is no class.
        """
        config = self.config
        said = {"image": self.probabilities(image), "shape": self.probabilities(shape)}
        taught = choose_labels(
            said["image"], said["shape"], rule=config.rule, alpha=config.alpha, coin=coin,
            ties="added" if config.released_ties else "image",
        )  # fmt: skip
        targets = [torch.where(c.from_image[:, None], said["image"], said["shape"]) for c in taught]
        self._next = tuple(  # type: ignore[assignment]
            _MOMENTUM * old + (1 - _MOMENTUM) * torch.stack(new)
            for old, new in (
                (self.confidence, [p.amax(dim=1).mean() for p in targets]),
                (self.class_mean, [p.mean(dim=0) for p in targets]),
            )
        )
        lessons = {}
        for branch, (modality, chosen) in enumerate(zip(MODALITIES, taught, strict=True)):
            labels = chosen.labels
            if config.released_ties and int(labels.max()) >= len(config.classes):
                raise TrainingError(
                    f"released_ties added two class numbers to {int(labels.max())}, and there are "
                    f"{len(config.classes)} classes; the published code ends here as well. Set "
                    f"released_ties: false."
                )
            kept = chosen.kept(self._threshold(branch))
            lessons[modality] = Lesson(targets[branch] if config.soft_labels else labels, kept, chosen)
        return lessons

    @torch.no_grad()
    def after_step(self) -> None:
        """Take over what the last lessons showed."""
        if self._next is not None:
            self.confidence.copy_(self._next[0])
            self.class_mean.copy_(self._next[1])
            self._next = None

    def forget(self) -> None:
        """Drop what the last lessons showed: they were not taught."""
        self._next = None

    def _threshold(self, branch: int) -> float | Tensor:
        config = self.config
        if config.threshold_kind == "adaptive":
            mean = self.class_mean[branch]
            return self.confidence[branch] * mean / mean.max()
        own = config.shape_threshold if config.rule == "separate" and branch == 1 else None
        return config.threshold if own is None else own
