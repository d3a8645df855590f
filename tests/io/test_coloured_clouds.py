import h5py
import numpy as np
import pytest

from anaglyph.errors import DataError
from anaglyph.io.coloured_clouds import open_clouds

POINTS = np.array([[0.0, 1.0, 2.0], [-1.5, 0.25, 3.0], [4.0, 5.0, -6.0], [7.0, 8.0, 9.0]], dtype=np.float32)
BYTES = np.array([[0, 51, 255], [1, 2, 3], [102, 0, 0], [255, 255, 255]], dtype=np.uint8)
COLOURS = (BYTES / 255.0).astype(np.float32)


def ply_bytes(form, *, kind="uchar", colours=BYTES, names=("red", "green", "blue")):
    """Vertices with colours before the positions, and an alpha that is nobody's business."""
    order = {"ascii": "=", "binary_little_endian": "<", "binary_big_endian": ">"}[form]
    code = {"uchar": "u1", "float": "f4"}[kind]
    fields = [(name, order + code) for name in names]
    rows = np.zeros(
        4, dtype=[*fields, ("x", order + "f4"), ("y", order + "f4"), ("z", order + "f4"), ("alpha", "u1")]
    )
    for name, column in zip(names, np.asarray(colours).T, strict=True):
        rows[name] = column
    rows["x"], rows["y"], rows["z"], rows["alpha"] = *POINTS.T, 255
    head = f"ply\nformat {form} 1.0\nelement vertex 4\n" + "".join(
        f"property {kind} {name}\n" for name in names
    )
    head += "".join(f"property float {axis}\n" for axis in "xyz") + "property uchar alpha\nend_header\n"
    text = "".join(" ".join(str(value) for value in row) + "\n" for row in rows.tolist())
    return head.encode() + (text.encode() if form == "ascii" else rows.tobytes())


def write(path, *, colours=COLOURS):
    """The cloud and its colours in the format of the suffix."""
    wide = np.concatenate([POINTS, colours], axis=1)
    match path.suffix:
        case ".npy":
            np.save(path, wide)
        case ".npz":
            np.savez(path, xyz=POINTS, colors=colours)
        case ".h5":
            with h5py.File(path, "w") as file:
                file["points"], file["rgb"] = POINTS, colours
        case ".txt" | ".xyz" | ".csv":
            path.write_text("\n".join(" ".join(map(str, row)) for row in wide.tolist()))
        case ".ply":
            path.write_bytes(ply_bytes("binary_little_endian", kind="float", colours=colours))


def read(path, *, row=None, **options):
    """The cloud of a file, or of one row of its array."""
    return open_clouds(path, **options).cloud(row)


SUFFIXES = ["npy", "npz", "h5", "txt", "xyz", "csv", "ply"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_gives_the_same_points_and_colours(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    write(path)
    found = read(path, columns="xyzrgb")
    assert found.points.dtype == (np.float64 if suffix in ("txt", "xyz", "csv") else np.float32)
    assert found.colours.dtype == np.float32
    np.testing.assert_array_equal(found.points, POINTS)
    np.testing.assert_allclose(found.colours, COLOURS, rtol=1e-6)


@pytest.mark.parametrize("form", ["ascii", "binary_little_endian", "binary_big_endian"])
@pytest.mark.parametrize(
    "names", [("red", "green", "blue"), ("diffuse_red", "diffuse_green", "diffuse_blue")]
)
def test_bytes_in_a_ply_file_are_colours_from_0_to_255(tmp_path, form, names):
    (tmp_path / "a.ply").write_bytes(ply_bytes(form, names=names))
    found = read(tmp_path / "a.ply")
    np.testing.assert_array_equal(found.points, POINTS)
    np.testing.assert_allclose(found.colours, COLOURS, rtol=1e-6)


def test_ascii_bytes_of_one_are_not_taken_for_full_colours(tmp_path):
    (tmp_path / "a.ply").write_bytes(ply_bytes("ascii", colours=np.ones((4, 3), dtype=np.uint8)))
    np.testing.assert_allclose(read(tmp_path / "a.ply").colours, 1 / 255, rtol=1e-6)


def test_a_ply_file_with_two_of_three_colours_has_none(tmp_path):
    data = ply_bytes("ascii", names=("red", "green", "blau"))
    (tmp_path / "a.ply").write_bytes(data)
    assert read(tmp_path / "a.ply").colours is None


@pytest.mark.parametrize("suffix", ["npy", "txt"])
def test_six_columns_are_never_guessed(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    write(path)
    with pytest.raises(
        DataError, match=r"a\.(npy|txt)' has 6 columns; say what 4 to 6 are: --columns xyzrgb"
    ):
        read(path)
    for columns in ("xyz", "xyznormal"):
        found = read(path, columns=columns)
        np.testing.assert_array_equal(found.points, POINTS)
        assert found.colours is None


@pytest.mark.parametrize(
    ("width", "columns", "reason"),
    [
        (2, "xyz", r"a cloud is \(N, 3\) numbers"),
        (3, "xyzrgb", "3 columns and no colours by name; xyzrgb needs 6"),
        (5, "xyzrgb", "5 columns and no colours by name; xyzrgb needs 6"),
        (4, "xyznormal", "4 columns; xyznormal needs 6"),
    ],
)
def test_columns_that_are_not_there_are_refused(tmp_path, width, columns, reason):
    np.save(tmp_path / "a.npy", np.zeros((5, width)))
    with pytest.raises(DataError, match=reason):
        read(tmp_path / "a.npy", columns=columns)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_reals_above_one_are_refused_until_their_range_is_stated(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    write(path, colours=COLOURS * 255)
    with pytest.raises(
        DataError, match=r"colours from 0 to 255 \(reals\); expected are 0 to 1: if 255 is meant"
    ):
        read(path, columns="xyzrgb")
    found = read(path, columns="xyzrgb", colour_range=255)
    np.testing.assert_allclose(found.colours, COLOURS, rtol=1e-5)


@pytest.mark.parametrize(
    ("colours", "colour_range", "reason"),
    [
        (np.full((4, 3), 300), None, r"from 300 to 300 \(whole numbers\); expected are 0 to 255: repair"),
        (np.full((4, 3), -1), None, r"from -1 to -1"),
        (np.full((4, 3), 2), 1, r"from 2 to 2 \(whole numbers\); expected are 0 to 1: if 255 is meant"),
        (np.full((4, 3), np.nan), None, "from nan to nan"),
        (np.full((4, 3), 1e4), None, r"from 10000 to 10000 \(reals\); expected are 0 to 1: repair"),
        (np.zeros((3, 3)), None, r"colours of shape \(3, 3\) \(float64\) for 4 points"),
        (np.zeros((4, 4)), None, r"colours of shape \(4, 4\)"),
    ],
)
def test_colours_that_cannot_be_meant_are_refused(tmp_path, colours, colour_range, reason):
    np.savez(tmp_path / "a.npz", points=POINTS, rgb=colours)
    with pytest.raises(DataError, match=r"a\.npz' has colours") as caught:
        read(tmp_path / "a.npz", colour_range=colour_range)
    assert caught.match(reason)


def test_colours_can_be_left_out_on_purpose(tmp_path):
    np.savez(tmp_path / "a.npz", points=POINTS, rgb=np.full((4, 3), 9.0))
    assert read(tmp_path / "a.npz", columns="xyz").colours is None


@pytest.mark.parametrize("suffix", ["npy", "npz", "h5"])
def test_a_file_of_many_clouds_gives_each_by_its_row(tmp_path, suffix):
    path, many = tmp_path / f"a.{suffix}", np.stack([POINTS, POINTS + 1, POINTS + 2])
    match suffix:
        case "npy":
            np.save(path, many)
        case "npz":
            np.savez(path, data=many, rgb=np.stack([BYTES, BYTES // 2, BYTES // 4]))
        case "h5":
            with h5py.File(path, "w") as file:
                file["data"], file["label"] = many, np.arange(3)
    file = open_clouds(path)
    assert file.count == 3
    for row in range(3):
        cloud = file.cloud(row)
        np.testing.assert_array_equal(cloud.points, many[row])
        if suffix == "npz":
            np.testing.assert_allclose(cloud.colours, (BYTES // 2**row) / 255, rtol=1e-6)


def test_one_bad_row_does_not_spoil_the_others(tmp_path):
    many = np.stack([POINTS, POINTS])
    many[1, 2] = np.nan
    np.save(tmp_path / "a.npy", many)
    file = open_clouds(tmp_path / "a.npy")
    np.testing.assert_array_equal(file.cloud(0).points, POINTS)
    with pytest.raises(DataError, match=r"a\.npy#1' has 1 points that are not finite, the first in row 2"):
        file.cloud(1)


def test_what_is_not_there_is_named(tmp_path):
    np.savez(tmp_path / "a.npz", cloud=POINTS, other=POINTS)
    with pytest.raises(DataError, match="no array 'points or xyz or data'; it has cloud, other"):
        open_clouds(tmp_path / "a.npz")
    np.testing.assert_array_equal(read(tmp_path / "a.npz", dataset="cloud").points, POINTS)
    with pytest.raises(DataError, match=r"no point cloud by its name; known: \.csv"):
        open_clouds(tmp_path / "a.obj")
    with pytest.raises(DataError, match="No such file"):
        open_clouds(tmp_path / "b.npz")
    np.save(tmp_path / "none.npy", np.zeros((0, 5, 3)))
    with pytest.raises(DataError, match="holds 0 clouds"):
        open_clouds(tmp_path / "none.npy")


def test_points_in_a_group_of_an_h5_file_are_named_by_their_path(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["scan/points"] = POINTS
    np.testing.assert_array_equal(read(tmp_path / "a.h5", dataset="scan/points").points, POINTS)


def test_real_vertex_colours_are_read(shared_data):
    path = sorted((shared_data / "cc0_objects" / "meshes").rglob("*.ply"))[0]
    cloud = read(path)
    assert cloud.points.shape == cloud.colours.shape
    assert 0.0 <= cloud.colours.min() < cloud.colours.max() <= 1.0


FAR = np.array([5e5, 4.6e6, 100.0])  # metres of a map projection


@pytest.mark.parametrize("suffix", ["npy", "npz", "h5", "txt", "csv", "ply"])
def test_points_far_from_the_origin_stay_apart(tmp_path, suffix):
    path, far = tmp_path / f"a.{suffix}", POINTS.astype(np.float64) / 1000 + FAR
    match suffix:
        case "npy":
            np.save(path, far)
        case "npz":
            np.savez(path, points=far)
        case "h5":
            with h5py.File(path, "w") as file:
                file["points"] = far
        case "ply":
            head = "ply\nformat binary_little_endian 1.0\nelement vertex 4\n"
            head += "".join(f"property double {axis}\n" for axis in "xyz") + "end_header\n"
            path.write_bytes(head.encode() + far.tobytes())
        case _:
            path.write_text("\n".join(" ".join(map(repr, row)) for row in far.tolist()))
    np.testing.assert_array_equal(read(path).points, far)


@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_numbers_too_coarse_for_their_place_are_refused_with_their_steps(tmp_path, kind):
    place = {np.float32: 1e6, np.float16: 1e3}[kind]
    np.save(tmp_path / "a.npy", (POINTS + place).astype(kind))
    with pytest.raises(DataError, match=rf"a\.npy' is .* wide .* {kind.__name__} stores it in steps of 0\."):
        read(tmp_path / "a.npy")
    np.save(tmp_path / "a.npy", np.full((4, 3), place, dtype=kind))
    with pytest.raises(DataError, match=r"a\.npy' has all its 4 points in one place"):
        read(tmp_path / "a.npy")
    for name, points in (("near", POINTS), ("one point", np.full((1, 3), place))):
        np.save(tmp_path / f"{name}.npy", points.astype(kind))
        np.testing.assert_array_equal(read(tmp_path / f"{name}.npy").points, points)


def test_the_limit_of_coarseness_is_a_thousandth_of_the_extent(tmp_path):
    """Between 2 ** 20 and 2 ** 21 float32 has steps of an eighth."""
    for extent in (124.0, 126.0):
        np.save(tmp_path / f"{extent:g}.npy", np.float32([[2**20] * 3, [2**20 + extent] * 3]))
    with pytest.raises(DataError, match=r"is 124 wide .* in steps of 0\.125"):
        read(tmp_path / "124.npy")
    assert len(read(tmp_path / "126.npy").points) == 2
