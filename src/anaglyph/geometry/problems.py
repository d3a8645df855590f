"""What is wrong with a mesh, how much it matters here, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from anaglyph.geometry.facets import signed_volume
from anaglyph.geometry.mesh import Mesh
from anaglyph.geometry.normalize import bounds, used_vertices
from anaglyph.geometry.surface_colour import has_colours
from anaglyph.geometry.topology import Topology, topology

Severity = Literal["serious", "warning", "note"]
"""It cannot be used as it is; it may look or measure wrong; it is good to know."""
HEAVY_FACES = 1_000_000
MANY_PIECES = 1_000
SPECK = 0.001
"""Share of the model's size below which a piece is tiny."""


@dataclass(frozen=True)
class Problem:
    """One finding."""

    code: str
    """Stable name for scripts."""
    severity: Severity
    text: str
    """What is wrong, the numbers, what to do."""


def find_problems(mesh: Mesh, *, structure: Topology | None = None) -> tuple[Problem, ...]:
    """Everything that is wrong with a mesh, the most serious first; empty where nothing is.

    Args:
        mesh: as its file gives it; its notes become warnings.
        structure: `topology(mesh)`, where it is already known.
    """
    if not len(mesh.faces):
        return (Problem("no_faces", "serious", "It has no faces, so there is no surface to look at."),)
    structure = topology(mesh) if structure is None else structure
    if structure.degenerate.all():
        text = f"None of its {len(mesh.faces):,} faces has an area to draw or to sample. Export it again."
        return (Problem("no_area", "serious", text), *_notes(mesh, structure))
    looks: tuple[Callable[[Mesh, Topology], Iterator[Problem]], ...] = (
        _notes,
        _faces,
        _surface,
        _size,
        _pieces,
        _looks,
    )
    found = [problem for look in looks for problem in look(mesh, structure)]
    order = ("serious", "warning", "note")
    return tuple(sorted(found, key=lambda problem: order.index(problem.severity)))


def _notes(mesh: Mesh, structure: Topology) -> Iterator[Problem]:
    for note in mesh.notes:
        yield Problem("reader", "warning", note[:1].upper() + note[1:])


def _faces(mesh: Mesh, structure: Topology) -> Iterator[Problem]:
    total, empty = len(mesh.faces), int(structure.degenerate.sum())
    if empty:
        severity: Severity = "warning" if empty > total / 2 else "note"
        text = f"{empty:,} of {total:,} faces have no area; they are passed over."
        yield Problem("degenerate_faces", severity, text)
    if structure.duplicates:
        text = (
            f"{structure.duplicates:,} of {total:,} faces lie on another one, often its back. They count "
            f"twice in the area and in sampled points; merge them if that matters."
        )
        yield Problem("duplicate_faces", "note", text)
    if total > HEAVY_FACES:
        text = f"{total:,} faces take long to draw; simplify it if it need not be that fine."
        yield Problem("heavy", "note", text)
    unused = len(mesh.vertices) - int(used_vertices(mesh).sum())
    if unused:
        text = f"{unused:,} of {len(mesh.vertices):,} vertices belong to no face; they are left out."
        yield Problem("unused_vertices", "note", text)


def _surface(mesh: Mesh, structure: Topology) -> Iterator[Problem]:
    if not structure.closed:
        edges = _counted(structure.open_edges, "open edge")
        text = (
            f"The surface is not closed ({edges}, {structure.crowded_edges:,} with three faces or more), "
            f"so it has no volume. Search and pictures do not mind, printing does."
        )
        yield Problem("not_watertight", "note", text)
    if not structure.consistent:
        edges = _counted(structure.turned_edges, "edge")
        text = (
            f"Neighbouring faces disagree at {edges} on which side is outside. "
            f"Pictures are lit from both sides here; normals of sampled points are not to be trusted."
        )
        yield Problem("inconsistent_winding", "warning", text)
    elif structure.has_inside and signed_volume(mesh) < 0:
        text = "It is inside out: every face looks inwards. Flip its normals where they matter."
        yield Problem("inside_out", "warning", text)


def _size(mesh: Mesh, structure: Topology) -> Iterator[Problem]:
    low, high = bounds(mesh)
    size = high - low
    side, away = float(size.max()), float(np.linalg.norm((low + high) / 2))
    if away > 100 * side:
        # A coordinate has 24 bits; what the distance leaves of them is all that can tell places apart.
        steps = side / float(np.spacing(np.float32(max(np.abs(low).max(), np.abs(high).max()))))
        severity: Severity = "serious" if steps < 256 else "warning"
        text = (
            f"It stands {away:.3g} units from the origin and is {side:.3g} long, so only {steps:,.0f} "
            f"different places are left along it. Move it to the origin before exporting."
        )
        yield Problem("far_from_origin", severity, text)
    if not 1e-4 < side < 1e5:
        text = f"It is {side:.3g} units long, which no usual unit explains; check the scale of the export."
        yield Problem("odd_scale", "note", text)
    if size.min() < 1e-6 * side:
        yield Problem("flat", "warning", "It is flat: from two sides there is nothing to see.")


def _pieces(mesh: Mesh, structure: Topology) -> Iterator[Problem]:
    if structure.components > MANY_PIECES:
        text = (
            f"It falls into {structure.components:,} pieces that touch nowhere; weld what belongs together."
        )
        yield Problem("many_components", "note", text)
    if structure.components > 1:
        tiny = _tiny_pieces(mesh, structure)
        if tiny:
            text = (
                f"{tiny:,} of {structure.components:,} pieces are smaller than a thousandth of the model; "
                f"perhaps leftovers."
            )
            yield Problem("tiny_parts", "note", text)
    gap, axis = _widest_gap(mesh)
    if gap > 0.5:
        text = (
            f"Nothing lies in {100 * gap:.3g} % of its length along {'xyz'[axis]}: parts of it are far away "
            f"from the rest, and all of it is drawn small. Remove what does not belong to it."
        )
        yield Problem("far_parts", "serious" if gap > 0.95 else "warning", text)


def _looks(mesh: Mesh, structure: Topology) -> Iterator[Problem]:
    if not has_colours(mesh):
        text = "It has no colours and no textures: it is drawn in grey, and words for colours do not find it."
        yield Problem("no_colours", "note", text)


def _tiny_pieces(mesh: Mesh, structure: Topology) -> int:
    """Pieces whose longest side is below a thousandth of the model's."""
    kept = ~structure.degenerate
    pieces = np.repeat(structure.component[kept], 3)
    places = mesh.vertices[mesh.faces[kept]].reshape(-1, 3).astype(np.float64)
    low = np.full((structure.components, 3), np.inf)
    high = np.full((structure.components, 3), -np.inf)
    np.minimum.at(low, pieces, places)
    np.maximum.at(high, pieces, places)
    sides = (high - low).max(axis=1)
    whole_low, whole_high = bounds(mesh)
    return int((sides < SPECK * (whole_high - whole_low).max()).sum())


def _widest_gap(mesh: Mesh) -> tuple[float, int]:
    """The longest stretch of an axis without a face, as a share of the box's longest side, and its axis."""
    low, high = bounds(mesh)
    corners = mesh.vertices[mesh.faces]  # (F, 3 corners, 3 axes)
    gaps = []
    for axis in range(3):
        starts, ends = corners[:, :, axis].min(axis=1), corners[:, :, axis].max(axis=1)
        order = np.argsort(starts)
        reached = np.maximum.accumulate(ends[order])[:-1].astype(np.float64)
        gaps.append(float((starts[order][1:] - reached).max(initial=0.0) / (high - low).max()))
    axis = int(np.argmax(gaps))
    return gaps[axis], axis


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
