"""The networks between a cloud or a tower's vector and one shared space (dossier MixCon3D, 1.1).

    p = E(points)     t = h(w)     v = pooled over views of h(u)     c = g([p ; v])

w and u are vectors of frozen towers; nothing is normalised here. Parameters are named as in a trained
`mixcon3d`, `openshape`, `ulip` or `multi_positive`, so that its weights fit without training code.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from anaglyph.errors import ConfigError, DataError
from anaglyph.nn.adapter import Adapter, Head
from anaglyph.nn.fusion import Fusion
from anaglyph.nn.view_pooling import Aggregation, ViewPooling

WIDEST = 65_536
"""No vector has more numbers; larger ones in a header are not believed."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Sizes and kinds of everything around the shape encoder."""

    embed_dim: int
    """D of the shared space."""
    image_dim: int
    """Width of the image tower's vectors."""
    text_dim: int
    """Width of the text tower's vectors."""
    image_head: Head = "none"
    text_head: Head = "none"
    share_head: bool = False
    """One h for both; `text_head` says which."""
    aggregation: Aggregation = "mean"
    """How the views of an object become one vector, after h."""
    fusion_head: Head | None = None
    """Of the fusion layer; None where there is none."""
    normalize_before_fusion: bool = False

    def __post_init__(self) -> None:
        for name in ("embed_dim", "image_dim", "text_dim"):
            if not 1 <= getattr(self, name) <= WIDEST:
                raise ConfigError(f"{name} must lie in 1 to {WIDEST}, got {getattr(self, name)!r:.40}.")
        if self.share_head and self.image_dim != self.text_dim:
            raise ConfigError(f"one head cannot serve {self.image_dim} and {self.text_dim} numbers.")


class SpaceNetworks(nn.Module):
    """A shape encoder, heads behind towers, view pooling and, where there is one, the fusion layer.

    Args:
        shape: clouds to (B, embed_dim); has `embed_dim`.
        layout: everything else.

    Raises:
        ConfigError: widths that do not fit one another.
    """

    def __init__(self, shape: nn.Module, layout: Layout) -> None:
        super().__init__()
        width = getattr(shape, "embed_dim", None)
        if width != layout.embed_dim:
            raise ConfigError(
                f"the shape encoder gives {width!r:.40} numbers, the space has {layout.embed_dim}."
            )
        self.layout = layout
        self.encoders = nn.ModuleDict({"shape": shape})
        sides = ("shared",) if layout.share_head else ("image", "text")
        try:
            self.heads = nn.ModuleDict({side: _head(side, layout) for side in sides})
        except ValueError as error:
            raise ConfigError(f"a head cannot be built: {error}.") from error
        self.views = ViewPooling(layout.aggregation, layout.embed_dim)
        self.fusion = (
            None
            if layout.fusion_head is None
            else Fusion(layout.embed_dim, head=layout.fusion_head, normalize=layout.normalize_before_fusion)
        )

    def shape(self, points: Tensor) -> Tensor:
        """p: (B, N, C) clouds as the encoder wants them -> (B, D)."""
        vectors: Tensor = self.encoders["shape"](points)
        return vectors.to(torch.promote_types(vectors.dtype, torch.float32))

    def image(self, features: Tensor) -> Tensor:
        """v: (B, M, E) the tower's vectors of M pictures of each object -> (B, D)."""
        pooled: Tensor = self.views(self._mapped("image", features))
        return pooled

    def text(self, features: Tensor) -> Tensor:
        """t: (..., E) the tower's vectors -> (..., D)."""
        return self._mapped("text", features)

    def fused(self, shape: Tensor, image: Tensor) -> Tensor:
        """c: (B, D) of p and v.

        Raises:
            ConfigError: there is no fusion layer.
        """
        if self.fusion is None:
            raise ConfigError(
                "this space has no fusion layer; use shapes or pictures, or the sum of their cosines."
            )
        joint: Tensor = self.fusion(shape, image)
        return joint

    def _mapped(self, side: str, features: Tensor) -> Tensor:
        wanted = self.layout.image_dim if side == "image" else self.layout.text_dim
        if features.shape[-1] != wanted:
            raise DataError(
                f"{side} vectors have {features.shape[-1]} numbers, this space reads {wanted}; use the "
                f"{side} tower that it was trained beside."
            )
        mapped: Tensor = self.heads["shared" if self.layout.share_head else side](features)
        return mapped


def _head(side: str, layout: Layout) -> Adapter:
    kind = layout.image_head if side == "image" else layout.text_head
    return Adapter(kind, layout.image_dim if side == "image" else layout.text_dim, layout.embed_dim)
