"""Vectors of class names in one small safetensors file: the names stand in its metadata, in order."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from anaglyph.errors import DataError, WeightsError
from anaglyph.io.atomic import write_bytes
from anaglyph.io.safe_header import check_safe_bytes, parse_json

_VECTORS = "vectors"


def write_class_vectors(path: Path, names: tuple[str, ...], vectors: NDArray[np.float32]) -> None:
    """Keep one vector (C, E) for each name."""
    about = {"names": json.dumps(names, ensure_ascii=False)}
    write_bytes(path, save({_VECTORS: np.ascontiguousarray(vectors)}, metadata=about))


def read_class_vectors(path: Path, *, obtain: str = "") -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Names and vectors (C, E); DataError, with where to get it, when there is none or a damaged one."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read '{path}': {error.strerror}. {obtain}".rstrip()) from error
    try:
        header = check_safe_bytes(data, what=f"'{path}'")
        names = tuple(parse_json(header["__metadata__"]["names"], what="the names"))
        vectors = load(data)[_VECTORS].astype(np.float32)
    except (LookupError, TypeError, ValueError, SafetensorError, WeightsError) as error:
        raise DataError(f"'{path}' holds no class vectors ({error}). {obtain}".rstrip()) from error
    if vectors.ndim != 2 or len(vectors) != len(names) or not all(isinstance(name, str) for name in names):
        raise DataError(
            f"'{path}' holds {len(names)} names and vectors of shape {vectors.shape}. {obtain}".rstrip()
        )
    return names, vectors
