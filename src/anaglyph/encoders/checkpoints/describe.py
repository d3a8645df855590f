"""What a file of weights is, told before anything of it is loaded: `anaglyph models show`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anaglyph.config import plain
from anaglyph.encoders.checkpoints.catalog import candidates, family_named
from anaglyph.encoders.checkpoints.family import Family
from anaglyph.encoders.checkpoints.header import KIND
from anaglyph.encoders.checkpoints.importer import count_parameters, examine_as, left_out
from anaglyph.encoders.checkpoints.load import check_encoder_file
from anaglyph.encoders.checkpoints.sources import Source, open_source, scalars
from anaglyph.errors import AnaglyphError, WeightsError
from anaglyph.io.atomic import sha256
from anaglyph.io.torch_file import TITLES, TorchFile, examine
from anaglyph.io.weights import read_header


def describe(path: Path, *, family: str | None = None, averaged: bool = False) -> dict[str, Any]:
    """Facts about a file as plain data; a file that is refused is described as far as its bytes tell.

    Nothing is unpickled unless the scan of its opcodes found nothing but tensors and plain values, and the
    numbers of zip and safetensors files are not read.

    Raises:
        WeightsError: the file cannot be opened.
        ConfigError: `family` is none.
    """
    chosen = family_named(family) if family else None
    file = examine(path)
    try:
        digest = sha256(path)
    except OSError as error:
        raise WeightsError(f"cannot read '{path}': {error.strerror}. Check the path.") from error
    facts: dict[str, Any] = {
        "file": str(path),
        "kind": TITLES[file.kind],
        "bytes": file.size,
        "sha256": digest,
        "readable": True,
        **_program(file),
    }
    try:
        facts |= _header(path) if file.kind == "safetensors" else {}
        source = open_source(path, averaged=averaged)
    except WeightsError as error:
        return {**facts, "readable": False, "fault": str(error)}
    facts |= _contents(source)
    if facts.get("header", {}).get("kind") == KIND:  # imported already
        return facts | _loads(path)
    found = [chosen] if chosen else candidates(source.contents)
    facts["families"] = [_as_family(each, source, averaged=averaged) for each in found]
    return facts


def _program(file: TorchFile) -> dict[str, Any]:
    """What the pickle in the file would import."""
    if file.kind not in ("zip", "legacy", "pickle"):
        return {}
    return {"globals": file.facts.globals, "refused_globals": file.facts.refused}


def _header(path: Path) -> dict[str, Any]:
    return {"header": {key: plain(value) for key, value in read_header(path).items()}}


def _loads(path: Path) -> dict[str, Any]:
    """Whether an imported file can be loaded, by everything except its numbers."""
    try:
        check_encoder_file(path)
    except WeightsError as error:
        return {"loads": False, "fault": str(error)}
    return {"loads": True}


def _contents(source: Source) -> dict[str, Any]:
    unwrapped = source.unwrapped
    return {
        "state_dict": " > ".join(unwrapped.place) or "the top",
        "wrappers": list(unwrapped.wrappers),
        "moving_average": unwrapped.averaged or unwrapped.has_average,
        "beside": sorted(name if name.isprintable() else ascii(name) for name in unwrapped.beside)[:100],
        "scalars": scalars(unwrapped.beside),
        "tensors": len(source.shapes),
        "parameters": count_parameters(source.shapes, source.shapes),
    }


def _as_family(family: Family, source: Source, *, averaged: bool) -> dict[str, Any]:
    """What an import as this family would do."""
    about: dict[str, Any] = {"family": family.name, "title": family.title, "licence": family.licence}
    try:
        examined = examine_as(family, source.contents, what=f"'{source.path}'")
    except AnaglyphError as error:
        return {**about, "imports": False, "fault": str(error)}
    variant, match = examined.variant, examined.match
    about |= {
        "variant": variant.title,
        "encoder": variant.encoder,
        "options": plain(variant.options),
        "convention": plain(variant.convention),
        "parameters": count_parameters(examined.own, examined.own),
        "left_out": plain(left_out(source, variant, match)),
        "fresh": list(variant.fresh),
        "imports": match.fits,
    }
    if match.fits:
        return {**about, "command": _command(source.path, family, averaged=averaged)}
    return {**about, "missing": match.missing, "not_known": match.extra, "other_shape": match.other_shape}


def _command(path: Path, family: Family, *, averaged: bool) -> str:
    """The line that imports it, quoted for a shell where it must be."""
    from shlex import quote

    average = " --ema" if averaged else ""
    output = quote(f"{path.stem}.safetensors")
    return f"anaglyph models import {quote(str(path))} --as {family.name}{average} -o {output}"


def lines(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The facts as (name, text) rows for a terminal."""
    rows: list[tuple[str, str]] = []
    for name, value in facts.items():
        if name == "families":
            for about in value:
                rows.append(("", ""))
                rows += lines(about)
        elif isinstance(value, Mapping):
            rows += [(name if first else "", text) for first, text in _numbered(_pairs(value))]
        elif isinstance(value, list | tuple):
            rows.append((name.replace("_", " "), ", ".join(map(str, value)) or "none"))
        else:
            rows.append(
                (name.replace("_", " "), "yes" if value is True else "no" if value is False else str(value))
            )
    return rows


def _pairs(value: Mapping[str, Any]) -> list[str]:
    return [f"{key}: {item}" for key, item in value.items()] or ["none"]


def _numbered(texts: list[str]) -> list[tuple[bool, str]]:
    return [(place == 0, text) for place, text in enumerate(texts)]
