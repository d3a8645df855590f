"""What somebody types: ranges, boxes, words and files; rows for spreadsheets."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.errors import ConfigError, DataError
from anaglyph.search.export import csv_text
from anaglyph.search.parts import ModelPart, PicturePart, TextPart
from anaglyph.search.query_words import parse_box, parse_range, parts_of


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("100:5000", (100, 5000)),
        ("100:", (100, None)),
        (":0.5", (None, 0.5)),
        ("7", (7, 7)),
        ("-1:1e3", (-1, 1000)),
    ],
)
def test_ranges_are_least_and_most(text, bounds):
    assert parse_range("faces", text) == bounds


@pytest.mark.parametrize("text", ["", ":", "a:b", "1:2:3", "nan:", "1:inf", "5:4", "1-2"])
def test_ranges_that_cannot_be_meant_name_their_facet(text):
    with pytest.raises(ConfigError, match="faces"):
        parse_range("faces", text)


@pytest.mark.parametrize("text", ["", "1,2,3", "0,0,1,x", "0.5,0,0.4,1", "0,0,2,1", "nan,0,1,1"])
def test_boxes_that_cannot_be_meant_are_refused(text):
    with pytest.raises(ConfigError, match="box"):
        parse_box(text)


def test_words_that_follow_one_another_are_one_text_and_files_are_recognised(tmp_path):
    (tmp_path / "a.PNG").write_bytes(b"x")
    found = parts_of(["red", "chair", str(tmp_path / "a.PNG"), "wood", "lamp.glb"])
    kinds = [type(part) for part in found]
    assert kinds == [TextPart, PicturePart, TextPart, ModelPart]
    assert [found[0].text, found[2].text] == ["red chair", "wood"]


def test_words_to_stay_away_from_are_a_part_each():
    assert [part.text for part in parts_of(["arms", "wheels"], together=False)] == ["arms", "wheels"]


def test_a_picture_that_is_not_there_is_an_error_and_no_word():
    with pytest.raises(DataError, match=r"no picture 'chair\.png'"):
        parts_of(["chair.png"])


def test_a_box_belongs_to_one_picture(tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")
    (part,) = parts_of([str(tmp_path / "a.png")], box=(0, 0, 1, 1), mask=tmp_path / "a.png")
    assert (part.box, part.mask) == ((0, 0, 1, 1), b"x")
    with pytest.raises(ConfigError, match="has 0"):
        parts_of(["chair"], box=(0, 0, 1, 1))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.text(), min_size=2, max_size=2))
def test_no_cell_begins_as_a_formula_and_text_survives(cells):
    (row,) = list(
        csv.reader(io.StringIO(csv_text(("a", "b"), [{"a": cells[0], "b": cells[1]}]), newline=""))
    )[1:]
    for cell, written in zip(cells, row, strict=True):
        assert written in (cell, f"'{cell}")
        assert not written.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_numbers_flags_and_lists_are_plain_in_csv():
    text = csv_text(("a", "b", "c", "d"), [{"a": -1.5, "b": True, "c": ["x", "y"], "d": None}])
    assert text == "a,b,c,d\r\n-1.5,true,x y,\r\n"
