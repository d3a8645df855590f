import numpy as np
import pytest

from anaglyph.errors import DataError
from anaglyph.io.binvox import read_binvox

HEADER = "#binvox 1\ndim {dim}\ntranslate -0.5 1 2\nscale 0.25\ndata\n"


def written(path, runs, *, dim="2 2 2", header=HEADER):
    path.write_bytes(header.format(dim=dim).encode() + bytes(runs))
    return path


def test_cells_are_listed_with_y_fastest_then_z_then_x(tmp_path):
    # cells (x, z, y): 000 001 010 011 100 101 110 111; two empty, one full, four empty, one full
    grid = read_binvox(written(tmp_path / "a.binvox", [0, 2, 1, 1, 0, 4, 1, 1]))
    assert np.argwhere(grid.filled).tolist() == [[0, 0, 1], [1, 1, 1]]
    assert grid.filled.dtype == np.bool_
    assert grid.translate == (-0.5, 1.0, 2.0)
    assert grid.scale == 0.25


def test_long_runs_and_runs_of_nothing_add_up(tmp_path):
    grid = read_binvox(written(tmp_path / "a.binvox", [1, 255, 1, 0, 0, 255, 1, 2], dim="8 8 8"))
    listed = grid.filled.transpose(0, 2, 1).ravel()  # x, z, y
    assert listed[:255].all()
    assert not listed[255:510].any()
    assert listed[510:].all()


def test_place_and_scale_may_be_left_out(tmp_path):
    grid = read_binvox(written(tmp_path / "a.binvox", [1, 8], header="#binvox 1\ndim {dim}\ndata\n"))
    assert (grid.translate, grid.scale) == ((0.0, 0.0, 0.0), 1.0)


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ([1, 7], "hold 7 cells, and 2 a side make 8"),
        ([1, 9], "hold 9 cells"),
        ([1, 255] * 20, "hold 2295 cells"),
        ([1], "middle of a pair"),
        ([], "hold 0 cells"),
        ([2, 8], "a cell has the value 2; 0 and 1"),
    ],
)
def test_run_lengths_that_do_not_add_up_are_refused(runs, words, tmp_path):
    path = written(tmp_path / "a.binvox", runs)
    with pytest.raises(DataError, match=f"a.binvox.*{words}"):
        read_binvox(path)


@pytest.mark.parametrize(
    "dim",
    [
        "1025 1025 1025",
        "2000000000 2000000000 2000000000",
        "0 0 0",
        "-2 -2 -2",
        "2 2",
        "2 2 4",
        "x y z",
        "nan nan nan",
        "2.5 2.5 2.5",
    ],
)
def test_sides_that_are_no_cube_of_a_sensible_size_are_refused(dim, tmp_path):
    with pytest.raises(DataError, match=r"its dim is '.*'"):
        read_binvox(written(tmp_path / "a.binvox", [1, 8], dim=dim))


def test_the_largest_side_is_admitted_and_its_missing_cells_noticed(tmp_path):
    with pytest.raises(DataError, match="hold 8 cells, and 1024 a side make 1073741824"):
        read_binvox(written(tmp_path / "a.binvox", [1, 8], dim="1024 1024 1024"))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "binvox 1\ndim 2 2 2\ndata\n",
        "#binvox 1\ndim 2 2 2\n",
        "#binvox 1\n" + "x" * 5000 + "\ndata\n",
        "#binvox 1\ndata\n",
    ],
)
def test_files_that_are_no_binvox_are_refused(header, tmp_path):
    with pytest.raises(DataError, match=r"cannot use the voxel file '.*a\.binvox'"):
        read_binvox(written(tmp_path / "a.binvox", [1, 8], header=header))


@pytest.mark.parametrize(
    "line", ["scale 0", "scale -1", "scale inf", "scale nan", "scale", "translate 1 2", "translate a b c"]
)
def test_a_frame_that_is_no_frame_is_refused(line, tmp_path):
    with pytest.raises(DataError, match=r"its (scale|translate) is"):
        read_binvox(written(tmp_path / "a.binvox", [1, 8], header=f"#binvox 1\ndim {{dim}}\n{line}\ndata\n"))


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"cannot read the voxel file '.*gone\.binvox': No such file"):
        read_binvox(tmp_path / "gone.binvox")
