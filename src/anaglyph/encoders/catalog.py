"""The one door through which encoders are listed, described and built; their table is `encoders.table`."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from torch import nn

from anaglyph.config import structure
from anaglyph.encoders.convention import PointConvention
from anaglyph.encoders.table import ENCODERS, EncoderEntry
from anaglyph.errors import ConfigError


def list_encoders(pattern: str = "*", modality: str | None = None) -> list[str]:
    """Names that match a shell-style pattern; `modality` is "image", "shape", "segmentation" or "text"."""
    return ENCODERS.names(pattern, tag=modality)


def encoder_convention(name: str) -> PointConvention | None:
    """How the official weights of an encoder want their clouds; None where there are none to speak of."""
    entry = ENCODERS.entry(name)
    if not isinstance(entry, EncoderEntry) or not entry.convention:
        return None
    module, _, attribute = entry.convention.partition(":")
    convention: PointConvention = getattr(import_module(module), attribute)
    return convention


def encoder_options(name: str) -> dict[str, Any]:
    """The options of an encoder and their defaults."""
    parameters = inspect.signature(ENCODERS.load(name)).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters}


def create_encoder(name: str, **options: Any) -> nn.Module:
    """Build an encoder; ConfigError for an unknown name or option, or a value that cannot be meant.

    The result maps (B, C, H, W) pictures, (B, N, C) points and a mask, or B texts to (B, embed_dim).
    """
    chosen = _checked_options(name, options, where=f"encoder '{name}'")
    try:
        encoder: nn.Module = ENCODERS.load(name)(**chosen)
    except ValueError as error:
        raise ConfigError(f"encoder '{name}': {error}") from error
    return encoder


def check_encoder(name: str, options: Mapping[str, Any], *, where: str) -> None:
    """Refuse what `create_encoder` refuses by name or type, without building; `where` names the place."""
    try:
        ENCODERS.entry(name)
    except ConfigError as error:
        raise ConfigError(f"{where}.name: {error}") from error
    _checked_options(name, options, where=f"{where}.options")


def _checked_options(name: str, options: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    """Every option of the encoder with its value; lists become tuples and integers floats where asked for."""
    build = ENCODERS.load(name)
    hints = typing.get_type_hints(build.__init__ if inspect.isclass(build) else build)
    defaults = encoder_options(name)
    unclear = sorted(
        o for o, default in defaults.items() if o not in hints or default is inspect.Parameter.empty
    )
    if unclear:
        raise ConfigError(
            f"encoder '{name}' ({ENCODERS.entry(name).target}) has options without a type or a default: "
            f"{', '.join(unclear)}. Its constructor must annotate every option and give it a default."
        )
    fields = [(o, hints[o], dataclasses.field(default=default)) for o, default in defaults.items()]
    schema: type[Any] = dataclasses.make_dataclass(name, fields, frozen=True, kw_only=True)
    checked: object = structure(schema, options, where=where)
    return {field.name: getattr(checked, field.name) for field in dataclasses.fields(schema)}
