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
    """Divides unit embeddings and memory rows before the classifier."""
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
    farthest_truth_labels: bool = False
    """LEAK. Emit the true label of the farthest cross-modal neighbour, as the published code does."""
    scrambled_memory: bool = False
    """Fill memory in a shuffled order and normalise it along the batch, as the published code does."""

    def __post_init__(self) -> None:
        positive(self, "clusters", "embed_dim", "temperature", "soft_temperature", "feature_temperature")
        fraction(self, "ssm_weight", "memory_momentum", "collapse_share")
        if self.clusters < 2:
            raise ConfigError(f"clusters must be at least 2, got {self.clusters}.")


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
    """Weight the label loss of an object by the confidence of its label: stage 1's, later the refresh's."""
    start_from: Literal["scratch", "annotate"] = "scratch"
    """Fresh networks, as the paper, or those of stage 1 (encoders and projections)."""
    average_decay: float = 0.0
    """Decay of a moving average of all weights, used to embed and to refresh labels; 0 for none."""
    refresh_every: int = 0
    """Epochs between label refreshes from the fused predictions of both modalities; 0 keeps the labels of
    stage 1, as the paper."""
    draws: int = 4
    """Augmented passes averaged with the plain one when labels are refreshed."""

    def __post_init__(self) -> None:
        positive(self, "clusters", "embed_dim", "temperature", "head_temperature", "alpha")
        not_negative(self, "label_weight", "contrast_weight", "refresh_every")
        if not 0 <= self.average_decay < 1:
            raise ConfigError(
                f"average_decay must lie in [0, 1), got {self.average_decay}; 0 switches it off."
            )


@dataclass(frozen=True, kw_only=True)
class DiscoverConfig:
    """Stage 1 of the preset `best`: clusters discovered by fused mutual information, then a graph."""

    clusters: int = 10
    """K of the emitted labels."""
    embed_dim: int = 128
    """Size of the common space."""
    projection: Projection = "linear"
    """What stands between each encoder and the common space."""
    head_multiples: tuple[float, ...] = (1, 1, 1, 1, 1, 1.5, 1.5, 2, 3, 5)
    """Clusters of each parallel head as multiples of K: several tries, and finer views of the data."""
    head_temperature: float = 0.1
    """Temperature of the cosine heads."""
    balance: float = 4.0
    """Weight of the cluster-size entropy."""
    information_weight: float = 2.0
    """Weight of the mean clustering loss over the heads."""
    contrast_weight: float = 0.2
    """Weight of NT-Xent over all crops of both modalities."""
    temperature: float = 0.2
    """tau of NT-Xent."""
    crops: int = 2
    """Augmentations of each object and modality per step."""
    draws: int = 4
    """Augmented passes averaged with the plain one before labels are made."""
    labels_from: Literal[
        "best", "graph10", "graph15", "graph30", "graph50", "consensus", "kmeans", "head"
    ] = "best"
    """Which clustering becomes the labels: spectral clusters of a graph of 10 to 50 neighbours, of all heads'
    posteriors, k-means, the most informative head, or of all these the best by normalised cut."""

    def __post_init__(self) -> None:
        positive(self, "clusters", "embed_dim", "head_temperature", "temperature", "crops")
        not_negative(self, "balance", "information_weight", "contrast_weight", "draws")
        if not self.head_multiples or min(self.head_multiples) <= 0:
            raise ConfigError(f"head_multiples must be positive numbers, got {list(self.head_multiples)}.")


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


def not_negative(config: object, *names: str) -> None:
    """ConfigError for the first named option below zero."""
    for name in names:
        if getattr(config, name) < 0:
            raise ConfigError(f"{name} must be >= 0, got {getattr(config, name)}.")
