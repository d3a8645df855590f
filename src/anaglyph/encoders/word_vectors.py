"""Vectors of common English words that come with the package: what a word means before anything is learned.

They were distilled from a sentence encoder by `tools/package_words.py` (after Reimers and Gurevych, 2019, and
static distillation as in model2vec): each word is one row of bytes, so that "sofa" lies near "couch" though a
small text encoder saw only one of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path

import torch
from torch import Tensor

from anaglyph.errors import ConfigError, WeightsError
from anaglyph.io.weights import read_weights, write_weights

MINI = "mini"
"""The table of the package."""
_FILE = "mini_words.safetensors"


@dataclass(frozen=True)
class WordVectors:
    """Words, and a vector of each."""

    rows: Mapping[str, int]
    """word, without case -> its row."""
    vectors: Tensor
    """(W, D) int8; a row is a direction, its length means nothing."""

    @property
    def dim(self) -> int:
        """D."""
        return self.vectors.shape[1]

    def digest(self) -> int:
        """A number over words and vectors, by which weights know the table they were trained with."""
        words = "\n".join(self.rows).encode()
        digest = hashlib.blake2b(words + self.vectors.numpy().tobytes(), digest_size=7).digest()
        return int.from_bytes(digest, "little")


@lru_cache(maxsize=1)
def packaged() -> WordVectors:
    """The table of the package."""
    with resources.as_file(resources.files("anaglyph") / "weights" / _FILE) as file:
        return read_word_vectors(file)


def open_word_vectors(source: str) -> WordVectors:
    """The table of this name.

    Raises:
        ConfigError: there is none.
    """
    if source != MINI:
        raise ConfigError(f"vectors must be '{MINI}' or null, got {source!r:.60}; no other table is known.")
    return packaged()


def read_word_vectors(path: Path) -> WordVectors:
    """What `write_word_vectors` wrote.

    Raises:
        WeightsError: damaged, or of another kind.
    """
    state = read_weights(path)
    kinds = {name: tensor.dtype for name, tensor in state.items()}
    if kinds != {"vectors": torch.int8, "words": torch.uint8}:
        raise WeightsError(f"'{path}' holds no word vectors; install the package again.")
    vectors = state["vectors"]
    words = bytes(state["words"].numpy()).decode().split("\n")
    if vectors.ndim != 2 or len(words) != len(vectors) or len(set(words)) != len(words):
        raise WeightsError(f"'{path}' holds {len(words)} words and {len(vectors)} vectors; copy it again.")
    return WordVectors({word: row for row, word in enumerate(words)}, vectors)


def write_word_vectors(path: Path, words: Sequence[str], vectors: Tensor, *, licence: str) -> None:
    """Unit vectors as bytes.

    Args:
        path: file to write.
        words: W of them, different, without case.
        vectors: (W, D) floats, none of them zero.
        licence: of what they were made of.
    """
    scaled = vectors / vectors.abs().amax(dim=1, keepdim=True)
    rows = (127.0 * scaled).round().to(torch.int8)
    letters = torch.tensor(list("\n".join(words).encode()), dtype=torch.uint8)
    state = {"vectors": rows, "words": letters}
    write_weights(path, state, header={"kind": "word_vectors", "licence": licence})
