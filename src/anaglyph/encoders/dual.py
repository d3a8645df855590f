"""An image encoder and a text encoder that end in one space (after Radford et al., 2021)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

SIDES = ("image", "text")


class DualEncoder(nn.Module):
    """Both encoders, each with a linear map into the shared space.

    Args:
        encoders: "image" and "text" -> module with `embed_dim`.
        embed_dim: D of the shared space.
        mean: per channel, or one for all, of what the image encoder's weights want subtracted.
        std: divided by afterwards.
    """

    def __init__(
        self,
        encoders: Mapping[str, nn.Module],
        *,
        embed_dim: int,
        mean: Sequence[float] = (0.0,),
        std: Sequence[float] = (1.0,),
    ) -> None:
        super().__init__()
        self.mean, self.std = tuple(mean), tuple(std)
        self.embed_dim = embed_dim
        self.encoders = nn.ModuleDict({side: encoders[side] for side in SIDES})
        widths = {side: encoder.embed_dim for side, encoder in self.encoders.items()}
        self.projections = nn.ModuleDict({side: nn.Linear(int(widths[side]), embed_dim) for side in SIDES})  # type: ignore[arg-type]

    def images(self, pictures: Tensor) -> Tensor:
        """(B, C, H, W) in [0, 1] -> (B, D), not normalised."""
        mean, std = (pictures.new_tensor(each)[:, None, None] for each in (self.mean, self.std))
        vectors: Tensor = self.projections["image"](self.encoders["image"]((pictures - mean) / std))
        return vectors

    def texts(self, texts: Sequence[str]) -> Tensor:
        """B texts -> (B, D), not normalised."""
        vectors: Tensor = self.projections["text"](self.encoders["text"](texts))
        return vectors
