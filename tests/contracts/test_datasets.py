"""What every data set of pairs must do; the other kinds stand in `test_query_datasets` and
`test_described_datasets`.
"""

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
from anaglyph.data.source import SPLITS
from anaglyph.errors import ConfigError
from reference.tiny_data import OPTIONS, write_tiny_data

FIELDS = ("indices", "images", "points", "labels")


def list_datasets_of(kind):
    return [name for name in list_datasets() if kind in DATASETS.entry(name).tags]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_tiny_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module", params=list_datasets_of("pairs"))
def config(request):
    return DataConfig(name=request.param, options=OPTIONS[request.param])


@pytest.fixture(scope="module")
def train(config, root):
    return create_dataset(config, "train", root=root, seed=3)


def equal(a, b):
    return a.keys == b.keys and all(torch.equal(getattr(a, name), getattr(b, name)) for name in FIELDS)


def test_splits_have_objects_and_share_no_key(config, root):
    keys = [create_dataset(config, split, root=root, cache=root / "cache").keys for split in SPLITS]
    for part in keys:
        assert len(part) == len(set(part)) > 0
    assert not set(keys[0]) & set(keys[1])
    assert not set(keys[0]) & set(keys[2])
    assert not set(keys[1]) & set(keys[2])


def test_samples_are_what_the_schema_says(train):
    assert len(list(train)) == len(train) == len(train.keys)
    for sample in train:
        assert sample.key == train.keys[sample.index]
        assert sample.images.ndim == 4
        assert sample.images.dtype == torch.float32
        assert sample.images.min() >= 0
        assert sample.images.max() <= 1
        assert sample.images.std() > 0
        assert sample.points.shape == (train.evaluation_points, 3)
        assert sample.points.dtype == torch.float32
        assert torch.isfinite(sample.points).all()
        assert sample.points.std() > 0
        assert 0 <= sample.label < len(train.class_names)


def test_every_class_occurs(train):
    assert set(train.labels) == set(range(len(train.class_names)))


def test_a_sample_is_equal_on_repeat_and_after_pickling_and_in_a_worker(train, untouched_generators):
    rows = list(range(len(train)))
    first = train.batch(rows, epoch=None)
    assert equal(first, train.batch(rows, epoch=None))
    assert equal(first, pickle.loads(pickle.dumps(train)).batch(rows, epoch=None))
    for epoch in (None, 2):
        here = train.batch(rows, epoch=epoch, crop=5 if epoch else 0)
        there = next(
            ordered_batches(
                train, batch=len(train), epoch=epoch, crop=5 if epoch else 0, workers=1, labels=True
            )
        )
        assert equal(here, there)


def test_an_augmented_row_is_the_same_alone_and_in_a_batch(train):
    batch = train.batch(range(len(train)), epoch=1, crop=2)
    for row in (0, len(train) - 1):
        alone = train.batch([row], epoch=1, crop=2)
        assert torch.equal(alone.images[0], batch.images[row])
        assert torch.equal(alone.points[0], batch.points[row])


def test_epochs_crops_and_seeds_augment_differently(config, train, root):
    other_seed = create_dataset(config, "train", root=root, seed=4)
    draws = [
        train.batch([0], epoch=0),
        train.batch([0], epoch=1),
        train.batch([0], epoch=0, crop=1),
        other_seed.batch([0], epoch=0),
    ]
    for name in ("images", "points"):
        assert len({getattr(batch, name).numpy().tobytes() for batch in draws}) == len(draws)


def test_the_seed_of_a_run_changes_neither_objects_nor_stored_arrays(config, train, root):
    other = create_dataset(config, "train", root=root, seed=4)
    assert other.keys == train.keys
    np.testing.assert_array_equal(other.points, train.points)
    np.testing.assert_array_equal(other.images, train.images)


def test_a_cached_data_set_equals_a_fresh_one(config, train, root, tmp_path):
    for _ in range(2):
        cached = create_dataset(config, "train", root=root, cache=tmp_path, seed=3)
        assert equal(cached.batch(range(len(train)), epoch=0), train.batch(range(len(train)), epoch=0))
    assert any(tmp_path.iterdir())


def test_options_survive_yaml_and_typing_errors_are_named(config):
    source = dataset_source(config)
    assert structure(type(source), plain(source), where="x") == source
    with pytest.raises(ConfigError, match=r"no option 'pointz'; did you mean 'points'"):
        dataset_source(DataConfig(name=config.name, options={"pointz": 3}))
    with pytest.raises(ConfigError, match=r"rotation.* must be float"):
        dataset_source(DataConfig(name=config.name, options={"point_augmentation": {"rotation": "much"}}))


def test_the_description_counts_what_is_there(config, root, train):
    about = describe(config, root=root, cache=root / "cache")
    assert about["available"]
    assert set(about["splits"]) == set(SPLITS)
    assert about["splits"]["train"]["objects"] == len(train)
    assert sum(about["splits"]["train"]["classes"].values()) == len(train)
    assert about["splits"]["train"]["points"]["per_access"] == [train.points_per_object, 3]
    assert about["licence"]
    assert about["obtain"]
    assert about["title"]


def test_unknown_names_and_splits_are_named(config, root):
    with pytest.raises(ConfigError, match="no split 'tests'; did you mean 'test'"):
        create_dataset(config, "tests", root=root)
    with pytest.raises(ConfigError, match="no dataset 'digit3d'; did you mean 'digits3d'"):
        create_dataset(DataConfig(name="digit3d"), "train", root=root)


def test_every_entry_says_what_it_is_and_where_it_is_from():
    for name in list_datasets():
        entry = DATASETS.entry(name)
        assert entry.summary
        assert entry.source


def test_every_data_set_is_of_one_kind():
    kinds = [list_datasets_of(kind) for kind in ("pairs", "queries", "described", "embedded", "classified")]
    assert sorted(name for kind in kinds for name in kind) == list_datasets()
    assert set(kinds[0]) == set(OPTIONS)
