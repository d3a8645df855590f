"""A small encoder of short texts that needs no vocabulary file: hashed words and pieces of words.

A word is the mean of learned vectors for itself and its runs of 3 to 5 letters (after Bojanowski et al.,
2017), so that an unknown word, a plural or a misspelling lies near what it looks like. A short transformer
(Vaswani et al., 2017) then reads the words in their order. Rows of the table come from BLAKE2, not from
Python's hash, which differs from process to process.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.encoders.checks import require_positive
from anaglyph.nn.transformer import FeedForward, require_heads

LONGEST_WORD = 64
"""Letters of a word that are read."""
LONGEST_TEXT = 100_000
"""Letters of a text that are looked at."""
_WORD = re.compile(r"[^\W_]+")
_RUNS = (3, 4, 5)


class WordText(nn.Module):
    """Texts to vectors; a text without a word has a vector too.

    Args:
        embed_dim: D.
        buckets: rows of the table that words and pieces share by their hash.
        width: channels of a word, a multiple of `heads`.
        depth: blocks of the transformer.
        heads: of each attention.
        words: words of a text that are read; further ones are left out.
    """

    def __init__(
        self,
        *,
        embed_dim: int = 256,
        buckets: int = 4096,
        width: int = 128,
        depth: int = 2,
        heads: int = 4,
        words: int = 32,
    ) -> None:
        super().__init__()
        require_positive(
            embed_dim=embed_dim, buckets=buckets, width=width, depth=depth, heads=heads, words=words
        )
        self.embed_dim = embed_dim
        self.buckets = buckets
        self.words = words
        self.pieces = nn.EmbeddingBag(buckets, width, mode="mean")
        self.start = nn.Parameter(0.1 * torch.randn(width))
        self.positions = nn.Parameter(0.1 * torch.randn(words + 1, width))
        self.blocks = nn.ModuleList(_Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.output = nn.Linear(width, embed_dim)

    def forward(self, texts: Sequence[str]) -> Tensor:
        """B texts -> (B, D), not normalised."""
        words = [words_of(text)[: self.words] for text in texts]
        tokens, present = self._tokens(words)  # (B, 1 + W, width), (B, 1 + W)
        for block in self.blocks:
            tokens = block(tokens, present)
        share = present / present.sum(dim=1, keepdim=True)
        embedding: Tensor = self.output((self.norm(tokens) * share[..., None]).sum(dim=1))
        return embedding

    def _tokens(self, words: list[list[str]]) -> tuple[Tensor, Tensor]:
        """Vectors of a start and of every word, 0 behind the last, and which are there."""
        device = self.start.device
        longest = max(map(len, words), default=0)
        flat = [piece_rows(word, self.buckets) for each in words for word in each]
        tokens = self.start.new_zeros(len(words), 1 + longest, len(self.start))
        counts = torch.tensor([len(each) for each in words], dtype=torch.int64, device=device)
        present = torch.arange(1 + longest, device=device) <= counts[:, None]
        if flat:
            starts = torch.tensor([0, *map(len, flat[:-1])], device=device).cumsum(0)
            rows = torch.tensor([row for each in flat for row in each], device=device)
            there = present.clone()
            there[:, 0] = False
            vectors = self.pieces(rows, starts).to(tokens.dtype)
            tokens = tokens.masked_scatter(there[..., None].expand_as(tokens), vectors)
        else:  # the table takes part in every step, as distributed training wants
            tokens = tokens + 0.0 * self.pieces.weight.sum()
        first = F.pad(self.start[None, None], (0, 0, 0, longest))
        tokens = (tokens + first + self.positions[: 1 + longest]) * present[..., None]
        return tokens, present


class _Block(nn.Module):
    """x + attention(norm(x)) among the tokens that are there, then x + MLP(norm(x))."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        require_heads(width, heads)
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = FeedForward(width, 4 * width)

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """(B, T, D) tokens and (B, T) which are there -> (B, T, D)."""
        query, key, value = self.qkv(self.norm1(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=present[:, None, None])
        x = x + self.proj(mixed.transpose(1, 2).flatten(2))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


def words_of(text: str) -> list[str]:
    """The words of a text: runs of letters and digits, Unicode-normalised (NFKC), without case."""
    return _WORD.findall(unicodedata.normalize("NFKC", text[:LONGEST_TEXT]).casefold())


@lru_cache(maxsize=1 << 16)
def piece_rows(word: str, buckets: int) -> tuple[int, ...]:
    """Rows of the table for a word: one for itself and one for each run of 3 to 5 letters of `<word>`."""
    framed = f"<{word[:LONGEST_WORD]}>"
    runs = [framed[at : at + size] for size in _RUNS for at in range(len(framed) - size + 1)]
    return tuple(_row(piece, buckets) for piece in [f"={framed}", *runs])


def _row(piece: str, buckets: int) -> int:
    digest = hashlib.blake2b(piece.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") % buckets
