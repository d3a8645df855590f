"""The header of an encoder's weights file: everything needed to build, feed and credit it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from anaglyph.config import structure
from anaglyph.encoders.convention import PointConvention
from anaglyph.errors import ConfigError, WeightsError

FORMAT = 1
KIND = "encoder"


@dataclass(frozen=True, kw_only=True)
class EncoderSpec:
    """What `create_encoder` is called with."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """The official file that the weights were imported from."""

    file: str
    """Its name, without folders."""
    bytes: int
    sha256: str
    place: tuple[str, ...] = ()
    """Containers opened in it, outermost first."""
    wrappers: tuple[str, ...] = ()
    """Prefixes taken off its keys."""
    averaged: bool = False
    """Whether its moving average was taken."""


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A part of the source that is not in this file."""

    tensors: int
    parameters: int


@dataclass(frozen=True, kw_only=True)
class EncoderHeader:
    """The whole header."""

    format: int = FORMAT
    kind: str = KIND
    anaglyph: str
    """Version that wrote it."""
    encoder: EncoderSpec
    family: str
    variant: str
    licence: str
    convention: PointConvention | None = None
    """How the encoder wants its clouds; None for pictures."""
    pictures: Mapping[str, Any] = field(default_factory=dict)
    """How it wants its pictures: pixels, mean and std of RGB in [0, 1]; empty for clouds."""
    source: SourceFile
    parameters: int
    """Trainable numbers."""
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)
    fresh: tuple[str, ...] = ()
    """Tensors the source does not hold, drawn as at the start of training."""
    heads: tuple[str, ...] = ()
    """Affine maps of the shared space that lie beside the encoder; see `checkpoints.heads`."""
    logit_scale: float | None = None
    """Logarithm of the factor before the softmax, where the source holds one."""
    training: Mapping[str, Any] = field(default_factory=dict)
    """Epoch, accuracies and the like, as the source states them."""


def parse_header(raw: Mapping[str, Any], *, what: str) -> EncoderHeader:
    """Check and structure a header; WeightsError for anything that `import` would not have written."""
    kind, version = raw.get("kind"), raw.get("format")
    if kind != KIND:
        found = (
            "a trained method" if "stage" in raw else f"kind {kind!r:.40}" if kind is not None else "no kind"
        )
        raise WeightsError(
            f"{what} is not an encoder made by `anaglyph models import`: its header says {found}. "
            f"Import an official checkpoint first; `anaglyph models show` tells what a file is."
        )
    if type(version) is not int or version != FORMAT:
        raise WeightsError(f"{what} has header format {version!r:.40}; this version reads {FORMAT}.")
    try:
        header: EncoderHeader = structure(EncoderHeader, raw, where=f"{what}: header")
    except ConfigError as error:
        raise WeightsError(
            f"{error} The file was damaged or made by another program; import again."
        ) from error
    if header.convention is None and not header.pictures:
        raise WeightsError(
            f"{what}: the header says neither how '{header.encoder.name:.40}' wants its clouds (convention) "
            f"nor its pictures (pictures). Import the official file again."
        )
    return header
