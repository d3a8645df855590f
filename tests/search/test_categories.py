"""Categories by class names: what an item is nearest to, and which lists of names are taken."""

import numpy as np
import pytest

from anaglyph.encoders.spaces.open import open_space
from anaglyph.errors import DataError
from anaglyph.search.categories import Categories, categories_in, kept_names, read_names
from indexed_models import save_space


def test_the_category_is_the_nearest_name():
    names = Categories(("chair", "table"), np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32))
    assert [names.of(np.array(each, dtype=np.float32)) for each in ([0.9, 0.1], [-1.0, 0.1])] == [
        "chair",
        "table",
    ]


def test_names_are_embedded_by_the_space(tmp_path):
    space = open_space(save_space(tmp_path / "space"), root=tmp_path / "space")
    made = categories_in(space, ["chair", "lamp"])
    np.testing.assert_allclose(np.linalg.norm(made.vectors, axis=1), 1.0, atol=1e-6)
    assert made.vectors.shape == (2, space.dim)


def test_names_come_one_a_line_without_blanks_and_repeats(tmp_path):
    (tmp_path / "names.txt").write_text("chair\n\n  floor lamp \nchair\n", encoding="utf-8")
    assert read_names(str(tmp_path / "names.txt")) == ("chair", "floor lamp")
    assert "chair" in read_names("builtin")


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"x" * 101, b"\n".join(b"%d" % i for i in range(10_001))]
)
def test_lists_that_cannot_be_meant_are_refused(tmp_path, content):
    (tmp_path / "names.txt").write_bytes(content)
    with pytest.raises(DataError, match=r"names\.txt"):
        read_names(str(tmp_path / "names.txt"))


def test_an_index_without_names_has_none():
    assert kept_names(None) == ()
    assert kept_names('["chair"]') == ("chair",)
