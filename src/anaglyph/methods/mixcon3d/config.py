"""Options of MixCon3D. Defaults are the preset `paper`; `released` is what only the published code does."""

from dataclasses import dataclass
from typing import Literal

from anaglyph.errors import ConfigError
from anaglyph.nn.adapter import Head
from anaglyph.nn.view_pooling import Aggregation

LossKind = Literal["infonce", "infonce_local", "sigmoid", "decoupled"]
Clamp = Literal["all", "released", "none"]
Pair = Literal["shape_image", "shape_text", "image_text", "fused_text"]


@dataclass(frozen=True, kw_only=True)
class AlignmentConfig:
    """What all methods of this family share: widths, heads and the moving average."""

    embed_dim: int = 1280
    """Size of the shared space; the shape encoder's `embed_dim` must be the same."""
    image_dim: int = 1280
    """Width of the image tower's vectors; 1280 is OpenCLIP ViT-bigG/14's."""
    text_dim: int = 1280
    """Width of the text tower's vectors."""
    head: Head = "linear"
    """The map h behind frozen features: one affine map, Linear-GELU-Linear, or none."""
    share_head: bool = True
    """One h for pictures and texts; needs towers of one width."""
    texts: int = 1
    """Most texts of an object that a step reads, where the loss takes several; see `loss`."""
    average_decay: float = 0.9995
    """Decay of the moving average of encoder, heads and all else that learns; 0 keeps none."""
    average_warm_up: bool = True
    """Decay as min(decay, (1 + n) / (10 + n)) after n steps; the release holds it from the first step on."""
    evaluate_average: bool = True
    """Embed with the moving average where there is one."""

    def __post_init__(self) -> None:
        for name in ("embed_dim", "image_dim", "text_dim", "texts"):
            if not getattr(self, name) >= 1:
                raise ConfigError(f"{name} must be >= 1, got {getattr(self, name)}.")
        if not 0 <= self.average_decay < 1:
            raise ConfigError(
                f"average_decay must lie in [0, 1), got {self.average_decay}; 0 keeps no average."
            )
        if self.share_head and self.image_dim != self.text_dim:
            raise ConfigError(
                f"one head cannot serve image_dim={self.image_dim} and text_dim={self.text_dim}; "
                f"set share_head: false."
            )
        for name in ("image_dim", "text_dim"):
            if self.head == "none" and getattr(self, name) != self.embed_dim:
                raise ConfigError(
                    f"without a head {name} must be embed_dim={self.embed_dim}, got {getattr(self, name)}; "
                    f"set head: linear."
                )


@dataclass(frozen=True, kw_only=True)
class MixCon3DConfig(AlignmentConfig):
    """Shape, picture, text and shape with picture in one space, against frozen towers."""

    aggregation: Aggregation = "mean"
    """How the M views of an object become one vector v, after h."""
    normalize_before_fusion: bool = False
    """Bring p and v to unit length before the fusion layer, as the paper writes it; its code does not."""
    pairs: tuple[Pair, ...] = ("shape_image", "shape_text", "image_text", "fused_text")
    """Which pairs are contrasted."""
    pair_weights: Literal["paper", "released"] = "paper"
    """paper: 1 for fused_text and 1/3 for the others (equation 4); released: 1 for all."""
    loss: LossKind = "infonce"
    """infonce holds all rows in every process, infonce_local its own (the same loss); sigmoid is SigLIP's;
    decoupled is InfoNCE to each of up to `texts` texts, which do not compete. All others read their mean."""
    clamp: Clamp = "all"
    """Which scales are kept in [1, 100]: all; released: those of shape_image and shape_text alone; none."""
    hardness: float = 0.0
    """beta of the weights of negatives, w ~ exp(beta sim); 0 weighs all alike. InfoNCE alone."""
    false_negative_margin: float | None = None
    """delta: objects whose text fits another's picture almost as well are no negatives; null keeps all."""
    forgotten: bool = False
    """Fusion layer, its scale and the layer behind the views stay as they were drawn: the published trainer
    leaves them out of its optimiser."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.pairs or len(set(self.pairs)) != len(self.pairs):
            raise ConfigError(f"pairs must name at least one pair, each once; got {list(self.pairs)}.")
        sides = {side for pair in self.pairs for side in pair.split("_")}
        reached = sides | ({"shape", "image"} if "fused" in sides else set())
        missing = [side for side in ("shape", "image", "text") if side not in reached]
        if missing:
            raise ConfigError(
                f"pairs {list(self.pairs)} teach nothing about {' and '.join(missing)}; add one with it."
            )
        check_contrast(self.loss, self.hardness, self.false_negative_margin, self.texts)


def check_contrast(loss: str, hardness: float, margin: float | None, texts: int) -> None:
    """ConfigError for options of the contrast that cannot be meant."""
    if not hardness >= 0:
        raise ConfigError(f"hardness must be >= 0, got {hardness}.")
    if hardness > 0 and loss not in ("infonce", "infonce_local"):
        raise ConfigError(
            f"hardness={hardness} weighs the negatives of a softmax over pairs; loss: {loss} has none. Set "
            f"loss: infonce, or hardness: 0."
        )
    if margin is not None and not margin >= 0:
        raise ConfigError(f"false_negative_margin must be >= 0 or null, got {margin}.")
    if texts > 1 and loss not in ("decoupled", "joint"):
        raise ConfigError(
            f"texts={texts}, but loss: {loss} reads one text of an object; set loss: decoupled or texts: 1."
        )
