from dataclasses import replace

import numpy as np
import pytest

from anaglyph.data.datasets.procedural_models import ProceduralModels
from anaglyph.data.procedural.objects import make_object
from anaglyph.data.records import TextSource
from anaglyph.errors import ConfigError
from anaglyph.geometry.cameras import view_cameras
from anaglyph.geometry.normalize import normalized
from anaglyph.render.options import RenderOptions
from anaglyph.render.views import render_views

NAMES = ("bowl", "street_lamp", "mug")
SMALL = ProceduralModels(
    train=6, validation=2, test=7, categories=NAMES, views="ring8", size=24, stored_points=64, points=32
)


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    names = ("train", "validation", "test")
    return {name: SMALL.load(name, root=cache, cache=cache, seed=0) for name in names}


def test_objects_are_spread_over_the_categories_and_differ_between_splits(splits):
    assert [len(splits[name]) for name in ("train", "validation", "test")] == [6, 2, 7]
    assert splits["train"].class_names == ("bowl", "street lamp", "mug")
    assert splits["test"].labels.tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert splits["train"].keys[:4] == (
        "bowl/train-00000", "street_lamp/train-00000", "mug/train-00000", "bowl/train-00001",
    )  # fmt: skip
    clouds = [cloud.tobytes() for part in splits.values() for cloud in part.points]
    assert len(set(clouds)) == 15


def test_views_texts_and_clouds_are_those_of_the_generated_object(splits):
    test = splits["test"]
    made = make_object("street_lamp", key="0/test/1")
    unit = normalized(made.mesh, "sphere")
    views = render_views(unit, view_cameras("ring8"), options=RenderOptions(size=24), outputs=("colour",))
    np.testing.assert_array_equal(test.pictures[4], views.colour.transpose(0, 3, 1, 2))
    words = [(TextSource.NAME, word) for word in made.words]
    assert test.texts[4] == (*words, (TextSource.CAPTION, made.caption))
    low, high = unit.vertices.min(axis=0) - 1e-3, unit.vertices.max(axis=0) + 1e-3
    cloud = test.points[4, :, :3]
    assert (cloud >= low).all()
    assert (cloud <= high).all()
    assert cloud[:, 1].max() - cloud[:, 1].min() > 0.8 * (high - low)[1]


def test_more_objects_leave_the_first_as_they_are(splits):
    more = replace(SMALL, train=9).load("train", root=None, cache=None, seed=0)
    assert more.keys[:6] == splits["train"].keys
    np.testing.assert_array_equal(more.pictures[:6], splits["train"].pictures)
    np.testing.assert_array_equal(more.points[:6], splits["train"].points)


def test_held_out_categories_are_in_the_test_split_only_and_the_others_stay_as_they_are(splits):
    source = replace(SMALL, held_out_categories=("mug",))
    parts = {name: source.load(name, root=None, cache=None, seed=0) for name in splits}
    for name in ("train", "validation"):
        assert parts[name].class_names == splits[name].class_names
        assert 2 not in parts[name].labels
        assert not any("mug" in text for texts in parts[name].texts for _, text in texts)
        assert len(parts[name]) == len(splits[name])
    assert parts["test"].fingerprint() == splits["test"].fingerprint()
    same = parts["train"].keys.index("bowl/train-00001")
    np.testing.assert_array_equal(parts["train"].points[same], splits["train"].points[3])


def test_another_collection_has_other_objects(splits):
    other = replace(SMALL, collection=1).load("validation", root=None, cache=None, seed=0)
    assert other.keys == splits["validation"].keys
    assert other.fingerprint() != splits["validation"].fingerprint()


def test_photo_like_thumbnails_show_the_object_before_a_background(splits):
    assert splits["train"].thumbnails == (None,) * 6
    made = replace(SMALL, photo_thumbnails=True).load("validation", root=None, cache=None, seed=0)
    for picture, views in zip(made.thumbnails, made.pictures, strict=True):
        assert picture.shape == (3, 24, 24)
        assert picture.std() > 5
        assert not any((picture == view).all() for view in views)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"categories": ("chiar",)}, "did you mean 'chair'"),
        ({"held_out_categories": ("chiar",)}, "did you mean 'chair'"),
        ({"categories": ("mug",), "held_out_categories": ("mug",)}, "leaves none"),
        ({"train": 0}, "train=0"),
        ({"variation": 2.0}, "variation=2.0"),
        ({"views_per_object": 13}, "views_per_object=13"),
        ({"size": 4}, "size=4"),
        ({"points": 4096}, "points=4096"),
        ({"thumbnail_share": -0.1}, "thumbnail_share=-0.1"),
        ({"views": "ring3"}, "set of views"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(wrong, reason):
    with pytest.raises(ConfigError, match=reason):
        ProceduralModels(**wrong)
