"""A shape encoder ready to use: by its name, with weights drawn from a seed, or from a weights file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from anaglyph.encoders.catalog import create_encoder, encoder_convention, list_encoders
from anaglyph.encoders.checkpoints.load import load_encoder
from anaglyph.encoders.convention import PointConvention
from anaglyph.engine.names import is_plain, plain_name
from anaglyph.errors import ConfigError, unknown_name
from anaglyph.io.atomic import sha256
from anaglyph.randomness import seeded

PICKLES = frozenset({".pth", ".pt", ".t7", ".th", ".ckpt", ".bin"})
"""Suffixes of files that PyTorch writes, which are imported first."""


@dataclass(frozen=True)
class ShapeEncoder:
    """An encoder in eval mode with everything a user of its vectors must know."""

    module: nn.Module
    convention: PointConvention
    identity: Mapping[str, Any]
    """What stands beside the vectors: name or file, SHA-256, licence, seed."""
    trained: bool


def open_shape_encoder(asked: str, *, seed: int = 0) -> ShapeEncoder:
    """The encoder that a name of the catalog or the path of a weights file stands for.

    A name gives untrained weights that depend on the seed alone: the pipeline can be tried, the vectors
    mean nothing.

    Raises:
        ConfigError: neither a name nor a file.
        WeightsError: the file is no encoder, is damaged or does not fit.
    """
    if not is_plain(asked):
        raise ConfigError(f"the encoder '{plain_name(asked)}' is not UTF-8; rename the file.")
    path = Path(asked)
    if path.suffix.lower() in PICKLES:
        raise ConfigError(
            f"'{asked}' is a file of PyTorch; turn it into safetensors first: "
            f"anaglyph models import {asked} --as FAMILY -o {path.stem}.safetensors"
        )
    if path.suffix == ".safetensors" or path.exists():
        return _from_file(path)
    names = list_encoders(modality="shape")
    if asked not in names:
        pictures = " It is an encoder of pictures." if asked in list_encoders(modality="image") else ""
        raise ConfigError(
            f"{unknown_name('shape encoder', asked, names)}.{pictures} Or pass a .safetensors file that "
            f"`anaglyph models import` wrote."
        )
    with seeded(seed, asked, "weights"):
        module = create_encoder(asked)
    convention = encoder_convention(asked) or PointConvention(colours=_channels(module) == 6)
    _check_channels(module, convention, what=f"encoder '{asked}'")
    return ShapeEncoder(
        module.eval(), convention, {"name": asked, "weights": "untrained", "seed": seed}, False
    )


def _from_file(path: Path) -> ShapeEncoder:
    loaded = load_encoder(path)
    _check_channels(loaded.module, loaded.convention, what=f"'{path}'")
    described = {
        name: loaded.header[name] for name in ("encoder", "family", "licence") if name in loaded.header
    }
    identity = {**described, "weights": path.name, "sha256": sha256(path)}
    return ShapeEncoder(loaded.module.eval(), loaded.convention, identity, True)


def _check_channels(module: nn.Module, convention: PointConvention, *, what: str) -> None:
    if _channels(module) != convention.channels:
        raise ConfigError(
            f"{what} reads {_channels(module)} numbers per point, its input convention makes "
            f"{convention.channels}; build it with in_channels={convention.channels}."
        )


def _channels(module: nn.Module) -> int:
    return int(getattr(module, "in_channels", 3))
