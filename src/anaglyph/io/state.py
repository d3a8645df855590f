"""Nested Python state in one safetensors file, exactly: the training state of a checkpoint.

Tensors are stored as tensors; everything around them (dicts with any plain keys, lists, tuples, numbers,
strings) is a JSON tree in the file's header. What comes back is equal bit for bit, NaN payloads, signed
zeros and integer dictionary keys included; nothing is unpickled.
"""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as parse_safetensors
from safetensors.torch import save as to_safetensors
from torch import Tensor

from anaglyph.errors import CheckpointError, WeightsError
from anaglyph.io.atomic import write_bytes
from anaglyph.io.safe_header import MAX_HEADER_BYTES, MAX_TENSORS, read_safe_header
from anaglyph.io.weights import separate

_TREE = "anaglyph_state"


def save_state(folder: Path, name: str, state: object) -> Path:
    """Write `state` to `<folder>/<name>.safetensors` atomically and return that path.

    `state` is dict, list, tuple, int, float, str, bool, None and tensors, nested; keys are any of the
    plain kinds. TypeError, naming the place, for anything else.
    """
    tensors: dict[str, Tensor] = {}
    tree = json.dumps(_encode(state, tensors, where="state"), separators=(",", ":"))
    if len(tensors) > MAX_TENSORS or len(tree) > MAX_HEADER_BYTES // 2:
        raise CheckpointError(
            f"the state '{name}' has {len(tensors)} tensors and {len(tree)} characters around them; at most "
            f"{MAX_TENSORS} and {MAX_HEADER_BYTES // 2} can be read again. Keep long lists in tensors."
        )
    path = folder / f"{name}.safetensors"
    write_bytes(path, to_safetensors(separate(tensors), metadata={_TREE: tree}))
    return path


def load_state(folder: Path, name: str) -> Any:
    """What `save_state` wrote, tensors on the CPU.

    Raises:
        CheckpointError: absent, truncated, or not written by `save_state`.
    """
    path = folder / f"{name}.safetensors"
    try:
        tree = json.loads(read_safe_header(path)["__metadata__"][_TREE])
        tensors = parse_safetensors(path.read_bytes())
        return _decode(tree, tensors)
    except WeightsError as error:
        raise CheckpointError(str(error)) from error
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, IndexError, struct.error) as error:
        raise CheckpointError(
            f"'{path}' is damaged or not a saved state ({type(error).__name__}: {error}). "
            f"Continue from an older checkpoint."
        ) from error


def _encode(value: object, tensors: dict[str, Tensor], *, where: str) -> Any:
    """`value` as JSON; objects with one key mark what JSON lacks."""
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value
        return {"tensor": name}
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"float": struct.pack(">d", value).hex()}
    if isinstance(value, dict):
        return {
            "dict": [
                [_encode(key, tensors, where=where), _encode(item, tensors, where=f"{where}[{key!r}]")]
                for key, item in value.items()
            ]
        }
    if isinstance(value, list | tuple) and type(value) in (list, tuple):  # no named tuples
        items = [_encode(item, tensors, where=f"{where}[{i}]") for i, item in enumerate(value)]
        return items if type(value) is list else {"tuple": items}
    raise TypeError(
        f"{where} is a {type(value).__name__}; a state holds tensors and plain Python values only"
    )


def _decode(tree: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(tree, list):
        return [_decode(item, tensors) for item in tree]
    if not isinstance(tree, dict):
        return tree
    ((kind, value),) = tree.items()
    if kind == "tensor":
        return tensors[value]
    if kind == "tuple":
        return tuple(_decode(item, tensors) for item in value)
    if kind == "float":
        return struct.unpack(">d", bytes.fromhex(value))[0]
    if kind == "dict":
        return {_decode(key, tensors): _decode(item, tensors) for key, item in value}
    raise ValueError(f"unknown kind '{kind}'")
