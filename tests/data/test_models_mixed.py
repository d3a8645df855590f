from dataclasses import replace

import numpy as np
import pytest

from anaglyph.data.datasets.cc0_models import Cc0Models
from anaglyph.data.datasets.models_mixed import SAME, ModelsMixed
from anaglyph.data.datasets.procedural_models import ProceduralModels, class_word
from anaglyph.data.procedural.objects import list_categories
from anaglyph.errors import ConfigError
from cc0_on_disk import write_cc0

COMMON = {"views": "ring8", "size": 24, "stored_points": 64, "points": 32}
MIXED = ModelsMixed(train=47, validation=2, test=47, fold=3, validation_fraction=0.3, **COMMON)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Two categories: 'box', which nothing generated is, and 'airplane' in place of 'cup'."""
    root = write_cc0(tmp_path_factory.mktemp("data"))
    table = root / "cc0_objects" / "manifest.csv"
    table.write_text(table.read_text().replace(",cup,", ",airplane,"))
    return root


def test_both_parts_are_there_with_prefixed_keys_and_their_own_arrays(root):
    mixed = MIXED.load("train", root=root, cache=root / "cache", seed=0)
    generated = ProceduralModels(train=47, validation=2, test=47, **COMMON)
    real = Cc0Models(fold=3, validation_fraction=0.3, **COMMON)
    parts = {
        name: source.load("train", root=root, cache=root / "cache", seed=0)
        for name, source in (("procedural", generated), ("cc0", real))
    }
    assert mixed.keys == tuple(f"{name}/{key}" for name, part in parts.items() for key in part.keys)
    for name in ("pictures", "points"):
        np.testing.assert_array_equal(
            getattr(mixed, name), np.concatenate([getattr(part, name) for part in parts.values()])
        )
    assert mixed.texts == parts["procedural"].texts + parts["cc0"].texts
    assert [picture is None for picture in mixed.thumbnails] == [True] * 47 + [False] * 4


def test_classes_are_joined_by_word_and_other_words_for_the_same_are_one_class(root):
    mixed = MIXED.load("train", root=root, cache=root / "cache", seed=0)
    assert set(mixed.class_names) == {*map(class_word, list_categories()), "box"}
    words = dict(zip(mixed.keys, (mixed.class_names[label] for label in mixed.labels), strict=True))
    assert words["procedural/aeroplane/train-00000"] == "aeroplane"
    assert words["procedural/street_lamp/train-00000"] == "street lamp"
    assert words["cc0/airplane/thing2"] == "aeroplane"
    assert words["cc0/box/thing5"] == "box"


def test_held_out_classes_are_in_the_test_split_only_whichever_part_they_are_of(root):
    source = replace(MIXED, held_out_classes=("aeroplane", "street lamp"))
    train, test = (source.load(split, root=root, cache=root / "cache", seed=0) for split in ("train", "test"))
    trained = {train.class_names[label] for label in train.labels}
    assert not trained & {"aeroplane", "street lamp"}
    assert "box" in trained
    assert {"aeroplane", "street lamp"} <= {test.class_names[label] for label in test.labels}
    assert train.class_names == test.class_names
    assert len(train) == 47 + 1
    with pytest.raises(ConfigError, match="no class 'aeroplain'; did you mean 'aeroplane'"):
        replace(MIXED, held_out_classes=("aeroplain",)).load("train", root=root, cache=None, seed=0)


def test_the_words_that_are_joined_mean_generated_categories():
    assert set(SAME.values()) <= set(map(class_word, list_categories()))


def test_options_that_cannot_be_meant_are_refused():
    with pytest.raises(ConfigError, match="train=0"):
        ModelsMixed(train=0)
