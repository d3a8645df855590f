import numpy as np
import pytest

from anaglyph.data.datasets.coco_masks import coco_mask
from anaglyph.data.datasets.future3d import Future3D
from anaglyph.errors import DataError
from future3d_on_disk import (
    HEIGHT,
    LAMP,
    RECTANGLE,
    RUNS,
    SOFA,
    WIDTH,
    run_lengths,
    write_future3d,
)

SIZE = 32


def compressed(runs):
    """COCO's compressed run lengths: the definition, number by number."""
    text = ""
    for place, run in enumerate(runs):
        number = run - runs[place - 2] if place > 2 else run
        more = True
        while more:
            code = number & 31
            number >>= 5
            more = number != (-1 if code & 16 else 0)
            text += chr(code + (32 if more else 0) + 48)
    return text


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return write_future3d(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def load(tree, cache, split, **options):
    options = {"check": "report", "size": SIZE, "smallest": 16, **options}
    return Future3D(**options).load(split, root=tree, cache=cache, seed=0)


def test_queries_are_pieces_of_furniture_with_a_model_that_are_large_enough(tree, cache):
    test = load(tree, cache, "test")
    assert test.keys == tuple(f"test/test{room:07d}/{10 * room + n}" for room in range(2) for n in range(2))
    assert test.repository.keys == (f"Sofa/{SOFA}", f"other/{LAMP}")
    assert test.class_names == ("Sofa", "other")
    assert test.shapes.tolist() == [0, 1, 0, 1]


def test_pieces_of_one_room_never_fall_on_both_sides_of_the_validation_split(tree, cache):
    train, held_out = load(tree, cache, "train"), load(tree, cache, "validation")
    room = {
        split: {key.split("/")[1] for key in part.keys} for split, part in (("a", train), ("b", held_out))
    }
    assert not room["a"] & room["b"]
    assert len(train) + len(held_out) == 8


def test_queries_are_cut_to_their_own_mask(tree, cache):
    test = load(tree, cache, "test")
    # The sofa's mask is a rectangle and fills the crop, the lamp's is a disc and leaves the corners.
    assert (test.masks[0] > 127).mean() > 0.95
    assert (test.masks[1] > 127).mean() == pytest.approx(np.pi / 4, abs=0.05)


def test_finer_categories_are_one_word(tree, cache):
    test = load(tree, cache, "test", category_by="category")
    assert test.class_names == ("Three-Seat_-_Multi-seat_Sofa", "other")


def test_what_is_missing_is_said_with_where_it_is_had(tree, cache):
    with pytest.raises(DataError, match=r"6 rooms .* instead of the published 20,240") as error:
        load(tree, cache, "test", check="strict")
    assert "tianchi.aliyun.com" in str(error.value)


@pytest.mark.parametrize("seed", range(5))
def test_all_forms_of_coco_masks_give_the_same_pixels(seed):
    generator = np.random.default_rng(seed)
    mask = np.where(generator.random((HEIGHT, WIDTH)) < generator.random(), 255, 0).astype(np.uint8)
    runs = run_lengths(mask)
    size = {"size": [HEIGHT, WIDTH]}
    for counts in (runs, compressed(runs)):
        made = coco_mask({"counts": counts, **size}, width=WIDTH, height=HEIGHT, where="")
        np.testing.assert_array_equal(made, mask)


def test_a_polygon_fills_what_it_surrounds():
    made = coco_mask([RECTANGLE], width=WIDTH, height=HEIGHT, where="")
    expected = np.zeros((HEIGHT, WIDTH))
    expected[10:50, 10:50] = 255
    np.testing.assert_array_equal(made, expected)


@pytest.mark.parametrize(
    "segmentation",
    [
        None,
        [],
        [[1.0, 2.0]],
        [["a"] * 6],
        {"counts": [10], "size": [HEIGHT, WIDTH]},
        {"counts": [-1, WIDTH * HEIGHT + 1], "size": [HEIGHT, WIDTH]},
        {"counts": "\x01", "size": [HEIGHT, WIDTH]},
        {"counts": "o" * 50, "size": [HEIGHT, WIDTH]},
        {"counts": None, "size": [HEIGHT, WIDTH]},
        {"counts": RUNS, "size": [WIDTH, HEIGHT]},
    ],
)
def test_what_is_no_mask_is_a_data_error_with_the_record(segmentation):
    with pytest.raises(DataError, match="record 7"):
        coco_mask(segmentation, width=WIDTH, height=HEIGHT, where="record 7")
