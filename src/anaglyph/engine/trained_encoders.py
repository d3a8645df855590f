"""Encoders out of trained methods: what another run of this project learned, as a start for the next.

A shape encoder comes as it is; the picture half of an `image_text` comes with its projection and its
normalisation, as the encoder `projected_image`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from anaglyph.errors import ConfigError
from anaglyph.io.weights import read_header, read_weights

_PREFIXES = ("average.module.", "student.")
"""Where the networks of a method lie; the average is taken where there is one."""


def is_trained_method(path: Path) -> bool:
    """Whether a file is a safetensors file that holds a trained method."""
    return path.suffix == ".safetensors" and "stage" in read_header(path)


def trained_encoder(path: Path, modality: str) -> tuple[str, dict[str, Tensor]]:
    """Name of the encoder of "image" or "shape", and its weights in full precision.

    Raises:
        ConfigError: the method has no encoder of that modality.
        WeightsError: the file is damaged.
    """
    stage = read_header(path)["stage"]
    encoders = stage["encoders"]
    if modality not in encoders:
        raise ConfigError(
            f"'{path}' holds a trained {stage['method']} with encoders for {', '.join(sorted(encoders))} and "
            f"none for {modality}; name another file."
        )
    state = read_weights(path)
    prefix = next((p for p in _PREFIXES if any(key.startswith(f"{p}encoders.") for key in state)), "")
    own = _below(state, f"{prefix}encoders.{modality}.")
    name = str(encoders[modality]["name"])
    if modality == "image" and stage["method"] == "image_text":
        projection = _below(state, f"{prefix}projections.image.")
        own = {f"encoder.{key}": value for key, value in own.items()}
        own |= {f"projection.{key}": value for key, value in projection.items()}
        name = "projected_image"
    return name, own


def _below(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        key.removeprefix(prefix): value.float() if value.dtype == torch.float16 else value
        for key, value in state.items()
        if key.startswith(prefix)
    }
