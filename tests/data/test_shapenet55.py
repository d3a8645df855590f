"""ULIP's training data: lists, synonyms as captions, renderings without the depth maps."""

import json

import pytest

from anaglyph.data.datasets.shapenet55 import ShapeNet55
from anaglyph.errors import ConfigError, DataError
from named_on_disk import write_shapenet

SMALL = {"size": 16, "stored_points": 64, "renderings": 2, "check": "report", "validation_fraction": 0.3}


def load(root, split="train", **options):
    return ShapeNet55(**{**SMALL, **options}).load(split, root=root, cache=None, seed=0)


@pytest.fixture
def root(tmp_path):
    write_shapenet(tmp_path / "shapenet55")
    return tmp_path


def test_texts_are_all_synonyms_and_training_shows_one_of_them(root):
    train = load(root)
    row = train.keys.index("02747177-train1")
    assert [text for _, text in train.texts[row]] == ["ashcan", "other ashcan"]
    assert train.class_names[train.labels[row]] == "trashcan"
    shown = {train.batch([row], epoch=epoch).texts[0] for epoch in range(8)}
    assert shown == {("ashcan",), ("other ashcan",)}


def test_renderings_are_evenly_spread_and_depth_maps_are_none(root):
    assert load(root).pictures.shape[1:] == (2, 3, 16, 16)
    assert load(root, renderings=4).pictures.shape[1] == 4
    with pytest.raises(DataError, match="has 4 renderings"):
        load(root, renderings=5)
    with pytest.raises(ConfigError, match="renderings=0"):
        ShapeNet55(renderings=0)


def test_test_shapes_are_trained_on_only_where_asked(root):
    test = set(load(root, "test").keys)
    assert len(test) == 3
    for split in ("train", "validation"):
        assert not test & set(load(root, split).keys)
    both = {*load(root, whole=True).keys, *load(root, "validation", whole=True).keys}
    assert test < both


def test_lists_that_are_not_the_published_ones_stop_a_strict_load(root):
    with pytest.raises(DataError, match="6 training shapes instead of the published 41,952"):
        load(root, check="strict")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "taxonomy.json").unlink(), "taxonomy.json"),
        (lambda folder: (folder / "shapenet-55" / "test.txt").unlink(), "no list"),
        (lambda folder: (folder / "taxonomy.json").write_text(json.dumps([])), "no names of the synsets"),
        (lambda folder: (folder / "shapenet-55" / "train.txt").write_text("1-2.npy"), "other synsets"),
        (
            lambda folder: (folder / "shapenet-55" / "train.txt").write_text("02747177-../../x.npy"),
            "other synsets, or no names of shapes",
        ),
        (
            lambda folder: next((folder / "shapenet-55" / "shapenet_pc").glob("*train*")).unlink(),
            "cannot read",
        ),
    ],
)
def test_what_is_missing_is_named(root, spoil, said):
    spoil(root / "shapenet55")
    with pytest.raises(DataError, match=said):
        load(root, validation_fraction=0.01)
