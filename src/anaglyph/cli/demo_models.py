"""The 3D models that the demo ends with: some that it trained on, generated and real objects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

DIGITS_EACH = 1
GENERATED = (
    "aeroplane", "barrel", "bed", "bicycle", "bookshelf", "bus", "car", "chair", "clock", "guitar", "hammer",
    "house", "laptop", "mug", "potted_plant", "ship", "sofa", "table", "teapot", "windmill",
)  # fmt: skip
"""Categories of which one object each is made."""
REAL = 20
"""Objects of `cc0_objects`, spread evenly over the table, where that is at hand."""


def write_demo_models(folder: Path, *, data_root: Path) -> int:
    """Write PLY files, a folder for each category, where they are not yet; how many there are.

    Args:
        folder: made where it is missing.
        data_root: holds `cc0_objects`, or not.
    """
    from anaglyph.io.atomic import write_bytes

    count = 0
    for name, data in _models(data_root):
        path = folder / name
        count += 1
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(path, data)
    return count


def _models(data_root: Path) -> Iterator[tuple[str, bytes]]:
    """Names below the folder, and PLY files."""
    from anaglyph.data.datasets.cc0_manifest import read_manifest
    from anaglyph.data.datasets.digits3d import Digits3D
    from anaglyph.data.procedural.objects import make_object
    from anaglyph.geometry.extrude import digit_mesh
    from anaglyph.geometry.ply_file import ply_bytes

    for label, key, solid in Digits3D().solids("train", each=DIGITS_EACH):
        yield f"digit/{label}-{key}.ply", ply_bytes(digit_mesh(solid))
    for category in GENERATED:
        yield f"{category}/generated-{category}.ply", ply_bytes(make_object(category, key="demo").mesh)
    real = data_root / "cc0_objects"
    if (real / "manifest.csv").exists():
        objects = read_manifest(real)
        for number in range(REAL):
            found = objects[number * len(objects) // REAL]
            yield f"{found.category}/{found.mesh.name}", found.mesh.read_bytes()
