"""A checkpoint opened: names and shapes at once, numbers when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from anaglyph.encoders.checkpoints.family import Contents
from anaglyph.encoders.mobilenet_v2_file import read_mobilenet_v2
from anaglyph.errors import WeightsError
from anaglyph.io.containers import Unwrapped, take_off_wrappers, unwrap
from anaglyph.io.safe_header import MAX_TENSORS, read_safe_header
from anaglyph.io.torch_file import TITLES, examine
from anaglyph.io.weights import check_layout, read_pth_content, read_weights

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Source:
    """A file of weights before anything is decided about it."""

    path: Path
    shapes: Shapes
    tensors: Callable[[], Mapping[str, Tensor]]
    """The numbers, by the names in `shapes`."""
    unwrapped: Unwrapped
    """Containers, wrappers and bookkeeping; its tensors are those of PyTorch files alone."""

    @property
    def contents(self) -> Contents:
        """What families look at."""
        return Contents(self.shapes, frozenset(self.unwrapped.beside) | set(self.unwrapped.place))


def open_source(path: Path, *, averaged: bool = False) -> Source:
    """Open a PyTorch file (.pth, .pt, .t7, .th), safetensors or a known npz; content decides, not the name.

    Raises:
        WeightsError: it cannot be read safely, holds no tensors, or lacks the moving average asked for.
    """
    file = examine(path)
    if file.kind == "safetensors":
        return _safetensors(path, averaged=averaged)
    if file.kind == "npz":
        return _npz(path)
    if file.kind in ("unknown", "torchscript"):
        raise WeightsError(
            f"'{path}' is no checkpoint that can be read here ({TITLES[file.kind]}): {file.fault}. "
            f"Allowed are PyTorch checkpoints and safetensors."
        )
    unwrapped = unwrap(read_pth_content(path), averaged=averaged, what=f"'{path}'")
    if not unwrapped.tensors or len(unwrapped.tensors) > MAX_TENSORS:
        around = ", ".join(map(ascii, sorted(unwrapped.beside)[:10])) or "nothing"
        raise WeightsError(
            f"'{path}' holds {len(unwrapped.tensors)} tensors where a state dict is looked for; 1 to "
            f"{MAX_TENSORS} are allowed. At its top: {around}."
        )
    shapes = {name: tuple(tensor.shape) for name, tensor in unwrapped.tensors.items()}
    _require_plain_names(path, shapes)
    return Source(path, shapes, lambda: unwrapped.tensors, unwrapped)


def header_shapes(path: Path) -> Shapes:
    """Names and shapes of a safetensors file from its header alone.

    Raises:
        WeightsError: unreadable, or a shape that is none.
    """
    shapes: Shapes = {}
    for name, entry in read_safe_header(path).items():
        if name == "__metadata__":
            continue
        shape = entry.get("shape") if isinstance(entry, dict) else None
        if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
            raise WeightsError(f"'{path}': the header gives '{name[:80]}' no shape. Write the file again.")
        shapes[name] = tuple(shape)
    _require_plain_names(path, shapes)
    return shapes


def mobilenet_plan(path: Path) -> Path:
    """The JSON that belongs to an npz: `x_int8.npz` has `x_spec.json`."""
    return path.with_name(path.stem.removesuffix("_int8") + "_spec.json")


def _require_plain_names(path: Path, shapes: Shapes) -> None:
    """Names go into messages: one line, nothing a terminal would obey."""
    odd = next((name for name in shapes if len(name) > 300 or not name.isprintable()), None)
    if odd is not None:
        raise WeightsError(f"'{path}' has a tensor named {ascii(odd)[:80]}, which no network has.")


def _safetensors(path: Path, *, averaged: bool) -> Source:
    if averaged:
        raise WeightsError(f"'{path}' is safetensors and holds one set of weights. Leave out --ema.")
    check_layout(path)
    shapes, wrappers = take_off_wrappers(header_shapes(path))
    if not shapes:
        raise WeightsError(f"'{path}' holds no tensors.")
    return Source(
        path,
        shapes,
        lambda: take_off_wrappers(read_weights(path))[0],
        Unwrapped({}, wrappers=wrappers),
    )


def _npz(path: Path) -> Source:
    plan = mobilenet_plan(path)
    if not plan.is_file():
        raise WeightsError(
            f"'{path}' is a NumPy archive; the only one known here is MobileNet-V2's, which needs '{plan}' "
            f"beside it."
        )
    tensors = read_mobilenet_v2(path, plan)
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    return Source(path, shapes, lambda: tensors, Unwrapped({}))


def networks_beside(beside: Mapping[str, object], *, most: int = 16) -> dict[str, Shapes]:
    """Other state dicts around the one that was taken, such as projection heads and averages, by their names.

    A learned temperature, which the header holds, is none.
    """
    found: dict[str, Shapes] = {}
    for name, value in beside.items():
        if name.endswith("logit_scale") or len(name) > 100 or not name.isprintable():
            continue
        if isinstance(value, Mapping):
            shapes = {str(key): tuple(item.shape) for key, item in value.items() if isinstance(item, Tensor)}
            found.update({name: shapes} if any(shapes.values()) else {})  # single numbers are results
    return dict(list(found.items())[:most])


def scalars(beside: Mapping[str, object], *, most: int = 64) -> dict[str, Any]:
    """Numbers and short words that lay beside a state dict, such as epoch and accuracies, one level deep."""
    found: dict[str, Any] = {}
    for name, value in beside.items():
        if len(name) > 100 or not name.isprintable():
            continue
        if isinstance(value, Mapping):
            inner = {f"{name}.{key}": _plain(item) for key, item in value.items()}
            few = len(inner) <= 16 and all(
                item is not None and len(key) <= 200 and key.isprintable() for key, item in inner.items()
            )
            found.update(inner if few else {})
        elif (plain := _plain(value)) is not None:
            found[name] = plain
    return dict(list(found.items())[:most])


def _plain(value: object) -> int | float | str | None:
    if isinstance(value, Tensor):
        single = value.numel() == 1 and not value.is_complex() and value.device.type == "cpu"
        return _plain(value.item()) if single else None
    if isinstance(value, bool | int):
        return value if abs(value) < 1 << 62 else None
    if isinstance(value, float):
        return value if value - value == 0.0 else str(value)  # JSON has no NaN
    return value if isinstance(value, str) and len(value) <= 200 and value.isprintable() else None
