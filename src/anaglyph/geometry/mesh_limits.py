"""How much of a 3D model is read at most; every limit is an argument of the readers."""

from __future__ import annotations

from dataclasses import dataclass, field

from anaglyph.io.archive import ArchiveLimits

UPLOAD_BYTES = 100 << 20
"""What a server takes as one model; `MeshLimits(file_bytes=UPLOAD_BYTES)`."""


@dataclass(frozen=True, kw_only=True)
class MeshLimits:
    """Bounds of one model, checked before and after it is parsed; beyond any of them it is a MeshError."""

    file_bytes: int = 2 << 30
    """Size of the model file together with all files that it refers to, in bytes."""
    vertices: int = 20_000_000
    """Vertices of the mesh that comes out, instances counted as often as they stand in the scene."""
    faces: int = 20_000_000
    """Triangles of the mesh that comes out, counted likewise.

    Text formats of that many may not be read within `seconds`; raise that too.
    """
    seconds: float = 60.0
    """Time for one file, in seconds of the wall clock; the reading process is killed after that."""
    memory_bytes: int = 4 << 30
    """Address space of the reading process, in bytes (where the system can bound it)."""
    references: int = 1000
    """Files that one model may refer to: buffers, material libraries, pictures."""
    texture_bytes: int = 20 << 20
    """Size of one picture file, in bytes; a larger one is left out and named in the notes."""
    texture_pixels: int = 50_000_000
    """Pixels of all textures together; those beyond are left out and named in the notes."""
    materials: int = 100_000
    """Materials of one model."""
    archive: ArchiveLimits = field(default_factory=ArchiveLimits)
    """Bounds of zip containers (3MF)."""

    def __post_init__(self) -> None:
        whole = ("file_bytes", "vertices", "faces", "memory_bytes", "references", "texture_bytes")
        for name in (*whole, "texture_pixels", "materials"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
        if not 0 < self.seconds < float("inf"):
            raise ValueError(f"seconds must be above 0, got {self.seconds!r}")


DEFAULT_LIMITS = MeshLimits()
