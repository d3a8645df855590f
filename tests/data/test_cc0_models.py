from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from anaglyph.data.datasets.cc0_manifest import read_manifest
from anaglyph.data.datasets.cc0_models import Cc0Models, fold_of, objects_of
from anaglyph.data.datasets.cc0_pictures import most_telling, thumbnail
from anaglyph.data.datasets.cc0_words import class_word, plain_name, texts_of
from anaglyph.data.records import TextSource
from anaglyph.errors import ConfigError, DataError
from cc0_on_disk import write_cc0

SPLITS = ("train", "validation", "test")
SMALL = Cc0Models(
    fold=3, validation_fraction=0.3, views="ring8", size=24, stored_points=64, points=32, margin=0.0
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return write_cc0(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def splits(tiny):
    return {name: SMALL.load(name, root=tiny, cache=tiny / "cache", seed=0) for name in SPLITS}


def test_every_object_is_in_one_split_and_every_fold_is_the_test_split_once(tiny):
    objects = read_manifest(tiny / "cc0_objects")
    seen = []
    for fold in range(5):
        parts = [objects_of(split, objects, fold=fold, validation_fraction=0.3) for split in SPLITS]
        assert sorted(item.key for part in parts for item in part) == sorted(item.key for item in objects)
        seen += [item.key for item in parts[2]]
    assert sorted(seen) == sorted(item.key for item in objects)


def test_thumbnails_are_the_makers_pictures_of_the_object(splits):
    for part in splits.values():
        for key, picture in zip(part.keys, part.thumbnails, strict=True):
            number = int(key[-1])
            # The picture's box is 30 x 28 of colour (30 n, 90, 200): 24 x 22 here, and white around it.
            assert picture.shape == (3, 24, 24)
            np.testing.assert_array_equal(picture[:, 12, 12], [30 * number, 90, 200])
            assert (picture[:, 0] == 255).all()


def test_small_pictures_are_no_thumbnails_and_damaged_ones_are_named(tiny, tmp_path):
    large = replace(SMALL, least_side=31).load("test", root=tiny, cache=None, seed=0)
    assert large.thumbnails == (None, None)
    root = write_cc0(tmp_path)
    broken = root / "cc0_objects" / "images" / "thing1__NE.png"
    broken.write_bytes(broken.read_bytes()[:60] + bytes(20))
    with pytest.raises(DataError, match=r"makers' pictures.*thing1__NE\.png"):
        SMALL.load("test", root=root, cache=None, seed=0)
    for _ in range(2):  # made, then from the cache
        kept = replace(SMALL, max_bad=1).load("test", root=root, cache=root / "cache", seed=0)
        assert [picture is None for picture in kept.thumbnails] == [False, True]


def test_models_that_cannot_be_read_are_named_and_left_out_where_that_is_allowed(tmp_path):
    root = write_cc0(tmp_path)
    (root / "cc0_objects" / "meshes" / "thing0.ply").write_text("ply\nno model\n")
    with pytest.raises(DataError, match="cup/thing0"):
        SMALL.load("test", root=root, cache=None, seed=0)
    kept = replace(SMALL, max_bad=1).load("test", root=root, cache=None, seed=0)
    assert kept.keys == ("box/thing1",)
    assert kept.labels.tolist() == [0]


def test_categories_that_are_held_out_are_tested_and_never_trained_on(tiny, splits):
    source = replace(SMALL, held_out_categories=("cup",))
    train, test = (source.load(split, root=tiny, cache=None, seed=0) for split in ("train", "test"))
    assert set(train.labels) == {0}
    assert test.fingerprint() == splits["test"].fingerprint()
    with pytest.raises(ConfigError, match="no category 'cupp'; did you mean 'cup'"):
        replace(SMALL, held_out_categories=("cupp",)).load("train", root=tiny, cache=None, seed=0)


def test_names_become_words():
    assert plain_name("big tree 2") == "big tree"
    assert plain_name("tower  square 3 12") == "tower square"
    assert plain_name("7") == "7"
    assert class_word("tv_stand") == "tv stand"
    assert class_word("pot_pan") == "cooking pot"
    assert texts_of("oak tree 2", "tree") == (
        (TextSource.NAME, "oak tree"), (TextSource.CAPTION, "an oak tree"),
    )  # fmt: skip
    assert texts_of("zebra", "quadruped")[1][1] == "a zebra, a kind of four-legged animal"


def test_the_most_telling_picture_and_its_cut(tmp_path):
    names = [tmp_path / f"a__{ending}.png" for ending in ("Topdown", "SE", "thumb", "NE", "Side")]
    assert most_telling(names) == names[2]
    assert most_telling([*names[:2], *names[3:]]) == names[1]
    assert most_telling([]) is None
    picture = np.zeros((20, 40, 4), dtype=np.uint8)
    picture[5:15, 10:30] = (10, 20, 30, 255)
    Image.fromarray(picture).save(names[1])
    cut = thumbnail(names[1], size=20, margin=0.0, least_side=20)
    np.testing.assert_array_equal(cut[:, 6:14].reshape(3, -1), np.tile([[10], [20], [30]], 160))
    assert (cut[:, :4] == 255).all()
    assert thumbnail(names[1], size=20, margin=0.0, least_side=21) is None


def test_options_that_cannot_be_meant_are_refused():
    with pytest.raises(ConfigError, match="margin=2"):
        Cc0Models(margin=2.0)
    with pytest.raises(ConfigError, match="least_side=0"):
        Cc0Models(least_side=0)


def test_designs_of_the_real_objects_stay_on_one_side_and_folds_are_fifths(shared_data):
    objects = read_manifest(shared_data / "cc0_objects")
    counts = np.bincount([fold_of(item.design) for item in objects], minlength=5)
    assert counts.sum() == 682
    assert counts.min() > 0.15 * 682
    for fold in range(5):
        parts = [objects_of(split, objects, fold=fold, validation_fraction=0.1) for split in SPLITS]
        designs = [{item.design for item in part} for part in parts]
        assert not designs[0] & designs[1]
        assert not (designs[0] | designs[1]) & designs[2]
        assert sum(map(len, parts)) == 682
        assert 0.05 < len(parts[1]) / len(parts[0] + parts[1]) < 0.15


def test_the_real_objects_load_with_words_and_half_of_them_with_thumbnails(shared_data):
    source = Cc0Models(size=16, views="thumbnail", stored_points=32, points=0)
    test = source.load("test", root=shared_data, cache=None, seed=0)
    assert 100 < len(test) < 180
    assert 0.3 < np.mean([picture is not None for picture in test.thumbnails]) < 0.7
    assert len(test.class_names) == len(
        {item.category for item in read_manifest(shared_data / "cc0_objects")}
    )
    words = {text for texts in test.texts for _, text in texts}
    assert all(word == word.lower() and not word[-1].isdigit() for word in words)
