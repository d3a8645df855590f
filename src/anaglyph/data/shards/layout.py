"""What a record is as members of a tar, in the manner of WebDataset: `<key>.<part>`.

    <key>.safetensors   xyz (P, 3) float16 or float32, rgb (P, 3) uint8, images (V, D), thumbnail (D),
                        texts (T, E) float16, sources (T) uint8; rgb and thumbnail may be absent
    <key>.json          what else is known of it, such as {"label": "chair", "texts": ["a red chair"]}
    <key>.points.npy    or, from others, one npy file a part: points (P, 3 or 6), images, thumbnail, texts,
                        sources

WebDataset cuts names at the first dot, so that dots and odd characters of a key are written as in a URL.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from anaglyph.data.records import Record, TextSource, check_record
from anaglyph.errors import DataError, WeightsError
from anaglyph.io.arrays import read_npy
from anaglyph.io.safe_header import check_safe_bytes, parse_json
from anaglyph.io.tar import MAX_NAME

Precision = Literal["float16", "float32"]
TENSORS = "safetensors"
ABOUT = "json"
CLOUD = "points.npy"
_NPY = ("points", "images", "thumbnail", "texts", "sources")
PARTS = (TENSORS, ABOUT, *(f"{name}.npy" for name in _NPY))
"""All that is read of a shard; members of other names are passed over."""
MAX_PART = 256 << 20
"""Bytes of one part of a record."""
_MAX_HEADER = 64 << 10


def member_name(key: str, part: str) -> str:
    """The name of a part of the record `key`; DataError for a key that is too long."""
    plain = "/".join(re.sub(r"[^A-Za-z0-9_-]", _quoted, piece) for piece in key.split("/"))
    if not all(key.split("/")):  # folders without a name would be dropped by whoever unpacks it
        plain = plain.replace("/", "%2F")
    name = f"{plain}.{part}"
    if len(name) > MAX_NAME - 1:
        raise DataError(
            f"the key '{key[:60]}...' makes a name of {len(name)} letters; at most {MAX_NAME - 1}."
        )
    return name


def key_and_part(name: str) -> tuple[str, str] | None:
    """What `member_name` was given; None for a member that is no part of a record."""
    for part in PARTS:
        if name.endswith(f".{part}"):
            return unquote(name.removesuffix(f".{part}")), part
    return None


def encode(record: Record, *, precision: Precision) -> bytes:
    """The tensors of a record as safetensors."""
    tensors: dict[str, NDArray[Any]] = {
        "xyz": record.points[:, :3].astype(precision),
        "images": record.images.astype(np.float16),
        "texts": record.texts.astype(np.float16),
        "sources": record.sources.astype(np.uint8),
    }
    if record.points.shape[1] == 6:
        tensors["rgb"] = np.round(record.points[:, 3:].astype(np.float32) * 255).astype(np.uint8)
    if record.thumbnail is not None:
        tensors["thumbnail"] = record.thumbnail.astype(np.float16)
    return bytes(save({name: np.ascontiguousarray(array) for name, array in tensors.items()}))


def decode(parts: Mapping[str, bytes], *, key: str) -> Record:
    """The checked record of these parts; DataError naming the key."""
    try:
        record = _of_tensors(parts[TENSORS]) if TENSORS in parts else _of_files(parts)
    except (ValueError, LookupError, SafetensorError, WeightsError) as error:
        raise DataError(f"record '{key}' cannot be read: {_first_line(error)}. Make it again.") from error
    return check_record(record, key=key)


def decode_about(data: bytes, *, key: str) -> dict[str, Any]:
    """What is known of a record; DataError naming the key."""
    try:
        about = parse_json(data, what="it")
    except (ValueError, WeightsError) as error:
        raise DataError(
            f"the description of '{key}' is no JSON: {_first_line(error)}. Make it again."
        ) from error
    if not isinstance(about, dict):
        raise DataError(f"record '{key}' is described by a {type(about).__name__}; it must be a mapping.")
    return about


def encode_about(about: Mapping[str, Any]) -> bytes:
    """The inverse of `decode_about`."""
    return json.dumps(about, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _of_tensors(data: bytes) -> Record:
    check_safe_bytes(data, what="its safetensors member", most=_MAX_HEADER)
    tensors = load(data)
    xyz = tensors["xyz"]
    points = xyz
    if "rgb" in tensors:
        rgb = tensors["rgb"]
        if rgb.shape != xyz.shape or rgb.dtype != np.uint8:
            raise ValueError(f"rgb is {rgb.dtype} {rgb.shape} for xyz {xyz.shape}; give one byte each")
        points = np.empty((len(xyz), 6), dtype=np.float32)
        points[:, :3] = xyz
        np.divide(rgb, np.float32(255), out=points[:, 3:])
    return _typed(points, tensors["images"], tensors.get("thumbnail"), tensors["texts"], tensors["sources"])


def _of_files(parts: Mapping[str, bytes]) -> Record:
    arrays = {name: read_npy(io.BytesIO(parts[f"{name}.npy"])) for name in _NPY if f"{name}.npy" in parts}
    if "points" not in arrays:
        raise ValueError(f"it has no cloud, only {', '.join(sorted(parts))}")
    nothing = np.empty((0, 0), dtype=np.float32)
    texts = arrays.get("texts", nothing)
    sources = arrays.get("sources", np.full(len(texts), TextSource.NAME, dtype=np.uint8))
    return _typed(arrays["points"], arrays.get("images", nothing), arrays.get("thumbnail"), texts, sources)


def _typed(
    points: NDArray[Any],
    images: NDArray[Any],
    thumbnail: NDArray[Any] | None,
    texts: NDArray[Any],
    sources: NDArray[Any],
) -> Record:
    """A record, whose shapes `check_record` looks at."""
    numbers = [points, images, texts] + ([] if thumbnail is None else [thumbnail])
    if any(array.dtype.kind != "f" for array in numbers) or sources.dtype != np.uint8:
        kinds = ", ".join(str(array.dtype) for array in [*numbers, sources])
        raise ValueError(f"its arrays are {kinds}; clouds and vectors are floating, sources bytes")
    return Record(points=points, images=images, thumbnail=thumbnail, texts=texts, sources=sources)


def _quoted(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found.group().encode())


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
