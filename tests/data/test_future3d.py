import numpy as np
import pytest

from anaglyph.data.datasets.coco_masks import coco_mask
from anaglyph.data.datasets.future3d import Future3D
from anaglyph.errors import DataError
from furniture_on_disk import boxes, disc, photograph, write, write_json, write_picture

SIZE = 32
SOFA, LAMP = "209fdbd6-b95d-4d11-a05e-8fcefa32a60d", "3062da49-9d90-3894-8c6a-207b131a7f1f"
WIDTH, HEIGHT = 90, 60


def run_lengths(mask):
    """COCO's plain run lengths, counted pixel by pixel down the columns."""
    runs, value = [0], 0
    for pixel in (mask > 127).T.ravel():
        if pixel != value:
            runs.append(0)
            value = pixel
        runs[-1] += 1
    return runs


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


MASK = disc(WIDTH, HEIGHT, centre=(40, 30), radius=20)
RUNS = run_lengths(MASK)
RECTANGLE = [10.0, 10.0, 49.0, 10.0, 49.0, 49.0, 10.0, 49.0]


def rooms(part, count):
    """COCO-like content with the published fields."""
    annotations = []
    for room in range(count):
        segmentations = ([RECTANGLE], {"counts": RUNS, "size": [HEIGHT, WIDTH]})
        for number, (model, segmentation) in enumerate(zip((SOFA, LAMP), segmentations, strict=True)):
            annotations.append(
                {
                    "id": 10 * room + number,
                    "image_id": room,
                    "category_id": 1,
                    "segmentation": segmentation,
                    "area": 900.0,
                    "bbox": [10, 10, 40, 40],
                    "model_id": model,
                    "texture_id": None,
                    "pose": [],
                    "fov": 0.8,
                    "style": "Modern",
                }
            )
        annotations.append({**annotations[-1], "id": 10 * room + 5, "bbox": [0, 0, 4, 40]})  # too small
        annotations.append({**annotations[-1], "id": 10 * room + 6, "bbox": [0, 0, 40, 40], "model_id": None})
    images = [
        {"id": room, "width": WIDTH, "height": HEIGHT, "file_name": f"{part}{room:07d}"}
        for room in range(count)
    ]
    return {"categories": [{"id": 1, "category_name": "Sofa"}], "images": images, "annotations": annotations}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    folder = root / "3D-FUTURE"
    info = [
        {
            "model_id": SOFA,
            "super-category": "Sofa",
            "category": "Three-Seat / Multi-seat Sofa",
            "style": "Modern",
        },
        {"model_id": LAMP, "super-category": None, "category": None},
    ]
    write_json(folder / "3D-FUTURE-model/model_info.json", info)
    write(folder / "3D-FUTURE-model" / SOFA / "raw_model.obj", boxes(((-1, 1), (0, 0.5), (-0.4, 0.4))))
    write(folder / "3D-FUTURE-model" / LAMP / "raw_model.obj", boxes(((-0.1, 0.1), (0, 1.5), (-0.1, 0.1))))
    for part, count in (("train", 4), ("test", 2)):
        content = rooms(part, count)
        write_json(folder / f"3D-FUTURE-scene/GT/{part}_set.json", content)
        for image in content["images"]:
            path = folder / "3D-FUTURE-scene" / part / "image" / f"{image['file_name']}.jpg"
            write_picture(path, photograph(MASK, inside=(250, 20, 20)))
    return root


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
