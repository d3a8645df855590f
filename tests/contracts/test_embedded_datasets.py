"""What every data set of vectors and clouds must do."""

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
from anaglyph.data.embedded import EmbeddedObjects
from anaglyph.data.loader import ordered_batches
from anaglyph.data.prepare.prepare import prepare
from anaglyph.data.shards.class_vectors import write_class_vectors
from anaglyph.data.shards.writer import write_shards
from anaglyph.data.source import splits_of
from anaglyph.engine.feature_output import compute_shard
from anaglyph.engine.feature_parts import FeatureSettings
from anaglyph.engine.tower_specs import TowerSpec, TowersSpec
from anaglyph.engine.towers import open_towers
from anaglyph.errors import ConfigError
from embedded_objects import made_up
from openshape_on_disk import write_openshape
from tower_files import described, save_dual

OPTIONS = {
    "features": {"clouds": {"points": 6, "scale": [0.8, 1.25]}, "views": {"views": 2}},
    "openshape": {"per_shard": 4, "validation_fraction": 0.3, "clouds": {"points": 20}, "check": "report"},
    "modelnet40_zero_shot": {"check": "report"},
    "scanobjectnn_zero_shot": {"check": "report", "resample": 40},
    "shards": {"clouds": {"points": 16, "scale": [0.8, 1.25]}, "views": {"views": 2}},
}
TENSORS = ("indices", "points", "image_features", "text_features", "text_present", "labels")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    place = tmp_path_factory.mktemp("embedded")
    write_openshape(place)
    prepare("openshape", root=place, options={"per_shard": 4})
    for name in ("modelnet40_zero_shot", "scanobjectnn_zero_shot"):
        prepare(name, root=place)
    for split, count in (("train", 14), ("test", 5)):
        items = [(f"{split}-{row}", made_up(row), {"label": "ab"[row % 2]}) for row in range(count)]
        write_shards(place / "shards", items, per_shard=4, name=split)
    write_class_vectors(place / "shards/classes.safetensors", ("a", "b"), np.eye(2, 6, dtype=np.float32))
    dual = open_towers(dual_spec(place), root=place)
    for split, count in (("train", 6), ("validation", 2), ("test", 4)):
        objects = described(count, keys=tuple(f"{split}-{row}" for row in range(count)))
        compute_shard(objects, dual, FeatureSettings(templates="plain"), place / "features" / split)
    return place


def dual_spec(place):
    tower = TowerSpec(name="dual", options={"source": str(save_dual(place / "dual.safetensors"))})
    return TowersSpec(image=tower, text=tower)


@pytest.fixture(
    scope="module", params=[name for name in list_datasets() if "embedded" in DATASETS.entry(name).tags]
)
def config(request):
    return DataConfig(name=request.param, options=OPTIONS[request.param])


@pytest.fixture(scope="module")
def parts(config, root):
    return {
        split: create_dataset(config, split, root=root, cache=root / "cache", seed=3)
        for split in splits_of(dataset_source(config))
    }


def equal(a, b):
    return a.keys == b.keys and all(
        (getattr(a, name) is None and getattr(b, name) is None)
        or torch.equal(getattr(a, name), getattr(b, name))
        for name in TENSORS
    )


def test_splits_have_objects_each_once_and_training_shares_none(parts):
    for objects in parts.values():
        assert isinstance(objects, EmbeddedObjects)
        assert len(objects) == len(objects.keys) == len(set(objects.keys)) > 0
        assert objects.blocks[0] == 0
        assert objects.blocks[-1] == len(objects)
        assert (np.diff(objects.blocks) > 0).all()
    seen = [key for split, objects in parts.items() if split != "test" for key in objects.keys]
    assert len(seen) == len(set(seen))
    assert not set(seen) & set(parts["test"].keys)


def test_batches_are_what_the_schema_says(parts):
    for objects in parts.values():
        for epoch in (None, 0):
            batch = objects.batch(range(len(objects)), epoch=epoch)
            assert {name for name in TENSORS[1:] if getattr(batch, name) is not None} == objects.fields
            for name in ("points", "image_features", "text_features"):
                value = getattr(batch, name)
                if value is not None:
                    assert value.dtype == torch.float32
                    assert value.ndim == 3
                    assert torch.isfinite(value).all()
            assert batch.points[..., :3].std() > 0
            assert batch.points.shape[2] == 3 or batch.points[..., 3:].min() >= 0
            assert batch.points.shape[2] == 3 or batch.points[..., 3:].max() <= 1


def test_the_test_split_can_be_classified_by_its_names(parts):
    test = parts["test"]
    assert test.class_tensor().shape[0] == len(test.class_names)
    assert 0 <= test.labels.min() <= test.labels.max() < len(test.class_names)


@pytest.mark.parametrize("epoch", [None, 2])
def test_a_batch_is_equal_on_repeat_and_after_pickling_and_in_a_worker(parts, epoch, untouched_generators):
    for objects in parts.values():
        rows = list(range(len(objects)))
        first = objects.batch(rows, epoch=epoch)
        assert equal(first, objects.batch(rows, epoch=epoch))
        copied = pickle.loads(pickle.dumps(objects))
        assert equal(first, copied.batch(rows, epoch=epoch))
        assert copied.fingerprint() == objects.fingerprint()
        there = next(ordered_batches(objects, batch=len(objects), epoch=epoch, workers=1, labels=True))
        assert equal(first, there)


def test_an_augmented_row_is_the_same_alone_and_in_a_batch(parts):
    for objects in parts.values():
        batch = objects.batch(range(len(objects)), epoch=1, crop=2)
        for row in (0, len(objects) - 1):
            alone = objects.batch([row], epoch=1, crop=2)
            for name in TENSORS:
                if getattr(batch, name) is not None:
                    assert torch.equal(getattr(alone, name)[0], getattr(batch, name)[row])


def test_the_seed_of_a_run_changes_draws_and_not_objects(config, parts, root):
    other = create_dataset(config, "test", root=root, seed=4)
    test = parts["test"]
    assert other.keys == test.keys
    assert other.fingerprint() == test.fingerprint()
    assert equal(other.batch([0], epoch=None), test.batch([0], epoch=None))
    assert not equal(other.batch([0], epoch=0), test.batch([0], epoch=0))


def test_options_survive_yaml_and_typing_errors_are_named(config):
    source = dataset_source(config)
    assert structure(type(source), plain(source), where="x") == source
    with pytest.raises(ConfigError, match="no option 'cloudz'; did you mean 'clouds'"):
        dataset_source(DataConfig(name=config.name, options={"cloudz": 3}))


def test_the_description_counts_what_is_there(config, root, parts):
    about = describe(config, root=root)
    assert about["available"]
    assert {split: row["objects"] for split, row in about["splits"].items()} == {
        split: len(objects) for split, objects in parts.items()
    }
    assert about["licence"]
    assert about["obtain"]
