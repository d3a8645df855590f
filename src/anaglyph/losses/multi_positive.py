"""Contrast of a query with *several* positives: those that share a softmax, and those that do not compete.

    joint      L_i = mean over p in P(i) of -log [ exp(s_ip) / sum over P(i) and N(i) of exp(s_ik) ]
    decoupled  L_i = mean over p in P(i) of -log [ exp(s_ip) / (exp(s_ip) + sum over n in N(i) of exp(s_in)) ]

In the joint form a perfect embedding still pays log |P(i)|, and easier positives are pushed away; the
decoupled one goes to 0. The second is the loss of HOLA (arXiv 2606.01334) as its abstract describes it
(dossier MixCon3D, 4.4), not checked against the paper. With one positive a query both are InfoNCE.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from anaglyph.losses.paired import Scale
from anaglyph.losses.reduction import at_least_float32, full_precision, weighted_mean

Form = Literal["decoupled", "joint"]


def joint_nce(
    query: Tensor,
    key: Tensor,
    positive: Tensor,
    *,
    scale: Scale,
    candidate: Tensor | None = None,
    weights: Tensor | None = None,
) -> Tensor:
    """Mean of the joint L_i. Queries without a positive are left out; with none left the loss is 0 and still
    carries a gradient.

    Args:
        query: (Q, D) unit vectors.
        key: (K, D) unit vectors.
        positive: (Q, K) bool, P(i).
        scale: s, one over the temperature.
        candidate: (Q, K) bool, P(i) and N(i); None takes all. What is no candidate is no positive either.
        weights: (Q,) weight >= 0 of each query in the mean.
    """
    return _mean_over_queries("joint", query, key, positive, candidate, weights, scale)


def decoupled_nce(
    query: Tensor,
    key: Tensor,
    positive: Tensor,
    *,
    scale: Scale,
    candidate: Tensor | None = None,
    weights: Tensor | None = None,
) -> Tensor:
    """Mean of the decoupled L_i; arguments and empty selections as in `joint_nce`."""
    return _mean_over_queries("decoupled", query, key, positive, candidate, weights, scale)


def paired_sets_nce(
    first: Tensor,
    second: Tensor,
    *,
    scale: Scale,
    first_present: Tensor | None = None,
    second_present: Tensor | None = None,
    exclude: Tensor | None = None,
    form: Form = "decoupled",
) -> Tensor:
    """Both directions between M items and T items of each of B objects; all items of an object are positives.

    An object counts once in each direction however many items it has; objects without an item on one side
    leave rows and columns of both. With M = T = 1 this is `losses.paired.paired_nce`.

    Args:
        first: (B, M, D) unit vectors.
        second: (B, T, D) unit vectors of the same objects.
        scale: s, one over the temperature.
        first_present: (B, M) bool; None is all.
        second_present: (B, T) bool; None is all.
        exclude: (B, B) bool; where [i, j] is True no item of object j is a negative of object i, in either
            direction. The diagonal is not read.
        form: which of the two losses.
    """
    if first.ndim != 3 or second.ndim != 3 or len(first) != len(second):
        raise ValueError(
            f"need (B, M, D) and (B, T, D) of the same objects, got {tuple(first.shape)} and "
            f"{tuple(second.shape)}"
        )
    here = _present(first, first_present, "first_present")
    there = _present(second, second_present, "second_present")
    complete = (here.any(dim=1) & there.any(dim=1))[:, None]
    here, there = here & complete, there & complete
    itself = torch.eye(len(first), dtype=torch.bool, device=first.device)
    if exclude is not None and exclude.shape != itself.shape:
        raise ValueError(f"exclude must be {tuple(itself.shape)}, got {tuple(exclude.shape)}")
    allowed = torch.ones_like(itself) if exclude is None else itself | ~exclude
    directions = []
    for own, own_there, other, other_there in (
        (first, here, second, there),
        (second, there, first, here),
    ):
        # (B M, B T), an object's items one after the other
        among = allowed.repeat_interleave(own.shape[1], 0).repeat_interleave(other.shape[1], 1)
        same = itself.repeat_interleave(own.shape[1], 0).repeat_interleave(other.shape[1], 1)
        candidate = among & other_there.flatten()
        count = own_there.sum(dim=1, keepdim=True).clamp(min=1)
        directions.append(
            _mean_over_queries(
                form, own.flatten(0, 1), other.flatten(0, 1), same, candidate,
                (own_there / count).flatten(), scale,
            )
        )  # fmt: skip
    return (directions[0] + directions[1]) / 2


def _mean_over_queries(
    form: Form,
    query: Tensor,
    key: Tensor,
    positive: Tensor,
    candidate: Tensor | None,
    weights: Tensor | None,
    scale: Scale,
) -> Tensor:
    wanted = (len(query), len(key))
    for name, mask in (("positive", positive), ("candidate", candidate)):
        if mask is not None and mask.shape != wanted:
            raise ValueError(f"{name} must be {wanted}, got {tuple(mask.shape)}")
    if candidate is None:
        candidate = torch.ones_like(positive)
    positive = positive & candidate
    with full_precision(query):
        logits = at_least_float32(query) @ at_least_float32(key).T * scale  # (Q, K)
    surprise = (
        _joint(logits, positive, candidate) if form == "joint" else _decoupled(logits, positive, candidate)
    )
    count = positive.sum(dim=1)
    per_query = surprise.masked_fill(~positive, 0.0).sum(dim=1) / count.clamp(min=1)
    there = (count > 0).to(per_query.dtype)
    return weighted_mean(per_query, there if weights is None else there * weights.to(per_query.dtype))


def _joint(logits: Tensor, positive: Tensor, candidate: Tensor) -> Tensor:
    """(Q, K) -log softmax over the candidates; finite where positive."""
    # A finite floor: a row without candidates would be NaN with -inf, and NaN times 0 stays NaN.
    floor = torch.finfo(logits.dtype).min
    return -F.log_softmax(logits.masked_fill(~candidate, floor), dim=1)


def _decoupled(logits: Tensor, positive: Tensor, candidate: Tensor) -> Tensor:
    """(Q, K) log(1 + exp(log sum of the negatives - own)); exactly 0 where a row has no negatives."""
    floor = torch.finfo(logits.dtype).min
    negatives = logits.masked_fill(~candidate | positive, floor).logsumexp(dim=1, keepdim=True)
    # Softplus of an entry that is no positive may be anything finite; the caller drops it.
    return F.softplus(negatives - logits)


def _present(items: Tensor, given: Tensor | None, name: str) -> Tensor:
    if given is None:
        return torch.ones(items.shape[:2], dtype=torch.bool, device=items.device)
    if given.shape != items.shape[:2]:
        raise ValueError(f"{name} must be {tuple(items.shape[:2])}, got {tuple(given.shape)}")
    return given
