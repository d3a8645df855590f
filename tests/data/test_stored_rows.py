import errno
import pickle
import tracemalloc

import numpy as np
import pytest

from anaglyph.data.datasets.bad_records import BadRecords
from anaglyph.data.datasets.stored_rows import identity_of, stored_rows
from anaglyph.errors import DataError
from anaglyph.io import atomic

LAYOUT = {"pictures": ((4, 2, 3), "uint8"), "good": ((4,), "bool")}


def fill(rows):
    for row in (2, 0, 3):  # in any order, row 1 not at all
        rows["pictures"][row] = np.full((2, 3), row + 1, dtype=np.uint8)
        rows["good"][row] = np.array(True)
    rows["pictures"][1] = rows["pictures"][2]


def expected():
    return np.array([1, 3, 3, 4], dtype=np.uint8)[:, None, None] * np.ones((1, 2, 3), dtype=np.uint8)


@pytest.mark.parametrize("kept", [True, False])
def test_rows_written_in_any_order_are_where_they_belong(tmp_path, kept):
    made = stored_rows(tmp_path if kept else None, "a", {}, LAYOUT, fill)
    np.testing.assert_array_equal(made["pictures"], expected())
    assert made["good"].tolist() == [True, False, True, True]
    assert isinstance(made["pictures"], np.memmap) == kept


def test_rows_are_made_once_for_what_they_depend_on(tmp_path):
    calls = []

    def counted(rows):
        calls.append(1)
        fill(rows)

    for depends_on in ({"size": 1}, {"size": 1}, {"size": 2}):
        stored_rows(tmp_path, "a", depends_on, LAYOUT, counted)
    assert len(calls) == 2


def test_mapped_rows_cannot_be_changed(tmp_path):
    made = stored_rows(tmp_path, "a", {}, LAYOUT, fill)
    with pytest.raises(ValueError, match="read-only"):
        made["pictures"][0] = 0


def test_a_damaged_cache_is_named_and_made_again(tmp_path, caplog):
    stored_rows(tmp_path, "a", {}, LAYOUT, fill)
    (file,) = tmp_path.rglob("pictures.npy")
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(bytes(data))
    made = stored_rows(tmp_path, "a", {}, LAYOUT, fill)
    np.testing.assert_array_equal(made["pictures"], expected())
    assert "pictures.npy" in caplog.text


def test_stored_rows_are_verified_once_however_often_they_are_opened(tmp_path, monkeypatch):
    hashed = []
    original = atomic.sha256

    def counted(path):
        hashed.append(path.name)
        return original(path)

    stored_rows(tmp_path, "a", {}, LAYOUT, fill)
    monkeypatch.setattr(atomic, "sha256", counted)
    for _ in range(3):
        stored_rows(tmp_path, "a", {}, LAYOUT, fill)
    assert sorted(hashed) == ["good.npy", "pictures.npy"]


def test_stored_rows_reach_another_process_as_the_name_of_their_file(tmp_path):
    layout = {"pictures": ((10, 100, 100), "uint8")}
    kept, loose = (stored_rows(place, "a", {}, layout, lambda rows: None) for place in (tmp_path, None))
    assert len(pickle.dumps(kept["pictures"][:9])) < 1000 < len(pickle.dumps(loose["pictures"][:9]))


def test_an_error_while_rows_are_made_leaves_nothing_behind(tmp_path):
    def fails(rows):
        fill(rows)
        raise DataError("no")

    with pytest.raises(DataError, match="no"):
        stored_rows(tmp_path, "a", {}, LAYOUT, fails)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_an_error_with_a_name_and_leaves_nothing_behind(tmp_path):
    def fails(rows):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DataError, match="make room"):
        stored_rows(tmp_path, "a", {}, LAYOUT, fails)
    assert list(tmp_path.iterdir()) == []


def test_rows_of_another_process_that_was_faster_are_used(tmp_path):
    def slow(rows):
        stored_rows(tmp_path, "a", {}, LAYOUT, fill)
        fill(rows)

    made = stored_rows(tmp_path, "a", {}, LAYOUT, slow)
    np.testing.assert_array_equal(made["pictures"], expected())


def test_a_cache_that_is_a_file_is_an_error_that_says_what_to_set(tmp_path):
    (tmp_path / "cache").write_text("")
    with pytest.raises(DataError, match="ANAGLYPH_CACHE"):
        stored_rows(tmp_path / "cache", "a", {}, LAYOUT, fill)


def test_memory_does_not_grow_with_the_number_of_rows(tmp_path):
    layout = {"pictures": ((64, 1024, 1024), "uint8")}

    def large(rows):
        for row in range(64):
            rows["pictures"][row] = np.full((1024, 1024), row, dtype=np.uint8)

    tracemalloc.start()
    made = stored_rows(tmp_path, "large", {}, layout, large)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20  # of 64 MiB
    assert made["pictures"][63, -1, -1] == 63


def test_a_row_of_another_shape_is_a_programming_error(tmp_path):
    with pytest.raises(ValueError, match="row must be"):
        stored_rows(tmp_path, "a", {}, LAYOUT, lambda rows: rows["pictures"].__setitem__(0, np.zeros(3)))


def test_the_identity_of_a_file_changes_with_its_bytes_and_not_with_its_place(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x").write_text("1")
    import os

    os.utime(tmp_path / "b/x", ns=(0, (tmp_path / "a/x").stat().st_mtime_ns))
    first, second = (identity_of([tmp_path / f / "x"], root=tmp_path / f) for f in ("a", "b"))
    assert first == second
    (tmp_path / "b/x").write_text("12")
    assert identity_of([tmp_path / "b/x"], root=tmp_path / "b") != first
    with pytest.raises(DataError, match="nothing"):
        identity_of([tmp_path / "nothing"], root=tmp_path)


def test_one_bad_record_more_than_allowed_stops_and_names_the_first_ones():
    bad = BadRecords("pictures", allowed=6)
    for number in range(6):
        bad.add(f"p{number}", "it is damaged.")
    with pytest.raises(DataError, match=r"7 \(p0, p1, p2, p3, p4 and 2 more\), 6 are allowed"):
        bad.add("p6", "it is damaged.")
