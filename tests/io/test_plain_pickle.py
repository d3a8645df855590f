import pickle

import numpy as np
import pytest

from anaglyph.errors import DataError
from anaglyph.io.pickle_globals import MAX_PICKLE_BYTES
from anaglyph.io.plain_pickle import read_plain_pickle

# As Python 2 writes a dictionary of dictionaries, keys of the second taken from its memo.
PYTHON_2 = (
    b"(dp0\nS'00235.jpg'\np1\n(dp2\nS'distance'\np3\nF1.5400262498384538\nsS'u'\np4\nF19.0\nsS'model_id'\np5\n"
    b"S'f49155170c175dff176be984cf2a7f4e'\np6\nssS'04860.jpg'\np7\n(dp8\ng3\nF3.02\nsVu\np9\nI-7\ns"
    b"g5\ng6\nss."
)
PLAIN = {
    "text": "häuser",
    "numbers": [1, -2, 3.5, True, False, None, 2**80],
    "tuple": (1, (2.0, "a")),
    7: {},
    "empty": [[], ()],
}


def read(tmp_path, data):
    path = tmp_path / "values.pkl"
    path.write_bytes(data)
    return read_plain_pickle(path)


def test_a_pickle_of_python_2_is_read_as_it_was_meant(tmp_path):
    assert read(tmp_path, PYTHON_2) == {
        "00235.jpg": {
            "distance": 1.5400262498384538,
            "u": 19.0,
            "model_id": "f49155170c175dff176be984cf2a7f4e",
        },
        "04860.jpg": {"distance": 3.02, "u": -7, "model_id": "f49155170c175dff176be984cf2a7f4e"},
    }


def test_text_of_python_2_is_read_as_latin_1(tmp_path):
    assert read(tmp_path, b"\x80\x02U\x03h\xe9!q\x00.") == "hé!"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values_of_every_protocol_come_back(tmp_path, protocol):
    assert read(tmp_path, pickle.dumps(PLAIN, protocol=protocol)) == PLAIN


class Touches:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_would_make_a_file_is_refused_and_makes_none(tmp_path, protocol):
    victim = tmp_path / "victim"
    data = pickle.dumps({"a": Touches(victim)}, protocol=protocol)
    with pytest.raises(DataError, match="asks to import"):
        read(tmp_path, data)
    assert not victim.exists()


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"cos\nsystem\n(S'true'\ntR.", "os.system"),
        (b"(ios\nsystem\nS'true'\n.", "asks to import"),
        (b"Pany\n.", "asks to import 'any'"),
        (b"\x80\x02\x82\x01.", "asks to import"),
        (pickle.dumps(np.float64(1.0), protocol=2), "numpy"),
        (pickle.dumps({1, 2}, protocol=4), "EMPTY_SET"),
        (pickle.dumps(b"bytes", protocol=3), "SHORT_BINBYTES"),
    ],
)
def test_what_is_more_than_a_plain_value_is_refused_by_name(tmp_path, data, named):
    with pytest.raises(DataError, match=named):
        read(tmp_path, data)


def test_a_container_in_two_places_is_refused_so_that_nothing_can_grow_without_end(tmp_path):
    value = ["x"]
    for _ in range(6):
        value = [value, value]
    with pytest.raises(DataError, match="one container in two places"):
        read(tmp_path, pickle.dumps(value, protocol=2))


def test_a_container_within_itself_is_refused(tmp_path):
    value = []
    value.append(value)
    with pytest.raises(DataError, match="one container in two places"):
        read(tmp_path, pickle.dumps(value, protocol=2))


@pytest.mark.parametrize("make", [lambda value: [value], lambda value: {"a": value}, lambda value: (value,)])
def test_values_may_be_nested_eight_deep_and_no_deeper(tmp_path, make):
    value = 1
    for _ in range(8):
        value = make(value)
    assert read(tmp_path, pickle.dumps(value, protocol=2)) == value
    with pytest.raises(DataError, match="more than 8 deep"):
        read(tmp_path, pickle.dumps(make(value), protocol=2))


def test_one_long_text_named_a_million_times_is_refused(tmp_path):
    text = b"V" + b"a" * 100_000 + b"\np0\na"
    data = b"(lp9\n" + text + b"g0\na" * 1_000 + b"."
    with pytest.raises(DataError, match="values to hash or copy"):
        read(tmp_path, data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b".",
        b"no pickle",
        PYTHON_2[:-1],
        PYTHON_2[:100],
        b"I1\nI2\n.",
        b"(.",
        b"g7\n.",
        b"(I1\nd.",
        b"0.",
    ],
)
def test_damaged_pickles_are_data_errors(tmp_path, data):
    with pytest.raises(DataError, match=r"values\.pkl"):
        read(tmp_path, data)


def test_changed_bytes_never_end_in_anything_but_a_data_error(tmp_path):
    generator = np.random.default_rng(0)
    originals = [PYTHON_2, *(pickle.dumps(PLAIN, protocol=protocol) for protocol in (0, 2, 4))]
    refused = 0
    for turn in range(800):
        data = bytearray(originals[turn % len(originals)])
        for place in generator.integers(len(data), size=3):
            data[place] = generator.integers(256)
        try:
            read(tmp_path, bytes(data))
        except DataError:
            refused += 1
    assert refused > 400


def test_a_file_beyond_the_limit_is_not_read(tmp_path):
    path = tmp_path / "large.pkl"
    with path.open("wb") as file:
        file.truncate(MAX_PICKLE_BYTES + 1)
    with pytest.raises(DataError, match="bytes"):
        read_plain_pickle(path)


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nothing\.pkl"):
        read_plain_pickle(tmp_path / "nothing.pkl")
