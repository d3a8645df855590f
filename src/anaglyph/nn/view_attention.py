"""One similarity of a query and a shape of V views: query-conditioned attention (CMIC, Lin et al., 2021).

    a_ijv     = (W q_j) . r_iv
    alpha_ijv = softmax over v of a_ijv
    g_ij      = sum_v alpha_ijv r_iv
    s_ij      = q_j . g_ij

Both products are taken first and summed over views afterwards, so no g of D numbers exists per pair. For unit
vectors s is at most the largest q . r over the views; with `normalize_attended`, q . g / |g| can exceed it.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Pooling = Literal["attention", "mean", "max"]
_AT_ONCE = 1 << 24
"""Products of a query and a view that are held at once."""


class ViewAttention(nn.Module):
    """Scores of queries and shapes; W is its only parameter, and only "attention" has it.

    Args:
        embed_dim: D.
        pooling: "attention" as above; "mean" weighs all views alike, "max" takes the best one alone.
        normalize_attended: divide s by |g|, so that views that disagree cost nothing.
        start: W as PyTorch draws it, where the weights of V views begin near 1 / V, or the identity.
        scale: factor on the identity; at 1 unit vectors leave all views nearly alike.
    """

    def __init__(
        self,
        embed_dim: int,
        *,
        pooling: Pooling = "attention",
        normalize_attended: bool = False,
        start: Literal["random", "identity"] = "random",
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.pooling, self.normalize_attended = pooling, normalize_attended
        self.asked = nn.Linear(embed_dim, embed_dim, bias=False) if pooling == "attention" else None
        if self.asked is not None and start == "identity":
            with torch.no_grad():
                nn.init.eye_(self.asked.weight).mul_(scale)

    def scores(self, query: Tensor, views: Tensor) -> Tensor:
        """(Q, D) unit vectors, (S, V, D) unit vectors of the views -> (Q, S) similarities."""
        rows = max(1, _AT_ONCE // max(1, views.shape[0] * views.shape[1]))
        if len(query) <= rows:
            return self._scores(query, views)
        return torch.cat([self._scores(part, views) for part in torch.split(query, rows)])

    def forward(self, query: Tensor, views: Tensor) -> Tensor:
        """The same as `scores`."""
        return self.scores(query, views)

    def weights(self, query: Tensor, views: Tensor) -> Tensor:
        """(Q, D), (S, V, D) -> (Q, S, V) shares of the views, >= 0 and 1 together."""
        with torch.autocast(query.device.type, enabled=False):
            query, views = _promoted(query, views)
            return self._weights(*self._products(query, views))

    def own_scores(self, query: Tensor, views: Tensor) -> Tensor:
        """(Q, D), (Q, K, V, D) candidates of each query by itself -> (Q, K)."""
        if query.ndim != 2 or views.ndim != 4 or len(views) != len(query):
            raise ValueError(f"need (Q, D) and (Q, K, V, D), got {tuple(query.shape)}, {tuple(views.shape)}")
        with torch.autocast(query.device.type, enabled=False):
            query, views = _promoted(query, views)
            products = (views @ query[:, None, :, None]).squeeze(-1)
            logits = None
            if self.asked is not None:
                logits = (views @ self._ask(query)[:, None, :, None]).squeeze(-1)
            weights = self._weights(products, logits)
            pooled = (weights * products).sum(dim=-1)
            if not self.normalize_attended:
                return pooled
            attended = (weights[..., None, :] @ views).squeeze(-2)
            return pooled * _inverse_length(attended.square().sum(dim=-1))

    def _scores(self, query: Tensor, views: Tensor) -> Tensor:
        with torch.autocast(query.device.type, enabled=False):
            query, views = _promoted(query, views)
            products, logits = self._products(query, views)
            weights = self._weights(products, logits)
            pooled = (weights * products).sum(dim=-1)
            if not self.normalize_attended:
                return pooled
            between = views @ views.transpose(1, 2)  # (S, V, V); |g|^2 = alpha . (R R^T) alpha
            square = (torch.einsum("qsv,svw->qsw", weights, between) * weights).sum(dim=-1)
            return pooled * _inverse_length(square)

    def _products(self, query: Tensor, views: Tensor) -> tuple[Tensor, Tensor | None]:
        """(Q, S, V) of q . r and of a."""
        if query.ndim != 2 or views.ndim != 3 or query.shape[1] != views.shape[2]:
            raise ValueError(f"need (Q, D) and (S, V, D), got {tuple(query.shape)}, {tuple(views.shape)}")
        if views.shape[1] < 1:
            raise ValueError("a shape needs at least one view, got 0")
        flat, shape = views.flatten(0, 1).T, (len(query), *views.shape[:2])
        products = (query @ flat).view(shape)
        return products, None if self.asked is None else (self._ask(query) @ flat).view(shape)

    def _ask(self, query: Tensor) -> Tensor:
        assert self.asked is not None
        return F.linear(query, self.asked.weight.to(query.dtype))

    def _weights(self, products: Tensor, logits: Tensor | None) -> Tensor:
        if logits is not None:
            return logits.softmax(dim=-1)
        if self.pooling == "mean":
            return torch.full_like(products, 1.0 / products.shape[-1])
        best = products.argmax(dim=-1, keepdim=True)
        return torch.zeros_like(products).scatter_(-1, best, 1.0)


def _promoted(query: Tensor, views: Tensor) -> tuple[Tensor, Tensor]:
    """Both in one type, at least float32."""
    kind = torch.promote_types(torch.promote_types(query.dtype, views.dtype), torch.float32)
    return query.to(kind), views.to(kind)


def _inverse_length(square: Tensor) -> Tensor:
    return square.clamp(min=1e-12).rsqrt()
