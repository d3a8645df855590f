"""Pre-norm transformer blocks (Dosovitskiy et al., 2021) and a row of them that adds positions to every one.

Parameter names are those of timm, which all repositories of the Point-BERT family kept.

Not in the dossiers; as in the official code of Point-BERT and ReCon: 1e-5 in every LayerNorm.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Attention(nn.Module):
    """Every token looks at every token (Vaswani et al., 2017, eq. 1), with several heads.

    Args:
        width: D, a multiple of `heads`.
        heads: independent attentions of width D / heads.
        bias: of the projection to query, key and value; the Point-BERT family has none.
    """

    def __init__(self, width: int, heads: int, *, bias: bool = False) -> None:
        super().__init__()
        require_heads(width, heads)
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=bias)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        query, key, value = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed: Tensor = self.proj(_attend(query, key, value))
        return mixed


class CrossAttention(nn.Module):
    """Some tokens look at others.

    Args:
        width: D, a multiple of `heads`.
        heads: independent attentions of width D / heads.
        bias: of the projections to query, key and value.
    """

    def __init__(self, width: int, heads: int, *, bias: bool = False) -> None:
        super().__init__()
        require_heads(width, heads)
        self.heads = heads
        self.q = nn.Linear(width, width, bias=bias)
        self.kv = nn.Linear(width, 2 * width, bias=bias)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        """(B, T, D) tokens that look, (B, S, D) tokens looked at -> (B, T, D)."""
        query = self.q(x).unflatten(2, (self.heads, -1)).transpose(1, 2)
        key, value = self.kv(seen).unflatten(2, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed: Tensor = self.proj(_attend(query, key, value))
        return mixed


class FeedForward(nn.Module):
    """Linear -> GELU (exact) -> Linear for every token alike."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., D)."""
        out: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return out


class DropPath(nn.Module):
    """Stochastic depth (Huang et al., 2016): in training, drops what a branch adds, sample by sample.

    What is left is divided by the share that is kept, so the expectation is that of the whole branch.

    Args:
        rate: share dropped, in [0, 1).
    """

    def __init__(self, rate: float = 0.0) -> None:
        super().__init__()
        if not 0.0 <= rate < 1.0:
            raise ValueError(f"drop_path must be in [0, 1), got {rate}")
        self.rate = rate

    def forward(self, branch: Tensor) -> Tensor:
        """(B, ...) -> the same shape."""
        if not self.training or self.rate == 0.0:
            return branch
        keep = 1.0 - self.rate
        kept = branch.new_empty([len(branch)] + [1] * (branch.ndim - 1)).bernoulli_(keep)
        return branch * (kept / keep)

    def extra_repr(self) -> str:
        """What print(module) shows."""
        return f"rate={self.rate:g}"


class Block(nn.Module):
    """x + attention(norm(x)), then x + MLP(norm(x)).

    Args:
        width: D.
        heads: of the attention.
        mlp_ratio: hidden width of the MLP over D.
        bias: of the attention's query, key and value.
        drop_path: share of the samples whose branch is dropped in training.
    """

    def __init__(
        self, width: int, heads: int, *, mlp_ratio: float = 4.0, bias: bool = False, drop_path: float = 0.0
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = Attention(width, heads, bias=bias)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = FeedForward(width, int(mlp_ratio * width))
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        x = x + self.drop_path(self.attn(self.norm1(x)))
        out: Tensor = x + self.drop_path(self.mlp(self.norm2(x)))
        return out


class PositionedBlocks(nn.Module):
    """Blocks in a row; the positions are added at the input of every one, not once.

    Args:
        blocks: modules from (B, T, D) to (B, T, D).
    """

    def __init__(self, blocks: Iterable[nn.Module]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:
        """(B, T, D) tokens, (B, T, D) positions -> (B, T, D), the output of the last block."""
        for block in self.blocks:
            x = block(x + positions)
        return x

    def prompted(self, x: Tensor, positions: Tensor, prompts: Tensor, *, first: int) -> Tensor:
        """The output of the last block with other learned tokens in every block (VPT-deep, Jia et al., 2022).

        Args:
            x: (B, T, D) tokens.
            positions: (B, T, D).
            prompts: (B, blocks, P, D), those of a block stand in for what the block before made of its own;
                they have no position.
            first: tokens that stand before the prompts.

        Returns:
            (B, T, D) without the prompts.
        """
        if prompts.shape[1] != len(self.blocks):
            raise ValueError(f"prompts are for {prompts.shape[1]} blocks; there are {len(self.blocks)}")
        behind = first + prompts.shape[2]
        for number, block in enumerate(self.blocks):
            shown = x + positions
            mixed = block(torch.cat([shown[:, :first], prompts[:, number], shown[:, first:]], dim=1))
            x = torch.cat([mixed[:, :first], mixed[:, behind:]], dim=1)
        return x

    def outputs(self, x: Tensor, positions: Tensor, *, after: Sequence[int]) -> list[Tensor]:
        """(B, T, D) after each of the blocks named by number, the first block being 1."""
        if not after or min(after) < 1 or max(after) > len(self.blocks):
            raise ValueError(f"blocks are 1 to {len(self.blocks)}, asked for {tuple(after)}")
        found: dict[int, Tensor] = {}
        for number, block in enumerate(self.blocks[: max(after)], start=1):
            x = block(x + positions)
            found[number] = x
        return [found[number] for number in after]


def thirds(depth: int) -> tuple[int, int, int]:
    """The blocks after which features of several depths are read: 4, 8 and 12 of 12."""
    if depth < 3 or depth % 3:
        raise ValueError(f"depth must be a multiple of 3, got {depth}")
    return depth // 3, 2 * depth // 3, depth


def drop_path_rates(last: float, depth: int) -> list[float]:
    """Rates that rise evenly from 0 in the first of `depth` blocks to `last` (Huang et al., 2016, eq. 4)."""
    rates: list[float] = torch.linspace(0.0, last, depth, dtype=torch.float64, device="cpu").tolist()
    return rates


def start_small(module: nn.Module, *, deviation: float = 0.02) -> None:
    """Draw all weights below `module` as ViT does: truncated normal, biases 0, normalisations 1 and 0.

    For `nn.Linear`, `nn.Conv1d` and parameters that stand alone in their module and are named a token or a
    position; from torch's default generator.
    """
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Conv1d):
            nn.init.trunc_normal_(part.weight, std=deviation)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.LayerNorm):
            nn.init.ones_(part.weight)
            nn.init.zeros_(part.bias)
        for name, parameter in part.named_parameters(recurse=False):
            if name.endswith(("_token", "_pos")):
                nn.init.trunc_normal_(parameter, std=deviation)


def require_heads(width: int, heads: int) -> None:
    """ValueError unless `heads` divides `width`."""
    if width < 1 or heads < 1 or width % heads:
        raise ValueError(f"width must be a positive multiple of heads, got width {width} and {heads} heads")


def _attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """(B, heads, T, d), (B, heads, S, d) twice -> (B, T, heads * d)."""
    return F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
