"""Vectors on their way to a file: parts in a folder beside it, so that a stopped run goes on where it was.

embeddings.npy.unfinished/
├── plan.json               what is embedded, by what and how; another plan does not continue this one
├── part-000000.safetensors vectors, with keys, skipped files and the next position in the header
└── ...

A part is written whole or not at all (`io.atomic`), and begins where the one before ended.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from anaglyph.engine.checkpoint import difference
from anaglyph.engine.embed import EmbeddedBatch, Position, Skipped
from anaglyph.errors import DataError, WeightsError
from anaglyph.io.atomic import remove_leftovers, write_json
from anaglyph.io.weights import read_header, read_weights, write_weights

PLAN = "plan.json"


def parts_folder(output: Path) -> Path:
    """Where the parts of `output` lie until it is finished."""
    return output.with_name(output.name + ".unfinished")


def open_parts(output: Path, plan: Mapping[str, Any], *, resume: bool) -> Path:
    """The folder of parts, made or cleaned up; without `resume` what lay there is removed.

    Raises:
        DataError: an unfinished run with another plan lies there.
    """
    folder = parts_folder(output)
    if not resume or not (folder / PLAN).exists():  # killed before the plan was there, or when it was gone
        remove_parts(output)
        folder.mkdir(parents=True)
        write_json(folder / PLAN, plan)
    remove_leftovers(folder)
    _check_plan(folder, plan)
    return folder


def remove_parts(output: Path) -> None:
    """Remove the folder of parts, the plan first: parts without one are never continued."""
    folder = parts_folder(output)
    if folder.exists():
        (folder / PLAN).unlink(missing_ok=True)
        shutil.rmtree(folder)


def same_plan(output: Path, plan: Mapping[str, Any]) -> bool:
    """Whether the parts of `output` are of this plan, or of none because it is gone already."""
    try:
        then: object = json.loads((parts_folder(output) / PLAN).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return False
    return then == plan


def write_part(folder: Path, batches: Sequence[EmbeddedBatch]) -> None:
    """Put consecutive batches on disk as the next part."""
    vectors = np.concatenate([batch.vectors for batch in batches])
    header = {
        "keys": [key for batch in batches for key in batch.keys],
        "skipped": [asdict(skipped) for batch in batches for skipped in batch.skipped],
        "smaller": sum(batch.smaller for batch in batches),
        "grey": sum(batch.grey for batch in batches),
        "after": asdict(batches[-1].after),
        "share": batches[-1].share,
    }
    path = folder / f"part-{len(part_files(folder)):06d}.safetensors"
    write_weights(path, {"vectors": torch.from_numpy(vectors)}, header=header)


def part_files(folder: Path) -> list[Path]:
    """The parts in order."""
    return sorted(folder.glob("part-*.safetensors"))


def read_parts(folder: Path) -> Iterator[EmbeddedBatch]:
    """The parts in order, each as one batch.

    Raises:
        DataError: a part is damaged.
    """
    for path in part_files(folder):
        try:
            header, vectors = read_header(path), read_weights(path)["vectors"]
            yield EmbeddedBatch(
                keys=tuple(header["keys"]),
                vectors=_rows(vectors.numpy(), len(header["keys"])),
                skipped=tuple(Skipped(**row) for row in header["skipped"]),
                smaller=header["smaller"],
                grey=header["grey"],
                after=Position(**header["after"]),
                share=header["share"],
            )
        except (WeightsError, KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"'{path}' is damaged ({error}); start again with --no-resume, which removes it."
            ) from error


def files_digest(files: Sequence[Path]) -> str:
    """SHA-256 over names, sizes and times of change, so that a run does not go on with other files."""
    lines: list[bytes] = []
    for path in files:
        try:
            state = path.stat()
            lines.append(os.fsencode(path.as_posix()) + f"\t{state.st_size}\t{state.st_mtime_ns}".encode())
        except OSError as error:
            raise DataError(f"cannot read '{path}': {error.strerror or error}. Check the file.") from error
    return hashlib.sha256(b"\n".join(lines)).hexdigest()


def _check_plan(folder: Path, plan: Mapping[str, Any]) -> None:
    try:
        then = json.loads((folder / PLAN).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"'{folder / PLAN}' cannot be read ({error}); start again with --no-resume, which removes it."
        ) from error
    found = difference(dict(plan), then)
    if found:
        raise DataError(
            f"'{folder}' holds an unfinished run of another kind ({found}); go on with its options and "
            f"files, or start again with --no-resume, which removes it."
        )


def _rows(vectors: NDArray[Any], count: int) -> NDArray[np.float32]:
    if vectors.ndim != 2 or len(vectors) != count or vectors.dtype != np.float32:
        raise ValueError(f"{vectors.dtype} of shape {vectors.shape} for {count} keys")
    return vectors
