"""Options of CMIC. Defaults are the preset `paper`: the algorithm as its code means it."""

from dataclasses import dataclass
from typing import Literal

from anaglyph.errors import ConfigError
from anaglyph.losses.instance_category import CategoryPositives
from anaglyph.nn.view_attention import Pooling

MaskRange = Literal["unit", "signed"]


@dataclass(frozen=True, kw_only=True)
class CMICConfig:
    """Instance and category contrast of a picture with its mask and rendered views of shapes."""

    embed_dim: int = 128
    """Size of the shared space."""
    pooling: Pooling = "attention"
    """How the views of a shape become one score: attention that the query directs, their mean or the best."""
    attention_start: Literal["random", "identity"] = "random"
    """What the attention's matrix starts as; the identity looks at the views most like the query at once."""
    attention_scale: float = 1.0
    """Factor on that identity; at 1 all views count nearly alike, at 8 the nearest ones most."""
    head_start: Literal["apart", "together"] = "apart"
    """Random projections of either branch, or one for both, so that features of one network agree from the
    first step on; encoders must be as wide as each other."""
    normalize_attended: bool = False
    """Divide by the length of the attended view, so that a shape whose views disagree loses nothing."""
    temperature: float = 0.1
    """tau of both losses."""
    learn_temperature: bool = False
    """Learn tau, kept between 0.01 and 1; it starts at `temperature`."""
    category_weight: float = 0.2
    """Weight of the category term."""
    category_positives: CategoryPositives = "all"
    """Shapes of the query's category with the true one (the release), or without it (gcmic)."""
    symmetric: bool = False
    """Also let the shapes look for their pictures; the release has one direction."""
    hardness: float = 0.0
    """beta of the weights of negatives in the denominators, w ~ exp(beta s); 0 weighs all alike."""
    colour_transfer: float = 1.0
    """Probability that a training picture takes the colours of another one."""
    colour_statistics: Literal["picture", "parts"] = "picture"
    """Match mean and deviation of whole pictures, or of object and background separately."""
    style_pool: int = 0
    """Earlier pictures whose colours are remembered as styles beside the batch's; 0 for none."""
    largest_gain: float | None = None
    """Limit on how far colour differences are stretched; null for none."""
    released_lab: bool = False
    """Feed RGB times 255 to formulas for [0, 1], as the release does."""
    mask_plane: bool = True
    """The fourth input channel; false for an image encoder of three."""
    mask_range: MaskRange = "unit"
    """The mask plane as [0, 1], or as [-1, 1] like the colours."""
    mask_range_at_test: Literal["same", "unit", "signed"] = "same"
    """What evaluation feeds instead; the release trains on [0, 1] and tests on [-1, 1]."""
    freeze_statistics: bool = False
    """Encoders normalise by the running statistics they started with; for small batches and pretrained
    weights."""
    head_lr_scale: float = 1.0
    """Learning rate of heads, attention and temperature relative to the encoders'."""

    def __post_init__(self) -> None:
        for name in ("embed_dim", "temperature", "head_lr_scale", "attention_scale"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} must be > 0, got {getattr(self, name)}.")
        for name in ("category_weight", "hardness", "style_pool"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"{name} must be >= 0, got {getattr(self, name)}.")
        if not 0 <= self.colour_transfer <= 1:
            raise ConfigError(f"colour_transfer must lie in [0, 1], got {self.colour_transfer}.")
        if self.largest_gain is not None and not self.largest_gain >= 1:
            raise ConfigError(f"largest_gain must be >= 1 or null, got {self.largest_gain}.")
        if self.learn_temperature and not COLDEST <= self.temperature <= WARMEST:
            raise ConfigError(
                f"a learned temperature must start in [{COLDEST}, {WARMEST}], got {self.temperature}."
            )


COLDEST, WARMEST = 0.01, 1.0
"""Bounds of a learned temperature."""
