import contextlib
import io
import pickle
import sys

import numpy as np
import pytest

from anaglyph.errors import DataError
from anaglyph.io.array_pickle import read_array_pickle

DRAW = np.random.default_rng(0)
RECORD = {
    "id": "a",
    "xyz": DRAW.uniform(size=(10, 3)),
    "rgb": DRAW.uniform(size=(10, 3)).astype(np.float32),
    "image_feat": DRAW.normal(size=(12, 4)).astype(np.float16),
    "flags": np.array([True, False]),
    "columns": np.asfortranarray(DRAW.normal(size=(3, 2))),
    "big": np.arange(4, dtype=">i4"),
    "text": ["a chair", "ein Stuhl — blau"],
    "text_feat": [{"original": DRAW.normal(size=(1, 4)).astype(np.float32), "prompt_avg": np.zeros((1, 4))}],
    "blip_caption": "",
    "score": np.float32(0.25),
    "count": np.int64(7),
    "empty": np.empty((0, 3)),
    "nothing": None,
}  # fmt: skip


def equal(a, b):
    if isinstance(b, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b)
    if isinstance(b, dict):
        return a.keys() == b.keys() and all(equal(a[name], b[name]) for name in b)
    if isinstance(b, list):
        return len(a) == len(b) and all(map(equal, a, b))
    return a == b


def saved(path, value, protocol=None):
    if protocol is None:
        np.save(path, value, allow_pickle=True)
    else:
        path.write_bytes(pickle.dumps(value, protocol=protocol))
    return path


def test_a_record_as_numpy_saves_it_comes_back(tmp_path):
    assert equal(read_array_pickle(saved(tmp_path / "a.npy", RECORD)), RECORD)


@pytest.mark.parametrize("protocol", range(6))
def test_arrays_of_every_protocol_come_back(tmp_path, protocol):
    assert equal(read_array_pickle(saved(tmp_path / "a.pkl", RECORD, protocol)), RECORD)


def test_names_of_older_numpy_are_known(tmp_path):
    data = pickle.dumps(RECORD, protocol=2).replace(b"numpy._core.", b"numpy.core.")
    (tmp_path / "a.pkl").write_bytes(data)
    assert equal(read_array_pickle(tmp_path / "a.pkl"), RECORD)


def test_a_list_of_records_comes_back_as_a_list(tmp_path):
    clouds = [{"xyz": DRAW.normal(size=(n, 3)), "rgb": np.full((n, 3), 100)} for n in (4, 5, 6)]
    assert equal(read_array_pickle(saved(tmp_path / "a.npy", clouds)), clouds)


def test_an_array_of_numbers_alone_is_read_as_it_is(tmp_path):
    for array in (
        DRAW.normal(size=(4, 5)),
        np.asfortranarray(DRAW.normal(size=(4, 5))),
        np.arange(3, dtype=">u2"),
    ):
        assert equal(read_array_pickle(saved(tmp_path / "a.npy", array)), array)


def test_one_array_in_two_places_is_one_array(tmp_path):
    array = np.arange(3.0)
    value = read_array_pickle(saved(tmp_path / "a.npy", {"first": array, "then": [array]}))
    assert value["first"] is value["then"][0]


class Touches:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("wrapped", [lambda evil: evil, lambda evil: {"xyz": np.zeros(3), "rgb": evil},
                                     lambda evil: np.array([evil, 1], dtype=object)])  # fmt: skip
def test_a_pickle_that_would_make_a_file_is_refused_and_makes_none(tmp_path, protocol, wrapped):
    path = saved(tmp_path / "a.pkl", wrapped(Touches(tmp_path / "made")), protocol)
    with pytest.raises(DataError, match="asks to import"):
        read_array_pickle(path)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "value",
    [np.array(["text"]), np.array([1 + 2j]), np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
     np.array(["2020"], dtype="datetime64[Y]"), np.zeros((2, 2), dtype=object), {1, 2}, 3j],
)  # fmt: skip
def test_other_arrays_and_values_are_refused(tmp_path, value):
    with pytest.raises(DataError):
        read_array_pickle(saved(tmp_path / "a.pkl", {"value": value}, 4))


def test_a_pickle_cut_anywhere_is_damaged(tmp_path):
    data = saved(tmp_path / "a.npy", RECORD).read_bytes()
    for cut in range(1, len(data), 37):
        (tmp_path / "a.npy").write_bytes(data[:cut])
        with pytest.raises(DataError):
            read_array_pickle(tmp_path / "a.npy")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_no_changed_byte_does_more_than_change_values_or_raise_a_data_error(tmp_path):
    data = saved(
        tmp_path / "a.npy", {"xyz": np.arange(6.0).reshape(2, 3), "text": ["a", "b"], "n": 3}
    ).read_bytes()
    before = set(sys.modules)
    for place in range(len(data)):
        for flip in (1, 255):
            changed = bytearray(data)
            changed[place] ^= flip
            (tmp_path / "a.npy").write_bytes(changed)
            with contextlib.suppress(DataError):
                read_array_pickle(tmp_path / "a.npy")
    assert set(sys.modules) == before


def test_sizes_that_lie_are_refused_before_anything_is_allocated(tmp_path):
    target = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        target, {"descr": "<f8", "fortran_order": False, "shape": (1 << 40, 1 << 20)}
    )
    (tmp_path / "a.npy").write_bytes(target.getvalue())
    with pytest.raises(DataError, match="announces"):
        read_array_pickle(tmp_path / "a.npy")
    (tmp_path / "b.pkl").write_bytes(b"\x80\x04\x8e" + (1 << 40).to_bytes(8, "little") + b"abc.")
    with pytest.raises(DataError, match="damaged"):
        read_array_pickle(tmp_path / "b.pkl")
    with pytest.raises(DataError, match="at most 10"):
        read_array_pickle(saved(tmp_path / "c.npy", RECORD), most=10)
