"""A small BERT that reads sentences (Devlin et al., 2019; Wang et al., 2020), with BERT's own key names.

Only the forward pass, so that `tokenizers` and `safetensors` are all that a sentence encoder needs. Dropout
and the pooler, which sentence encoders do not use, are left out.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Bert(nn.Module):
    """Token numbers to the mean of the last layer's tokens.

    Args:
        vocabulary: rows of the token table.
        width: D.
        depth: layers.
        heads: of each attention.
        hidden: width of each MLP.
        positions: tokens of the longest text.
        kinds: rows of the segment table, of which the first alone is used.
        epsilon: of every LayerNorm.
    """

    def __init__(
        self,
        *,
        vocabulary: int = 30522,
        width: int = 384,
        depth: int = 6,
        heads: int = 12,
        hidden: int = 1536,
        positions: int = 512,
        kinds: int = 2,
        epsilon: float = 1e-12,
    ) -> None:
        super().__init__()
        self.embed_dim = width
        self.embeddings = nn.ModuleDict(
            {
                "word_embeddings": nn.Embedding(vocabulary, width),
                "position_embeddings": nn.Embedding(positions, width),
                "token_type_embeddings": nn.Embedding(kinds, width),
                "LayerNorm": nn.LayerNorm(width, eps=epsilon),
            }
        )
        layers = nn.ModuleList(_Layer(width, heads, hidden, epsilon) for _ in range(depth))
        self.encoder = nn.ModuleDict({"layer": layers})

    def forward(self, tokens: Tensor, present: Tensor) -> Tensor:
        """(B, T) int64 token numbers and (B, T) bool which are no padding -> (B, D), not normalised."""
        table = self.embeddings
        places = torch.arange(tokens.shape[1], device=tokens.device)
        x = table["word_embeddings"](tokens) + table["position_embeddings"](places)
        x = table["LayerNorm"](x + table["token_type_embeddings"](torch.zeros_like(tokens)))
        layers = self.encoder["layer"]
        assert isinstance(layers, nn.ModuleList)
        for layer in layers:
            x = layer(x, present)
        weights = present[..., None].to(x.dtype)
        mean: Tensor = (x * weights).sum(dim=1) / weights.sum(dim=1)
        return mean


class _Layer(nn.Module):
    """Attention, then an MLP, with a LayerNorm behind each sum."""

    def __init__(self, width: int, heads: int, hidden: int, epsilon: float) -> None:
        super().__init__()
        self.heads = heads
        attends = {name: nn.Linear(width, width) for name in ("query", "key", "value")}
        leaves = {"dense": nn.Linear(width, width), "LayerNorm": nn.LayerNorm(width, eps=epsilon)}
        self.attention = nn.ModuleDict({"self": nn.ModuleDict(attends), "output": nn.ModuleDict(leaves)})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, hidden)})
        self.output = nn.ModuleDict(
            {"dense": nn.Linear(hidden, width), "LayerNorm": nn.LayerNorm(width, eps=epsilon)}
        )

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        part, leave = self.attention["self"], self.attention["output"]
        assert isinstance(part, nn.ModuleDict)
        assert isinstance(leave, nn.ModuleDict)
        query, key, value = (
            part[name](x).unflatten(2, (self.heads, -1)).transpose(1, 2) for name in ("query", "key", "value")
        )
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=present[:, None, None])
        x = leave["LayerNorm"](x + leave["dense"](mixed.transpose(1, 2).flatten(2)))
        hidden = F.gelu(self.intermediate["dense"](x))
        out: Tensor = self.output["LayerNorm"](x + self.output["dense"](hidden))
        return out
