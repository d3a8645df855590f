"""A state dict held against what its family must hold: every key has a place, or is a fault by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import get_ident
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from anaglyph.encoders.catalog import create_encoder
from anaglyph.encoders.checkpoints.family import Contents, Group, Variant, exactly
from anaglyph.encoders.checkpoints.layouts import Shape
from anaglyph.errors import ConfigError

COUNTER = "num_batches_tracked"
_SHOWN = 100


@dataclass
class Match:
    """Where every tensor of a file goes, and the faults."""

    trunk: dict[str, str] = field(default_factory=dict)
    """Our name -> the file's name."""
    left_out: dict[str, list[str]] = field(default_factory=dict)
    """Group -> the file's names."""
    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    other_shape: list[str] = field(default_factory=list)
    counted: bool = True
    """False for files from before batch norms counted their batches; ours start at 0."""

    @property
    def fits(self) -> bool:
        """Whether there is no fault."""
        return not (self.missing or self.extra or self.other_shape)

    def faults(self) -> str:
        """All of them in one line."""
        kinds = (("missing", self.missing), ("not known", self.extra), ("other shape", self.other_shape))
        return "; ".join(f"{title}: {_listed(names)}" for title, names in kinds if names)


def match(variant: Variant, contents: Contents, own: Mapping[str, tuple[int, ...]]) -> Match:
    """Hold `contents` against `variant`, whose encoder's state dict has the names and shapes `own`.

    Counters of batch norms may lack in a file that has none of them at all.
    """
    result = Match(counted=any(key.endswith(COUNTER) for key in contents.shapes))
    known: set[str] = set()
    for name, shape in own.items():
        if name in variant.fresh:
            continue
        file_name = variant.name_in_file(name)
        known.add(file_name)
        if name.endswith(COUNTER) and not result.counted:
            continue
        result.trunk[name] = file_name
        _check(result, contents, file_name, variant.shape_in_file(name, shape))
    for group in variant.groups:
        known |= _place(result, contents, group, known)
    result.extra += [key for key in contents.shapes if key not in known]
    if not result.fits:
        _add_evidence(result, contents)
    return result


def own_shapes(name: str, options: Mapping[str, Any], *, tensors: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of an encoder's state dict, without allocating it.

    Raises:
        ConfigError: no such encoder, options it refuses, or one of more than `tensors` parameters.
    """
    with torch.device("meta"), at_most_parameters(tensors):
        encoder = create_encoder(name, **options)
    return {key: tuple(tensor.shape) for key, tensor in encoder.state_dict().items()}


@contextmanager
def at_most_parameters(parameters: int) -> Iterator[None]:
    """Stop the construction of a module when it registers more parameters than could ever be loaded."""
    thread = get_ident()
    count = 0

    def registered(module: nn.Module, name: str, parameter: nn.Parameter) -> None:
        nonlocal count
        if get_ident() == thread:
            count += 1
            if count > 2 * parameters:  # a parameter may be set twice
                raise ConfigError(
                    f"the encoder has more than {parameters} parameters, more than the file has tensors"
                )

    hook = register_module_parameter_registration_hook(registered)
    try:
        yield
    finally:
        hook.remove()


def _place(result: Match, contents: Contents, group: Group, known: set[str]) -> set[str]:
    """Put the keys of a group aside; returns them."""
    present = [key for key in contents.shapes if key in group.keys and key not in known]
    named = [
        key
        for key in contents.shapes
        if group.prefixes and key.startswith(group.prefixes) and key not in known
    ]
    if present or group.required:
        wanted = [key for key in group.keys if result.counted or not key.endswith(COUNTER)]
        for key in wanted:
            _check(result, contents, key, group.keys[key])
    if present or named:
        result.left_out[group.name] = [*present, *(key for key in named if key not in group.keys)]
    return {*present, *named}


def _check(result: Match, contents: Contents, key: str, shape: Shape) -> None:
    found = contents.shapes.get(key)
    if found is None:
        result.missing.append(key)
    elif not exactly(shape, found):
        result.other_shape.append(f"{key} is {found} instead of {_shown(shape)}")


def _add_evidence(result: Match, contents: Contents) -> None:
    """Say from which tensors sizes were read: where two disagree, the fault may be on either side."""
    read = [
        f"{key} is {shape}, a size was read from it"
        for key, shape in contents.consulted.items()
        if not any(line.startswith(f"{key} is ") for line in result.other_shape)
    ]
    if result.other_shape:
        result.other_shape += read


def _shown(shape: Shape) -> str:
    lengths = ["any" if length is None else str(length) for length in shape]
    return f"({', '.join(lengths)}{',' if len(lengths) == 1 else ''})"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
