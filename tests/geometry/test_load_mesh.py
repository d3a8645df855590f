"""`load_mesh` and `MeshReaders`: what they promise about paths, processes and order, and real files."""

import csv
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from anaglyph.errors import MeshError
from anaglyph.geometry.content_hash import content_hash
from anaglyph.geometry.load import SUPPORTED, MeshReaders, load_mesh
from anaglyph.geometry.mesh import Mesh
from anaglyph.geometry.mesh_limits import MeshLimits
from hostile.mesh_samples import HONEST, NEIGHBOURS, obj, stl


@pytest.fixture(scope="module")
def boxes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("boxes")
    for name, data in NEIGHBOURS.items():
        (folder / name).write_bytes(data)
    for name, make in HONEST.items():
        (folder / name).write_bytes(make())
    return folder


@pytest.fixture(scope="module")
def readers():
    with MeshReaders(limits=MeshLimits(memory_bytes=2 << 30)) as readers:
        yield readers


def area(mesh):
    a, b, c = np.moveaxis(mesh.vertices.astype(float)[mesh.faces], 1, 0)
    return np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2


def volume(mesh):
    a, b, c = np.moveaxis(mesh.vertices.astype(float)[mesh.faces], 1, 0)
    return np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6


@pytest.mark.parametrize("name", HONEST)
def test_every_format_gives_the_box_with_its_faces_outwards(readers, boxes, name):
    mesh = readers.load(boxes / name)
    assert mesh.faces.shape == (12, 3)
    assert area(mesh) == pytest.approx(6.0)
    assert volume(mesh) == pytest.approx(1.0)
    assert mesh.notes == ()


@pytest.mark.parametrize("name", HONEST)
def test_up_is_what_the_file_or_its_format_says(readers, boxes, name):
    said = {"box.stl": "z", "text.stl": "z", "box.3mf": "z", "box.dae": "z", "box.fbx": "z"}
    assert readers.load(boxes / name).up == said.get(name, "y")
    assert readers.load(boxes / name, up="y").up == "y"
    assert readers.load(boxes / name, up="z").up == "z"


def test_every_supported_suffix_is_tested_here():
    assert {f".{name.rpartition('.')[2]}" for name in HONEST} == set(SUPPORTED)


def test_upper_case_suffixes_and_odd_names_are_read(boxes, readers, tmp_path):
    for name in ("BOX.OBJ", "a b.Stl", "küche – 椅子 🪑.off", "e\u0301.ply", "x" * 200 + ".stl"):
        path = tmp_path / name
        path.write_bytes(HONEST[f"box.{name.rpartition('.')[2].lower()}"]())
        assert len(readers.load(path).faces) == 12


def test_a_name_that_is_no_unicode_is_read(readers, tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.stl")
    path.write_bytes(stl())
    assert len(readers.load(path).faces) == 12


def test_load_mesh_reads_one_file_and_leaves_no_process(boxes):
    children = set(_children())
    assert len(load_mesh(boxes / "box.obj").faces) == 12
    assert set(_children()) <= children


def _children():
    return Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.obj", "no such file"),
        ("box.xyz", r"no 3D format '\.xyz'.*All: .*\.obj"),
        ("box.gtlf", r"did you mean '\.gltf'"),
        ("box", "no suffix"),
    ],
)
def test_what_cannot_be_a_model_is_refused_by_name(readers, tmp_path, name, reason):
    if name != "missing.obj":
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(MeshError, match=reason) as caught:
        readers.load(tmp_path / name)
    assert caught.value.path == str(tmp_path / name)


def test_load_many_keeps_the_order_and_gives_errors_as_values(boxes, tmp_path):
    (tmp_path / "broken.obj").write_bytes(b"v 1 2 3\n")
    paths = [boxes / "box.obj", tmp_path / "broken.obj", boxes / "box.glb", tmp_path / "none.ply"] * 5
    with MeshReaders(2) as readers:
        found = list(readers.load_many(iter(paths)))
    assert [path for path, _ in found] == paths
    assert [isinstance(answer, Mesh) for _, answer in found] == [True, False, True, False] * 5
    assert "no faces" in found[1][1].reason


def test_load_many_takes_no_more_paths_than_it_needs(boxes):
    taken = []

    def paths():
        for number in range(1000):
            taken.append(number)
            yield boxes / "box.stl"

    with MeshReaders(2) as readers:
        loading = readers.load_many(paths())
        next(loading)
        loading.close()
    assert len(taken) <= 6


def test_several_threads_share_one_child(boxes, readers):
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(len(readers.load(boxes / "box.ply").faces)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [12] * 8


def test_a_child_that_was_killed_is_replaced(boxes):
    with MeshReaders() as readers:
        readers.load(boxes / "box.obj")
        sandbox = readers._pool.sandboxes[0]
        first = sandbox.pid
        os.kill(first, 9)
        assert len(readers.load(boxes / "box.obj").faces) == 12
        assert sandbox.pid != first


def test_readers_can_be_used_again_after_close(boxes):
    readers = MeshReaders()
    readers.load(boxes / "box.obj")
    readers.close()
    assert readers._pool.sandboxes[0].pid is None
    with readers:
        assert len(readers.load(boxes / "box.obj").faces) == 12


def test_a_program_without_standard_streams_can_read_models(boxes):
    program = (
        "import sys; from anaglyph.geometry.load import load_mesh;"
        "sys.exit(0 if len(load_mesh(sys.argv[1]).faces) == 12 else 3)"
    )
    command = 'exec "$0" -W error -c "$1" "$2" <&- >&- 2>&-'
    done = subprocess.run(["sh", "-c", command, sys.executable, program, boxes / "box.gltf"], check=False)
    assert done.returncode == 0


def test_importing_the_loader_loads_neither_torch_nor_a_parser():
    program = (
        "import sys, anaglyph.geometry.load, anaglyph.geometry.content_hash;"
        "heavy = {'torch', 'trimesh', 'ufbx', 'lxml', 'collada', 'networkx', 'scipy', 'DracoPy'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_the_child_ends_when_its_parent_is_killed(boxes, tmp_path):
    program = (
        "import sys, time; from anaglyph.geometry.load import MeshReaders;"
        "readers = MeshReaders(); readers.load(sys.argv[1]);"
        "print(readers._pool.sandboxes[0].pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, boxes / "box.obj"], stdout=subprocess.PIPE
    ) as parent:
        child = int(parent.stdout.readline())
        parent.kill()
    for _ in range(200):
        if not _runs(child):
            break
        time.sleep(0.02)
    assert not _runs(child)


def _runs(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_wrong_arguments_are_programming_errors(boxes, readers):
    with pytest.raises(ValueError, match="up must be"):
        readers.load(boxes / "box.obj", up="x")
    with pytest.raises(ValueError, match="processes"):
        MeshReaders(0)


def test_a_model_outside_the_root_is_refused(boxes, readers, tmp_path):
    with pytest.raises(MeshError, match="outside the folder"):
        readers.load(boxes / "box.obj", root=tmp_path)
    (tmp_path / "link.obj").symlink_to(boxes / "box.obj")
    with pytest.raises(MeshError, match="outside the folder"):
        readers.load(tmp_path / "link.obj", root=tmp_path)
    assert len(readers.load(tmp_path / "link.obj").faces) == 12


def test_relative_paths_are_read(boxes, readers, monkeypatch):
    monkeypatch.chdir(boxes)
    assert readers.load("box.obj").materials[0].texture is not None


def test_nothing_is_imported_from_the_folder_one_stands_in(boxes, monkeypatch, tmp_path):
    (tmp_path / "numpy.py").write_text("raise SystemExit(7)")
    (tmp_path / "box.obj").write_bytes(obj())
    monkeypatch.chdir(tmp_path)
    assert len(load_mesh("box.obj").faces) == 12


def test_the_manifest_of_real_objects_is_met(shared_data):
    folder = shared_data / "cc0_objects"
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if (folder / row["mesh"]).is_file()]
    assert len(rows) == 682
    with MeshReaders(2) as readers:
        for row, (path, mesh) in zip(
            rows, readers.load_many(folder / row["mesh"] for row in rows), strict=True
        ):
            assert isinstance(mesh, Mesh), f"{path}: {mesh}"
            assert len(mesh.faces) == int(row["faces"]), path
            assert mesh.vertex_colours is not None, path
            assert mesh.notes == (), path


def test_shapenet_models_keep_faces_sizes_colours_and_textures(shared_data, readers):
    folder = shared_data / "shapenet_sample"
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if (folder / row["obj"]).is_file()]
    assert len(rows) == 26
    textured = 0
    for row in rows:
        path = folder / row["obj"]
        mesh = readers.load(path, root=folder)
        assert len(mesh.faces) == int(row["faces"])
        used = mesh.vertices[np.unique(mesh.faces)]
        assert np.ptp(used, axis=0).max() == pytest.approx(float(row["extent"]), abs=1e-3)
        library = path.with_suffix(".mtl").read_text()
        wanted = {line.split()[1] for line in library.splitlines() if line.startswith("map_Kd")}
        textures = {id(each.texture) for each in mesh.materials if each.texture is not None}
        assert len(textures) == len(wanted), row["obj"]
        assert mesh.notes == ()
        textured += bool(wanted)
    assert textured == 11


def test_a_texture_outside_the_folder_is_left_out_and_named(shared_data, readers):
    path = next((shared_data / "shapenet_sample" / "vase").glob("24f6*/models/*.obj"))
    mesh = readers.load(path)
    assert all(material.texture is None for material in mesh.materials)
    assert len(mesh.notes) == 1
    assert "../images/texture0.jpg" in mesh.notes[0]
    assert "pass root=" in mesh.notes[0]


def upright(mesh):
    """(V, 3) vertices in use with +y up."""
    used = mesh.vertices[np.unique(mesh.faces)].astype(float)
    return used if mesh.up == "y" else np.stack([used[:, 0], used[:, 2], -used[:, 1]], axis=1)


@pytest.mark.parametrize("name", ["bridge", "coinGold", "crate", "key", "tree"])
def test_one_object_is_the_same_in_four_formats(shared_data, readers, name):
    folder = shared_data / "format_samples" / "kenney_platformer"
    found = {suffix: readers.load(folder / f"{name}.{suffix}") for suffix in ("glb", "dae", "stl", "fbx")}
    reference = found["glb"]
    for suffix, mesh in found.items():
        size = np.ptp(upright(mesh), axis=0)
        scale = 10.0 if suffix == "fbx" else 1.0  # its numbers are decimetres, and units are the file's
        assert len(mesh.faces) == len(reference.faces)
        assert area(mesh) == pytest.approx(area(reference) * scale**2, rel=1e-4)
        expected = np.ptp(upright(reference), axis=0) * scale
        assert size[1] == pytest.approx(expected[1], rel=1e-4)  # up
        assert np.sort(size) == pytest.approx(np.sort(expected), rel=1e-4)  # STL is turned about it
    assert len(found["dae"].materials) == len(found["fbx"].materials) == len(reference.materials)


def test_colours_of_fbx_and_collada_are_those_of_the_material_library(shared_data, readers):
    folder = shared_data / "format_samples" / "kenney_platformer"
    for suffix in ("fbx", "dae"):
        colours = np.array(sorted(each.colour for each in readers.load(folder / f"crate.{suffix}").materials))
        assert np.allclose(colours, [(0.627451, 0.3843137, 0.2235294), (0.8666667, 0.5333334, 0.3098039)])


def test_every_other_real_file_reads_and_the_broken_one_is_named(shared_data, readers):
    folder = shared_data / "format_samples"
    paths = sorted(path for path in folder.rglob("*") if path.suffix in SUPPORTED)
    assert len(paths) == 32
    failed = []
    for path in paths:
        try:
            mesh = readers.load(path)
        except MeshError as error:
            failed.append((path.name, error.reason))
            continue
        assert len(mesh.faces) > 0
        assert mesh.notes == ()
    assert [name for name, _ in failed] == ["popsicle-chocolate.gltf"]
    assert "JSON is damaged" in failed[0][1]


def test_clouds_of_points_are_no_meshes(shared_data, readers):
    paths = sorted((shared_data / "modelnet40_aligned" / "ply_original").rglob("*.ply"))
    assert len(paths) == 120
    for path, answer in readers.load_many(paths):
        assert isinstance(answer, MeshError), path
        assert "has no faces (it is a cloud of 1024 points)" in answer.reason


@pytest.mark.parametrize("beside_link", [True, False])
def test_a_link_to_a_file_without_a_suffix_is_read_with_the_files_beside_it(readers, tmp_path, beside_link):
    store, names = tmp_path / "store", tmp_path / "names"
    store.mkdir()
    names.mkdir()
    (store / "blob1").write_bytes(obj())
    (names / "link.obj").symlink_to("../store/blob1")
    for number, (name, data) in enumerate(NEIGHBOURS.items(), start=2):
        if beside_link:  # as the caches of Hugging Face and DVC lie on disk
            (store / f"blob{number}").write_bytes(data)
            (names / name).symlink_to(f"../store/blob{number}")
        else:
            (store / name).write_bytes(data)
    mesh = readers.load(names / "link.obj")
    assert mesh.notes == ()
    assert mesh.materials[0].texture is not None
    first = content_hash(names / "link.obj")
    (names / "box.png").resolve().write_bytes(b"") if beside_link else (store / "box.png").write_bytes(b"")
    assert content_hash(names / "link.obj") != first


def test_a_link_is_held_against_the_root_by_where_it_leads(readers, tmp_path):
    (tmp_path / "names").mkdir()
    (tmp_path / "blob").write_bytes(obj())
    (tmp_path / "names" / "link.obj").symlink_to("../blob")
    with pytest.raises(MeshError, match="outside the folder"):
        readers.load(tmp_path / "names" / "link.obj", root=tmp_path / "names")
    (tmp_path / "names" / "box.mtl").write_bytes(NEIGHBOURS["box.mtl"])
    (tmp_path / "names" / "box.png").write_bytes(NEIGHBOURS["box.png"])
    mesh = readers.load(tmp_path / "names" / "link.obj", root=tmp_path)
    assert mesh.materials[0].texture is not None
