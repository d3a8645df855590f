"""Contrastive losses. Every function takes L2-normalised embeddings and returns a scalar.

Scores are computed in float32 or better whatever the inputs and autocast say, and the item itself is
removed by a score of -inf before log-sum-exp: at temperature 0.05 the usual subtraction of exp(1/0.05)
afterwards leaves an absolute error of about 58 in float32.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from anaglyph.losses.reduction import at_least_float32, full_precision, weighted_mean


def multi_positive_nce(query: Tensor, key: Tensor, positive: Tensor, *, temperature: float = 0.07) -> Tensor:
    """Cross-entropy to a *set* of positives per query, averaged over that set.

    With one positive on the diagonal this is InfoNCE (van den Oord et al., 2018, eq. 4).
    Queries without any positive are left out of the mean; if none is left the loss is 0 and
    still carries a gradient, so an unlucky batch never breaks a distributed step.

    Args:
        query: (B, D) unit vectors.
        key: (K, D) unit vectors, the candidates.
        positive: (B, K) bool, True where key k matches query b.
        temperature: softmax temperature, > 0; the papers here use 0.05 to 0.25.
    """
    if positive.shape != (len(query), len(key)):
        raise ValueError(f"positive must be {(len(query), len(key))}, got {tuple(positive.shape)}")
    log_prob = F.log_softmax(_scores(query, key, temperature), dim=1)  # (B, K)
    count = positive.sum(dim=1)  # (B,)
    per_query = -log_prob.masked_fill(~positive, 0.0).sum(dim=1) / count.clamp(min=1)
    return weighted_mean(per_query, count > 0)


def nt_xent(
    first: Tensor,
    second: Tensor,
    *,
    temperature: float,
    exclude: Tensor | None = None,
    weights: Tensor | None = None,
) -> Tensor:
    """NT-Xent of B pairs (Chen et al., 2020, eq. 1): each of the 2B items finds its partner among the others.

        L = 1/(2B) sum_a -log [ exp(s_a,p(a)) / sum_{b != a} exp(s_ab) ],   s_ab = <z_a, z_b> / temperature

    Args:
        first: (B, D) unit vectors.
        second: (B, D) unit vectors; row b shows the same object as row b of `first`.
        temperature: softmax temperature, > 0.
        exclude: (B, B) bool, True where object b is no negative of object a; see `multi_view_nce`.
        weights: (B,) weight >= 0 of each object in the mean.
    """
    if first.shape != second.shape:
        raise ValueError(
            f"paired embeddings must have one shape, got {tuple(first.shape)} and {tuple(second.shape)}; "
            f"row b of both must be the same object"
        )
    views = torch.stack([first, second])
    return multi_view_nce(views, temperature=temperature, exclude=exclude, weights=weights)


def common_space_loss(
    image: Tensor,
    shape: Tensor,
    *,
    temperature: float,
    exclude: Tensor | None = None,
    weights: Tensor | None = None,
) -> Tensor:
    """RoMo's L_mlm (Li et al., 2024; the same code in MRL and RONO): twice `nt_xent`.

    The released code adds two directions that are equal, because the scores are symmetric. The factor 2
    is kept, so that loss curves and loss weights compare with the release.

    Args:
        image: (B, D) unit vectors.
        shape: (B, D) unit vectors of the same objects.
        temperature: softmax temperature; the release uses 0.05 in stage 1 and 0.15 in stage 2.
        exclude: (B, B) bool, pairs that are not each other's negatives, such as equal pseudo-labels.
        weights: (B,) weight >= 0 of each object in the mean.
    """
    return 2 * nt_xent(image, shape, temperature=temperature, exclude=exclude, weights=weights)


def multi_view_nce(
    views: Tensor, *, temperature: float, exclude: Tensor | None = None, weights: Tensor | None = None
) -> Tensor:
    """NT-Xent over M views of B objects, the mean over all M (M - 1) ordered pairs of views.

        L = 1/B sum_b 1/(M(M-1)) sum_u sum_{v != u} -log [ exp(s_ub,vb) / sum_{(w,c) in A(u,b)} exp(s_ub,wc) ]

    A(u, b) holds all M B - 1 other items except those that `exclude` takes out. The other views of
    object b always stay in it, so the loss is finite, and at best log(M - 1). For M = 2 this is
    `nt_xent`, and an object whose negatives are all excluded adds exactly 0.

    Args:
        views: (M, B, D) unit vectors, M >= 2; row b of each view shows the same object.
        temperature: softmax temperature, > 0.
        exclude: (B, B) bool; where [a, b] is True no view of object b is a negative of object a. The
            diagonal is not read: an object never excludes itself.
        weights: (B,) weight >= 0 of each object in the mean; the mean of no weight at all is 0.
    """
    if views.ndim != 3 or len(views) < 2:
        raise ValueError(f"views must be (M, B, D) with at least 2 views, got {tuple(views.shape)}")
    count, objects = views.shape[:2]
    if exclude is not None and exclude.shape != (objects, objects):
        raise ValueError(f"exclude must be {(objects, objects)}, got {tuple(exclude.shape)}")
    items = views.flatten(0, 1)  # (M B, D), view by view
    itself = torch.eye(len(items), dtype=torch.bool, device=views.device)
    one_object = torch.eye(objects, dtype=torch.bool, device=views.device)
    absent = itself if exclude is None else itself | (exclude & ~one_object).repeat(count, count)
    scores = _scores(items, items, temperature).masked_fill(absent, float("-inf"))
    log_prob = F.log_softmax(scores, dim=1)  # (M B, M B)
    positive = one_object.repeat(count, count) & ~itself
    per_item = -log_prob.masked_fill(~positive, 0.0).sum(dim=1) / (count - 1)
    return weighted_mean(per_item.view(count, objects).mean(dim=0), weights)


def _scores(query: Tensor, key: Tensor, temperature: float) -> Tensor:
    """(B, D), (K, D) -> (B, K) inner products over the temperature, never in half precision."""
    if not temperature > 0:
        raise ValueError(f"temperature must be > 0, got {temperature}; the papers here use 0.05 to 0.25")
    with full_precision(query):
        return at_least_float32(query) @ at_least_float32(key).T / temperature
