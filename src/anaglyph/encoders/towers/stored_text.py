"""Vectors of texts that another tower made, looked up by name: a text tower without a network.

CLIP's vectors of the names of LVIS are one (Detic publishes them). A text that is not in the table is an
error that names the closest ones, never a guess.
"""

from __future__ import annotations

import difflib
import json
import unicodedata
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from anaglyph.encoders.towers.tower import TextTower, frozen
from anaglyph.errors import ConfigError, DataError, WeightsError
from anaglyph.io.arrays import check_npz
from anaglyph.io.atomic import sha256

_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class StoredText:
    """A table of vectors."""

    source: str
    """.npz with `names` (N) and `vectors` (N, E), or .npy with vectors alone and `names` beside it."""
    names: str = ""
    """File of the names for .npy: a line each, or JSON: a list of strings, or of objects with `name`."""
    prefixes: tuple[str, ...] = ("a ", "an ", "the ")
    """What may stand before a name in a text."""

    def __post_init__(self) -> None:
        if not self.source:
            raise ConfigError("source must name a file of vectors (.npy or .npz), got ''.")

    def text(self, *, root: Path) -> TextTower:
        """The table as a tower."""
        path = root / self.source
        if path.suffix == ".npz":
            names, vectors = _npz(path)
            files = [path]
        elif self.names:
            names, vectors = _names(root / self.names), _npy(path)
            files = [path, root / self.names]
        else:
            raise ConfigError(
                f"stored_text: '{path}' holds vectors alone; give their names in option `names`."
            )
        _check(names, vectors, path)
        rows: dict[str, int] = {}
        for row, name in enumerate(names):
            rows.setdefault(plain_text(name), row)
        table = _Table(torch.from_numpy(vectors.astype(np.float32)), rows, self.prefixes)
        identity = {
            "kind": "stored_text",
            "files": [sha256(file) for file in files],
            "prefixes": self.prefixes,
        }
        name = f"stored_text {self.source}"
        return TextTower(name, frozen(table), vectors.shape[1], identity, any_text=False)


def plain_text(text: str) -> str:
    """A name as it is compared: no case, underscores as spaces, one space between words."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().replace("_", " ").split())


class _Table(nn.Module):
    vectors: Tensor

    def __init__(self, vectors: Tensor, rows: Mapping[str, int], prefixes: Sequence[str]) -> None:
        super().__init__()
        self.register_buffer("vectors", vectors)
        self.rows = rows
        self.prefixes = tuple(prefixes)

    def forward(self, texts: Sequence[str]) -> Tensor:
        return self.vectors[[self._row(text) for text in texts]]

    def _row(self, text: str) -> int:
        name = plain_text(text)
        stripped = (name.removeprefix(prefix) for prefix in self.prefixes)
        for each in (name, *stripped):
            if each in self.rows:
                return self.rows[each]
        close = difflib.get_close_matches(name, self.rows, n=_SHOWN, cutoff=0.5)
        hint = f"close are {', '.join(close)}" if close else "nothing is close"
        raise DataError(
            f"there is no stored vector for the text '{text[:80]}'; {hint}, and {len(self.rows)} names are "
            f"stored. Use a tower that reads any text, or name objects as the table does."
        )


def _npz(path: Path) -> tuple[list[str], NDArray[Any]]:
    try:
        with path.open("rb") as stream:
            check_npz(stream)
        with np.load(path, allow_pickle=False) as archive:
            return [str(name) for name in archive["names"]], archive["vectors"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise WeightsError(
            f"'{path}' is no npz with `names` and `vectors`: {error}. Write it again."
        ) from error


def _npy(path: Path) -> NDArray[Any]:
    try:
        vectors: NDArray[Any] = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise WeightsError(f"'{path}' is not a readable npy: {error}. Copy it again.") from error
    return vectors


def _names(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix != ".json":
            return [line.strip() for line in text.splitlines() if line.strip()]
        rows: object = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(f"'{path}' is no readable file of names: {error}. Copy it again.") from error
    names = (
        [row.get("name") if isinstance(row, dict) else row for row in rows] if isinstance(rows, list) else []
    )
    if not names or not all(isinstance(name, str) for name in names):
        raise WeightsError(f"'{path}' must hold a list of names, or of objects with a `name`.")
    return [str(name) for name in names]


def _check(names: Sequence[str], vectors: NDArray[Any], path: Path) -> None:
    if vectors.ndim != 2 or vectors.dtype.kind != "f" or len(names) != len(vectors) or not len(names):
        raise WeightsError(
            f"'{path}' holds {vectors.dtype} numbers of shape {vectors.shape} for {len(names)} names; "
            f"expected are (N, E) floats, a row for each name."
        )
    if not np.isfinite(vectors).all():
        raise WeightsError(f"'{path}' holds numbers that are not finite. Make it again.")
