"""An image encoder and a linear map into a space shared with words: what CLIP and `image_text` end in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from anaglyph.encoders.checks import require_positive


class ProjectedImage(nn.Module):
    """Any image encoder by name behind a normalisation of the pictures, its embedding mapped linearly.

    Args:
        encoder: name in the catalog, not this one.
        options: of that encoder.
        embed_dim: D, size of the shared space.
        mean: per channel, or one for all, of what the encoder's weights want subtracted.
        std: divided by afterwards.
        bias: of the map; `image_text` has one, CLIP has none.
        in_channels: C of the pictures, the inner encoder's.
    """

    def __init__(
        self,
        *,
        encoder: str = "mobilenet_v2",
        options: Mapping[str, Any] | None = None,
        embed_dim: int = 256,
        mean: tuple[float, ...] = (0.5,),
        std: tuple[float, ...] = (0.5,),
        bias: bool = True,
        in_channels: int = 3,
    ) -> None:
        from anaglyph.encoders.catalog import create_encoder  # the catalog holds this class as well

        super().__init__()
        require_positive(embed_dim=embed_dim, in_channels=in_channels)
        if encoder == "projected_image":
            raise ValueError("encoder must be another one than 'projected_image'")
        if len(mean) != len(std) or len(mean) not in (1, in_channels) or min(std) <= 0:
            raise ValueError(
                f"mean and std must have 1 or {in_channels} numbers, std > 0, got {mean} and {std}"
            )
        self.encoder = create_encoder(encoder, **{"in_channels": in_channels, **(options or {})})
        self.embed_dim, self.in_channels = embed_dim, in_channels
        self.mean, self.std = tuple(mean), tuple(std)
        self.projection = nn.Linear(int(self.encoder.embed_dim), embed_dim, bias=bias)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) in [0, 1] -> (B, D), not normalised."""
        vectors: Tensor = self.projection(self.encoder(self.normalised(images)))
        return vectors

    def normalised(self, images: Tensor) -> Tensor:
        """(B, C, H, W) in [0, 1] -> the same as the inner encoder wants it; grey stands for all colours."""
        if images.shape[1] == 1:
            images = images.expand(-1, self.in_channels, -1, -1)
        mean, std = (images.new_tensor(each)[:, None, None] for each in (self.mean, self.std))
        return (images - mean) / std
