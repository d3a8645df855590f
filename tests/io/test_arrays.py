import h5py
import numpy as np
import pytest

from anaglyph.errors import DataError
from anaglyph.io.arrays import read_dataset
from anaglyph.io.clouds import read_cloud

POINTS = np.arange(12, dtype=np.float32).reshape(4, 3)


def external_storage(file, folder):
    (folder / "raw").write_bytes(POINTS.tobytes())
    file.create_dataset("points", (4, 3), "f4", external=[(str(folder / "raw"), 0, 48)])


def external_link(file, folder):
    with h5py.File(folder / "other.h5", "w") as other:
        other["points"] = POINTS
    file["points"] = h5py.ExternalLink(str(folder / "other.h5"), "/points")


def soft_link(file, folder):
    file["stored"] = POINTS
    file["points"] = h5py.SoftLink("/stored")


def virtual(file, folder):
    with h5py.File(folder / "other.h5", "w") as other:
        other["points"] = POINTS
    layout = h5py.VirtualLayout((4, 3), "f4")
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "points", (4, 3))
    file.create_virtual_dataset("points", layout)


def announced(file, folder):
    file.create_dataset("points", (20, 15_000_000, 3), "f4", chunks=(1, 1024, 3), compression="gzip")


def one_large_chunk(file, folder):
    file.create_dataset(
        "points", (4, 3), "f4", chunks=(300_000_000, 3), maxshape=(None, 3), compression="gzip"
    )


def text(file, folder):
    file["points"] = ["a", "b"]


def nothing(file, folder):
    file["points"] = h5py.Empty("f4")


def a_group(file, folder):
    file["points/0"] = POINTS


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (external_storage, "keeps its numbers in other files; store them in this one"),
        (external_link, "is a link; store the numbers themselves"),
        (soft_link, "is a link; store the numbers themselves"),
        (virtual, "keeps its numbers in other files; store them in this one"),
        (announced, "it unpacks to 3600000000 bytes, at most 2147483648 are read; split it"),
        (one_large_chunk, "it unpacks to 3600000000 bytes, at most 2147483648 are read; split it"),
        (text, "it must hold numbers"),
        (nothing, "it must hold numbers"),
        (a_group, "'points' is a group; name a data set of numbers"),
        (lambda file, folder: None, "no array 'points'"),
    ],
)
def test_a_data_set_that_is_not_plain_numbers_in_its_own_file_is_refused(tmp_path, make, reason):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        make(file, tmp_path)
    assert path.stat().st_size < 100_000
    with pytest.raises(DataError, match=reason) as caught:
        read_cloud(path, dataset="points")
    assert f"'{path}'" in str(caught.value)


@pytest.mark.parametrize("options", [{}, {"chunks": (2, 3), "compression": "gzip"}])
def test_stored_numbers_are_read_from_a_group_too(tmp_path, options):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("0/points", data=POINTS, **options)
        for name in ("0/points", "/0/points"):
            np.testing.assert_array_equal(read_dataset(file, name), POINTS)
        with pytest.raises(ValueError, match="no data set '0/points/x'; it has 0"):
            read_dataset(file, "0/points/x")
