"""`anaglyph render`: 3D models in, pictures from all sides out."""

from __future__ import annotations

import json as jsonlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from anaglyph.errors import ConfigError

if TYPE_CHECKING:
    from anaglyph.engine.render_files import RenderSettings, RenderSummary

SHOWN = 20
"""Models that could not be used that are listed; --json lists all."""


def render(
    files: tyro.conf.Positional[tuple[str, ...]],
    *,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("pictures"),
    views: Literal["ring12", "ring8", "dodecahedron20", "faces6", "thumbnail"] = "ring12",
    elevation: float = 30.0,
    size: int = 224,
    outputs: tuple[Literal["gray", "mask", "colour", "depth", "normals"], ...] = ("gray", "mask"),
    points: int = 0,
    up: Literal["auto", "y", "z"] = "auto",
    backend: Literal["auto", "torch", "numba", "moderngl", "embree"] = "auto",
    device: str = "auto",
    processes: int = 2,
    seed: int = 0,
    overwrite: bool = False,
    json: bool = False,
) -> int:
    """Take pictures of 3D models from all sides: obj, ply, stl, off, gltf, glb, 3mf, dae and fbx files.

    Every model gets a folder below OUTPUT, named after its file: a PNG for each view and output, sheet.png
    with all views, cameras.json with the matrices. What is there with the same content and settings stays, so
    the same command goes on where an earlier one stopped. Exit code 1 when a model could not be used.

    Args:
        files: files, folders (searched below) or patterns in quotes, such as 'kits/**/*.glb'.
        output: folder of the folders.
        views: where the cameras stand: 12 or 8 around, the 20 corners of a dodecahedron, front, right, back,
            left, top and bottom, or one from the front.
        elevation: degrees above the horizon of the rings of cameras.
        size: pixels across and down.
        outputs: what is written of every view; gray, mask, colour, depth (16 bit, its unit stands in
            cameras.json) and normals.
        points: points to sample on each surface, into points.ply with normals and colours; 0 for none.
        up: the axis of the files that points up; auto takes the file's word or its format's convention.
        backend: what finds the surfaces seen; auto takes numba on the CPU where it is installed, else torch.
        device: auto, cpu, cuda or cuda:1.
        processes: models in work at a time, each read in a process of its own.
        seed: what the choice of points depends on.
        overwrite: make everything anew, also what is there.
        json: print a summary as JSON.
    """
    from anaglyph.engine.render_files import RenderSettings
    from anaglyph.render.options import RenderOptions

    settings = RenderSettings(
        views=views, elevation=elevation, outputs=outputs, points=points, up=up, seed=seed,
        look=RenderOptions(size=size, backend=backend),
    )  # fmt: skip
    return _run(files, output, settings, device, processes=processes, overwrite=overwrite, json=json)


def _run(
    files: tuple[str, ...],
    output: Path,
    settings: RenderSettings,
    device: str,
    *,
    processes: int,
    overwrite: bool,
    json: bool,
) -> int:
    """Find the models, render them and say what came of it; the exit code."""
    from anaglyph.cli.run_display import RunDisplay
    from anaglyph.cli.run_listeners import RenderListener
    from anaglyph.engine.devices import find_device
    from anaglyph.engine.render_files import render_files
    from anaglyph.engine.render_inputs import check_output, find_models

    if not files:
        raise ConfigError("nothing to render; name files, folders or patterns of 3D models.")
    target = find_device(device)
    check_output(output, files)
    models = find_models(files, leave_out=output)
    if not models:
        left_out = f"; the output folder '{output}' is not searched" if output.exists() else ""
        print(f"no 3D model in {', '.join(files)}{left_out}.", file=sys.stderr)
        return 1
    with RunDisplay("rendering", "files", quiet=json) as display:
        made = render_files(
            models, output, settings, device=target, processes=processes, overwrite=overwrite,
            listen=RenderListener(display, len(models)),
        )  # fmt: skip
    _warn(made, len(models))
    if json:
        print(jsonlib.dumps(_plain(made, output)))
    else:
        print(_sentence(made, output))
    return 1 if made.stopped or made.count("failed") else 0


def _sentence(made: RenderSummary, output: Path) -> str:
    kept, failed = made.count("kept"), made.count("failed")
    parts = [f"{made.count('made')} rendered by {made.backend}"]
    parts += [f"{kept} were there already"] if kept else []
    parts += [f"{failed} could not be used"] if failed else []
    return f"{output}: {', '.join(parts)}."


def _warn(made: RenderSummary, total: int) -> None:
    """What could not be used and what is left, on standard error."""
    failed = [each for each in made.models if each.state == "failed"]
    lines = [f"{len(failed)} could not be used:"] if failed else []
    lines += [f"  {each.source}: {each.reason}" for each in failed[:SHOWN]]
    if len(failed) > SHOWN:
        lines.append(f"  and {len(failed) - SHOWN} more; --json lists all.")
    if made.stopped:
        lines.append(f"anaglyph: stopped after {len(made.models)} of {total}. Go on with the same command.")
    for line in lines:
        print(line, file=sys.stderr)


def _plain(made: RenderSummary, output: Path) -> dict[str, object]:
    return {
        "output": str(output),
        "backend": made.backend,
        "fingerprint": made.fingerprint,
        "stopped": made.stopped,
        "rendered": [each.name for each in made.models if each.state == "made"],
        "there_already": [each.name for each in made.models if each.state == "kept"],
        "failed": [
            {"file": each.source, "reason": each.reason} for each in made.models if each.state == "failed"
        ],
    }
