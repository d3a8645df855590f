"""Weights on disk: safetensors with a header that says what they are, and strict loading into modules.

Nothing is matched approximately: a key that is missing, extra or of another shape is an error that
names it. The one place in Anaglyph that reads PyTorch's own files is `read_pth_content`, weights-only, so
that a file cannot run code.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from pickle import UnpicklingError  # only the name of the error; nothing is unpickled here
from struct import error as StructError
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load as parse_safetensors
from safetensors.torch import save as to_safetensors
from torch import Tensor, nn

from anaglyph.errors import WeightsError
from anaglyph.io.atomic import write_bytes
from anaglyph.io.containers import CONTAINERS, unwrap
from anaglyph.io.safe_header import MAX_HEADER_BYTES, MAX_TENSORS, parse_json, read_safe_header
from anaglyph.io.stand_ins import STAND_INS
from anaglyph.io.torch_file import examine

_UNCOUNTED = "num_batches_tracked"
_SHOWN = 20
_ADVICE = "Ask its author for safetensors or a plain state dict."


def write_weights(path: Path, tensors: Mapping[str, Tensor], *, header: Mapping[str, Any]) -> None:
    """Write tensors and a JSON-able header (config, licence, versions ...) atomically.

    The same content makes the same bytes.
    """
    metadata = {key: json.dumps(value, ensure_ascii=False) for key, value in header.items()}
    if sum(len(key) + len(value) for key, value in metadata.items()) > MAX_HEADER_BYTES // 2:
        raise WeightsError(
            f"the header for '{path}' exceeds {MAX_HEADER_BYTES // 2} bytes; store less in it."
        )
    if len(tensors) > MAX_TENSORS:
        raise WeightsError(
            f"'{path}' would hold {len(tensors)} tensors; at most {MAX_TENSORS} are read again."
        )
    write_bytes(path, _with_metadata(to_safetensors(separate(tensors)), metadata))


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, on the CPU.

    Raises:
        WeightsError: absent, truncated, hostile or not safetensors.
    """
    read_safe_header(path)
    try:
        return dict(parse_safetensors(path.read_bytes()))
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise WeightsError(f"'{path}' cannot be loaded: {error}. Copy or write it again.") from error


def check_layout(path: Path) -> None:
    """Hold the header of a safetensors file against its size; no number is read.

    Raises:
        WeightsError: types, shapes and offsets that do not fit one another or the file.
    """
    read_safe_header(path)
    try:
        with safe_open(path, framework="pt"):
            pass
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"'{path}' cannot be loaded: {error}. Copy or write it again.") from error


def read_header(path: Path) -> dict[str, Any]:
    """The header that `write_weights` stored; values other programs wrote stay plain strings."""
    metadata = read_safe_header(path).get("__metadata__", {})
    if not isinstance(metadata, dict):
        raise WeightsError(f"'{path}' has metadata that is not a JSON object; write it again.")
    return {
        str(key): _json_or_text(value, what=f"'{path}': header.{str(key)[:40]}")
        for key, value in metadata.items()
    }


def load_into(module: nn.Module, tensors: Mapping[str, Tensor], *, what: str) -> None:
    """Copy `tensors` into `module`; every name and shape must match.

    `what` is how messages name the weights, such as "'best.safetensors'".

    Raises:
        WeightsError: naming each key that is missing, extra or of another shape. Nothing is copied then.
    """
    faults = _faults(module.state_dict(), tensors)
    if faults:
        raise WeightsError(
            f"{what} does not fit {type(module).__name__}: {'; '.join(faults)}. "
            f"Use the configuration the weights were trained with."
        )
    module.load_state_dict(dict(tensors))


def load_trunk(
    module: nn.Module, tensors: Mapping[str, Tensor], *, ignore: Iterable[str] = (), what: str = "the file"
) -> None:
    """Load a pretrained trunk into `module`, whose own head and the file's old head are ignored.

    Every other key must match, in both directions; a partial load would train on quietly from scratch
    (dossier RoMo, section 4). Batch counters, which older files lack, may be absent.

    `ignore` lists key prefixes that are not part of the trunk, in the module and in the file.

    Raises:
        WeightsError: with the ratio of matched keys and examples of both sides. Nothing is copied then.
    """
    skipped = tuple(ignore)
    own = {name: tensor for name, tensor in module.state_dict().items() if not name.startswith(skipped)}
    given = {name: tensor for name, tensor in tensors.items() if not name.startswith(skipped)}
    needed = [name for name in own if not name.endswith(_UNCOUNTED)]
    matched = [name for name in needed if name in given and given[name].shape == own[name].shape]
    given = {name: tensor for name, tensor in given.items() if name in own or not name.endswith(_UNCOUNTED)}
    extra = [name for name in given if name not in own]
    if len(matched) < len(needed) or extra or not needed:
        trunk = {name: tensor for name, tensor in own.items() if name in needed or name in given}
        ratio = len(matched) / max(len(needed), 1)
        raise WeightsError(
            f"{what} matches {len(matched)} of {len(needed)} trunk keys ({ratio:.0%}) of "
            f"{type(module).__name__}: "
            f"{'; '.join(_faults(trunk, given)) or 'the trunk is empty'}. "
            f"Check the architecture and the prefixes to ignore ({', '.join(skipped) or 'none'})."
        )
    module.load_state_dict({**module.state_dict(), **{name: given[name] for name in own if name in given}})


def read_pth(path: Path) -> dict[str, Tensor]:
    """The tensors of a PyTorch checkpoint file, read weights-only, wrapper prefixes stripped.

    A file that needs anything but tensors, plain containers, an argument list and NumPy numbers is refused,
    never executed. Together with `load_trunk` it starts a network of one's own from a pretrained file.
    """
    tensors = unwrap(read_pth_content(path), what=f"'{path}'").tensors
    if not tensors:
        raise WeightsError(
            f"'{path}' holds no state dict of tensors; looked at the top and under {', '.join(CONTAINERS)}."
        )
    if len(tensors) > MAX_TENSORS:
        raise WeightsError(f"'{path}' holds {len(tensors)} tensors; at most {MAX_TENSORS} are read.")
    return tensors


def read_pth_content(path: Path) -> object:
    """Everything in a PyTorch checkpoint file, read weights-only; tensors on the CPU.

    The file is examined first (`io.torch_file`), so what it asks for is known before PyTorch sees it. The
    numbers of a zip file stay on disk until they are used (memory-mapped): close to nothing is read here.
    """
    file = examine(path)
    if file.fault:
        raise WeightsError(
            f"'{path}' is damaged or holds more than weights, and is not loaded: {file.fault}. {_ADVICE}"
        )
    try:
        with torch.serialization.safe_globals(list(STAND_INS)):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=file.kind == "zip")
    except OSError as error:
        raise WeightsError(f"cannot read '{path}': {error.strerror}. Check the path.") from error
    except UnpicklingError as error:  # PyTorch's text advises to read the file without any check
        raise WeightsError(
            f"'{path}' is not loaded: it holds something that PyTorch's weights-only reader does not accept. "
            f"{_ADVICE}"
        ) from error
    except (
        RuntimeError,
        AssertionError,
        EOFError,
        LookupError,
        ValueError,
        AttributeError,
        TypeError,
        ArithmeticError,
        MemoryError,
        StructError,
    ) as error:
        first = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise WeightsError(
            f"'{path}' is damaged or holds more than weights ({first}). Copy it again. {_ADVICE}"
        ) from error


def separate(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Contiguous CPU tensors that share no memory with one another, as safetensors wants them."""
    result: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in tensors.items():
        plain = tensor.detach().cpu().contiguous()
        storage = plain.untyped_storage()
        if storage.data_ptr() in seen or storage.nbytes() != plain.numel() * plain.element_size():
            plain = plain.clone()
        seen.add(plain.untyped_storage().data_ptr())
        result[name] = plain
    return result


def _with_metadata(file: bytes, metadata: Mapping[str, str]) -> bytes:
    """A safetensors file with metadata in the order given; the library would write it in a random one."""
    end = 8 + int.from_bytes(file[:8], "little")
    header = {"__metadata__": dict(metadata), **json.loads(file[8:end])}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join((len(text).to_bytes(8, "little"), text, file[end:]))


def _faults(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> list[str]:
    missing = [name for name in own if name not in given]
    extra = [name for name in given if name not in own]
    shapes = [
        f"{name} is {tuple(given[name].shape)} instead of {tuple(own[name].shape)}"
        for name in own
        if name in given and given[name].shape != own[name].shape
    ]
    groups = (("missing", missing), ("not known", extra), ("other shape", shapes))
    return [f"{title}: {_listed(names)}" for title, names in groups if names]


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _json_or_text(value: object, *, what: str) -> Any:
    try:
        return parse_json(str(value), what=what)
    except ValueError:
        return value
