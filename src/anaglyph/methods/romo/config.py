"""Options of RoMo's two stages. Defaults are the preset `paper`: the algorithm as it is meant."""

from dataclasses import dataclass
from typing import Literal

from anaglyph.errors import ConfigError
from anaglyph.nn.projection import Projection


@dataclass(frozen=True, kw_only=True)
class AnnotateConfig:
    """Stage 1, pseudo-label annotation: self-matching (SSM) in a common space (MLM)."""

    clusters: int = 10
    """K; the number of true classes in the paper."""
    embed_dim: int = 1024
    """Size of the common space."""
    projection: Projection = "bn_relu"
    """What stands between each encoder and the common space."""
    ssm_weight: float = 0.75
    """lambda_1: weight of self-matching; the common-space loss gets 1 - lambda_1."""
    temperature: float = 0.05
    """tau of the common-space loss; 0.15 keeps more category structure (dossier, section 8)."""
    memory_momentum: float = 0.9
    """Share of the old row when a memory row is updated."""
    warmup_epochs: int = 3
    """Epochs of the common-space loss alone before memory and clusters are built; prevents collapse."""
    target: Literal["hard", "soft", "sinkhorn"] = "hard"
    """Self-matching target: argmax, softmax at `soft_temperature`, or balanced assignment."""
    soft_temperature: float = 0.01
    """Temperature of soft and balanced targets (CoDA: 0.01)."""
    fused_target: bool = False
    """One target for both modalities, from the mean of their memory posteriors."""
    head_lr_scale: float = 1.0
    """Learning rate of the cluster classifiers relative to the networks'."""
    unit_features: bool = True
    """Classify unit-norm embeddings divided by `feature_temperature`, not raw ones."""
    feature_temperature: float = 0.1
    kmeans: Literal["spherical", "euclidean"] = "spherical"
    """Geometry of the clusters; only spherical centroids are exact as bias-free classifiers."""
    align_centroids: bool = True
    """Start each modality's k-means from the joint centroids, so that cluster k means one thing."""
    label_fusion: Literal["none", "mean", "agree"] = "mean"
    """Two label sets; one from the mean posterior; or -1 (ignored) where the modalities disagree."""
    select: Literal["last", "agreement", "oracle"] = "last"
    """Which epoch's labels are emitted: the last, the one with the highest label agreement x size entropy,
    or the one most accurate against the truth (a leak; preset `released` only)."""
    collapse_share: float = 0.5
    """A cluster above this share of the objects counts as collapse."""
    on_collapse: Literal["stop", "reinitialise", "ignore"] = "reinitialise"
    """What a collapse leads to; a third in a row always stops unless ignored."""
    clustering: Literal["kmeans", "graph"] = "kmeans"
    """How memory becomes clusters: k-means, or spectral clustering of its neighbour graph first."""
    graph_neighbours: int = 15
    """Neighbours per object in the graph."""
    farthest_truth_labels: bool = False
    """LEAK. Emit the true label of the farthest cross-modal neighbour, as the published code does."""
    scrambled_memory: bool = False
    """Fill memory in a shuffled order and normalise it along the batch, as the published code does."""

    def __post_init__(self) -> None:
        positive(self, "clusters", "embed_dim", "temperature", "soft_temperature", "feature_temperature")
        fraction(self, "ssm_weight", "memory_momentum", "collapse_share")
        if self.clusters < 2:
            raise ConfigError(f"clusters must be at least 2, got {self.clusters}.")

    @property
    def reads_truth(self) -> bool:
        """Whether these options need true labels in training."""
        return self.farthest_truth_labels or self.select == "oracle"


@dataclass(frozen=True, kw_only=True)
class LearnConfig:
    """Stage 2, learning from noisy pseudo labels: robust concentration (RDL) in a common space (MLM)."""

    clusters: int = 10
    """K of stage 1."""
    embed_dim: int = 256
    """Size of the common space; retrieval uses these embeddings."""
    projection: Projection = "bn_relu"
    """What stands between each encoder and the common space."""
    head: Literal["mlp", "linear", "cosine"] = "mlp"
    """Classifier over embeddings: the paper's D -> 128 -> K, one matrix, or unit prototypes."""
    head_temperature: float = 0.1
    """Temperature of the cosine classifier."""
    shared_head: bool = True
    """One classifier for both modalities (code) or one each (published figure)."""
    label_weight: float = 0.7
    """Weight of the robust label loss."""
    contrast_weight: float = 0.7
    """Weight of the common-space loss; the release's argument names suggest 0.3 was meant."""
    temperature: float = 0.15
    """tau of the common-space loss."""
    alpha: float = 0.25
    """Exponent of the robust loss: towards 1 focal cross-entropy, towards 0 mean absolute error."""
    robust_form: Literal["plain", "clip", "released"] = "clip"
    """Clipped (constant at or below 1/K), plain, or as published (weighted by uncertain classes)."""
    mask_same_label: bool = False
    """Leave objects with the same pseudo label out of each other's contrastive negatives."""
    confidence_weights: bool = False
    """Weight the label loss of an object by the confidence stage 1 gave its label."""
    start_from: Literal["scratch", "annotate"] = "scratch"
    """Fresh networks, as the paper, or those of stage 1 (encoders and projections)."""

    def __post_init__(self) -> None:
        positive(self, "clusters", "embed_dim", "temperature", "head_temperature", "alpha")
        for name in ("label_weight", "contrast_weight"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} must be >= 0, got {getattr(self, name)}.")


def positive(config: object, *names: str) -> None:
    """ConfigError for the first named option that is not above zero."""
    for name in names:
        if not getattr(config, name) > 0:
            raise ConfigError(f"{name} must be > 0, got {getattr(config, name)}.")


def fraction(config: object, *names: str) -> None:
    """ConfigError for the first named option outside [0, 1]."""
    for name in names:
        if not 0 <= getattr(config, name) <= 1:
            raise ConfigError(f"{name} must lie in [0, 1], got {getattr(config, name)}.")
