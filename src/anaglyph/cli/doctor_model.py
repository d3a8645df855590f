"""`anaglyph doctor MODEL`: what is in a 3D model, what is wrong with it, and what it looks like.

Torch is imported only where a picture is drawn; on a pipe without --picture none is.
"""

from __future__ import annotations

import io
import json as jsonlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from anaglyph.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from anaglyph.geometry.facets import Facets
    from anaglyph.geometry.mesh import Mesh
    from anaglyph.geometry.problems import Problem
    from anaglyph.render.views import Views

PICTURE_SIZE = 512
"""Pixels across and down of --picture."""
TERMINAL_SIZE = 48
"""Characters across the thumbnail on a terminal, at most."""
SEVERITY_COLOURS = {"serious": "bold red", "warning": "yellow", "note": ""}


@dataclass(frozen=True)
class Finding:
    """All that is known of one file."""

    path: Path
    mesh: Mesh
    facets: Facets
    problems: tuple[Problem, ...]

    @property
    def serious(self) -> bool:
        """Whether something must be repaired before the model is of use."""
        return any(problem.severity == "serious" for problem in self.problems)


def doctor_model(
    path: Path,
    *,
    up: Literal["auto", "y", "z"] = "auto",
    picture: Path | None = None,
    json: bool = False,
    root: Path | None = None,
) -> int:
    """Look at one 3D model and say what is in it and what is wrong with it.

    Args:
        path: a model file.
        up: which axis is up; auto takes the file's word or its format's custom.
        picture: PNG file to write a picture of the model to.
        json: print JSON.
        root: folder that may hold the textures; default the model's own.

    Returns:
        0 fine, 1 something serious is wrong.

    Raises:
        MeshError: it cannot be read.
        ConfigError: `picture` does not end in .png.
    """
    if picture is not None and picture.suffix.lower() != ".png":
        raise ConfigError(f"--picture writes PNG, and '{picture}' does not end in .png; rename it.")
    finding = examine(path, up=up, root=root)
    if picture is not None:
        _write_picture(finding, picture)
    if json:
        print(jsonlib.dumps(as_json(finding, picture=picture)))
    else:
        _show(finding, picture)
    return 1 if finding.serious else 0


def examine(path: Path, *, up: Literal["auto", "y", "z"] = "auto", root: Path | None = None) -> Finding:
    """Read a model and find out all about it but its looks; MeshError where it cannot be read."""
    from anaglyph.geometry.facets import facets
    from anaglyph.geometry.load import load_mesh
    from anaglyph.geometry.problems import find_problems
    from anaglyph.geometry.topology import topology

    mesh = load_mesh(path, up=up, root=root)
    structure = topology(mesh)
    return Finding(path, mesh, facets(mesh, structure=structure), find_problems(mesh, structure=structure))


def as_json(finding: Finding, *, picture: Path | None = None) -> dict[str, Any]:
    """Everything `doctor --json` prints; lengths in the file's units, axes with +y up."""
    return {
        "path": str(finding.path),
        "format": finding.path.suffix.lower().lstrip("."),
        "bytes": finding.path.stat().st_size,
        "up": finding.mesh.up,
        "facets": asdict(finding.facets),
        "problems": [asdict(problem) for problem in finding.problems],
        "picture": None if picture is None else str(picture),
    }


def _show(finding: Finding, picture: Path | None) -> None:
    from rich.console import Console

    from anaglyph.cli.tables import show_table

    console = Console(soft_wrap=True)
    coloured = console.is_terminal and console.color_system is not None
    if coloured:
        console.print(_thumbnail(finding, most=min(TERMINAL_SIZE, console.width)))
    show_table(_clean(finding.path.name), ["what", "value"], [list(row) for row in _rows(finding)])
    if not finding.problems:
        console.print("Nothing is wrong with it.")
    _show_problems(finding.problems, console)
    if picture is not None:
        print(f"Picture: {picture}")
    elif not coloured:
        print("--picture FILE.png writes a picture of it.")


def _show_problems(problems: Sequence[Problem], console: Console) -> None:
    """Severity and text, hanging on a terminal, one line each on a pipe."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    for problem in problems:
        text = _clean(problem.text)
        grid.add_row(Text(problem.severity, style=SEVERITY_COLOURS[problem.severity]), Text(text))
        if not console.is_terminal:
            print(f"{problem.severity:<8} {text}")
    if problems and console.is_terminal:
        console.print(grid, soft_wrap=False)


def _rows(finding: Finding) -> list[tuple[str, str]]:
    """What is in the file, in words."""
    from anaglyph.geometry.load import SUPPORTED

    found = finding.facets
    kind = SUPPORTED[finding.path.suffix.lower()].partition(";")[0]
    width, height, depth = (f"{length:.4g}" for length in found.size)
    volume = "unknown, the surface has no inside" if found.volume is None else f"{found.volume:.4g}"
    return [
        ("format", f"{kind}, {_bytes(finding.path.stat().st_size)}"),
        ("up", f"{finding.mesh.up} (--up changes it)"),
        ("faces", f"{found.faces:,} over {found.vertices:,} vertices"),
        ("pieces", f"{found.components:,}"),
        ("size", f"{width} wide, {height} high, {depth} deep, in the file's units"),
        ("proportions", " : ".join(f"{share:.2f}" for share in found.proportions)),
        ("area", f"{found.area:.4g}"),
        ("volume", volume),
        ("watertight", "yes" if found.watertight else "no"),
        ("looks", _looks(found)),
    ]


def _looks(found: Facets) -> str:
    parts = [
        f"{count} {noun}{'' if count == 1 else 's'}"
        for count, noun in ((found.materials, "material"), (found.textures, "texture"))
        if count
    ]
    parts += ["vertex colours"] if found.vertex_colours else []
    return ", ".join(parts) if found.coloured else ", ".join([*parts, "grey"])


def _thumbnail(finding: Finding, *, most: int) -> Any:
    """The model in half blocks, as large as the terminal allows, on the terminal's own ground."""
    import numpy as np

    from anaglyph.cli.half_blocks import half_blocks

    views = _draw(finding.mesh, size=most)
    share = views.mask[0].astype(np.float64)[:, :, None] / 255.0
    covered = share[:, :, 0] >= 0.5
    mixed = np.asarray(views.colour)[0].astype(np.float64)  # with the white behind it, by its share
    colours = (mixed - 255.0 * (1.0 - share)) / np.where(share > 0, share, 1.0)
    rows, columns = (np.flatnonzero(covered.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return "(too thin to be seen here)"
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return half_blocks(np.clip(np.rint(colours), 0, 255).astype(np.uint8)[box], covered[box])


def _write_picture(finding: Finding, path: Path) -> None:
    import numpy as np
    from PIL import Image

    from anaglyph.io import atomic

    colour = np.asarray(_draw(finding.mesh, size=PICTURE_SIZE).colour)[0]
    encoded = io.BytesIO()
    Image.fromarray(colour).save(encoded, format="PNG")
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write_bytes(path, encoded.getvalue())


def _draw(mesh: Mesh, *, size: int) -> Views:
    from anaglyph.geometry.cameras import view_cameras
    from anaglyph.geometry.normalize import normalized
    from anaglyph.render.options import Output, RenderOptions
    from anaglyph.render.views import render_views

    outputs: tuple[Output, ...] = ("colour",)
    return render_views(
        normalized(mesh, "sphere"),
        view_cameras("thumbnail"),
        options=RenderOptions(size=size),
        outputs=outputs,
    )


def _bytes(count: int) -> str:
    size, units = float(count), ["bytes", "KiB", "MiB", "GiB"]
    while size >= 1024 and len(units) > 1:
        size, units = size / 1024, units[1:]
    return f"{size:,.0f} bytes" if units[0] == "bytes" else f"{size:,.1f} {units[0]}"


def _clean(text: str) -> str:
    """Without control characters: names inside files are other people's."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
