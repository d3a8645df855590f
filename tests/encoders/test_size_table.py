from dataclasses import dataclass

import pytest

from anaglyph.encoders.size_table import overridden


@dataclass(frozen=True)
class Size:
    width: int
    depth: int

    def __post_init__(self):
        if self.depth < 1:
            raise ValueError("depth must be >= 1")


ROW = Size(8, 2)


def test_a_row_keeps_its_numbers_unless_others_are_given():
    assert overridden(ROW, width=None, depth=None) == ROW
    assert overridden(ROW, width=None, depth=5) == Size(8, 5)
    assert (ROW.width, ROW.depth) == (8, 2)


def test_given_numbers_are_checked_like_those_of_the_table():
    with pytest.raises(ValueError, match="depth must be >= 1"):
        overridden(ROW, depth=0)
