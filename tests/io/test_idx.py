import gzip
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.errors import DataError
from anaglyph.io.idx import TYPES, read_idx


def idx_bytes(array):
    code = {np.dtype(kind).newbyteorder("="): code for code, kind in TYPES.items()}[array.dtype]
    head = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


@settings(deadline=None, max_examples=40)
@given(
    kind=st.sampled_from(["u1", "i1", "i2", "i4", "f4", "f8"]),
    shape=st.lists(st.integers(0, 4), min_size=1, max_size=3),
    zipped=st.booleans(),
)
def test_every_type_and_rank_comes_back(tmp_path_factory, kind, shape, zipped):
    array = (np.arange(np.prod(shape)).reshape(shape) % 120).astype(kind)
    path = tmp_path_factory.mktemp("idx") / "file"
    path.write_bytes(gzip.compress(idx_bytes(array)) if zipped else idx_bytes(array))
    read = read_idx(path)
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize("zipped", [False, True])
def test_a_file_cut_anywhere_is_an_error_that_names_it(tmp_path, zipped):
    whole = idx_bytes(np.ones((3, 2, 2), dtype=np.uint8))
    whole = gzip.compress(whole) if zipped else whole
    for length in range(len(whole)):
        (tmp_path / "cut").write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"cut' (is|announces).*Download it again"):
            read_idx(tmp_path / "cut")


def test_wrong_magic_extra_bytes_and_absurd_sizes_are_errors(tmp_path):
    good = idx_bytes(np.ones((2, 2), dtype=np.uint8))
    for data, reason in {
        b"\x89PNG" + good: "is not an idx file: it begins with 89504e47",
        b"\0\0\x07\x01" + bytes(8): "is not an idx file",
        b"\0\0\x08\x00": "is not an idx file",
        good + b"x": "holds more",
        b"\0\0\x08\x03" + b"\xff" * 12: "at most 2147483648",
    }.items():
        (tmp_path / "bad").write_bytes(data)
        with pytest.raises(DataError, match=reason):
            read_idx(tmp_path / "bad")


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(DataError, match=r"none' does not exist\. Put the MNIST file there"):
        read_idx(tmp_path / "none")


def test_the_real_digits_are_read(shared_data):
    labels = read_idx(shared_data / "mnist" / "labels-idx1-ubyte.gz")
    images = read_idx(shared_data / "mnist" / "images-idx3-ubyte.gz")
    assert images.shape == (9000, 28, 28)
    assert labels[:5].tolist() == [9, 0, 2, 5, 1]  # MNIST test digits 1,000 to 1,004
