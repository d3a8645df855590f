"""Options of the dual encoder's training."""

from __future__ import annotations

from dataclasses import dataclass

from anaglyph.errors import ConfigError
from anaglyph.nn.log_scale import START


@dataclass(frozen=True, kw_only=True)
class ImageTextConfig:
    """Pictures and texts in one space."""

    embed_dim: int = 256
    """Size of the shared space."""
    mean: tuple[float, ...] = (0.0,)
    """Per channel, or one for all, of pictures in [0, 1]; subtracted. (0.5,) for mobilenet_v2's weights."""
    std: tuple[float, ...] = (1.0,)
    """Divided by afterwards. (0.5,) for mobilenet_v2's weights."""
    scale_start: float = START
    """One over the temperature at the start; learned, and kept in [1, 100] after each step."""
    average_decay: float = 0.0
    """Decay of the moving average of the weights, which embeds where there is one; 0 keeps none."""

    def __post_init__(self) -> None:
        rules = (
            ("embed_dim", self.embed_dim >= 1, ">= 1"),
            ("mean", len(self.mean) in (1, 3), "1 or 3 numbers"),
            ("std", len(self.std) == len(self.mean) and min(self.std) > 0, "as many, each > 0"),
            ("scale_start", 1.0 <= self.scale_start <= 100.0, "in [1, 100]"),
            ("average_decay", 0.0 <= self.average_decay < 1.0, "in [0, 1)"),
        )
        for name, holds, rule in rules:
            if not holds:
                raise ConfigError(f"{name} must be {rule}, got {getattr(self, name)}.")
