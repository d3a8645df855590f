"""The hash of a model: everything that it is made of counts, and nothing else."""

import shutil
import subprocess
import sys
import time

import pytest

from anaglyph.errors import MeshError
from anaglyph.geometry.content_hash import content_hash
from anaglyph.geometry.mesh_limits import MeshLimits
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


def test_one_file_under_many_names_is_read_once(tmp_path):
    (tmp_path / "large.png").write_bytes(bytes(20 << 20))
    lines = "".join(f"map_Kd {'./' * (n % 400)}large.png\nmap_Kd {n}/../large.png\n" for n in range(5000))
    (tmp_path / "box.mtl").write_text("newmtl a\n" + lines)
    (tmp_path / "box.obj").write_bytes(obj())
    start = time.process_time()
    assert len(content_hash(tmp_path / "box.obj")) == 64
    assert time.process_time() - start < 3  # hours if each name cost a reading


def test_files_of_all_levels_share_one_bound_of_bytes(tmp_path):
    names = [f"t{n}.png" for n in range(8)]
    for name in names:
        (tmp_path / name).write_bytes(bytes(1000))
    (tmp_path / "box.mtl").write_text("".join(f"map_Kd {name}\n" for name in names))
    (tmp_path / "box.obj").write_bytes(obj())
    used = sum((tmp_path / name).stat().st_size for name in ("box.obj", "box.mtl"))
    limits = MeshLimits(file_bytes=used + 4500)
    first = content_hash(tmp_path / "box.obj", limits=limits)
    (tmp_path / "t7.png").write_bytes(bytes(999) + b"x")
    assert content_hash(tmp_path / "box.obj", limits=limits) == first  # not reached
    (tmp_path / "t3.png").write_bytes(bytes(999) + b"x")
    assert content_hash(tmp_path / "box.obj", limits=limits) != first


def test_files_of_all_levels_share_one_bound_of_references(tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "box.mtl").write_text("map_Kd a.png\nmap_Kd b.png\n")
    (tmp_path / "box.obj").write_bytes(obj())
    first = content_hash(tmp_path / "box.obj", limits=MeshLimits(references=2))
    (tmp_path / "b.png").write_bytes(b"y")
    assert content_hash(tmp_path / "box.obj", limits=MeshLimits(references=2)) == first
    (tmp_path / "a.png").write_bytes(b"y")
    assert content_hash(tmp_path / "box.obj", limits=MeshLimits(references=2)) != first


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.gltf", b'{"uri": "' + b"A" * (30 << 20) + b'"}'),
        ("a.gltf", b'{"uri": "' + b"\\u0041" * (5 << 20) + b'"}'),
        ("a.gltf", b'"uri":"' * (4 << 20)),
        ("a.obj", b"mtllib " * (4 << 20)),
        ("a.obj", b"mtllib" + b" " * (30 << 20)),
        ("a.dae", b"<init_from " * (3 << 20)),
        ("a.dae", b"<init_from>" + b"a" * (30 << 20)),
        ("a.fbx", b"FileName" * (4 << 20)),
        ("a.fbx", b"FileNameSaaaa" + b"b" * (30 << 20)),
        ("a.ply", b"TextureFile " * (3 << 20)),
    ],
)
def test_hashing_a_hostile_file_takes_little_time_and_memory(tmp_path, name, text):
    (tmp_path / name).write_bytes(text)
    program = (
        "import sys, time; from anaglyph.geometry.content_hash import content_hash;"
        "from anaglyph.geometry.confinement import peak_bytes;"
        "before = peak_bytes(); start = time.process_time();"
        "content_hash(sys.argv[1]); grown = peak_bytes() - before;"
        "print(grown >> 20, time.process_time() - start)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / name], capture_output=True, text=True, check=True
    )
    mebibytes, seconds = map(float, done.stdout.split())
    assert mebibytes < 100
    assert seconds < 10


@pytest.mark.parametrize(
    ("model", "referred", "text"),
    [
        ("a.dae", "a&b.png", dae(texture="a&amp;b.png")),
        ("a.dae", "box.png", dae(texture='x</init_from><init_from mips_generate="true">box.png')),
        ("a.dae", "box.png", dae(texture="<![CDATA[box.png]]>")),
        ("a.obj", "other.mtl", obj(library="other.mtl").replace(b"mtllib ", b"\tmtllib\t")),
        ("a.obj", "other.mtl", obj(library="other.mtl").replace(b"\n", b"\r")),
        ("a.gltf", "a/b.bin", gltf(uri="a/b.bin").replace(b"a/b.bin", b"a\\/b.bin")),
    ],
)
def test_names_that_are_written_in_odd_ways_are_found(tmp_path, model, referred, text):
    (tmp_path / referred).parent.mkdir(exist_ok=True)
    (tmp_path / model).write_bytes(text)
    (tmp_path / referred).write_bytes(b"one")
    first = content_hash(tmp_path / model)
    (tmp_path / referred).write_bytes(b"two")
    assert content_hash(tmp_path / model) != first


def test_a_library_with_tabs_names_its_textures(folder):
    (folder / "box.mtl").write_bytes(b"newmtl\tpaint\nmap_Kd\tbox.png\n")
    first = content_hash(folder / "box.obj")
    (folder / "box.png").write_bytes(b"other")
    assert content_hash(folder / "box.obj") != first
