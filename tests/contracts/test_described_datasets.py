"""What every data set of described objects must do, each loaded from a small tree in its own layout."""

import dataclasses
import pickle

import numpy as np
import pytest
import torch

from anaglyph.config import plain, structure
from anaglyph.data.catalog import (
    DATASETS,
    DataConfig,
    create_dataset,
    dataset_source,
    describe,
    list_datasets,
)
from anaglyph.data.loader import ordered_batches
from anaglyph.data.records import TextSource
from anaglyph.data.source import SPLITS
from anaglyph.errors import ConfigError, DataError
from captioned_on_disk import write_captioned
from cc0_on_disk import write_cc0
from contracts.test_query_datasets import documented
from named_on_disk import write_frames, write_scans, write_shapenet
from reference.tiny_data import write_clouds, write_views

SIZE = 24
PICTURED = {"size": SIZE, "views": "ring8", "views_per_object": 2, "stored_points": 96, "points": 32}
CC0 = {"fold": 3, "validation_fraction": 0.3}
GENERATED = {"train": 6, "validation": 3, "test": 5, "photo_thumbnails": True}
NAMED = {"size": SIZE, "views_per_object": 2, "stored_points": 64, "points": 32}
FRAMED = {**NAMED, "frames": 3, "validation_fraction": 0.4}
OPTIONS = {
    "captioned_folder": PICTURED,
    "cc0_models": {**PICTURED, **CC0, "thumbnail_share": 0.5},
    "model_folder": {**PICTURED, "folder": "captioned_models"},
    "modelnet40_clouds": {"stored_points": 64, "points": 32},
    "models_mixed": {**PICTURED, **CC0, **GENERATED, "thumbnail_share": 0.5},
    "procedural_models": {**PICTURED, **GENERATED, "categories": ["bowl", "plate", "stool"]},
    "co3d": FRAMED,
    "modelnet10_pairs": NAMED,
    "redwood": FRAMED,
    "scanobjectnn": {**NAMED, "check": "report", "views": "ring8"},
    "shapenet55": {**NAMED, "check": "report", "renderings": 3, "validation_fraction": 0.4},
}
WITHOUT_TEXTS = {"co3d", "modelnet10_pairs", "redwood", "scanobjectnn"}
"""Pictures, clouds without colours, and class names."""
UNTOLD = {"model_folder"}
"""Pictures and coloured clouds of a folder, every split all of it; neither texts nor classes."""
BARE = {"modelnet40_clouds"}
"""Without pictures and texts."""
FIELDS = ("indices", "images", "points", "labels")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """One data root with all of them."""
    root = tmp_path_factory.mktemp("data")
    write_cc0(root)
    write_captioned(root)
    write_clouds(root / "modelnet40_aligned")
    write_views(root / "modelnet10_views")
    write_scans(root / "scanobjectnn")
    write_frames(root / "redwood", ["chair", "trash_container"])
    write_shapenet(root / "shapenet55")
    write_frames(root / "co3d", ["teddybear", "hydrant"])
    return root


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module", params=sorted(OPTIONS))
def config(request):
    return DataConfig(name=request.param, options=OPTIONS[request.param])


@pytest.fixture(scope="module")
def splits(config, root, cache):
    return {split: create_dataset(config, split, root=root, cache=cache, seed=3) for split in SPLITS}


@pytest.fixture(scope="module")
def train(splits):
    return splits["train"]


def equal(a, b):
    def same(one, other):
        return (one is None and other is None) or torch.equal(one, other)

    return a.keys == b.keys and a.texts == b.texts and all(same(getattr(a, f), getattr(b, f)) for f in FIELDS)


def test_every_described_data_set_is_covered_here():
    assert set(OPTIONS) == {name for name in list_datasets() if "described" in DATASETS.entry(name).tags}


def test_splits_have_objects_share_none_and_agree_on_the_classes(config, splits):
    for objects in splits.values():
        assert len(objects) == len(objects.keys) == len(set(objects.keys)) > 0
        assert objects.class_names == splits["train"].class_names
        assert len(set(objects.class_names)) == len(objects.class_names)
    for one, other in (("train", "validation"), ("train", "test"), ("validation", "test")):
        if config.name in UNTOLD:
            assert splits[one].keys == splits[other].keys
            continue
        assert not set(splits[one].keys) & set(splits[other].keys)


def test_objects_are_what_the_schema_says(config, splits):
    for objects in splits.values():
        count = len(objects)
        assert len(objects.texts) == len(objects.thumbnails) == count
        assert objects.points.shape[0] == count
        assert np.abs(objects.points[..., :3]).max() <= 1.001
        assert objects.points[..., :3].std() > 0.05
        if config.name in BARE:
            assert objects.pictures is None
            assert objects.fields == {"points", "labels"}
            continue
        if config.name in {*WITHOUT_TEXTS, "shapenet55"}:
            assert objects.fields - {"texts"} == {"images", "points", "labels"}
            assert ("texts" in objects.fields) == (config.name == "shapenet55")
            assert objects.pictures.shape[2] in (1, 3)
            assert objects.pictures.shape[3:] == (SIZE, SIZE)
            assert objects.points.shape == (count, 64, 3)
            assert (objects.pictures.reshape(count, -1).std(axis=1) > 5).all()  # something is seen
            continue
        told = set() if config.name in UNTOLD else {"texts"}
        assert objects.fields == {"images", "points", "labels"} | told
        assert objects.pictures.shape == (count, 8, 3, SIZE, SIZE)
        assert objects.points.shape == (count, 96, 6)
        assert objects.points[..., 3:].min() >= 0
        assert objects.points[..., 3:].max() <= 1
        assert (objects.pictures.reshape(count, 8, -1).min(axis=2) < 200).all()  # something is seen
        for picture in objects.thumbnails:
            assert picture is None or (picture.shape == (3, SIZE, SIZE) and picture.dtype == np.uint8)
        for texts in objects.texts:
            assert all(
                isinstance(source, TextSource) and text == text.strip() != "" for source, text in texts
            )


def test_training_draws_views_points_and_one_text_and_evaluation_hands_out_all(config, train):
    rows = list(range(len(train)))
    drawn, whole = train.batch(rows, epoch=0), train.batch(rows, epoch=None)
    assert drawn.points.shape[1:] == (32, train.points.shape[2])
    assert whole.points.shape == train.points.shape
    if config.name in BARE:
        assert drawn.images is drawn.texts is whole.images is whole.texts is None
        return
    assert drawn.images.shape == (len(train), 2, 3, SIZE, SIZE)
    shown = torch.from_numpy(np.array(train.pictures)).expand(-1, -1, 3, -1, -1)
    torch.testing.assert_close(whole.images, shown / 255.0)
    if config.name in WITHOUT_TEXTS | UNTOLD:
        assert drawn.texts is whole.texts is None
        return
    assert whole.texts == tuple(tuple(text for _, text in texts) for texts in train.texts)
    for one, every in zip(drawn.texts, whole.texts, strict=True):
        assert len(one) == (1 if every else 0)
        assert set(one) <= set(every)


def test_a_batch_is_equal_on_repeat_and_after_pickling_and_in_a_worker(train, untouched_generators):
    rows = list(range(len(train)))
    copy = pickle.loads(pickle.dumps(train))
    for epoch in (None, 2):
        crop = 5 if epoch else 0
        here = train.batch(rows, epoch=epoch, crop=crop)
        assert equal(here, train.batch(rows, epoch=epoch, crop=crop))
        assert equal(here, copy.batch(rows, epoch=epoch, crop=crop))
        there = next(ordered_batches(train, batch=len(rows), epoch=epoch, crop=crop, workers=1, labels=True))
        assert equal(here, there)


def test_a_row_is_the_same_alone_in_a_batch_and_in_a_subset(train):
    rows = list(range(len(train)))
    batch = train.batch(rows, epoch=1, crop=2)
    last = rows[-1]
    for alone in (train.batch([last], epoch=1, crop=2), train.subset([last, 0]).batch([0], epoch=1, crop=2)):
        assert torch.equal(alone.points[0], batch.points[last])
        assert alone.images is None or torch.equal(alone.images[0], batch.images[last])
        assert alone.texts is None or alone.texts[0] == batch.texts[last]


def test_epochs_crops_and_seeds_augment_differently(config, train, root, cache):
    other_seed = create_dataset(config, "train", root=root, cache=cache, seed=4)
    draws = [
        train.batch([0], epoch=0),
        train.batch([0], epoch=1),
        train.batch([0], epoch=0, crop=1),
        other_seed.batch([0], epoch=0),
    ]
    for name in ("points",) if config.name in BARE else ("images", "points"):
        assert len({getattr(batch, name).numpy().tobytes() for batch in draws}) == len(draws)
    assert other_seed.keys == train.keys
    assert other_seed.fingerprint() == train.fingerprint()


def test_a_cached_data_set_equals_a_fresh_one(config, splits, root):
    fresh = create_dataset(config, "validation", root=root, cache=None, seed=3)
    assert fresh.fingerprint() == splits["validation"].fingerprint()
    assert equal(fresh.batch([0], epoch=0), splits["validation"].batch([0], epoch=0))


def test_options_survive_yaml_are_documented_and_typing_errors_are_named(config):
    source = dataset_source(config)
    cls = type(source)
    assert structure(cls, plain(source), where="x") == source
    alone = {"image_augmentation", "point_augmentation"}  # their types say what they are
    assert {field.name for field in dataclasses.fields(cls)} <= documented(cls) | alone
    with pytest.raises(ConfigError, match=r"no option 'stored_pointz'; did you mean 'stored_points'"):
        dataset_source(DataConfig(name=config.name, options={"stored_pointz": 3}))
    with pytest.raises(ConfigError, match="stored_points"):
        dataset_source(DataConfig(name=config.name, options={"stored_points": 2, "points": 3}))


def test_the_description_counts_what_is_there(config, root, cache, splits):
    about = describe(config, root=root, cache=cache)
    assert about["available"]
    assert all(about[fact] for fact in ("title", "licence", "obtain"))
    for split, objects in splits.items():
        said = about["splits"][split]
        assert said["objects"] == len(objects) == sum(said["classes"].values())
        assert said["points"]["per_access"] == [32, objects.points.shape[2]]
        assert len(said["points"]["low"]) == len(said["points"]["high"]) == 3
        assert said["texts"]["stored"] == sum(map(len, objects.texts))
        assert said["thumbnails"] == sum(picture is not None for picture in objects.thumbnails)
        assert ("images" in said) == (config.name not in BARE)


def test_absent_files_are_an_error_that_says_where_they_are_had(config, tmp_path):
    if config.name == "procedural_models":
        assert len(create_dataset(config, "validation", root=tmp_path / "absent")) > 0
        return
    for split in SPLITS:
        with pytest.raises(DataError) as error:
            create_dataset(config, split, root=tmp_path)
        assert str(tmp_path) in str(error.value)
        assert dataset_source(config).obtain in str(error.value)
    assert describe(config, root=tmp_path)["missing"] == str(error.value)


def test_unknown_splits_are_named(config, root):
    with pytest.raises(ConfigError, match="no split 'tests'; did you mean 'test'"):
        create_dataset(config, "tests", root=root)
