"""The transformer block of EVA and EVA-02 without rotary embeddings, as Uni3D runs it.

(Fang et al., "EVA", 2023, and "EVA-02", 2024.) Pre-norm, keys without bias, no layer scale. Parameter names
are timm's, so that weights made with it fit:

    x <- x + proj(softmax(q k^T / sqrt(d)) v)     of LayerNorm(x)
    x <- x + mlp(LayerNorm(x))

Three MLPs exist: SwiGLU, SiLU(x G + g) * (x V + v), with both matrices fused in `fc1` (gate first) or split
in `fc1_g` and `fc1_x` with a LayerNorm behind the product; and the GELU MLP of the giant.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.nn.transformer import DropPath, drop_path_rates, require_heads

EvaAttentionForm = Literal["fused", "split"]
EvaMLPForm = Literal["swiglu_fused", "swiglu_split", "gelu"]
EPS = 1e-6
"""Of every LayerNorm, `fc_norm` and the one within SwiGLU included. Not in the dossier; as in timm."""


class EvaTower(nn.Module):
    """The part of timm's EVA model behind its tokens: the blocks, and the norm in front of its head.

    Args:
        width: D.
        depth: blocks.
        heads: must divide `width`.
        hidden: channels within the MLP, after the gate where there is one.
        attention: "fused" for one matrix `qkv` with `q_bias` and `v_bias`, "split" for three.
        mlp: as in the module's docstring.
        drop_path: of the last block; the rate grows evenly from 0 in the first.
    """

    def __init__(
        self,
        width: int,
        *,
        depth: int,
        heads: int,
        hidden: int,
        attention: EvaAttentionForm,
        mlp: EvaMLPForm,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        require_heads(width, heads)
        self.blocks = nn.ModuleList(
            EvaBlock(
                width,
                heads=heads,
                hidden=hidden,
                attention=attention,
                mlp=mlp,
                drop_path=rate,
            )
            for rate in drop_path_rates(drop_path, depth)
        )
        self.fc_norm = nn.LayerNorm(width, eps=EPS)
        for layer, block in enumerate(self.blocks, start=1):
            _shrink_residuals(block, math.sqrt(2.0 * layer))

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D) after the blocks, before `fc_norm`."""
        for block in self.blocks:
            x = block(x)
        return x


class EvaBlock(nn.Module):
    """One pre-norm block; arguments as for `EvaTower`."""

    def __init__(
        self,
        width: int,
        *,
        heads: int,
        hidden: int,
        attention: EvaAttentionForm,
        mlp: EvaMLPForm,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=EPS)
        self.attn: nn.Module = {"fused": FusedAttention, "split": SplitAttention}[attention](width, heads)
        self.norm2 = nn.LayerNorm(width, eps=EPS)
        self.mlp: nn.Module = {"swiglu_fused": FusedSwiGLU, "swiglu_split": SplitSwiGLU, "gelu": GELUMLP}[
            mlp
        ](width, hidden)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        x = x + self.drop_path(self.attn(self.norm1(x)))
        out: Tensor = x + self.drop_path(self.mlp(self.norm2(x)))
        return out


class FusedAttention(nn.Module):
    """One matrix for queries, keys and values; biases for queries and values alone (Ti, S and g)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(width))
        self.v_bias = nn.Parameter(torch.zeros(width))
        self.proj = _linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        bias = torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias])
        query, key, value = F.linear(x, self.qkv.weight, bias).chunk(3, dim=2)
        mixed: Tensor = self.proj(_attend(query, key, value, self.heads))
        return mixed


class SplitAttention(nn.Module):
    """A matrix each for queries, keys (without bias) and values (B and L)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = _linear(width, width)
        self.k_proj = nn.Linear(width, width, bias=False)
        self.v_proj = _linear(width, width)
        self.proj = _linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        mixed: Tensor = self.proj(_attend(self.q_proj(x), self.k_proj(x), self.v_proj(x), self.heads))
        return mixed


class FusedSwiGLU(nn.Module):
    """SwiGLU with the gate in the first half of `fc1`. Not in the dossier; as in timm: which half it is."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = _linear(width, 2 * hidden)
        self.fc2 = _linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        gate, value = self.fc1(x).chunk(2, dim=2)
        out: Tensor = self.fc2(F.silu(gate) * value)
        return out


class SplitSwiGLU(nn.Module):
    """SwiGLU with two matrices and a LayerNorm behind the product."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1_g = _linear(width, hidden)
        self.fc1_x = _linear(width, hidden)
        self.norm = nn.LayerNorm(hidden, eps=EPS)
        self.fc2 = _linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        out: Tensor = self.fc2(self.norm(F.silu(self.fc1_g(x)) * self.fc1_x(x)))
        return out


class GELUMLP(nn.Module):
    """Linear -> GELU -> Linear. Not in the dossier; as in timm: the GELU is exact, not its tanh form."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = _linear(width, hidden)
        self.fc2 = _linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        out: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return out


def _attend(query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
    """(B, T, D) three times -> (B, T, D): softmax(q k^T / sqrt(D / heads)) v, head by head."""
    batch, tokens, width = query.shape
    shape = (batch, tokens, heads, width // heads)
    query, key, value = (part.view(shape).transpose(1, 2) for part in (query, key, value))
    return F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)


def _linear(before: int, after: int) -> nn.Linear:
    """A layer whose bias starts at 0.

    torch's own draw, +-1 / sqrt(before), has the standard deviation 0.02 of the papers at their width 768 and
    stays in proportion at others.
    """
    layer = nn.Linear(before, after)
    nn.init.zeros_(layer.bias)
    return layer


@torch.no_grad()
def _shrink_residuals(block: nn.Module, by: float) -> None:
    """Divide what a block adds at the start, so that the sum over all blocks stays bounded (EVA, BEiT)."""
    for name in ("attn.proj.weight", "mlp.fc2.weight"):
        block.get_parameter(name).div_(by)
