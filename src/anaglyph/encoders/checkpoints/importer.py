"""From an official checkpoint to an encoder's weights file: everything accounted for, or refused by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from anaglyph.config import override, plain, structure
from anaglyph.encoders.catalog import create_encoder
from anaglyph.encoders.checkpoints.catalog import FAMILIES, candidates, family_named
from anaglyph.encoders.checkpoints.family import Contents, Family, Variant
from anaglyph.encoders.checkpoints.header import KIND, EncoderHeader, EncoderSpec, LeftOut, SourceFile
from anaglyph.encoders.checkpoints.heads import HeadChoice, found_heads, head_key, name_beside
from anaglyph.encoders.checkpoints.match import COUNTER, Match, match, own_shapes
from anaglyph.encoders.checkpoints.sources import Source, networks_beside, open_source, scalars
from anaglyph.encoders.convention import PointConvention
from anaglyph.errors import ConfigError, WeightsError
from anaglyph.io.atomic import sha256
from anaglyph.io.containers import Unwrapped
from anaglyph.io.torch_file import examine
from anaglyph.io.weights import read_header, write_weights
from anaglyph.randomness import seeded

STATISTICS = ("running_mean", "running_var", COUNTER)


@dataclass(frozen=True)
class Examined:
    """A state dict seen as a file of one family."""

    family: Family
    variant: Variant
    match: Match
    own: Mapping[str, tuple[int, ...]]
    """Names and shapes of the encoder's state dict."""


def import_checkpoint(
    path: Path,
    output: Path,
    *,
    family: str | None = None,
    averaged: bool = False,
    force: bool = False,
    assignments: Sequence[str] = (),
) -> EncoderHeader:
    """Read an official file, check all of it, and write its encoder as safetensors; returns the header.

    Args:
        path: the official file.
        output: the .safetensors file to write; another one than `path`, and must not exist unless `force`.
        family: name in `FAMILIES`; None where exactly one fits.
        averaged: take the moving average of the weights.
        force: replace `output`.
        assignments: "options.groups=512" or "convention.points=8192", for what no file holds.

    Raises:
        WeightsError: with every key that is missing, not known or of another shape, or a file of ours.
        ConfigError: an unknown family or assignment, or an output that exists or is the official file.
    """
    _check_output(path, output, force=force)
    if is_imported(path):
        raise WeightsError(f"'{path}' is imported already; use it as it is.")
    source = open_source(path, averaged=averaged)
    chosen = family_named(family) if family else only_family(source)
    examined = examine_as(chosen, source.contents, assignments=assignments, what=f"'{path}'")
    if not examined.match.fits:
        raise WeightsError(
            f"'{path}' is no {chosen.name} checkpoint ({examined.variant.title}): {examined.match.faults()}. "
            f"`anaglyph models show` tells what the file is."
        )
    numbers = source.tensors()
    heads = found_heads(source.unwrapped.beside, examined.variant)
    header = _header(source, examined, numbers, heads=tuple(heads))
    tensors = _collected(path, examined, numbers)
    for side, layers in heads.items():
        tensors |= {
            head_key(side, part): _number(path, f"{side} head", tensor, counter=False)
            for part, tensor in layers.items()
        }
    write_weights(output, tensors, header=plain(header))
    return header


def is_imported(path: Path) -> bool:
    """Whether a file is one that `import_checkpoint` wrote."""
    return examine(path).kind == "safetensors" and read_header(path).get("kind") == KIND


def _check_output(path: Path, output: Path, *, force: bool) -> None:
    if output.suffix != ".safetensors":
        raise ConfigError(f"the output is safetensors: '{output}' must end in .safetensors.")
    if output.exists():
        if path.exists() and output.samefile(path):
            raise ConfigError(f"'{output}' is the official file itself. Choose another name for the output.")
        if not force:
            raise ConfigError(
                f"'{output}' exists already. Choose another name, or overwrite it with --force."
            )
    if not output.absolute().parent.is_dir():
        raise ConfigError(f"there is no folder '{output.absolute().parent}' to write into. Make it first.")


def left_out(source: Source, variant: Variant, match: Match) -> dict[str, LeftOut]:
    """What of a file is not taken: parts of its state dict, and networks beside it that are no heads here."""
    parts = {name: {key: source.shapes[key] for key in keys} for name, keys in match.left_out.items()}
    taken = {name_beside(side, variant) for side in found_heads(source.unwrapped.beside, variant)}
    beside = networks_beside(source.unwrapped.beside)
    beside = {name: shapes for name, shapes in beside.items() if name not in taken}
    return {
        name: LeftOut(tensors=len(shapes), parameters=count_parameters(shapes, shapes))
        for name, shapes in {**beside, **parts}.items()
    }


def only_family(source: Source) -> Family:
    """The one family a file looks like; WeightsError when there are none or several."""
    found = candidates(source.contents)
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(family.name for family in found)
        raise WeightsError(
            f"'{source.path}' has the keys of several families: {names}. Say which with --as {found[0].name}."
        )
    raise WeightsError(
        f"'{source.path}' looks like no family that is known here ({', '.join(FAMILIES)}). Its keys begin "
        f"with {', '.join(sorted({key.split('.')[0] for key in source.shapes})[:8])}."
    )


def examine_as(
    family: Family, contents: Contents, *, assignments: Sequence[str] = (), what: str = "the file"
) -> Examined:
    """Hold a state dict against one family.

    Raises:
        WeightsError: a size cannot be read from the shapes, or the family cannot be imported at all.
        ConfigError: an assignment that names nothing or cannot be meant.
    """
    try:
        variant = family.read(contents)
    except WeightsError as error:
        raise WeightsError(f"{what} is no {family.name} checkpoint that can be imported: {error}.") from error
    variant = _assigned(variant, assignments)
    own = own_shapes(variant.encoder, variant.options, tensors=2 * len(contents.shapes) + 1000)
    return Examined(family, variant, match(variant, contents, own), own)


def _assigned(variant: Variant, assignments: Sequence[str]) -> Variant:
    if not assignments:
        return variant
    data: Mapping[str, Any] = {
        "options": dict(variant.options),
        "convention": plain(variant.convention) or {},
        "heads": {"shared": variant.share_head},
    }
    for assignment in assignments:
        data = override(data, assignment)
    unknown = sorted(data.keys() - {"options", "convention", "heads"})
    if unknown:
        raise ConfigError(
            f"--set knows options.NAME=VALUE, convention.NAME=VALUE and heads.shared=VALUE, got "
            f"'{unknown[0]}'."
        )
    convention = structure(PointConvention, data["convention"], where="convention")
    return replace(
        variant,
        options=data["options"],
        convention=None if variant.convention is None else convention,
        share_head=structure(HeadChoice, data["heads"], where="heads").shared,
    )


def _collected(path: Path, examined: Examined, numbers: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our state dict: float32, finite, every tensor of the encoder."""
    for key, other in examined.variant.twins.items():
        if key in numbers and not torch.equal(numbers[key], numbers[other]):
            raise WeightsError(
                f"'{path}': {key} must repeat {other} and does not; it is unclear which one counts."
            )
    tensors = _fresh(examined)
    for own, name in examined.match.trunk.items():
        number = _number(path, name, numbers[name], counter=own.endswith(COUNTER))
        tensors[own] = number.reshape(examined.own[own])
    for own in examined.own:
        if own.endswith(COUNTER) and own not in tensors:
            tensors[own] = torch.zeros((), dtype=torch.int64)
    return {own: tensors[own] for own in examined.own}


def _number(path: Path, name: str, tensor: Tensor, *, counter: bool) -> Tensor:
    if counter:
        return tensor.to(torch.int64)
    if not tensor.is_floating_point():
        raise WeightsError(f"'{path}': {name} holds {tensor.dtype}, weights are floating-point numbers.")
    if not bool(torch.isfinite(tensor).all()):
        raise WeightsError(f"'{path}': {name} holds NaN or infinite numbers; the file is of no use.")
    return tensor.to(torch.float32)


def _fresh(examined: Examined) -> dict[str, Tensor]:
    """The tensors that such a file never holds, as an untrained encoder has them; always the same numbers."""
    if not examined.variant.fresh:
        return {}
    with seeded(0, "fresh", examined.family.name):
        state = create_encoder(examined.variant.encoder, **examined.variant.options).state_dict()
    return {name: state[name].clone() for name in examined.variant.fresh}


def _header(
    source: Source, examined: Examined, numbers: Mapping[str, Tensor], *, heads: tuple[str, ...]
) -> EncoderHeader:
    variant = examined.variant
    return EncoderHeader(
        anaglyph=version("anaglyph"),
        encoder=EncoderSpec(name=variant.encoder, options=variant.options),
        family=examined.family.name,
        variant=variant.title,
        licence=examined.family.licence,
        convention=variant.convention,
        pictures=variant.pictures,
        source=SourceFile(
            file=source.path.name,
            bytes=source.path.stat().st_size,
            sha256=sha256(source.path),
            place=source.unwrapped.place,
            wrappers=source.unwrapped.wrappers,
            averaged=source.unwrapped.averaged,
        ),
        parameters=count_parameters(examined.own, examined.own),
        left_out=left_out(source, variant, examined.match),
        fresh=variant.fresh,
        heads=heads,
        logit_scale=_logit_scale(source.unwrapped, numbers),
        training=scalars(source.unwrapped.beside),
    )


def count_parameters(keys: Sequence[str] | Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Trainable numbers among `keys`; statistics of batch norms do not count."""
    total = 0
    for key in keys:
        if not key.endswith(STATISTICS):
            size = 1
            for length in shapes[key]:
                size *= length
            total += size
    return total


def _logit_scale(unwrapped: Unwrapped, numbers: Mapping[str, Tensor]) -> float | None:
    """The one learned scale between points and text, wherever a trainer put it."""
    places: list[object] = [numbers.get("logit_scale")]
    for name in ("logit_scale", "text_logit_scale"):
        beside = unwrapped.beside.get(name)
        places += [*beside.values()] if isinstance(beside, Mapping) else [beside]
    for found in places:
        if isinstance(found, Tensor) and found.numel() == 1 and bool(torch.isfinite(found).all()):
            return float(found)
    return None
