"""MobileNet-V2 weights as unpacked from Google's quantised file: an npz of int8 numbers and a JSON plan.

    conv<i>.weight_int8  (out, in, k, k) int8      weight = weight_int8 * scale, per output channel
    conv<i>.scale        (out,) float32
    conv<i>.bias         (out,) float32            normalisation is folded in

The plan lists the convolutions; it must be the one that `encoders.mobilenet_v2` runs.
"""

from __future__ import annotations

import json
import zipfile
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anaglyph.encoders.mobilenet_v2 import Convolution, convolution_name, convolution_plan
from anaglyph.errors import WeightsError
from anaglyph.io.arrays import check_npz

_MAX_PLAN_BYTES = 1 << 20
_PARTS = ("weight_int8", "scale", "bias")


def read_mobilenet_v2(weights: Path, plan: Path) -> dict[str, Tensor]:
    """The state dict of `MobileNetV2(head_classes=...)` in float32; no code of the files is run.

    Args:
        weights: the npz.
        plan: the JSON beside it.

    Raises:
        WeightsError: unreadable, of another network, or with entries missing, extra or of another shape.
    """
    layers = _read_plan(plan)
    with _opened(weights) as archive:
        wanted = {f"{convolution_name(number)}.{part}" for number in range(len(layers)) for part in _PARTS}
        found = set(archive.files)
        if wanted != found:
            missing, extra = sorted(wanted - found), sorted(found - wanted)
            raise WeightsError(
                f"'{weights}' is not the network of '{plan}': missing {missing[:5]}, extra {extra[:5]}."
            )
        state: dict[str, Tensor] = {}
        for number, layer in enumerate(layers):
            state |= _read_layer(archive, number, layer, weights)
    return state


def _read_layer(archive: Any, number: int, layer: Convolution, file: Path) -> dict[str, Tensor]:
    name = convolution_name(number)
    inner = 1 if layer.depthwise else layer.before
    weight = _array(
        archive, f"{name}.weight_int8", (layer.after, inner, layer.kernel, layer.kernel), "i", file
    )
    scale = _array(archive, f"{name}.scale", (layer.after,), "f", file)
    bias = _array(archive, f"{name}.bias", (layer.after,), "f", file)
    return {
        f"{name}.weight": torch.from_numpy(
            weight.astype(np.float32) * scale.astype(np.float32)[:, None, None, None]
        ),
        f"{name}.bias": torch.from_numpy(bias.astype(np.float32)),
    }


def _array(archive: Any, name: str, shape: tuple[int, ...], kind: str, file: Path) -> NDArray[Any]:
    try:
        found: NDArray[Any] = archive[name]
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise WeightsError(f"'{name}' of '{file}' cannot be read: {error}. Copy the file again.") from error
    if found.shape != shape or found.dtype.kind != kind or not np.isfinite(found).all():
        raise WeightsError(
            f"'{name}' of '{file}' is {found.dtype} {found.shape}; expected are finite numbers of kind "
            f"'{kind}' and shape {shape}."
        )
    return found


def _opened(file: Path) -> Any:
    try:
        with file.open("rb") as stream:
            check_npz(stream)
        return np.load(file, allow_pickle=False)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise WeightsError(f"'{file}' is not a readable npz: {error}. Copy the file again.") from error


def _read_plan(file: Path) -> tuple[Convolution, ...]:
    """The convolutions of the JSON, checked against the network that exists here."""
    try:
        with file.open("rb") as stream:
            raw = stream.read(_MAX_PLAN_BYTES + 1)
        if len(raw) > _MAX_PLAN_BYTES:
            raise WeightsError(f"'{file}' has more than {_MAX_PLAN_BYTES} bytes; a plan has a few thousand.")
        entries = json.loads(raw)
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(f"'{file}' is not a readable JSON plan: {error}.") from error
    convolutions = [entry for entry in _mappings(entries, file) if "i" in entry]
    sums = [entry.get("add_after_conv") for entry in _mappings(entries, file) if "i" not in entry]
    classes = convolutions[-1].get("out") if convolutions else None
    if type(classes) is not int or classes < 1:
        raise WeightsError(f"'{file}' does not end with a classifier; it is not a MobileNet-V2.")
    layers = convolution_plan()
    layers = (*layers, Convolution(layers[-1].after, classes, clamped=False))
    expected = [_described(number, layer) for number, layer in enumerate(layers)]
    expected_sums = [number for number, layer in enumerate(layers) if layer.adds_from is not None]
    if convolutions != expected or sums != expected_sums:
        pairs = enumerate(zip_longest(convolutions, expected))
        different = [number for number, (found, right) in pairs if found != right]
        raise WeightsError(
            f"'{file}' is not MobileNet-V2 of width 32: {len(convolutions)} convolutions instead of "
            f"{len(expected)}, different ones {different[:5]}, sums after {sums[:12]} instead of "
            f"{expected_sums}."
        )
    return layers


def _mappings(entries: Any, file: Path) -> list[dict[str, Any]]:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise WeightsError(f"'{file}' must hold a list of convolutions, got {type(entries).__name__}.")
    return entries


def _described(number: int, layer: Convolution) -> dict[str, Any]:
    """A convolution in the words of the JSON."""
    return {
        "i": number,
        "kind": "depthwise" if layer.depthwise else "conv",
        "out": layer.after,
        "inp": 1 if layer.depthwise else layer.before,
        "kernel": layer.kernel,
        "stride": layer.stride,
        "relu6": layer.clamped,
    }
