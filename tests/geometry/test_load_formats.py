"""What each reader makes of the finer points of its format; trimesh is the second opinion where it agrees."""

import io

import numpy as np
import pytest
import trimesh
from PIL import Image

from anaglyph.errors import MeshError
from anaglyph.geometry.load import MeshReaders
from anaglyph.geometry.mesh import Material, Mesh
from hostile.mesh_samples import (
    CORNERS,
    FACES,
    HONEST,
    dae,
    fbx,
    mtl,
    obj,
    off,
    ply,
    png,
    stl,
    three_mf,
    zipped,
)


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


TRIANGLE = "v 0 0 0\nv 1 0 0\nv 0 1 0\n"


def sizes(mesh):
    return np.ptp(mesh.vertices[np.unique(mesh.faces)], axis=0)


# OBJ and MTL


def test_obj_keeps_the_order_of_vertices_and_faces(read):
    mesh = read("box.obj", obj(), box_mtl=mtl(), box_png=png())
    assert (mesh.vertices == CORNERS).all()
    assert mesh.faces.tolist() == FACES.tolist()


def test_obj_indices_from_the_end_count_from_where_they_stand(read):
    text = TRIANGLE + "f -3 -2 -1\nv 5 0 0\nv 6 0 0\nv 5 1 0\nf -3 -2 -1\n"
    assert read("a.obj", text.encode()).faces.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_obj_polygons_of_different_sizes_become_fans(read):
    corners = "".join(f"v {np.cos(a)} {np.sin(a)} 0\n" for a in np.linspace(0, 2 * np.pi, 7)[:-1])
    mesh = read("a.obj", (corners + "f 1 2 3\nf 1 3 4 5\nf 1 2 3 4 5 6\n").encode())
    assert mesh.faces.tolist() == [
        [0, 1, 2],
        [0, 2, 3],
        [0, 3, 4],
        [0, 1, 2],
        [0, 2, 3],
        [0, 3, 4],
        [0, 4, 5],
    ]


@pytest.mark.parametrize(
    "face", ["1 2 3", "1/1 2/2 3/3", "1//1 2//1 3//1", "1/1/1 2/2/1 3/3/1", "1/1 2 3/3/1", "1/ 2/ 3/"]
)
def test_obj_reads_every_way_to_write_a_corner(read, face):
    mesh = read("a.obj", f"{TRIANGLE}vn 0 0 1\nvt 0 0\nvt 1 0\nvt 0 1\nf {face}\n".encode())
    assert mesh.faces.tolist() == [[0, 1, 2]]
    if face in ("1/1 2/2 3/3", "1/1/1 2/2/1 3/3/1"):
        assert mesh.corner_uv.tolist() == [[[0, 0], [1, 0], [0, 1]]]


def test_obj_lines_may_be_continued_and_end_like_those_of_windows(read):
    assert len(read("a.obj", (TRIANGLE + "f 1 \\\n 2 \\\n 3\n").replace("\n", "\r\n").encode()).faces) == 1


@pytest.mark.parametrize("numbers", ["1 0 0.5", "255 0 127.5"])
def test_obj_colours_behind_the_vertices_are_read(read, numbers):
    text = TRIANGLE.replace("\n", f" {numbers}\n") + "f 1 2 3\n"
    assert read("a.obj", text.encode()).vertex_colours.tolist() == [[255, 0, 128]] * 3


def test_obj_materials_come_from_several_libraries(read):
    text = (
        "mtllib a.mtl b.mtl\n"
        + TRIANGLE
        + "usemtl red\nf 1 2 3\nusemtl blue\nf 3 2 1\nusemtl lost\nf 1 3 2\n"
    )
    mesh = read("a.obj", text.encode(), a_mtl=b"newmtl red\nKd 1 0 0\n", b_mtl=b"newmtl blue\nKd 0 0 1\n")
    assert [mesh.materials[row].name for row in mesh.face_material] == ["red", "blue", "lost"]
    assert [material.colour for material in mesh.materials] == [(1, 0, 0), (0, 0, 1), (0.8, 0.8, 0.8)]
    assert "'lost'" in mesh.notes[0]


def test_mtl_texture_options_and_names_with_blanks_are_understood(read, tmp_path):
    (tmp_path / "wood grain.png").write_bytes(png())
    library = b"newmtl paint\nKd 1 1 1\nmap_Kd -s 2 2 1 -clamp on -o 0.5 wood grain.png\n"
    mesh = read("box.obj", obj(), box_mtl=library)
    assert mesh.notes == ()
    assert mesh.materials[0].texture.shape == (4, 4, 3)


def test_mtl_black_beside_a_texture_is_taken_as_white(read):
    mesh = read("box.obj", obj(), box_mtl=mtl(colour="0 0 0"), box_png=png())
    assert mesh.materials[0].colour == (1, 1, 1)


def test_a_texture_may_lie_in_a_folder_and_be_written_with_backslashes(read, tmp_path):
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "a.png").write_bytes(png())
    mesh = read("box.obj", obj(library="maps/box.mtl"))
    assert "material library 'maps/box.mtl', which is not there" in mesh.notes[0]
    (tmp_path / "maps" / "box.mtl").write_bytes(mtl(texture="a.png"))
    assert read("box.obj", obj(library="maps\\box.mtl")).materials[0].texture is not None
    assert read("box.obj", obj(), box_mtl=mtl(texture="maps\\a.png")).materials[0].texture is not None


def test_a_texture_that_two_materials_share_is_sent_once(read):
    text = "mtllib a.mtl\n" + TRIANGLE + "vt 0 0\nusemtl a\nf 1/1 2/1 3/1\nusemtl b\nf 3/1 2/1 1/1\n"
    library = b"newmtl a\nmap_Kd t.png\nnewmtl b\nmap_Kd t.png\n"
    first, second = read("a.obj", text.encode(), a_mtl=library, t_png=png()).materials
    assert first.texture is second.texture


# PLY, STL, OFF


@pytest.mark.parametrize("order", ["ascii", "binary_little_endian", "binary_big_endian"])
def test_ply_faces_of_different_sizes_are_read(read, order):
    quads = [(0, 1, 3, 2), (4, 6, 7), (0, 4, 5, 1, 3), (1, 5, 7)]
    mesh = read("a.ply", ply(order, quads=quads))
    assert mesh.faces.tolist() == [
        [0, 1, 3],
        [0, 3, 2],
        [4, 6, 7],
        [0, 4, 5],
        [0, 5, 1],
        [0, 1, 3],
        [1, 5, 7],
    ]


def test_ply_colours_of_faces_split_the_vertices_between_two_colours(read):
    text = """ply
format ascii 1.0
element vertex 4
property float x
property float y
property float z
element face 2
property list uchar int vertex_indices
property uchar red
property uchar green
property uchar blue
end_header
0 0 0
1 0 0
1 1 0
0 1 0
3 0 1 2 255 0 0
3 0 2 3 0 0 255
"""
    mesh = read("a.ply", text.encode())
    assert len(mesh.vertices) == 6
    assert (mesh.vertex_colours[mesh.faces[0]] == [255, 0, 0]).all()
    assert (mesh.vertex_colours[mesh.faces[1]] == [0, 0, 255]).all()


def test_ply_texture_file_and_coordinates_make_a_material(read):
    mesh = read("a.ply", ply(comment="TextureFile t.png"), t_png=png((9, 8, 7)))
    assert mesh.materials[0].texture[0, 0].tolist() == [9, 8, 7]
    assert (mesh.corner_uv == CORNERS[mesh.faces][..., :2]).all()


def test_ply_vertex_colours_are_read_as_bytes_and_as_fractions(read):
    def text(kind, red):
        head = (
            "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
        )
        head += "".join(f"property {kind} {name}\n" for name in ("red", "green", "blue"))
        head += "element face 1\nproperty list uchar int vertex_index\nend_header\n"
        rows = "".join(f"{row} {red} 0 0\n" for row in ("0 0 0", "1 0 0", "0 1 0"))
        return (head + rows + "3 0 1 2\n").encode()

    for kind, red in (("uchar", 255), ("float", 1.0), ("ushort", 65535)):
        assert read("a.ply", text(kind, red)).vertex_colours.tolist() == [[255, 0, 0]] * 3


def test_ply_elements_behind_the_faces_do_not_matter(read):
    data = ply("binary_little_endian").replace(
        b"end_header", b"element camera 1\nproperty float a\nend_header"
    )
    assert len(read("a.ply", data).faces) == 12


def test_stl_corners_become_shared_vertices_and_zero_has_one_sign(read):
    assert len(read("a.stl", stl()).vertices) == 8
    assert len(read("a.stl", stl(vertices=np.where(CORNERS == 0, -CORNERS, CORNERS))).vertices) == 8


def test_a_binary_stl_whose_header_says_solid_is_read(read):
    data = b"solid facet endsolid".ljust(80) + stl()[80:]
    assert len(read("a.stl", data).faces) == 12


def test_off_headers_of_modelnet_run_into_the_counts(read):
    assert len(read("a.off", off().replace(b"OFF\n", b"OFF", 1)).faces) == 12


def test_off_colours_of_vertices_and_of_faces_are_read(read):
    vertices = "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2 {}\n"
    for colour in ("0 255 0", "0.0 1.0 0.0", "0 255 0 128"):
        assert read("a.off", vertices.format(colour).encode()).vertex_colours.tolist() == [[0, 255, 0]] * 3
    coloured = "COFF\n3 1 0\n0 0 0 9 8 7 255\n1 0 0 9 8 7 255\n0 1 0 9 8 7 255\n3 0 1 2\n"
    assert read("a.off", coloured.encode()).vertex_colours.tolist() == [[9, 8, 7]] * 3


def _area(mesh):
    a, b, c = np.moveaxis(mesh.vertices.astype(float)[mesh.faces], 1, 0)
    return np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2


def _volume(mesh):
    a, b, c = np.moveaxis(mesh.vertices.astype(float)[mesh.faces], 1, 0)
    return np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6


@pytest.mark.parametrize(
    "pattern",
    ["kenney_platformer/*.glb", "kenney_platformer/*.dae", "kenney_platformer/*.stl", "modelnet10_off/*.off"],
)
def test_real_files_agree_with_trimesh(readers, shared_data, pattern):
    paths = sorted((shared_data / "format_samples").glob(pattern))
    assert paths
    for path in paths:
        ours, theirs = readers.load(path), trimesh.load_mesh(path, process=False)
        assert len(ours.faces) == len(theirs.faces)
        a, b, c = np.moveaxis(ours.vertices.astype(float)[ours.faces], 1, 0)
        assert np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2 == pytest.approx(
            theirs.area, rel=1e-5
        )
        assert np.allclose(sizes(ours), theirs.extents, rtol=1e-5)


# COLLADA, 3MF, FBX


def test_collada_with_x_up_is_turned_to_y_up(read):
    mesh = read("a.dae", dae(up="X_UP", vertices=CORNERS * [3, 2, 1], texture="none.png"))
    assert mesh.up == "y"
    assert sizes(mesh).tolist() == [2, 3, 1]
    assert any("x up" in note for note in mesh.notes)
    assert any("none.png" in note for note in mesh.notes)


def test_collada_nodes_and_mirrors_are_baked(read):
    geometry = '<instance_geometry url="#box"/>'
    moved = f"<node><translate>5 0 0</translate><node><scale>-1 2 1</scale>{geometry}</node></node>"
    nodes = f"{moved}<node>{geometry}</node>"
    mesh = read("a.dae", dae(nodes=nodes))
    assert len(mesh.faces) == 24
    assert _volume(mesh) == pytest.approx(3.0)
    assert sizes(mesh).tolist() == [5, 2, 1]


def test_3mf_builds_place_components_with_their_transforms(read):
    moved = '<component objectid="1" transform="1 0 0 0 1 0 0 0 1 5 0 0"/>'
    objects = f'<object id="2"><components>{moved}<component objectid="1"/></components></object>'
    mesh = read(
        "a.3mf", three_mf(objects=objects, build='<item objectid="2" transform="2 0 0 0 2 0 0 0 2 0 0 0"/>')
    )
    assert len(mesh.faces) == 24
    assert sizes(mesh).tolist() == [12, 2, 2]
    assert _volume(mesh) == pytest.approx(16.0)


def test_fbx_polygons_uv_and_textures_arrive(read):
    mesh = read("a.fbx", fbx(texture="t.png"), t_png=png((5, 6, 7)))
    assert mesh.materials[0].texture[0, 0].tolist() == [5, 6, 7]
    assert mesh.materials[0].colour == (1, 1, 1)
    plain = read("a.fbx", fbx(quads=[(0, 1, 3, 2), (4, 6, 7), (0, 4, 5, 1, 3)]))
    assert plain.faces.tolist() == [[0, 1, 3], [0, 3, 2], [4, 6, 7], [0, 4, 5], [0, 5, 1], [0, 1, 3]]


# what is left out is said


def test_vertices_that_are_not_finite_go_with_their_faces_and_are_counted(read):
    vertices = CORNERS.astype(object)
    vertices[0] = "nan"
    mesh = read("a.off", off(vertices=vertices))
    assert len(mesh.vertices) == 7
    assert len(mesh.faces) == 12 - 6
    assert mesh.notes == ("left out 1 vertices that are not finite, and 6 faces with them",)
    assert (mesh.vertices == CORNERS[1:]).all()


def test_faces_that_use_a_vertex_twice_are_left_out_and_counted(read):
    mesh = read("a.off", off(quads=[(0, 1, 3, 2), (4, 4, 5, 6)]))
    assert len(mesh.faces) == 3
    assert mesh.notes == ("left out 1 faces that use a vertex twice",)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.gltf", b'{"asset": {"version": "1.0"}}', "version '1.0'"),
        ("a.glb", HONEST["box.glb"]()[:-10], "announces"),
        ("a.stl", HONEST["box.stl"]()[:-10], "announces 12 triangles, which take 684 bytes, and has 674"),
        ("a.off", HONEST["box.off"]()[:-30], "announces 8 vertices and 6 faces"),
        ("a.ply", HONEST["little.ply"]()[:-10], "cut off"),
        ("a.obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n", "point to the vertices 0 to 8, and it has 3"),
        ("a.obj", b"v 0 0\n", "fewer than 3 numbers"),
        ("a.ply", b"ply\nformat ascii 2.0 \nelement vertex many\n", "header"),
        ("a.dae", b"<!DOCTYPE a><COLLADA/>", "document type"),
    ],
)
def test_reasons_name_the_fault_and_the_numbers(read, name, data, reason):
    with pytest.raises(MeshError, match=reason):
        read(name, data)


SOLID = (
    '<mesh><vertices><vertex x="0" y="0" z="0"/><vertex x="{0}" y="0" z="0"/><vertex x="0" y="{0}" z="0"/>'
    '<vertex x="0" y="0" z="{0}"/></vertices><triangles><triangle v1="0" v2="2" v3="1"/>'
    '<triangle v1="0" v2="1" v3="3"/><triangle v1="0" v2="3" v3="2"/><triangle v1="1" v2="2" v3="3"/>'
    "</triangles></mesh>"
)
NAMESPACES = (
    'xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02" '
    'xmlns:p="http://schemas.microsoft.com/3dmanufacturing/production/2015/06"'
)


def model(objects, build=""):
    return f"<model {NAMESPACES}><resources>{objects}</resources><build>{build}</build></model>".encode()


def test_3mf_components_take_one_object_of_another_part(read):
    parts = "".join(f'<object id="{n}">{SOLID.format(n)}</object>' for n in (1, 2))
    components = "".join(
        f'<component p:path="/3D/Objects/o.model" objectid="{n}" transform="1 0 0 0 1 0 0 0 1 {10 * n} 0 0"/>'
        for n in (1, 2)
    )
    root = model(f'<object id="5"><components>{components}</components></object>', '<item objectid="5"/>')
    mesh = read("a.3mf", zipped({"3D/3dmodel.model": root, "3D/Objects/o.model": model(parts)}))
    assert mesh.faces.shape == (8, 3)
    assert sorted(set(mesh.vertices[:, 0].tolist())) == [10.0, 11.0, 20.0, 22.0]
    with pytest.raises(MeshError, match=r"points to its part '3d/objects/o.model'"):
        read("b.3mf", zipped({"3D/3dmodel.model": root}))


def test_3mf_objects_keep_their_own_geometry_whatever_their_names(read):
    objects = "".join(
        f'<object id="{n}" name="Body{n}">{SOLID.format(size)}</object>' for n, size in ((1, 1), (2, 9))
    )
    objects += "".join(
        f'<object id="{n + 2}" name="Part({n})"><components><component objectid="{n}"/></components></object>'
        for n in (1, 2)
    )
    build = '<item objectid="3"/><item objectid="4" transform="0 1 0 -1 0 0 0 0 1 0 20 0"/>'
    mesh = read("a.3mf", zipped({"3D/3dmodel.model": b"\xef\xbb\xbf" + model(objects, build)}))
    assert mesh.vertices[:4].max() == 1.0
    assert mesh.vertices[4:].tolist() == [[0, 20, 0], [0, 29, 0], [-9, 20, 0], [0, 20, 9]]  # turned by 90


def test_3mf_document_types_behind_a_byte_order_mark_are_refused(read):
    odd = b"\xef\xbb\xbf<!DOCTYPE a><a/>"
    with pytest.raises(MeshError, match="document type"):
        read("a.3mf", zipped({"3D/3dmodel.model": model("", ""), "3D/other": odd}))


def test_mtl_words_may_stand_behind_tabs(read):
    library = b"newmtl\tpaint\nKd\t1 0\t0\nmap_Kd\t-s\t1 1 1\tbox.png\n"
    mesh = read("a.obj", obj(), box_mtl=library, box_png=png())
    assert mesh.materials[0].colour == (1.0, 0.0, 0.0)
    assert mesh.materials[0].texture is not None


def test_materials_that_an_empty_library_lacks_are_named(read):
    assert "'paint' first" in " ".join(read("a.obj", obj(), box_mtl=b"# nothing\n").notes)


def test_obj_comments_may_end_a_line(read):
    text = "v 0 0 0 # one\nv 1 0 0 # a vertex with words\nv 0 1 0 #\nusemtl a#b\nf 1 2 3 # face\nf 1 3 2#x\n"
    mesh = read("a.obj", text.encode())
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 1]]
    assert mesh.vertex_colours is None
    assert mesh.materials[0].name == "a#b"


def test_a_texture_of_sixteen_bits_of_grey_is_rounded_to_eight(read):
    stream = io.BytesIO()
    Image.fromarray(np.array([[0, 257 * 100, 65535]], dtype=np.uint16)).save(stream, "PNG")
    mesh = read("a.obj", obj(), box_mtl=mtl(), box_png=stream.getvalue())
    assert mesh.materials[0].texture[0, :, 0].tolist() == [0, 100, 255]


def test_bytes_behind_the_triangles_of_a_binary_stl_are_left_out_and_named(read):
    mesh = read("a.stl", stl() + b"trailer")
    assert len(mesh.faces) == 12
    assert mesh.notes == ("without 7 bytes after the 12 triangles that it announces",)


def test_off_colours_of_some_faces_only_are_left_out_and_named(read):
    text = "OFF\n4 2 0\n0 0 0\n1 0 0\n0 1 0\n0 0 1\n3 0 1 2 255 0 0\n3 0 1 3\n"
    mesh = read("a.off", text.encode())
    assert mesh.vertex_colours is None
    assert mesh.notes == ("without the colours of its faces, since 1 of 2 have none",)


@pytest.mark.parametrize("order", ["ascii", "binary_little_endian"])
def test_ply_lines_may_end_as_on_old_macintoshes(read, order):
    head, mark, body = ply(order).partition(b"end_header\n")
    data = (head + mark).replace(b"\n", b"\r") + (body.replace(b"\n", b"\r") if order == "ascii" else body)
    assert read("a.ply", data).faces.tolist() == FACES.tolist()


@pytest.mark.parametrize("colour", [(0.0, 0.0), (0.0, 0.0, 1.1), (float("nan"), 0.0, 0.0), (-0.1, 0.0, 0.0)])
def test_a_mesh_has_no_material_without_a_colour(colour):
    corners, face = np.eye(3, dtype=np.float32), np.array([[0, 1, 2]], dtype=np.int32)
    with pytest.raises(ValueError, match="colour of a material"):
        Mesh(corners, face, materials=(Material("a", colour),))
