"""What the glTF reader makes of the finer points of its format; expected values are the specification's."""

import json
import struct

import numpy as np
import pytest
import trimesh

from anaglyph.geometry.load import MeshReaders
from hostile.mesh_samples import CORNERS, FACES, data_uri, glb_of, gltf_document, png


@pytest.fixture(scope="module")
def readers():
    with MeshReaders() as readers:
        yield readers


@pytest.fixture
def read(readers, tmp_path):
    """Write one file, and others beside it, and read it."""

    def read(name, data, **beside):
        for other, content in beside.items():
            (tmp_path / other.replace("_", ".")).write_bytes(content)
        (tmp_path / name).write_bytes(data)
        return readers.load(tmp_path / name)

    return read


def sizes(mesh):
    return np.ptp(mesh.vertices[np.unique(mesh.faces)], axis=0)


def _area(mesh):
    a, b, c = np.moveaxis(mesh.vertices.astype(float)[mesh.faces], 1, 0)
    return np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2


def scene(change, **options):
    document, blob = gltf_document(**options)
    change(document)
    return json.dumps(document).encode(), blob


def test_gltf_colours_are_linear_in_the_file_and_srgb_in_the_mesh(read):
    data, _ = scene(
        lambda document: document["materials"][0]["pbrMetallicRoughness"].update(
            baseColorFactor=[0.0, 0.0030, 0.5, 1]
        )
    )
    red, green, blue = read("a.gltf", data).materials[0].colour
    assert red == 0.0
    assert green == pytest.approx(0.0030 * 12.92)
    assert blue == pytest.approx(1.055 * 0.5 ** (1 / 2.4) - 0.055)


def test_gltf_buffers_and_pictures_come_from_files_beside_it(read):
    data, blob = scene(lambda document: None, uri="my%20numbers.bin", image="t.png")
    mesh = read("a.gltf", data, **{"my numbers_bin": blob, "t_png": png((1, 2, 3))})
    assert mesh.materials[0].texture[0, 0].tolist() == [1, 2, 3]
    assert mesh.notes == ()


def test_gltf_texture_coordinates_count_from_the_bottom(read):
    data, _ = scene(lambda document: None)
    mesh = read("a.gltf", data)
    expected = CORNERS[mesh.faces][..., :2]
    expected[..., 1] = 1 - expected[..., 1]
    assert np.allclose(mesh.corner_uv, expected)


def test_gltf_nodes_are_turned_scaled_and_moved_in_the_order_of_the_specification(read):
    half = np.sqrt(0.5)
    node = {"mesh": 0, "translation": [10, 0, 0], "rotation": [0, 0, half, half], "scale": [2, 1, 1]}
    data, _ = scene(lambda document: document.update(nodes=[node]))
    mesh = read("a.gltf", data)
    expected = np.stack([10 - CORNERS[:, 1], 2 * CORNERS[:, 0], CORNERS[:, 2]], axis=1)
    assert np.allclose(mesh.vertices, expected, atol=1e-6)


def test_gltf_mirrored_instances_keep_their_faces_outwards(read):
    nodes = [{"mesh": 0, "scale": [-1, 1, 1]}, {"mesh": 0, "translation": [5, 0, 0]}]
    data, _ = scene(lambda document: document.update(nodes=nodes, scenes=[{"nodes": [0, 1]}]))
    mesh = read("a.gltf", data)
    assert len(mesh.faces) == 24
    for faces in (mesh.faces[:12], mesh.faces[12:]):
        a, b, c = np.moveaxis(mesh.vertices.astype(float)[faces], 1, 0)
        assert np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6 == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("mode", "expected"), [(4, [[0, 1, 2]]), (5, [[0, 1, 2], [1, 3, 2]]), (6, [[1, 2, 0], [2, 3, 0]])]
)
def test_gltf_lists_strips_and_fans_of_triangles(read, mode, expected):
    flat = np.array([[0, 1, 2]] if mode == 4 else [[0, 1, 2, 3]], dtype=np.uint8)
    data, _ = scene(lambda document: document["meshes"][0]["primitives"][0].update(mode=mode), faces=flat)
    assert read("a.gltf", data).faces.tolist() == expected


def test_gltf_vertex_colours_normalised_coordinates_and_strides(read):
    vertices = CORNERS
    rows = b"".join(struct.pack("<3f4H2Bxx", *row, 65535, 0, 32768, 65535, 255, 0) for row in vertices)
    blob = rows + FACES.tobytes()

    def change(document):
        document["bufferViews"] = [
            {"buffer": 0, "byteLength": len(rows), "byteStride": 24},
            {"buffer": 0, "byteOffset": len(rows), "byteLength": FACES.nbytes},
        ]
        document["accessors"] = [
            {"bufferView": 0, "componentType": 5126, "count": 8, "type": "VEC3"},
            {
                "bufferView": 0,
                "byteOffset": 12,
                "componentType": 5123,
                "normalized": True,
                "count": 8,
                "type": "VEC4",
            },
            {"bufferView": 1, "componentType": 5123, "count": 36, "type": "SCALAR"},
            {
                "bufferView": 0,
                "byteOffset": 20,
                "componentType": 5121,
                "normalized": True,
                "count": 8,
                "type": "VEC2",
            },
        ]
        document["meshes"][0]["primitives"] = [
            {"attributes": {"POSITION": 0, "COLOR_0": 1, "TEXCOORD_0": 3}, "indices": 2}
        ]
        document["buffers"] = [{"byteLength": len(blob), "uri": data_uri(blob)}]

    mesh = read("a.gltf", scene(change)[0])
    assert mesh.vertex_colours[0].tolist() == [255, 0, 188]
    assert np.allclose(mesh.corner_uv, [1.0, 1.0])
    assert mesh.materials == ()


def test_gltf_sparse_accessors_replace_single_vertices(read):
    place, moved = struct.pack("<H", 7), struct.pack("<3f", 9, 9, 9)

    def change(document):
        document["accessors"][0]["sparse"] = {
            "count": 1,
            "indices": {"bufferView": 3, "componentType": 5123},
            "values": {"bufferView": 4},
        }
        document["bufferViews"] += [
            {"buffer": 1, "byteLength": 2},
            {"buffer": 1, "byteOffset": 2, "byteLength": 12},
        ]
        document["buffers"].append({"byteLength": 14, "uri": data_uri(place + moved)})

    mesh = read("a.gltf", scene(change)[0])
    assert mesh.vertices[7].tolist() == [10, 11, 12]


def test_gltf_texture_transforms_move_the_coordinates(read):
    def change(document):
        texture = document["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"]
        texture["extensions"] = {"KHR_texture_transform": {"offset": [0.25, 0.5], "scale": [2, 4]}}

    mesh = read("a.gltf", scene(change)[0])
    u, v = np.moveaxis(CORNERS[mesh.faces][..., :2], -1, 0)
    assert np.allclose(mesh.corner_uv, np.stack([2 * u + 0.25, 1 - (4 * v + 0.5)], axis=-1))


def test_glb_may_have_chunks_that_nobody_knows(read):
    document, blob = gltf_document()
    del document["buffers"][0]["uri"]
    data = glb_of(json.dumps(document).encode(), blob) + struct.pack("<2I", 4, 0x12345678) + b"abcd"
    data = data[:8] + struct.pack("<I", len(data)) + data[12:]
    assert len(read("a.glb", data).faces) == 12


def test_draco_files_agree_with_trimesh(readers, shared_data):
    for path in sorted((shared_data / "format_samples" / "draco_gltf").glob("*.gltf")):
        if path.stem != "popsicle-chocolate":
            ours, theirs = readers.load(path), trimesh.load_mesh(path, process=False)
            assert len(ours.faces) == len(theirs.faces)
            assert _area(ours) == pytest.approx(theirs.area, rel=1e-5)
            assert np.allclose(sizes(ours), theirs.extents, rtol=1e-5)


def test_parts_with_and_without_colours_keep_their_looks(read):
    document, _ = gltf_document()
    document["accessors"].append({"componentType": 5126, "count": 8, "type": "VEC3"})
    first = {"attributes": {"POSITION": 0, "COLOR_0": 3}, "indices": 2}
    document["meshes"][0]["primitives"] = [first, {"attributes": {"POSITION": 0}, "indices": 2}]
    mesh = read("a.gltf", json.dumps(document).encode())
    assert mesh.vertex_colours[:8].max() == 0
    assert mesh.vertex_colours[8:].min() == 255
    assert [material.colour for material in mesh.materials] == [(1, 1, 1), (0.8, 0.8, 0.8)]
    assert mesh.face_material.tolist() == [0] * 12 + [1] * 12


def test_gltf_instances_that_are_not_read_are_named_and_version_2_is_enough(read):
    document, _ = gltf_document()
    document["asset"]["version"] = "2"
    document["nodes"][0]["extensions"] = {"EXT_mesh_gpu_instancing": {"attributes": {}}}
    mesh = read("a.gltf", json.dumps(document).encode())
    assert len(mesh.faces) == 12
    assert "EXT_mesh_gpu_instancing" in mesh.notes[0]
