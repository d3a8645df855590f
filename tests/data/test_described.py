from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from anaglyph.data.described import DescribedObjects, drawn_text
from anaglyph.data.records import TextSource
from anaglyph.data.transforms.points import PointAugmentation
from anaglyph.errors import DataError
from anaglyph.randomness import numpy_generator

NAME, REJECTED, CAPTION, OTHER, RETRIEVED = TextSource
TEXTS = (
    (NAME, "chair"),
    (NAME, "seat"),
    (NAME, "stool"),
    (CAPTION, "a red chair"),
    (RETRIEVED, "old chairs"),
)
COUNT, VIEWS, SIDE = 40, 5, 8


def objects(**changes):
    """Pictures whose every pixel says row and view; points whose colour says which they are."""
    generator = numpy_generator("described")
    pictures = np.empty((COUNT, VIEWS, 3, SIDE, SIDE), dtype=np.uint8)
    pictures[:] = (np.arange(COUNT)[:, None] * VIEWS + np.arange(VIEWS))[..., None, None, None]
    points = generator.uniform(-0.5, 0.5, size=(COUNT, 50, 6)).astype(np.float32)
    points[..., 3:] = np.abs(points[..., :3])
    made = {
        "keys": tuple(f"object{row}" for row in range(COUNT)),
        "class_names": ("chair", "table"),
        "labels": np.arange(COUNT) % 2,
        "points": points,
        "pictures": pictures,
        "thumbnails": (None,) * COUNT,
        "texts": (TEXTS,) * COUNT,
        **changes,
    }
    return DescribedObjects(**made)


def views_of(batch):
    """(B, v) the row and view that each picture of `objects` says."""
    values = (batch.images * 255).round().long()
    assert (values == values[:, :, :1, :1, :1]).all()
    return values[:, :, 0, 0, 0]


def test_drawn_views_are_different_ones_of_the_object_and_all_of_them_come_up():
    dataset, seen = objects(views_per_object=2), set()
    for epoch in range(20):
        views = views_of(dataset.batch(range(COUNT), epoch=epoch))
        assert (views // VIEWS == torch.arange(COUNT)[:, None]).all()
        assert (views[:, 0] != views[:, 1]).all()
        seen |= {tuple(pair) for pair in (views % VIEWS).tolist()}
    assert len(seen) == VIEWS * (VIEWS - 1)


def test_without_an_epoch_all_views_stand_in_their_order():
    views = views_of(objects(views_per_object=2).batch([3, 1], epoch=None))
    assert views.tolist() == [[15, 16, 17, 18, 19], [5, 6, 7, 8, 9]]


def test_thumbnails_take_the_first_place_as_often_as_asked_and_never_in_evaluation():
    thumbnail = np.full((3, SIDE, SIDE), 255, dtype=np.uint8)
    dataset = objects(views_per_object=2, thumbnail_share=0.3, thumbnails=(thumbnail, None) * (COUNT // 2))
    taken = np.zeros((COUNT, 2))
    for epoch in range(200):
        taken += (views_of(dataset.batch(range(COUNT), epoch=epoch)) == 255).numpy()
    assert not taken[1::2].any()
    assert not taken[:, 1].any()
    assert taken[::2, 0].mean() / 200 == pytest.approx(0.3, abs=0.03)
    assert (views_of(dataset.batch(range(COUNT), epoch=None)) != 255).all()
    assert (dataset.pictures != 255).all()


def slow_draw(texts):
    """Probability of each text: one group of sources, then one text of it, each equally likely."""
    groups = [{NAME}, {CAPTION, OTHER}, {RETRIEVED}]
    present = [group for group in groups if any(source in group for source, _ in texts)]
    chances = {}
    for group in present:
        members = [text for source, text in texts if source in group]
        for text in members:
            chances[text] = chances.get(text, 0.0) + 1.0 / len(present) / len(members)
    return chances


@pytest.mark.parametrize(
    "texts",
    [TEXTS, TEXTS[:3], ((CAPTION, "one"), (OTHER, "two"), (REJECTED, "untitled")), ((RETRIEVED, "only"),)],
)
def test_texts_are_drawn_by_their_sources(texts):
    dataset = objects(texts=(texts,) * COUNT)
    drawn = Counter()
    for epoch in range(150):
        drawn.update(text for (text,) in dataset.batch(range(COUNT), epoch=epoch).texts)
    expected = slow_draw(texts)
    assert drawn.keys() == expected.keys()
    for text, chance in expected.items():
        assert drawn[text] / (150 * COUNT) == pytest.approx(chance, abs=0.02)


def test_objects_whose_names_were_all_rejected_have_no_text_in_training():
    dataset = objects(texts=(((REJECTED, "untitled 3"),), ()) * (COUNT // 2))
    assert dataset.batch([0, 1], epoch=0).texts == ((), ())
    assert dataset.batch([0, 1], epoch=None).texts == (("untitled 3",), ())


def test_the_largest_chance_draws_the_last_text():
    almost = float(np.float32(1 - 2**-24))
    assert drawn_text(TEXTS, almost, almost) == ("old chairs",)
    assert drawn_text(TEXTS, 0.0, almost) == ("stool",)
    assert drawn_text(TEXTS, 0.0, 0.0) == ("chair",)


def test_colours_stay_with_their_points_whatever_happens_to_the_coordinates():
    thinned = PointAugmentation(dropout=0.6, cut=0.4)
    dataset = objects(points_per_object=20, point_augmentation=thinned)
    points = dataset.batch(range(COUNT), epoch=0).points
    assert points.shape == (COUNT, 20, 6)
    torch.testing.assert_close(points[..., 3:], points[..., :3].abs())
    moved = replace(dataset, point_augmentation=PointAugmentation(rotation=180, shift=0.3, jitter=0.1))
    turned = moved.batch(range(COUNT), epoch=0).points
    plain = replace(dataset, point_augmentation=PointAugmentation()).batch(range(COUNT), epoch=0).points
    torch.testing.assert_close(turned[..., 3:], plain[..., 3:])
    assert (turned[..., :3] != plain[..., :3]).any()


def test_coordinates_are_augmented_as_without_colours():
    config = PointAugmentation(
        rotation=40, tilt=10, elastic=0.1, shift=0.2, jitter=0.05, dropout=0.4, cut=0.3
    )
    coloured = objects(points_per_object=20, point_augmentation=config)
    bare = replace(coloured, points=coloured.points[..., :3].copy())
    rows = range(COUNT)
    torch.testing.assert_close(
        coloured.batch(rows, epoch=4).points[..., :3], bare.batch(rows, epoch=4).points
    )


def test_the_fingerprint_sees_everything_but_the_labels():
    dataset = objects()
    assert replace(dataset, labels=1 - dataset.labels).fingerprint() == dataset.fingerprint()
    thumbnail = np.zeros((3, SIDE, SIDE), dtype=np.uint8)
    moved = (((CAPTION, "a"), (CAPTION, "b")), ((CAPTION, "c"),)) + (TEXTS,) * (COUNT - 2)
    shifted = (((CAPTION, "a"),), ((CAPTION, "b"), (CAPTION, "c"))) + (TEXTS,) * (COUNT - 2)
    others = [
        {"class_names": ("chair", "desk")},
        {"points": dataset.points * 0.5},
        {"pictures": dataset.pictures + 1},
        {"thumbnails": (thumbnail,) + (None,) * (COUNT - 1)},
        {"thumbnails": (None, thumbnail) + (None,) * (COUNT - 2)},
        {"texts": (TEXTS[:2],) * COUNT},
        {"texts": (((CAPTION, "chair"), *TEXTS[1:]),) * COUNT},
        {"texts": moved},
        {"texts": shifted},
    ]
    prints = {replace(dataset, **other).fingerprint() for other in others} | {dataset.fingerprint()}
    assert len(prints) == len(others) + 1


def test_a_subset_has_its_rows_of_everything():
    part = objects(texts=tuple(((NAME, f"name {row}"),) for row in range(COUNT))).subset([7, 2])
    assert part.keys == ("object7", "object2")
    batch = part.batch([0, 1], epoch=None)
    assert batch.texts == (("name 7",), ("name 2",))
    assert batch.labels.tolist() == [1, 0]
    assert (views_of(batch)[:, 0] == torch.tensor([35, 10])).all()


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"texts": (TEXTS,)}, "1 entries of texts"),
        ({"thumbnails": ()}, "0 of thumbnails"),
        ({"views_per_object": 6}, "6 views per object are asked for; 5 exist"),
        ({"points_per_object": 51}, "51 points per object"),
        ({"points": np.zeros((COUNT, 5, 4), dtype=np.float32)}, r"must be float \(objects, N, 3 or 6\)"),
        ({"points": np.full((COUNT, 5, 6), np.nan, dtype=np.float32)}, "'object0' has values"),
        ({"pictures": np.zeros((COUNT, 3, 8, 8), dtype=np.uint8)}, "must be uint8"),
        ({"thumbnail_share": 1.5}, "thumbnail_share is 1.5"),
        (
            {"thumbnail_share": 0.5, "thumbnails": (np.zeros((3, 4, 4), dtype=np.uint8),) * COUNT},
            r"thumbnail of 'object0' is \(3, 4, 4\)",
        ),
        ({"labels": np.full(COUNT, 2)}, "2 classes"),
    ],
)
def test_what_does_not_fit_is_said(wrong, reason):
    with pytest.raises(DataError, match=reason):
        objects(**wrong)
