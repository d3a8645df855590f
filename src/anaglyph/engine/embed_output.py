"""A whole embedding run: files in; one file of vectors and, beside it, one that says what they are.

embeddings.npy        float32 (clouds, D), or embeddings.jsonl with one {"key", "embedding"} per line
embeddings.npy.json   keys in order, encoder, convention, options, what was skipped, SHA-256 of the vectors

The second is written last: where it is, the run is finished.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from anaglyph import __version__
from anaglyph.engine.embed import EmbeddedBatch, EmbedOptions, Position, Skipped, embed_files
from anaglyph.engine.embed_inputs import FORMAT, read_sidecar, sidecar_of
from anaglyph.engine.embed_parts import (
    files_digest,
    open_parts,
    parts_folder,
    read_parts,
    remove_parts,
    same_plan,
    write_part,
)
from anaglyph.engine.events import Note
from anaglyph.engine.interrupt import StopRequest, graceful_interrupt
from anaglyph.engine.names import is_plain, plain_name
from anaglyph.engine.shape_encoder import ShapeEncoder
from anaglyph.errors import ConfigError, DataError
from anaglyph.io.atomic import remove_leftovers, sha256, write_chunks, write_json

SUFFIXES = (".npy", ".jsonl")
PART = 256
"""Clouds after which a part is written."""
_FREE = ("skip_bad", "batch_size")
"""Options that may change when a run goes on: they do not change which vector a cloud gets."""


@dataclass(frozen=True)
class EmbedProgress:
    """How far a run is."""

    clouds: int
    """With a vector, those of earlier starts included."""
    share: float
    """Of the files that are through, 0 to 1."""
    skipped: int


@dataclass(frozen=True)
class EmbedSummary:
    """What a run left."""

    output: Path
    sidecar: Path
    clouds: int
    dimensions: int
    skipped: tuple[Skipped, ...]
    smaller: int
    grey: int


EmbedListener = Callable[[EmbedProgress | Note], None]


def embed_to_file(
    files: Sequence[Path],
    encoder: ShapeEncoder,
    options: EmbedOptions,
    output: Path,
    *,
    device: torch.device,
    resume: bool = True,
    listen: EmbedListener = lambda event: None,
) -> EmbedSummary:
    """Embed every cloud of `files` into `output`; nothing half-done ever stands there.

    Stopped or killed, it goes on by the same call. A finished output of the same files, encoder and options
    is left as it is; one of another kind is replaced.

    Raises:
        ConfigError: the output is among the inputs, or its suffix is not known.
        DataError: a file is bad (unless `skip_bad`), or the output is a file that no such run has written.
        Interrupted: the user asked to stop; what is done is kept.
    """
    sidecar = sidecar_of(output)
    plan = _plan(files, encoder, options, device)
    before = _check_output(output, files)
    for name in (output.name, sidecar.name):
        remove_leftovers(output.parent, of=name)
    if resume and before and _finished(before, plan, output, options):
        if same_plan(output, plan):  # stopped between the last write and the end
            remove_parts(output)
        listen(Note(f"'{output}' is already finished; --no-resume makes it anew."))
        return _summary(output, sidecar, before)
    folder = open_parts(output, plan, resume=resume)
    with graceful_interrupt() as stop:
        _make_parts(files, encoder, options, folder, device=device, listen=listen, stop=stop)
    described = _write_output(output, folder, plan)
    if described["shape"][0]:
        write_json(sidecar, described)
    remove_parts(output)
    return _summary(output, sidecar, described)


def _plan(
    files: Sequence[Path], encoder: ShapeEncoder, options: EmbedOptions, device: torch.device
) -> dict[str, Any]:
    """Everything the vectors depend on, as plain data."""
    chosen = {name: value for name, value in asdict(options).items() if name not in _FREE}
    plan = {
        "format": FORMAT,
        "anaglyph": __version__,
        "encoder": dict(encoder.identity),
        "convention": asdict(encoder.convention),
        "options": {**chosen, "device": device.type},
        "files": {"count": len(files), "sha256_of_names_sizes_times": files_digest(files)},
    }
    plain: dict[str, Any] = json.loads(json.dumps(plan))  # tuples as lists, as they come back from the disk
    return plain


def _check_output(output: Path, files: Sequence[Path]) -> dict[str, Any] | None:
    """What the sidecar of an earlier run at `output` says; None where there is none."""
    if output.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"cannot tell the format of '{output}'; end its name with {' or '.join(SUFFIXES)}.")
    if not is_plain(str(output)):
        raise ConfigError(f"'{plain_name(str(output))}' is not UTF-8; choose another --output.")
    if output.resolve() in {path.resolve() for path in files}:
        raise ConfigError(f"'{output}' is one of the clouds to embed; choose another --output.")
    if not output.exists():
        return None
    described = read_sidecar(output)
    if described is None and not parts_folder(output).is_dir():  # else stopped just before the sidecar
        raise DataError(
            f"'{output}' exists and was not written by `anaglyph embed`; choose another --output "
            f"or remove it."
        )
    return described


def _finished(
    before: Mapping[str, Any], plan: Mapping[str, Any], output: Path, options: EmbedOptions
) -> bool:
    same = all(before.get(name) == value for name, value in plan.items())
    complete = options.skip_bad or not before.get("skipped")
    return same and complete and before.get("sha256") == sha256(output)


def _make_parts(
    files: Sequence[Path],
    encoder: ShapeEncoder,
    options: EmbedOptions,
    folder: Path,
    *,
    device: torch.device,
    listen: EmbedListener,
    stop: StopRequest,
) -> None:
    """Embed what the parts in `folder` lack."""
    clouds = skipped = 0
    position = Position()
    for part in read_parts(folder):
        clouds, skipped, position = clouds + len(part.keys), skipped + len(part.skipped), part.after
    if clouds + skipped:
        listen(Note(f"going on after {clouds} clouds of {position.file} files"))
    waiting: list[EmbeddedBatch] = []
    try:
        for batch in embed_files(files, encoder, options, device=device, start=position):
            waiting.append(batch)
            clouds, skipped = clouds + len(batch.keys), skipped + len(batch.skipped)
            listen(EmbedProgress(clouds, batch.share, skipped))
            if sum(len(each.keys) for each in waiting) >= PART:
                write_part(folder, waiting)
                waiting = []
            if stop.requested:
                break
    finally:  # what is done is kept, whatever ended the loop
        if waiting:
            write_part(folder, waiting)
    stop.check(f"after {clouds} clouds")


def _write_output(output: Path, folder: Path, plan: Mapping[str, Any]) -> dict[str, Any]:
    """Join the parts into `output`; returns what its sidecar says."""
    keys: list[str] = []
    skipped: list[Skipped] = []
    width = smaller = grey = 0
    for part in read_parts(folder):
        keys += part.keys
        skipped += part.skipped
        width = max(width, part.vectors.shape[1])
        smaller, grey = smaller + part.smaller, grey + part.grey
    described = {
        **plan,
        "shape": [len(keys), width],
        "fewer_points_than_asked": smaller,
        "without_colours": grey,
        "skipped": [asdict(each) for each in skipped],
        "keys": keys,
    }
    if not keys:
        return described
    lines = output.suffix.lower() == ".jsonl"
    write_chunks(output, _json_lines(folder) if lines else _npy(folder, len(keys), width))
    return {"format": FORMAT, "sha256": sha256(output), **described}


def _npy(folder: Path, rows: int, width: int) -> Iterator[bytes]:
    header = io.BytesIO()
    layout = {"descr": "<f4", "fortran_order": False, "shape": (rows, width)}
    np.lib.format.write_array_header_1_0(header, layout)
    yield header.getvalue()
    for part in read_parts(folder):
        yield part.vectors.astype("<f4").tobytes()


def _json_lines(folder: Path) -> Iterator[bytes]:
    """Numbers with the digits that float32 has, no more."""
    for part in read_parts(folder):
        for key, vector in zip(part.keys, part.vectors, strict=True):
            numbers = ", ".join(str(number) for number in vector)
            yield f'{{"key": {json.dumps(key, ensure_ascii=False)}, "embedding": [{numbers}]}}\n'.encode()


def _summary(output: Path, sidecar: Path, described: Mapping[str, Any]) -> EmbedSummary:
    rows, width = described["shape"]
    return EmbedSummary(
        output=output,
        sidecar=sidecar,
        clouds=rows,
        dimensions=width,
        skipped=tuple(Skipped(**each) for each in described["skipped"]),
        smaller=described["fewer_points_than_asked"],
        grey=described["without_colours"],
    )
