"""What is wrong with a file, as the index keeps it: findings about a mesh, and why a file has none."""

from __future__ import annotations

from collections.abc import Iterable

from anaglyph.errors import MeshError
from anaglyph.geometry.mesh_channel import printable
from anaglyph.geometry.problems import Problem as MeshProblem
from anaglyph.search.items import Problem

MOST = 50
"""Findings that are kept of one file."""
_NEXT = {
    "unreadable": "Export it again, or remove it.",
    "no_faces": "Export it with its surface.",
    "no_area": "Export it again.",
    "too_large": "Simplify it.",
    "timeout": "Simplify it, or save it in a binary format.",
    "memory": "Simplify it, or index with fewer --processes and --retry.",
    "crash": "Save it in another format; please report the file if you can share it.",
}


def failure(error: MeshError) -> Problem:
    """Why a file cannot be found, and what to do."""
    reason = printable(error.reason[:1].upper() + error.reason[1:]).rstrip(".")
    return Problem(error.fault, "serious", f"{reason}. {_NEXT[error.fault]}")


def findings(found: Iterable[MeshProblem]) -> tuple[Problem, ...]:
    """What was noticed about a mesh that can be used, the most serious first."""
    return tuple(Problem(each.code, each.severity, printable(each.text)) for each in found)[:MOST]
