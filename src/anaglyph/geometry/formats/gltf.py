"""glTF 2.0 and GLB: scenes baked into triangles, with base colours, textures, vertex colours and Draco."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anaglyph.geometry.formats.gltf_document import Document, scaled
from anaglyph.geometry.formats.gltf_materials import Look, look_of, to_srgb
from anaglyph.geometry.mesh_files import Folder
from anaglyph.geometry.mesh_parts import (
    MalformedError,
    Parsed,
    Part,
    TooLargeError,
    colour_bytes,
    merged,
    placed,
)
from anaglyph.geometry.mesh_textures import Textures

_TRIANGLES, _STRIP, _FAN = 4, 5, 6
_DRACO = "KHR_draco_mesh_compression"
_INSTANCES = "EXT_mesh_gpu_instancing"
_DEEPEST = 500


@dataclass
class _Reader:
    document: Document
    folder: Folder
    textures: Textures
    parsed: Parsed = field(default_factory=Parsed)
    looks: list[Look] = field(default_factory=list)
    rows: dict[int, int] = field(default_factory=dict)
    """Material of the file -> row of `looks`."""
    meshes: dict[int, list[Part]] = field(default_factory=dict)


def read_gltf(data: bytes, folder: Folder, *, binary: bool) -> Parsed:
    """The default scene of a glTF file, every mesh where its nodes put it; +y is up by the specification.

    Skinned and morphed meshes are taken as they were modelled, without their pose. Base colours and vertex
    colours are linear in the file and become sRGB.
    """
    document = Document(data, folder, binary=binary)
    reader = _Reader(document, folder, Textures(folder))
    vertices = faces = 0
    for index, matrix in _placed_meshes(document, folder):
        for part in _parts(reader, index):
            vertices, faces = vertices + len(part.vertices), faces + len(part)
            if vertices > folder.limits.vertices or faces > folder.limits.faces:
                raise TooLargeError(folder.limits.vertices, folder.limits.faces)
            reader.parsed.parts.append(placed(part, matrix))
    if any("skin" in node for node in document.rows("nodes") if isinstance(node, dict)):
        folder.note("skinned parts are in the pose in which they were modelled")
    reader.parsed.materials = [look.material for look in reader.looks]
    return reader.parsed


def _placed_meshes(document: Document, folder: Folder) -> list[tuple[int, NDArray[np.float64]]]:
    """(mesh, (4, 4) transform) of every node of the default scene that shows a mesh."""
    found = []
    seen: set[int] = set()
    waiting = [(root, np.eye(4), 0) for root in reversed(_roots(document))]
    while waiting:
        index, parent, depth = waiting.pop()
        node = document.row("nodes", index)
        if index in seen or depth > _DEEPEST:
            raise MalformedError("its nodes are no tree: one has two parents, or they are nested too deeply")
        seen.add(index)
        matrix = parent @ _matrix(node)
        if "mesh" in node:
            document.row("meshes", node["mesh"])
            if _INSTANCES in document.child(node, "extensions"):
                folder.note(f"parts that {_INSTANCES} repeats are there once")
            found.append((int(node["mesh"]), matrix))
        children = node.get("children", [])
        if not isinstance(children, list):
            raise MalformedError(f"the children of nodes[{index}] are no list")
        waiting.extend((child, matrix, depth + 1) for child in reversed(children))
    return found


def _roots(document: Document) -> list[Any]:
    if document.rows("scenes"):
        roots = document.row("scenes", document.json.get("scene", 0)).get("nodes", [])
        if not isinstance(roots, list):
            raise MalformedError("the nodes of its scene are no list")
        return roots
    nodes = document.rows("nodes")
    inner: set[int] = set()
    for node in nodes:
        children = node.get("children", []) if isinstance(node, dict) else []
        if isinstance(children, list):
            inner.update(child for child in children if type(child) is int)
    return [index for index in range(len(nodes)) if index not in inner]


def _matrix(node: dict[str, Any]) -> NDArray[np.float64]:
    """(4, 4) of a node: its matrix, or translation x rotation x scale (section 3.5.2)."""
    matrix = np.eye(4)
    if "matrix" in node:
        return np.array(_numbers(node, "matrix", 16)).reshape(4, 4).T
    if "rotation" in node:
        x, y, z, w = _numbers(node, "rotation", 4)
        norm = x * x + y * y + z * z + w * w
        turn = np.array(
            [
                [y * y + z * z, w * z - x * y, -w * y - x * z],
                [-w * z - x * y, x * x + z * z, w * x - y * z],
                [w * y - x * z, -w * x - y * z, x * x + y * y],
            ]
        )
        matrix[:3, :3] -= 2.0 * turn / norm if norm > 0 else 0.0
    if "scale" in node:
        matrix[:3, :3] *= np.array(_numbers(node, "scale", 3))
    if "translation" in node:
        matrix[:3, 3] = _numbers(node, "translation", 3)
    return matrix


def _numbers(node: dict[str, Any], name: str, count: int) -> list[float]:
    value = node[name]
    if not isinstance(value, list) or len(value) != count:
        raise MalformedError(f"the {name} of a node is not {count} numbers")
    try:
        return [float(number) for number in value]
    except (TypeError, ValueError, OverflowError) as error:
        raise MalformedError(f"the {name} of a node is not {count} numbers") from error


def _parts(reader: _Reader, index: int) -> list[Part]:
    """The triangles of one mesh; primitives that share their vertices become one part."""
    if index not in reader.meshes:
        groups: dict[tuple[object, ...], list[Part]] = {}
        primitives = reader.document.row("meshes", index).get("primitives", [])
        for number, primitive in enumerate(primitives if isinstance(primitives, list) else []):
            if not isinstance(primitive, dict):
                raise MalformedError(f"a primitive of meshes[{index}] is no object")
            if primitive.get("mode", _TRIANGLES) not in (_TRIANGLES, _STRIP, _FAN):
                reader.folder.note("without its points and lines")
                continue
            attributes = reader.document.child(primitive, "attributes")
            if "POSITION" not in attributes:
                continue
            for name in attributes:
                reader.document.row("accessors", attributes[name])
            own = number if _DRACO in reader.document.child(primitive, "extensions") else -1
            key = (attributes["POSITION"], attributes.get("COLOR_0"), own)
            groups.setdefault(key, []).append(_part(reader, primitive))
        reader.meshes[index] = [merged(parts) for parts in groups.values()]
    return reader.meshes[index]


def _part(reader: _Reader, primitive: dict[str, Any]) -> Part:
    document = reader.document
    attributes = document.child(primitive, "attributes")
    row, look = _look(reader, primitive)
    wanted = f"TEXCOORD_{look.texcoord if look else 0}"
    draco = document.child(document.child(primitive, "extensions"), _DRACO)
    indices: NDArray[Any] | None
    if draco:
        arrays, indices = _decoded(document, draco, attributes)
    else:
        names = [name for name in ("POSITION", "COLOR_0", wanted) if name in attributes]
        arrays = {name: document.scaled(attributes[name]) for name in names}
        indices = document.accessor(primitive["indices"])[:, 0] if "indices" in primitive else None
    vertices = arrays["POSITION"]
    corners = np.arange(len(vertices)) if indices is None else indices.astype(np.int64)
    faces = _triangles(corners, primitive.get("mode", _TRIANGLES))
    uv = _upwards(arrays[wanted], look) if wanted in arrays else None
    colours = arrays.get("COLOR_0")
    return Part(
        vertices,
        faces,
        None if colours is None or len(colours) != len(vertices) else colour_bytes(to_srgb(colours[:, :3])),
        None if uv is None or not _points_into(faces, uv) else uv[faces],
        None if row is None else np.full(len(faces), row),
    )


def _points_into(faces: NDArray[np.int64], rows: NDArray[Any]) -> bool:
    return not faces.size or 0 <= int(faces.min()) <= int(faces.max()) < len(rows)


def _look(reader: _Reader, primitive: dict[str, Any]) -> tuple[int | None, Look | None]:
    """The row of a primitive's material and the material; None where it has none."""
    if "material" not in primitive:
        return None, None
    index = primitive["material"]
    reader.document.row("materials", index)
    if index not in reader.rows:
        reader.rows[index] = len(reader.looks)
        reader.looks.append(look_of(reader.document, index, reader.textures))
    row = reader.rows[index]
    return row, reader.looks[row]


def _upwards(uv: NDArray[np.float64], look: Look | None) -> NDArray[np.float64]:
    """(V, 2) with v upwards, after the transform of the texture."""
    if look is not None and look.turn is not None:
        uv = uv[:, :2] @ look.turn[:, :2].T + look.turn[:, 2]
    return np.stack([uv[:, 0], 1.0 - uv[:, 1]], axis=1)


def _triangles(indices: NDArray[np.int64], mode: int) -> NDArray[np.int64]:
    """(F, 3) of a list, strip or fan of indices (section 3.7.2.1)."""
    if mode == _TRIANGLES:
        if len(indices) % 3:
            raise MalformedError(f"a list of triangles has {len(indices)} corners, which is no multiple of 3")
        return indices.reshape(-1, 3)
    if len(indices) < 3:
        return np.zeros((0, 3), dtype=np.int64)
    step = np.arange(len(indices) - 2)
    if mode == _FAN:
        return np.stack(
            [indices[step + 1], indices[step + 2], np.broadcast_to(indices[0], len(step))], axis=1
        )
    odd = step % 2
    return np.stack([indices[step], indices[step + 1 + odd], indices[step + 2 - odd]], axis=1)


def _decoded(
    document: Document, draco: dict[str, Any], attributes: dict[str, Any]
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.int64]]:
    """The attributes and indices of a primitive that is compressed with Draco."""
    import DracoPy

    decoded = DracoPy.decode(document.view(draco.get("bufferView")))
    by_id = {each["unique_id"]: each["data"] for each in decoded.attributes}
    arrays = {}
    for name, ident in document.child(draco, "attributes").items():
        if type(ident) is int and ident in by_id and name in attributes:
            normalised = document.row("accessors", attributes[name]).get("normalized") is True
            arrays[name] = scaled(np.asarray(by_id[ident]), normalised=normalised)
    if "POSITION" not in arrays or getattr(decoded, "faces", None) is None:
        raise MalformedError("its Draco data has no triangles")
    return arrays, np.asarray(decoded.faces).reshape(-1)
