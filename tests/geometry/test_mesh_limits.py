"""Each limit of a model from both sides: what just fits is read, one more is not."""

import pytest

from anaglyph.errors import MeshError
from anaglyph.geometry.mesh_limits import MeshLimits
from anaglyph.geometry.mesh_reader import read_mesh
from anaglyph.io.archive import ArchiveLimits
from hostile.mesh_samples import (
    FACES,
    HONEST,
    NEIGHBOURS,
    glb,
    gltf,
    gltf_document,
    mtl,
    obj,
    png,
    three_mf,
    three_mf_model,
    zipped,
)


@pytest.fixture
def folder(tmp_path):
    for name, data in NEIGHBOURS.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def load(path, **limits):
    """In this process: what a child would be told, without its start."""
    return read_mesh(path, root=path.parent, up="auto", limits=MeshLimits(**limits))


def write(folder, name, data):
    (folder / name).write_bytes(data)
    return folder / name


@pytest.mark.parametrize("name", HONEST)
@pytest.mark.parametrize(("what", "most"), [("vertices", 8), ("faces", 12)])
def test_vertices_and_faces(folder, name, what, most):
    path = write(folder, name, HONEST[name]())
    assert len(load(path, **{what: most}).faces) == 12
    with pytest.raises(MeshError, match=r"more than|at most|announces"):
        load(path, **{what: most - 1})


def test_instances_count_as_often_as_they_are_shown(folder):
    items = '<item objectid="1"/><item objectid="1" transform="1 0 0 0 1 0 0 0 1 5 0 0"/>'
    path = write(folder, "two.3mf", three_mf(build=items))
    assert len(load(path, faces=24).faces) == 24
    with pytest.raises(MeshError, match="23 faces"):
        load(path, faces=23)


def test_bytes_of_the_model_and_of_what_it_refers_to(folder):
    path = write(folder, "box.stl", HONEST["box.stl"]())
    size = path.stat().st_size
    assert len(load(path, file_bytes=size).faces) == 12
    with pytest.raises(MeshError, match=f"{size} bytes; at most {size - 1}"):
        load(path, file_bytes=size - 1)
    numbers = write(folder, "numbers.bin", gltf_document()[1])
    model = write(folder, "box.gltf", gltf(uri="numbers.bin"))
    both = numbers.stat().st_size + model.stat().st_size
    assert len(load(model, file_bytes=both).faces) == 12
    with pytest.raises(MeshError, match=r"'numbers\.bin', which is not read: it has"):
        load(model, file_bytes=both - 1)


def test_references(folder):
    path = write(folder, "box.obj", obj())
    assert load(path, references=2).notes == ()
    assert "more than 1 files" in load(path, references=1).notes[0]


def test_bytes_of_a_texture(folder):
    path = write(folder, "box.obj", obj())
    size = len(NEIGHBOURS["box.png"])
    assert load(path, texture_bytes=size).notes == ()
    assert f"at most {size - 1} are read" in load(path, texture_bytes=size - 1).notes[0]
    inside = write(folder, "box.glb", glb())
    assert load(inside, texture_bytes=size).notes == ()
    assert f"at most {size - 1} are read" in load(inside, texture_bytes=size - 1).notes[0]


def test_pixels_of_all_textures_together(folder):
    text = obj(extra="usemtl second\nf 1/1 2/2 3/3\n")
    (folder / "box.mtl").write_bytes(mtl() + b"newmtl second\nmap_Kd second.png\n")
    (folder / "second.png").write_bytes(png(size=(5, 4)))
    path = write(folder, "box.obj", text)
    assert all(material.texture is not None for material in load(path, texture_pixels=36).materials)
    mesh = load(path, texture_pixels=35)
    assert [material.texture is None for material in mesh.materials] == [False, True]
    assert "5 x 4" in mesh.notes[0]


def test_materials(folder):
    path = write(folder, "box.obj", obj(extra="usemtl second\nf 1 2 3\n"))
    assert len(load(path, materials=2).materials) == 2
    with pytest.raises(MeshError, match="2 materials; at most 1"):
        load(path, materials=1)


def test_limits_of_the_container(folder):
    path = write(folder, "box.3mf", three_mf())
    assert len(load(path, archive=ArchiveLimits(members=2)).faces) == 12
    with pytest.raises(MeshError, match="2 members; at most 1"):
        load(path, archive=ArchiveLimits(members=1))
    size = len(three_mf_model())
    alone = write(folder, "alone.3mf", zipped({"3D/3dmodel.model": three_mf_model()}))
    assert len(load(alone, archive=ArchiveLimits(total_bytes=size)).faces) == len(FACES)
    with pytest.raises(MeshError, match=f"more than {size - 1} bytes"):
        load(alone, archive=ArchiveLimits(total_bytes=size - 1))


@pytest.mark.parametrize(
    "name", ["file_bytes", "vertices", "faces", "memory_bytes", "references", "texture_pixels"]
)
@pytest.mark.parametrize("value", [0, -1, 1.5, "many"])
def test_limits_that_make_no_sense_are_programming_errors(name, value):
    with pytest.raises(ValueError, match=name):
        MeshLimits(**{name: value})


@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan")])
def test_seconds_must_be_some(value):
    with pytest.raises(ValueError, match="seconds"):
        MeshLimits(seconds=value)
