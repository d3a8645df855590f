"""Labels that a teacher of two modalities makes for itself (dossier CrossMoST, 1.5).

    s_k, y_k = max and argmax of p_k,   k in {image, shape}
    joint:     s = max(s_I, alpha s_P),  y = y_I if s_I >= alpha s_P else y_P,  kept where s > tau

The other rules are its ablations. Every function takes probabilities, so that they may be balanced first
(`ops.sinkhorn`), and nothing here carries a gradient.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from anaglyph.losses.reduction import at_least_float32

Rule = Literal["joint", "separate", "agreement", "naive", "image", "shape"]
Ties = Literal["image", "added"]


class Chosen(NamedTuple):
    """What one branch of the student is taught."""

    labels: Tensor
    """(B,) int64 classes."""
    scores: Tensor
    """(B,) confidence in [0, 1], compared with a threshold; 0 is never kept."""
    from_image: Tensor
    """(B,) bool: the picture's distribution said it, and not the cloud's."""

    def kept(self, threshold: float | Tensor) -> Tensor:
        """(B,) bool: rows whose score exceeds a number in [0, 1), or that of their class among (C,)."""
        if isinstance(threshold, Tensor):
            return self.scores > threshold[self.labels]
        return self.scores > threshold


class Taught(NamedTuple):
    """The two branches' labels; one and the same for rules that join the modalities."""

    image: Chosen
    shape: Chosen


@torch.no_grad()
def choose_labels(
    image: Tensor,
    shape: Tensor,
    *,
    rule: Rule = "joint",
    alpha: float = 1.0,
    coin: Tensor | None = None,
    ties: Ties = "image",
) -> Taught:
    """The labels of every row by a rule.

    joint: the surer modality, the cloud's score times alpha. separate: each branch its own. agreement: where
    both name one class, with the smaller score. naive: a coin chooses the modality. image, shape: one
    modality teaches both branches.

    Args:
        image: (B, C) probabilities of the pictures.
        shape: (B, C) probabilities of the clouds.
        rule: see above.
        alpha: factor on the cloud's score, > 0; joint and naive alone.
        coin: (B,) bool, True takes the picture; naive alone.
        ties: what joint does where both scores are equal: the picture's label, or, as the published code
            does by mistake, the sum of both numbers, which may be no class at all.

    Raises:
        ValueError: shapes that do not fit, alpha <= 0, or naive without a coin.
    """
    if image.ndim != 2 or image.shape != shape.shape or not image.shape[1]:
        raise ValueError(f"both must be (B, C >= 1), got {tuple(image.shape)} and {tuple(shape.shape)}")
    if not alpha > 0:
        raise ValueError(f"alpha must be > 0, got {alpha}")
    image_score, image_label = at_least_float32(image).max(dim=1)
    shape_score, shape_label = at_least_float32(shape).max(dim=1)
    always = torch.ones_like(image_label, dtype=torch.bool)
    by_image = Chosen(image_label, image_score, always)
    by_shape = Chosen(shape_label, shape_score, ~always)
    if rule == "separate":
        return Taught(by_image, by_shape)
    if rule in ("image", "shape"):
        return Taught(*([by_image if rule == "image" else by_shape] * 2))
    if rule == "agreement":
        agreed = torch.minimum(image_score, shape_score) * (image_label == shape_label)
        return Taught(*([Chosen(image_label, agreed, image_score >= shape_score)] * 2))
    shape_score = alpha * shape_score
    if rule == "naive":
        if coin is None or coin.shape != image_label.shape:
            raise ValueError(f"naive needs a coin of shape {tuple(image_label.shape)}, one toss a row")
        from_image = coin
    else:
        from_image = image_score >= shape_score
    labels = torch.where(from_image, image_label, shape_label)
    if rule == "joint" and ties == "added":
        labels = torch.where(image_score == shape_score, image_label + shape_label, labels)
    scores = torch.where(from_image, image_score, shape_score)
    return Taught(*([Chosen(labels, scores, from_image)] * 2))
