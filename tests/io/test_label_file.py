import pytest

from anaglyph.errors import DataError
from anaglyph.io.label_file import LabelRow, labels_by_id, read_label_file, write_label_file

ROWS = [
    LabelRow("gray/seven_GrayImg_train_000042.png", 3, 7),
    LabelRow("gray/one_GrayImg_train_000007.png", -1, 1),
]


def test_the_released_format_is_written_and_read(tmp_path):
    write_label_file(tmp_path / "list", ROWS)
    expected = "gray/seven_GrayImg_train_000042.png 3 7\ngray/one_GrayImg_train_000007.png -1 1\n"
    assert (tmp_path / "list").read_text() == expected
    assert read_label_file(tmp_path / "list") == ROWS


def test_two_columns_are_a_list_without_true_labels(tmp_path):
    (tmp_path / "list").write_text("a/x_1.npy 4\n")
    assert read_label_file(tmp_path / "list") == [LabelRow("a/x_1.npy", 4)]


def test_labels_join_by_the_id_at_the_end_of_the_name():
    assert labels_by_id(ROWS) == {"000042": 3, "000007": -1}
    assert labels_by_id(ROWS[:1], whole_path=True) == {"gray/seven_GrayImg_train_000042.png": 3}
    with pytest.raises(DataError, match="'000042' stands twice"):
        labels_by_id([ROWS[0], ROWS[0]])


@pytest.mark.parametrize("path", ["a b.png", "a\tb", "", "a\n"])
def test_paths_with_white_space_are_refused_when_writing(tmp_path, path):
    with pytest.raises(DataError, match="paths without"):
        write_label_file(tmp_path / "list", [LabelRow(path, 0)])
    assert not (tmp_path / "list").exists()


@pytest.mark.parametrize("line", ["a b.png 3 7", "a", "a 1.5", "a 1 2 3", "a x 3", ""])
def test_a_line_of_another_form_is_named(tmp_path, line):
    (tmp_path / "list").write_text(f"ok 1 2\n{line}\n")
    with pytest.raises(DataError, match="line 2"):
        read_label_file(tmp_path / "list")


def test_a_missing_or_binary_file_is_an_error(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        read_label_file(tmp_path / "none")
    (tmp_path / "list").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="not UTF-8"):
        read_label_file(tmp_path / "list")
