"""The hash of a model: everything that it is made of counts, and nothing else."""

import shutil

import pytest

from anaglyph.errors import MeshError
from anaglyph.geometry.content_hash import content_hash
from hostile.mesh_samples import HONEST, NEIGHBOURS, dae, fbx, gltf, gltf_document, mtl, obj, ply, png


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "first"
    place.mkdir()
    for name, data in NEIGHBOURS.items():
        (place / name).write_bytes(data)
    for name, make in HONEST.items():
        (place / name).write_bytes(make())
    (place / "numbers.bin").write_bytes(gltf_document()[1])
    (place / "apart.gltf").write_bytes(gltf(uri="numbers.bin", image="box.png"))
    (place / "textured.fbx").write_bytes(fbx(texture="box.png"))
    (place / "textured.ply").write_bytes(ply(comment="TextureFile box.png"))
    return place


MODELS = (*HONEST, "apart.gltf", "textured.fbx", "textured.ply")


@pytest.mark.parametrize("name", MODELS)
def test_the_folder_makes_no_difference(folder, name):
    first = content_hash(folder / name)
    copy = shutil.copytree(folder, folder.parent / "elsewhere entirely")
    assert content_hash(copy / name) == first
    assert len(first) == 64


@pytest.mark.parametrize("name", MODELS)
def test_each_byte_of_the_model_makes_a_difference(folder, name):
    first = content_hash(folder / name)
    data = bytearray((folder / name).read_bytes())
    data[-3] ^= 1
    (folder / name).write_bytes(data)
    assert content_hash(folder / name) != first


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("box.obj", "box.mtl"),
        ("box.obj", "box.png"),
        ("apart.gltf", "numbers.bin"),
        ("apart.gltf", "box.png"),
        ("box.dae", "box.png"),
        ("textured.fbx", "box.png"),
        ("textured.ply", "box.png"),
    ],
)
def test_files_that_a_model_refers_to_make_a_difference(folder, name, part):
    first = content_hash(folder / name)
    (folder / part).write_bytes((folder / part).read_bytes() + b"\n")
    changed = content_hash(folder / name)
    (folder / part).unlink()
    assert len({first, changed, content_hash(folder / name)}) == 3


def test_files_that_lie_beside_it_make_none(folder):
    first = content_hash(folder / "box.obj")
    (folder / "other.png").write_bytes(png())
    (folder / "box.stl").unlink()
    assert content_hash(folder / "box.obj") == first


def test_the_suffix_and_its_case(folder):
    (folder / "box.OBJ").write_bytes(obj())
    (folder / "same.ply").write_bytes(obj())
    assert content_hash(folder / "box.OBJ") == content_hash(folder / "box.obj")
    assert content_hash(folder / "same.ply") != content_hash(folder / "box.obj")


def test_a_reference_that_may_not_be_read_counts_as_absent(folder, tmp_path):
    (tmp_path / "out.png").write_bytes(png())
    (folder / "box.mtl").write_bytes(mtl(texture="../out.png"))
    first = content_hash(folder / "box.obj")
    wide = content_hash(folder / "box.obj", root=tmp_path)
    (tmp_path / "out.png").write_bytes(png((1, 1, 1)))
    assert content_hash(folder / "box.obj") == first
    assert len({first, wide, content_hash(folder / "box.obj", root=tmp_path)}) == 3


def test_names_far_apart_in_a_large_file_are_found(folder):
    filler = b"# " + b"x" * 1_000_000 + b"\n"
    text = filler * 17 + obj()  # beyond the piece that is looked at in one go
    (folder / "large.obj").write_bytes(text)
    first = content_hash(folder / "large.obj")
    (folder / "box.png").write_bytes(png((1, 1, 1)))
    assert content_hash(folder / "large.obj") != first


def test_a_file_that_cannot_be_a_model_has_no_hash(folder, tmp_path):
    (tmp_path / "a.xyz").write_bytes(b"x")
    for path in (tmp_path / "none.obj", tmp_path / "a.xyz", folder):
        with pytest.raises(MeshError):
            content_hash(path)


def test_a_model_on_the_internet_is_not_asked_for(folder):
    (folder / "box.dae").write_bytes(dae(texture="http://127.0.0.1:9/x.png"))
    assert len(content_hash(folder / "box.dae")) == 64
