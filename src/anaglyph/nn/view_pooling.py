"""One vector of the views of an object: mean or maximum, and a matrix behind it where asked (MixCon3D)."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from anaglyph.nn.adapter import Adapter

Aggregation = Literal["mean", "max", "mean_linear", "max_linear"]


class ViewPooling(nn.Module):
    """The order of the views does not matter.

    Args:
        kind: mean or maximum over views, channel by channel; "_linear" puts an affine map behind it.
        dim: D.
    """

    def __init__(self, kind: Aggregation, dim: int) -> None:
        super().__init__()
        if kind not in ("mean", "max", "mean_linear", "max_linear"):
            raise ValueError(f"kind must be 'mean', 'max', 'mean_linear' or 'max_linear', got {kind!r}")
        self.largest = kind.startswith("max")
        self.layer = Adapter("linear" if kind.endswith("_linear") else "none", dim, dim)

    def forward(self, views: Tensor) -> Tensor:
        """(B, M, D), M >= 1 -> (B, D), not normalised."""
        if views.ndim != 3 or views.shape[1] < 1:
            raise ValueError(f"views must be (B, M, D) with at least one view, got {tuple(views.shape)}")
        pooled: Tensor = self.layer(views.amax(dim=1) if self.largest else views.mean(dim=1))
        return pooled
