"""A small encoder of short texts: hashed words and pieces of words, and, where asked, known words by meaning.

A word is the mean of learned vectors for itself and its runs of 3 to 5 letters (after Bojanowski et al.,
2017), so that an unknown word, a plural or a misspelling lies near what it looks like; with `vectors`, a word
of that table is a linear map of its frozen row instead, so that words never trained on lie near those they
mean the same as. A short transformer (Vaswani et al., 2017) then reads the words in their order. Rows of the
learned table come from BLAKE2, not from Python's hash, which differs from process to process.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.encoders.checks import require_positive
from anaglyph.encoders.word_vectors import open_word_vectors
from anaglyph.errors import WeightsError
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
        vectors: table of frozen word vectors, "mini" for that of the package; None for pieces alone.
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
        vectors: str | None = None,
    ) -> None:
        super().__init__()
        require_positive(
            embed_dim=embed_dim, buckets=buckets, width=width, depth=depth, heads=heads, words=words
        )
        self.embed_dim = embed_dim
        self.buckets = buckets
        self.words = words
        self.pieces = nn.EmbeddingBag(buckets, width, mode="mean")
        self.known = None if vectors is None else KnownWords(vectors, width)
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
        flat = [word for each in words for word in each]
        tokens = self.start.new_zeros(len(words), 1 + longest, len(self.start))
        counts = torch.tensor([len(each) for each in words], dtype=torch.int64, device=device)
        present = torch.arange(1 + longest, device=device) <= counts[:, None]
        if flat:
            there = present.clone()
            there[:, 0] = False
            vectors = self._words(flat).to(tokens.dtype)
            tokens = tokens.masked_scatter(there[..., None].expand_as(tokens), vectors)
        else:  # the tables take part in every step, as distributed training wants
            tokens = tokens + 0.0 * self._words(["-"]).sum()
        first = F.pad(self.start[None, None], (0, 0, 0, longest))
        tokens = (tokens + first + self.positions[: 1 + longest]) * present[..., None]
        return tokens, present

    def _words(self, words: list[str]) -> Tensor:
        """W words -> (W, width), each by itself."""
        lists = [piece_rows(word, self.buckets) for word in words]
        device = self.start.device
        starts = torch.tensor([0, *map(len, lists[:-1])], device=device).cumsum(0)
        rows = torch.tensor([row for each in lists for row in each], device=device)
        vectors: Tensor = self.pieces(rows, starts)
        return vectors if self.known is None else self.known(words, vectors)


class KnownWords(nn.Module):
    """Words of a frozen table through a linear map; others keep the vectors they come with.

    Args:
        source: of the table, which no state dict holds; its number is held instead and compared on loading.
        width: channels of a word.
    """

    number: Tensor

    def __init__(self, source: str, width: int) -> None:
        super().__init__()
        table = open_word_vectors(source)
        self.rows = table.rows
        units = F.normalize(table.vectors.float(), dim=1) * table.dim**0.5
        self.register_buffer("table", units, persistent=False)
        self.register_buffer("number", torch.tensor(table.digest()))
        self.map = nn.Linear(table.dim, width)

    def forward(self, words: list[str], otherwise: Tensor) -> Tensor:
        """W words and (W, width) vectors of unknown ones -> (W, width)."""
        rows = [self.rows.get(word, -1) for word in words]
        known = torch.tensor(rows, device=otherwise.device)
        table: Tensor = self.get_buffer("table")
        mapped = self.map(table[known.clamp(min=0)])
        return torch.where((known >= 0)[:, None], mapped.to(otherwise.dtype), otherwise)

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        own, given = self.number.clone(), state_dict.get(f"{prefix}number")
        if given is not None and not torch.equal(given.cpu(), own.cpu()):
            raise WeightsError(
                f"these weights read another table of word vectors (number {int(given)}, that of the package "
                f"is {int(own)}). Use them with the version of Anaglyph they were trained with."
            )
        super()._load_from_state_dict(state_dict, prefix, *rest)


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
