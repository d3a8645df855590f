"""FBX, read by ufbx from memory: polygons triangulated, node transforms baked in, diffuse colours and uv."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import MeshError
from anaglyph.geometry.mesh import GREY, Material
from anaglyph.geometry.mesh_files import Folder
from anaglyph.geometry.mesh_parts import Parsed, Part, fan, placed
from anaglyph.geometry.mesh_textures import Textures


def read_fbx(data: bytes, folder: Folder) -> Parsed:
    """Every mesh of an FBX file where its nodes put it; axes and units stay the file's."""
    import ufbx

    try:
        scene = _kept(
            ufbx.load_memory(
                data,
                file_format=ufbx.FileFormat.FBX,
                no_format_from_content=True,
                load_external_files=False,
                index_error_handling=ufbx.IndexErrorHandling.ABORT_LOADING,
                ignore_animation=True,
                node_depth_limit=200,
                generate_missing_normals=False,
            )
        )
    except ufbx.UfbxError as error:
        words = str(error).strip() or type(error).__name__
        raise MeshError(folder.model, f"it is no FBX file that can be read ({words})") from error
    parsed = Parsed()
    textures = Textures(folder)
    rows: dict[int, int] = {}
    count = 0
    for node in _elements(scene.nodes):
        if node.mesh is None or not node.mesh.num_faces:
            continue
        count += node.mesh.num_triangles
        if count > folder.limits.faces:
            reason = f"it has more than {folder.limits.faces} faces; no more are read"
            raise MeshError(folder.model, reason, fault="too_large")
        materials = _elements(node.materials)
        for material in materials:
            if material.element_id not in rows:
                rows[material.element_id] = len(parsed.materials)
                parsed.materials.append(_material(material, textures))
        table = np.array([rows[material.element_id] for material in materials], dtype=np.int64)
        parsed.parts.append(placed(_part(node.mesh, table), _matrix(node.geometry_to_world)))
    _orient(parsed, scene.settings.axes, folder)
    return parsed


def _part(mesh: Any, table: NDArray[np.int64]) -> Part:
    """One mesh in its own frame; `table` gives the rows of its materials."""
    polygons = _array(mesh.faces).astype(np.int64)  # (P, 2) first corner, corners
    used, polygon = fan(polygons[:, 1])
    starts = polygons[:, 0] - (np.cumsum(polygons[:, 1]) - polygons[:, 1])
    corners = used + starts[polygon][:, None]  # (F, 3) positions in the list of all corners
    position = mesh.vertex_position
    faces = _indices(position)[corners]
    uv = None
    if mesh.vertex_uv.exists:
        uv = _array(mesh.vertex_uv.values)[_indices(mesh.vertex_uv)[corners]]
    vertices = _array(position.values)
    colours = None
    if mesh.vertex_color.exists:
        vertices, faces, colours = _split(vertices, faces, corners, mesh.vertex_color)
    material = None
    if len(table):
        per_polygon = np.fromiter(mesh.face_material, dtype=np.int64, count=len(mesh.face_material))
        local = per_polygon[polygon] if len(per_polygon) == len(polygons) else np.zeros(len(faces), np.int64)
        material = np.where(local < len(table), table[np.minimum(local, len(table) - 1)], -1)
    return Part(vertices, faces, colours, uv, material)


def _split(
    vertices: NDArray[Any], faces: NDArray[Any], corners: NDArray[Any], attribute: Any
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.uint8]]:
    """Colours stand at corners: vertices with several of them become several."""
    values = _array(attribute.values)  # (K, 4)
    pairs = np.stack([faces.reshape(-1), _indices(attribute)[corners].reshape(-1)], axis=1)
    unique, inverse = np.unique(pairs, axis=0, return_inverse=True)
    colours = np.nan_to_num(np.clip(values[unique[:, 1], :3], 0.0, 1.0))
    return vertices[unique[:, 0]], inverse.reshape(faces.shape), np.round(255 * colours).astype(np.uint8)


def _elements(listed: Any) -> list[Any]:
    """The elements of a ufbx list, kept alive for good."""
    return [_kept(listed[position]) for position in range(len(listed))]


def _array(listed: Any) -> NDArray[Any]:
    """A copy of the numbers in a ufbx list of vectors, faces or the like."""
    return np.array(memoryview(_kept(listed)))


def _kept(thing: Any) -> Any:
    """`thing`, which is never freed.

    ufbx 0.0.5 hands out elements of lists, and memory views of lists, without counting the reference that
    their end gives back, so that freeing what it made ends the process. What is kept for good goes with the
    child, which is replaced when it grows.
    """
    count = ctypes.pythonapi.Py_IncRef
    count.argtypes, count.restype = [ctypes.py_object], None
    count(thing)
    return thing


def _indices(attribute: Any) -> NDArray[np.int64]:
    return np.fromiter(attribute.indices, dtype=np.int64, count=len(attribute.indices))


def _matrix(matrix: Any) -> NDArray[np.float64]:
    result = np.eye(4)
    result[:3, :] = np.array([matrix.c0, matrix.c1, matrix.c2, matrix.c3]).T
    return result


def _material(material: Any, textures: Textures) -> Material:
    diffuse = material.fbx.diffuse_color
    colour = GREY
    if diffuse.has_value:
        red, green, blue = (float(c) for c in np.nan_to_num(np.clip(diffuse.value_vec4[:3], 0.0, 1.0)))
        colour = (red, green, blue)
    picture = None
    texture = diffuse.texture
    if texture is not None and diffuse.texture_enabled:
        if texture.content:
            picture = textures.embedded(bytes(texture.content), f"{texture.name} in the file")
        elif name := texture.relative_filename or texture.filename:
            picture = textures.named(name.replace("\\", "/"))
        if picture is not None:
            colour = (1.0, 1.0, 1.0)  # the texture replaces the colour in FBX, it does not tint it
    return Material(material.name, colour, picture)


def _orient(parsed: Parsed, axes: Any, folder: Folder) -> None:
    """Up as the file's settings say: y and z stay, anything else is turned to y."""
    import ufbx

    up = axes.up
    if up in (ufbx.CoordinateAxis.POSITIVE_Y, ufbx.CoordinateAxis.UNKNOWN):
        return
    if up == ufbx.CoordinateAxis.POSITIVE_Z:
        parsed.up = "z"
        return
    turn = np.eye(4)
    if up == ufbx.CoordinateAxis.POSITIVE_X:
        turn[:3, :3] = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    elif up == ufbx.CoordinateAxis.NEGATIVE_X:
        turn[:3, :3] = [[0, 1, 0], [-1, 0, 0], [0, 0, 1]]
    elif up == ufbx.CoordinateAxis.NEGATIVE_Y:
        turn[:3, :3] = [[-1, 0, 0], [0, -1, 0], [0, 0, 1]]
    else:
        turn[:3, :3] = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]
    parsed.parts = [placed(part, turn) for part in parsed.parts]
    folder.note("turned so that y is up")
