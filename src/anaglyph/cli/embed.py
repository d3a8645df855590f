"""`anaglyph embed`: point-cloud files in, one vector each out."""

from __future__ import annotations

import json as jsonlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from anaglyph.errors import ConfigError

if TYPE_CHECKING:
    from anaglyph.engine.embed import EmbedOptions
    from anaglyph.engine.embed_output import EmbedSummary
    from anaglyph.engine.shape_encoder import ShapeEncoder

SHOWN = 10
"""Skipped files that are listed on standard error; the sidecar lists all."""


def embed(
    files: tyro.conf.Positional[tuple[str, ...]],
    *,
    encoder: str,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("embeddings.npy"),
    up: Literal["y", "z", "x"] = "y",
    columns: Literal["xyz", "xyzrgb", "xyznormal"] | None = None,
    colour_range: Literal[1, 255] | None = None,
    dataset: str | None = None,
    points: int | None = None,
    batch_size: int = 32,
    device: str = "auto",
    precision: Literal["float32", "bfloat16"] = "float32",
    seed: int = 0,
    skip_bad: bool = False,
    resume: bool = True,
    json: bool = False,
) -> int:
    """Turn point clouds into vectors: .npy, .npz, .ply, .xyz, .txt, .csv, .off and .h5 files.

    Writes the vectors and, beside them, OUTPUT.json with keys, encoder and conventions. Ctrl-C keeps what is
    done; the same command goes on. Exit code 1 when no cloud was found or embedded.

    Args:
        files: files, folders (searched below) or patterns in quotes, such as 'scans/**/*.ply'.
        encoder: a .safetensors file that `anaglyph models import` wrote, or the name of an encoder, which
            then has untrained weights.
        output: .npy for float32 (clouds, D), .jsonl for one {"key", "embedding"} per line.
        up: the axis of the files that points up.
        columns: what the columns of text and of arrays without names are; needed where there are more than
            three and the encoder reads colours.
        colour_range: largest value of colours; by default 255 for whole numbers and 1 for reals.
        dataset: name of the points in .npz and .h5 files; by default points, xyz or data.
        points: points taken of each cloud, at most; by default as many as the encoder was trained with.
        batch_size: clouds computed at once.
        device: auto, cpu, cuda, cuda:1 or mps.
        precision: bfloat16 runs the encoder under autocast.
        seed: what the choice of points and untrained weights depend on.
        skip_bad: leave out files that cannot be embedded, and list them, instead of stopping.
        resume: go on where an earlier run with the same files and options stopped; --no-resume starts anew.
        json: print a summary as JSON.
    """
    from anaglyph.engine.embed import EmbedOptions

    options = EmbedOptions(
        up=up, columns=columns, colour_range=colour_range, dataset=dataset, points=points,
        batch_size=batch_size, precision=precision, seed=seed, skip_bad=skip_bad,
    )  # fmt: skip
    return _run(files, encoder, output, options, device=device, resume=resume, json=json)


def _run(
    files: tuple[str, ...],
    encoder: str,
    output: Path,
    options: EmbedOptions,
    *,
    device: str,
    resume: bool,
    json: bool,
) -> int:
    """Find the clouds, embed them and say what came of it; the exit code."""
    from anaglyph.cli.run_display import RunDisplay
    from anaglyph.cli.run_listeners import EmbedListener
    from anaglyph.engine.devices import find_device
    from anaglyph.engine.embed_inputs import find_clouds
    from anaglyph.engine.embed_output import embed_to_file
    from anaglyph.engine.interrupt import Interrupted
    from anaglyph.engine.shape_encoder import open_shape_encoder

    if not files:
        raise ConfigError("nothing to embed; name files, folders or patterns of point clouds.")
    target = find_device(device)
    found = find_clouds(files, leave_out=output)
    if not found:
        print(f"no cloud in {', '.join(files)}.", file=sys.stderr)
        return 1
    opened = open_shape_encoder(encoder, seed=options.seed)
    with RunDisplay("embedding", "clouds", quiet=json) as display:
        if not opened.trained:
            display.say(
                f"'{encoder}' has untrained weights (seed {options.seed}): the vectors mean nothing. "
                f"Pass a .safetensors file for real ones."
            )
        try:
            made = embed_to_file(
                found, opened, options, output, device=target, resume=resume, listen=EmbedListener(display)
            )
        except Interrupted as stopped:
            print(f"anaglyph: {stopped}. Go on with the same command.", file=sys.stderr)
            return 1
    _warn(made, opened, options.points or opened.convention.points)
    if json:
        print(jsonlib.dumps(_plain(made, opened)))
    elif made.clouds:
        print(f"{made.output}: {made.clouds} clouds, {made.dimensions} numbers each; see {made.sidecar}")
    return 0 if made.clouds else 1


def _warn(made: EmbedSummary, encoder: ShapeEncoder, asked: int) -> None:
    """What somebody who uses the vectors should know, on standard error."""
    lines = []
    if made.smaller:
        lines.append(
            f"{made.smaller} clouds have fewer than {asked} points and were taken as they are; "
            f"the encoder expects {encoder.convention.points}."
        )
    if made.grey:
        lines.append(
            f"{made.grey} clouds have no colours; the encoder saw grey ({encoder.convention.missing_colour})."
        )
    if made.skipped:
        lines.append(f"{len(made.skipped)} skipped:")
        lines += [f"  {each.reason}" for each in made.skipped[:SHOWN]]
        if len(made.skipped) > SHOWN:
            lines.append(f"  and {len(made.skipped) - SHOWN} more.")
    if not made.clouds:
        lines.append("no cloud could be embedded; nothing was written.")
    for line in lines:
        print(line, file=sys.stderr)


def _plain(made: EmbedSummary, encoder: ShapeEncoder) -> dict[str, object]:
    return {
        "output": str(made.output) if made.clouds else None,
        "sidecar": str(made.sidecar) if made.clouds else None,
        "clouds": made.clouds,
        "dimensions": made.dimensions,
        "encoder": dict(encoder.identity),
        "fewer_points_than_asked": made.smaller,
        "without_colours": made.grey,
        "skipped": [{"key": each.key, "reason": each.reason} for each in made.skipped],
    }
