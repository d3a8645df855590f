"""Any model as binary glTF without textures, so that a page draws every format with one small reader.

Colours of materials and textures become colours of vertices: exact for plain materials, coarse for pictures
on large triangles. As glTF wants them they are linear, in 16 bits, which keep the steps of 8-bit sRGB apart.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import MeshError
from anaglyph.geometry.load import load_mesh
from anaglyph.geometry.mesh import Mesh
from anaglyph.geometry.normalize import bounds, to_y_up
from anaglyph.geometry.vertex_colours import coloured_vertices
from anaglyph.search.items import Item
from anaglyph.serve.errors import Code, RefusedError
from anaglyph.serve.model_file import resolved_file
from anaglyph.serve.settings import ServeLimits

MEDIA_TYPE = "model/gltf-binary"
_FLOAT, _UINT32, _UINT16 = 5126, 5125, 5123
_ARRAY, _INDICES = 34962, 34963
_TO_LINEAR = np.arange(256) / 255.0
_TO_LINEAR = np.where(_TO_LINEAR <= 0.04045, _TO_LINEAR / 12.92, ((_TO_LINEAR + 0.055) / 1.055) ** 2.4)
_TO_LINEAR = np.rint(_TO_LINEAR * 65535).astype("<u2")


def item_glb(item: Item, *, limits: ServeLimits) -> bytes:
    """Read an item's file in a child process, as for indexing, and pack it.

    Raises:
        RefusedError: the file is gone, cannot be read, or has more triangles than a page draws.
    """
    path, root = resolved_file(item)
    if item.facets.faces > limits.mesh_faces:
        raise _too_many(item.facets.faces, limits)
    try:
        mesh = load_mesh(path, limits=limits.mesh, root=root)
    except MeshError as error:
        raise RefusedError(
            422, Code.MODEL_UNUSABLE, f"item {item.id} cannot be shown: {error.reason}"
        ) from error
    if len(mesh.faces) > limits.mesh_faces:
        raise _too_many(len(mesh.faces), limits)
    if not len(mesh.faces):
        raise RefusedError(422, Code.MODEL_UNUSABLE, f"item {item.id} has no triangles to show.")
    return glb(mesh)


def glb(mesh: Mesh) -> bytes:
    """Binary glTF 2.0 of a mesh, +y up; corners that differ in colour become vertices of their own.

    Raises:
        ValueError: the mesh has no faces.
    """
    mesh = to_y_up(mesh)
    low, high = (corner.astype(np.float32) for corner in bounds(mesh))
    vertices, faces, colours = coloured_vertices(mesh)
    blocks = [np.ascontiguousarray(vertices, "<f4").tobytes(), np.ascontiguousarray(faces, "<u4").tobytes()]
    accessors: list[dict[str, Any]] = [
        {"bufferView": 0, "componentType": _FLOAT, "count": len(vertices), "type": "VEC3",
         "min": low.tolist(), "max": high.tolist()},
        {"bufferView": 1, "componentType": _UINT32, "count": 3 * len(faces), "type": "SCALAR"},
    ]  # fmt: skip
    attributes = {"POSITION": 0}
    if colours is not None:
        blocks.append(_linear(colours).tobytes())
        attributes["COLOR_0"] = 2
        accessors.append(
            {
                "bufferView": 2,
                "componentType": _UINT16,
                "normalized": True,
                "count": len(vertices),
                "type": "VEC4",
            }
        )
    scene = {
        "asset": {"version": "2.0", "generator": "anaglyph"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": attributes, "indices": 1}]}],
        "accessors": accessors,
        "bufferViews": _views(blocks),
        "buffers": [{"byteLength": sum(map(len, blocks))}],
    }
    return _container(json.dumps(scene, separators=(",", ":")).encode(), b"".join(blocks))


def _linear(colours: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """(V, 4) with full alpha."""
    packed = np.full((len(colours), 4), 65535, dtype="<u2")
    packed[:, :3] = _TO_LINEAR[colours]
    return packed


def _views(blocks: list[bytes]) -> list[dict[str, int]]:
    starts = np.cumsum([0, *map(len, blocks)]).tolist()
    targets = (_ARRAY, _INDICES, _ARRAY)[: len(blocks)]  # colours are the third, where there are any
    return [
        {"buffer": 0, "byteOffset": start, "byteLength": len(block), "target": target}
        for start, block, target in zip(starts[:-1], blocks, targets, strict=True)
    ]


def _container(scene: bytes, data: bytes) -> bytes:
    scene += b" " * (-len(scene) % 4)
    data += b"\0" * (-len(data) % 4)
    whole = 12 + 8 + len(scene) + 8 + len(data)
    return b"".join(
        (
            struct.pack("<4s2I", b"glTF", 2, whole),
            struct.pack("<I4s", len(scene), b"JSON"),
            scene,
            struct.pack("<I4s", len(data), b"BIN\0"),
            data,
        )
    )


def _too_many(faces: int, limits: ServeLimits) -> RefusedError:
    return RefusedError(
        422,
        Code.MODEL_UNUSABLE,
        f"the model has {faces} triangles; at most {limits.mesh_faces} are converted for a page.",
    )
