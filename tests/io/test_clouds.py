import os
import tracemalloc
import zipfile

import h5py
import numpy as np
import pytest

from anaglyph.errors import DataError
from anaglyph.io.clouds import read_cloud

POINTS = np.array([[0.0, 1.0, 2.0], [-1.5, 0.25, 3.0], [4.0, 5.0, -6.0], [7.0, 8.0, 9.0]], dtype=np.float32)


def ply_bytes(form, *, camera_first=False):
    """Four coloured vertices and the camera that PCL writes, which is not a vertex."""
    order = {"ascii": "=", "binary_little_endian": "<", "binary_big_endian": ">"}[form]
    vertex = np.dtype([("red", order + "u1"), ("x", order + "f4"), ("y", order + "f8"), ("z", order + "f4")])
    rows = np.zeros(4, dtype=vertex)
    rows["red"], rows["x"], rows["y"], rows["z"] = 200, *POINTS.T
    elements = {
        "vertex": "element vertex 4\nproperty uchar red\nproperty float x\n"
        "property double y\nproperty float z\n",
        "camera": "element camera 1\nproperty float focal\nproperty int width\n",
    }
    bodies = {"vertex": rows.tobytes(), "camera": np.array([1.5], order + "f4").tobytes() + bytes(4)}
    if form == "ascii":
        lines = [" ".join(str(value) for value in row) + "\n" for row in rows.tolist()]
        bodies = {"vertex": "".join(lines).encode(), "camera": b"1.5 0\n"}
    names = ["camera", "vertex"] if camera_first else ["vertex", "camera"]
    head = f"ply\nformat {form} 1.0\ncomment made by a test\n" + "".join(elements[name] for name in names)
    return (head + "end_header\n").encode() + b"".join(bodies[name] for name in names)


FORMS = ["ascii", "binary_little_endian", "binary_big_endian"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("camera_first", [False, True])
def test_ply_vertices_are_found_among_other_properties_and_elements(tmp_path, form, camera_first):
    path = tmp_path / "a.ply"
    path.write_bytes(ply_bytes(form, camera_first=camera_first))
    np.testing.assert_array_equal(read_cloud(path), POINTS)


def lines():
    return "\n".join(" ".join(map(str, row)) for row in POINTS.tolist())


def write(path):
    """The same points with a further column in the format of the suffix."""
    wide = np.concatenate([POINTS, np.ones((4, 1), dtype=np.float32)], axis=1)
    match path.suffix:
        case ".npy":
            np.save(path, wide)
        case ".npz":
            np.savez(path, points=wide, other=np.zeros(3))
        case ".h5":
            with h5py.File(path, "w") as file:
                file["points"] = wide
        case ".txt" | ".xyz":
            path.write_text("# a remark\n" + "\n".join(" ".join(map(str, row)) for row in wide) + "\n\n")
        case ".csv":
            path.write_text("x,y,z,nx\n" + "\n".join(",".join(map(str, row)) for row in wide))
        case ".off":
            path.write_text(f"OFF\n# a remark\n4 1 0\n{lines()}\n3 0 1 2\n")


SUFFIXES = ["npy", "npz", "h5", "txt", "xyz", "csv", "off"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_gives_the_same_float32_points(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    write(path)
    read = read_cloud(path)
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, POINTS)


def test_an_off_file_may_carry_its_counts_on_the_first_line(tmp_path):
    (tmp_path / "a.off").write_text(f"OFF4 1 0\n{lines()}")
    np.testing.assert_array_equal(read_cloud(tmp_path / "a.off"), POINTS)


@pytest.mark.parametrize("suffix", ["npy", "npz", "h5", "off", *FORMS])
def test_a_file_cut_anywhere_is_an_error_that_names_it(tmp_path, suffix):
    path = tmp_path / ("a.ply" if suffix in FORMS else f"a.{suffix}")
    if suffix in FORMS:
        path.write_bytes(ply_bytes(suffix, camera_first=True))  # the vertices last
    else:
        write(path)
    whole = path.read_bytes()
    last = len(whole) - (11 if suffix in ("off", "ascii") else 1)  # a text may end within its last number
    for length in {*range(0, last, max(last // 40, 1)), last}:
        path.write_bytes(whole[:length])
        try:
            points = read_cloud(path)
        except DataError as error:
            message = str(error)
        else:
            message = f"'{path}'"
            np.testing.assert_array_equal(points, POINTS)  # only what lies after the points is gone
        assert f"'{path}'" in message


def test_text_with_uneven_lines_is_an_error(tmp_path):
    (tmp_path / "a.txt").write_text("1 2 3\n4 5\n")
    with pytest.raises(DataError, match=r"columns"):
        read_cloud(tmp_path / "a.txt")


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((0, 3)), "has 0 points"),
        (np.zeros((5, 2)), r"a cloud is \(N, 3\) numbers"),
        (np.zeros(5), r"a cloud is \(N, 3\) numbers"),
        (np.array([["a", "b", "c"]]), "it must hold numbers"),
        (np.zeros((5, 3), dtype=bool), "it must hold numbers"),
        (
            np.array([[0, 0, 0], [0, np.nan, 0], [np.inf, 0, 0]]),
            "2 points that are not finite, the first in row 1",
        ),
        (np.full((5, 3), 1e200), r"has coordinates up to 1e\+200; at most 3\.4e\+38 are read"),
    ],
)
def test_what_is_not_a_finite_cloud_is_refused(tmp_path, array, reason):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(DataError, match=reason):
        read_cloud(tmp_path / "a.npy")


def test_pickled_arrays_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"a\.npy' is not a readable .* it must hold numbers"):
        read_cloud(tmp_path / "a.npy")


@pytest.mark.parametrize(
    "header",
    [
        b"(" * 60_000,
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (-3, -3), }\n",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': 3, }\n",
        b"nonsense\n",
        b"",
    ],
)
def test_a_damaged_header_is_one_line_that_does_not_advise_to_trust_the_file(tmp_path, header):
    start = b"\x93NUMPY\x02\x00" + len(header).to_bytes(4, "little")
    (tmp_path / "a.npy").write_bytes(start + header + bytes(36))
    with pytest.raises(DataError, match=r"a\.npy' is not a readable \.npy cloud: its header") as caught:
        read_cloud(tmp_path / "a.npy")
    assert "\n" not in str(caught.value)
    assert "pickle" not in str(caught.value)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["<f4", ">f8", "<i2"])
def test_numbers_in_any_order_of_bytes_and_axes_are_read(tmp_path, order, kind):
    np.save(tmp_path / "a.npy", np.asarray(np.arange(12).reshape(4, 3), dtype=kind, order=order))
    np.testing.assert_array_equal(read_cloud(tmp_path / "a.npy"), np.arange(12).reshape(4, 3))


def test_a_huge_announced_count_costs_nothing(tmp_path):
    for count, reason in (
        (20_000_000, "truncated: 20000000 vertices need 340000000 bytes"),
        (4_000_000_000, "it has 4000000000 vertices; at most 20000000 are read"),
    ):
        data = ply_bytes("binary_little_endian").replace(b"vertex 4\n", b"vertex %d\n" % count)
        (tmp_path / "a.ply").write_bytes(data)
        with pytest.raises(DataError, match=reason):
            read_cloud(tmp_path / "a.ply")


def announce(path, rows):
    """A small file that says it holds many points."""
    match path.suffix:
        case ".npy":
            np.save(path, np.zeros((0, 3)))
            path.write_bytes(path.read_bytes().replace(b"(0, 3), }" + b" " * 7, b"(%d, 3), }" % rows))
        case ".npz":
            array = path.with_suffix(".npy")
            announce(array, rows)
            with zipfile.ZipFile(path, "w") as archive:
                archive.write(array, "points.npy")
            array.unlink()
        case ".h5":
            with h5py.File(path, "w") as file:
                file.create_dataset("points", (rows, 3), "f4", chunks=(1024, 3), compression="gzip")
        case ".ply":
            path.write_bytes(ply_bytes("ascii").replace(b"vertex 4\n", b"vertex %d\n" % rows))
        case ".off":
            path.write_text(f"OFF\n{rows} 0 0\n{lines()}\n")
        case ".txt":
            path.write_text("1 2 3\n" * rows)


@pytest.mark.parametrize("suffix", ["npy", "npz", "h5", "ply", "off"])
def test_too_many_points_are_refused_before_they_are_unpacked(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    announce(path, 40_000_000)
    assert path.stat().st_size < 10_000
    tracemalloc.start()
    with pytest.raises(DataError, match=rf"a\.{suffix}' .*40000000 .*at most 20000000 are read"):
        read_cloud(path)
    assert tracemalloc.get_traced_memory()[1] < 10 << 20
    tracemalloc.stop()


def test_too_many_lines_are_refused_before_they_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr("anaglyph.io.clouds.MAX_POINTS", 10)
    (tmp_path / "a.txt").write_text("1 2 3\n" * 10)
    assert len(read_cloud(tmp_path / "a.txt")) == 10
    (tmp_path / "a.txt").write_text("1 2 3\n" * 12 + "no number")
    with pytest.raises(DataError, match=r"a\.txt' .*it has 13 lines; at most 10 points are read"):
        read_cloud(tmp_path / "a.txt")


@pytest.mark.parametrize("suffix", ["txt", "ply", "off"])
def test_more_text_than_is_read_says_what_to_do(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr("anaglyph.io.number_text.MAX_TEXT_BYTES", 40)
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(ply_bytes("ascii")) if suffix == "ply" else write(path)
    with pytest.raises(DataError, match="bytes of text, at most 40 are read; store it"):
        read_cloud(path)


@pytest.mark.parametrize("suffix", ["txt", "ply", "off"])
def test_text_needs_little_more_memory_than_its_numbers(tmp_path, suffix):
    count = 100_000
    path, body = tmp_path / f"a.{suffix}", "0 1 2\n" * count
    head = {
        "txt": "",
        "off": f"OFF\n{count} 0 0\n",
        "ply": f"ply\nformat ascii 1.0\nelement vertex {count}\n"
        + "".join(f"property float {axis}\n" for axis in "xyz")
        + "end_header\n",
    }[suffix]
    path.write_text(head + body)
    tracemalloc.start()
    points = read_cloud(path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 3 * (len(body) + count * 3 * 8) + (5 << 20)
    np.testing.assert_array_equal(points, np.tile(np.float32([0, 1, 2]), (count, 1)))


def test_lines_are_whole_where_blocks_meet(tmp_path, monkeypatch):
    monkeypatch.setattr("anaglyph.io.number_text._BLOCK", 40)
    for ending in ("\n", "\r\n", "\r"):
        text = ending.join(["# ö", "x;y;z", "", *(f"{row};-{row};0.{row}" for row in range(50))])
        (tmp_path / "a.csv").write_bytes(text.encode())
        expected = [[row, -row, float(f"0.{row}")] for row in range(50)]
        np.testing.assert_allclose(read_cloud(tmp_path / "a.csv"), expected, rtol=1e-6)
    (tmp_path / "a.csv").write_text("1 2 3\n" + "4" * 50)
    with pytest.raises(DataError, match="a line of more than 40 bytes"):
        read_cloud(tmp_path / "a.csv")


def test_what_is_no_regular_file_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.npy")
    with pytest.raises(DataError, match="is no regular file"):
        read_cloud(tmp_path / "a.npy")


def test_names_that_are_not_there_are_listed(tmp_path):
    write(tmp_path / "a.npz")
    with pytest.raises(DataError, match="no array 'cloud'; it has points, other"):
        read_cloud(tmp_path / "a.npz", dataset="cloud")
    with pytest.raises(DataError, match=r"no point cloud by its name; known: \.csv"):
        read_cloud(tmp_path / "a.obj")
    with pytest.raises(DataError, match="No such file"):
        read_cloud(tmp_path / "b.npz")


def test_real_ply_files_with_a_trailing_camera_equal_the_published_arrays(shared_data):
    folder = shared_data / "modelnet40_aligned"
    with np.load(folder / "test.npz") as arrays:
        rows = {key.decode(): row for row, key in enumerate(arrays["id"])}
        clouds = arrays["points"]
    files = [path for path in sorted(folder.glob("ply_original/*/*/*.ply")) if path.stem in rows]
    assert len(files) > 40
    for path in files[::4]:
        np.testing.assert_allclose(read_cloud(path), clouds[rows[path.stem]], atol=3e-4)


def test_real_off_meshes_give_their_vertices(shared_data):
    path = shared_data / "format_samples" / "modelnet10_off" / "bathtub_0001.off"
    points = read_cloud(path)
    assert points.shape == (3514, 3)
    np.testing.assert_allclose(points[0], [18.5143, -29.8765, -23.0382], rtol=1e-6)
