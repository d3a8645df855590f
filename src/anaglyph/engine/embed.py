"""Point-cloud files in, one vector each out: read, prepare, batch, encode.

A generator of finished batches, so that a caller can save, draw and stop between them. Batches hold
consecutive clouds; where their sizes differ they are padded, with a mask. What a batch contains depends on
the files, the options and where it starts alone, so a run that goes on makes the same batches.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from anaglyph.encoders.preparation import Up, prepare_cloud
from anaglyph.engine.names import is_plain, plain_name
from anaglyph.engine.shape_encoder import ShapeEncoder
from anaglyph.errors import ConfigError, DataError
from anaglyph.io.coloured_clouds import Cloud, ColourRange, Columns, open_clouds

Precision = Literal["float32", "bfloat16"]
_TOO_FEW = re.compile(r"a cloud has \d+ points, fewer than the (\d+) \w+ asked for")
"""What `ops.checks.require_enough` says; its advice is for those who build encoders."""


@dataclass(frozen=True, kw_only=True)
class EmbedOptions:
    """How clouds become vectors."""

    up: Up = "y"
    """The axis of the files that points up."""
    columns: Columns | None = None
    """What columns without names hold; None is xyz for encoders without colours, else three columns alone."""
    colour_range: ColourRange | None = None
    """Largest value of colours; None is 255 for whole numbers and 1 for reals."""
    dataset: str | None = None
    """Name of the points in npz and h5 files; None is points, xyz or data."""
    points: int | None = None
    """Points taken of each cloud, at most; None is what the encoder was trained with."""
    batch_size: int = 32
    precision: Precision = "float32"
    """bfloat16 runs the encoder under autocast."""
    seed: int = 0
    """Of the random choice of points, and of untrained weights."""
    skip_bad: bool = False
    """Leave out files that cannot be embedded, and list them, instead of stopping."""

    def __post_init__(self) -> None:
        for name, value in (("points", self.points), ("batch_size", self.batch_size)):
            if value is not None and value < 1:
                raise ConfigError(f"{name.replace('_', '-')} must be >= 1, got {value}.")
        if self.dataset is not None and not is_plain(self.dataset):
            raise ConfigError(f"dataset '{plain_name(self.dataset)}' is not UTF-8.")


@dataclass(frozen=True)
class Position:
    """The next cloud: number of the file, and row in it."""

    file: int = 0
    row: int = 0


@dataclass(frozen=True)
class Skipped:
    """A cloud without a vector."""

    key: str
    reason: str


@dataclass(frozen=True)
class EmbeddedBatch:
    """Consecutive clouds with their vectors."""

    keys: tuple[str, ...]
    """Path as given, with #row where a file holds many clouds."""
    vectors: NDArray[np.float32]
    """(clouds, D) as the encoder gives them, not normalised."""
    skipped: tuple[Skipped, ...]
    """What was left out on the way to this batch."""
    smaller: int
    """Clouds with fewer points than asked for, taken as they are."""
    grey: int
    """Clouds without colours for an encoder that reads them."""
    after: Position
    """Where the next batch begins."""
    share: float
    """Of the files that are through, 0 to 1."""


@dataclass(frozen=True)
class _Item:
    key: str
    after: Position
    share: float
    cloud: Tensor | None = None
    reason: str = ""
    smaller: bool = False
    grey: bool = False


def embed_files(
    files: Sequence[Path],
    encoder: ShapeEncoder,
    options: EmbedOptions,
    *,
    device: torch.device,
    start: Position = Position(),
) -> Iterator[EmbeddedBatch]:
    """The vectors of every cloud of `files`, in order, from `start` on.

    Args:
        files: files that `io.coloured_clouds` reads, each with one cloud or many.
        encoder: moved to `device`.
        options: axes, columns, sizes, precision and what to do with bad files.
        device: where the encoder computes.
        start: `EmbeddedBatch.after` of the last batch that is already there.

    Raises:
        DataError: naming the first file that cannot be read or embedded, unless `skip_bad`.
        ConfigError: the device has no memory for a batch.
    """
    encoder.module.to(device)
    waiting: list[_Item] = []
    skipped: list[Skipped] = []
    for item in _items(files, encoder, options, start):
        if item.cloud is None:
            skipped.append(_refused(item.key, item.reason, options))
            continue
        waiting.append(item)
        if len(waiting) == options.batch_size:
            yield _embedded(waiting, skipped, encoder, options, device)
            waiting, skipped = [], []
    if waiting or skipped:
        yield _embedded(waiting, skipped, encoder, options, device, end=Position(len(files), 0))


def _items(
    files: Sequence[Path], encoder: ShapeEncoder, options: EmbedOptions, start: Position
) -> Iterator[_Item]:
    convention = encoder.convention
    columns = options.columns or (None if convention.colours else "xyz")
    for index in range(start.file, len(files)):
        path, done = files[index], Position(index + 1, 0)
        if not is_plain(path.as_posix()):
            key = plain_name(path.as_posix())
            reason = f"'{key}' has a name that is not UTF-8, which no key can hold; rename it"
            yield _Item(key, done, done.file / len(files), reason=reason)
            continue
        try:
            file = open_clouds(
                path, columns=columns, colour_range=options.colour_range, dataset=options.dataset
            )
        except DataError as error:
            yield _Item(path.as_posix(), done, done.file / len(files), reason=str(error))
            continue
        first = start.row if index == start.file else 0
        for row in [None] if file.count is None else range(first, file.count):
            ending = "" if row is None else f"#{row}"
            after = done if row is None or row + 1 == file.count else Position(index, row + 1)
            share = (index + (1 if row is None else (row + 1) / (file.count or 1))) / len(files)
            try:
                cloud = file.cloud(row)
            except DataError as error:
                yield _Item(path.as_posix() + ending, after, share, reason=str(error))
                continue
            prepared, smaller = _prepared(cloud, path.stem + ending, encoder, options)
            grey = convention.colours and cloud.colours is None
            yield _Item(path.as_posix() + ending, after, share, prepared, smaller=smaller, grey=grey)


def _prepared(cloud: Cloud, name: str, encoder: ShapeEncoder, options: EmbedOptions) -> tuple[Tensor, bool]:
    """The cloud as the encoder reads it, and whether it is smaller than asked for.

    `name` has neither folder nor suffix: they do not change which points are taken.
    """
    asked = options.points or encoder.convention.points
    prepared = prepare_cloud(
        cloud.points,
        cloud.colours,
        encoder.convention,
        up=options.up,
        points_count=asked,
        key=name,
        seed=options.seed,
    )
    return prepared, len(cloud.points) < asked


def _embedded(
    items: Sequence[_Item],
    skipped: Sequence[Skipped],
    encoder: ShapeEncoder,
    options: EmbedOptions,
    device: torch.device,
    *,
    end: Position | None = None,
) -> EmbeddedBatch:
    """One batch; where the encoder refuses it, cloud by cloud, to name the one it refuses."""
    clouds = [item.cloud for item in items if item.cloud is not None]
    try:
        vectors = list(_encode(encoder, clouds, options, device)) if clouds else []
        results: list[NDArray[np.float32] | str] = [*vectors]
    except DataError:
        results = []
        for item, cloud in zip(items, clouds, strict=True):
            try:
                results.append(_encode(encoder, [cloud], options, device)[0])
            except DataError as error:
                results.append(_advice(str(error), cloud, item))
    kept: list[tuple[_Item, NDArray[np.float32]]] = []
    refused = list(skipped)
    for item, result in zip(items, results, strict=True):
        if isinstance(result, str):
            refused.append(_refused(item.key, f"'{item.key}': {result}", options))
        elif not np.isfinite(result).all():
            reason = f"'{item.key}': the encoder's numbers are not finite; try --precision float32"
            refused.append(_refused(item.key, reason, options))
        else:
            kept.append((item, result))
    width = int(getattr(encoder.module, "embed_dim", 0))
    return EmbeddedBatch(
        keys=tuple(item.key for item, _ in kept),
        vectors=np.stack([vector for _, vector in kept]) if kept else np.empty((0, width), np.float32),
        skipped=tuple(refused),
        smaller=sum(item.smaller for item, _ in kept),
        grey=sum(item.grey for item, _ in kept),
        after=end or items[-1].after,
        share=1.0 if end else items[-1].share,
    )


@torch.inference_mode()
def _encode(
    encoder: ShapeEncoder, clouds: Sequence[Tensor], options: EmbedOptions, device: torch.device
) -> NDArray[np.float32]:
    """(b) clouds (N, C) -> (b, D)."""
    sizes = torch.tensor([len(cloud) for cloud in clouds])
    points = pad_sequence(list(clouds), batch_first=True).to(device)  # (b, N, C)
    valid = (torch.arange(points.shape[1]) < sizes[:, None]).to(device)
    try:
        with torch.autocast(device.type, torch.bfloat16, enabled=options.precision == "bfloat16"):
            vectors = encoder.module(points, None if bool(valid.all()) else valid)
    except torch.OutOfMemoryError as error:
        raise ConfigError(
            f"{device} has no memory for {len(clouds)} clouds of {points.shape[1]} points at once; "
            f"use a smaller --batch-size or fewer --points."
        ) from error
    result: NDArray[np.float32] = vectors.float().cpu().numpy()
    return result


def _advice(reason: str, cloud: Tensor, item: _Item) -> str:
    """Why the encoder refuses a cloud, with what can be done about it where only files can be changed."""
    found = _TOO_FEW.search(reason)
    if found is None:
        return reason
    least = f"the encoder needs at least {found[1]} points"
    if not item.smaller:
        return f"{least}, {len(cloud)} were taken; ask for more with --points"
    return f"{least}, the file has {len(cloud)}: sample it denser, or leave such files out with --skip-bad"


def _refused(key: str, reason: str, options: EmbedOptions) -> Skipped:
    """A cloud to be left out; DataError where bad files shall stop the run."""
    if not options.skip_bad:
        ending = "" if "--skip-bad" in reason else " (--skip-bad goes on without such files)"
        raise DataError(f"{reason}{ending}")
    return Skipped(key, reason)
