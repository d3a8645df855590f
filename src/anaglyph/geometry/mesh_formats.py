"""The formats of 3D models that are read."""

from __future__ import annotations

from types import MappingProxyType

from anaglyph.errors import unknown_name

SUPPORTED = MappingProxyType(
    {
        ".obj": "Wavefront OBJ with its material library",
        ".ply": "Stanford PLY, text or binary",
        ".stl": "STL, text or binary",
        ".off": "OFF",
        ".gltf": "glTF 2.0, JSON with its buffers; Draco too",
        ".glb": "glTF 2.0, binary; Draco too",
        ".3mf": "3MF",
        ".dae": "COLLADA",
        ".fbx": "FBX, text or binary",
    }
)
"""What `load_mesh` reads, by suffix in lower case."""


def unknown_format(suffix: str) -> str:
    """The sentence for a suffix that is not read."""
    return unknown_name("3D format", suffix or "(no suffix)", SUPPORTED)
