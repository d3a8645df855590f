"""What every data set of queries and shapes must do, each loaded from a small tree in its own layout."""

import ast
import dataclasses
import inspect
import pickle
import textwrap

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
from anaglyph.data.prepare.car_annotations import convert_annotations
from anaglyph.data.source import SPLITS
from anaglyph.errors import ConfigError, DataError
from cars_on_disk import write_cars
from cc0_on_disk import write_cc0
from future3d_on_disk import write_future3d
from pix3d_on_disk import write_pix3d
from tiny_runs import SHAPES

SIZE = 24
REAL = {"size": SIZE, "check": "report", "validation_fraction": 0.4}
OPTIONS = {
    "cc0_objects": {"size": SIZE, "validation_fraction": 0.3, "rendered_queries": 1},
    "compcars3d": {**REAL, "masks": "projected"},
    "future3d": {**REAL, "smallest": 16},
    "pix3d": {**REAL, "training_views": 2},
    "procedural": {**SHAPES["options"], "shapes": 6, "size": SIZE},
    "stanford_cars3d": {**REAL, "masks": "projected"},
}
FIELDS = ("indices", "images", "masks", "labels", "targets")
NEED_FILES = sorted(OPTIONS.keys() - {"procedural"})


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """One data root with all of them."""
    root = tmp_path_factory.mktemp("data")
    for write in (write_cc0, write_cars, write_future3d, write_pix3d):
        write(root)
    for name in ("compcars3d", "stanford_cars3d"):
        convert_annotations(dataset_source(DataConfig(name=name)), root / "finegrained-pose")
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


def some(queries):
    """Rows of a batch that the repository has shapes for."""
    return list(range(min(len(queries), len(queries.repository))))


def equal(a, b):
    def same(one, other):
        return (one is None and other is None) or torch.equal(one, other)

    shapes = (a.shapes is None and b.shapes is None) or (
        a.shapes.keys == b.shapes.keys
        and all(torch.equal(getattr(a.shapes, f), getattr(b.shapes, f)) for f in ("rows", "views"))
    )
    return a.keys == b.keys and shapes and all(same(getattr(a, f), getattr(b, f)) for f in FIELDS)


def test_every_data_set_of_queries_is_covered_here():
    assert set(OPTIONS) == {name for name in list_datasets() if "queries" in DATASETS.entry(name).tags}


def test_splits_have_queries_and_share_none(splits):
    for queries in splits.values():
        assert len(queries) == len(queries.keys) == len(set(queries.keys)) > 0
    for one, other in (("train", "validation"), ("train", "test"), ("validation", "test")):
        assert not set(splits[one].keys) & set(splits[other].keys)


def test_queries_and_shapes_are_what_the_schema_says(splits):
    for queries in splits.values():
        repository = queries.repository
        assert len(repository) == len(repository.keys) == len(set(repository.keys)) > 0
        assert queries.images.shape == (len(queries), 3, SIZE, SIZE)
        assert repository.views.shape[-2:] == (SIZE, SIZE)
        assert (queries.masks.reshape(len(queries), -1).max(axis=1) > 127).all()
        assert (repository.views.reshape(len(repository), -1).min(axis=1) < 200).all()  # something is seen
        assert queries.labels.max() < len(queries.class_names)
        batch = queries.batch(some(queries), epoch=None)
        assert batch.images.shape == (len(batch), 1, 3, SIZE, SIZE)
        assert batch.masks.shape == (len(batch), 1, 1, SIZE, SIZE)
        for values in (batch.images, batch.masks, repository.batch([0]).views):
            assert values.dtype == torch.float32
            assert 0 <= values.min() <= values.max() <= 1
        assert batch.shapes is None


def test_the_mesh_of_every_shape_can_be_had_also_after_pickling(train):
    meshes = pickle.loads(pickle.dumps(train.repository.meshes))
    for row in range(len(train.repository)):
        mesh = train.repository.meshes(row)
        assert len(mesh.faces) > 0
        np.testing.assert_array_equal(meshes(row).vertices, mesh.vertices)


def test_a_batch_is_equal_on_repeat_and_after_pickling_and_in_a_worker(train, untouched_generators):
    rows = some(train)
    copy = pickle.loads(pickle.dumps(train))
    for epoch in (None, 2):
        crop = 5 if epoch else 0
        here = train.batch(rows, epoch=epoch, crop=crop)
        assert equal(here, train.batch(rows, epoch=epoch, crop=crop))
        assert equal(here, copy.batch(rows, epoch=epoch, crop=crop))
        there = next(ordered_batches(train, batch=len(rows), epoch=epoch, crop=crop, workers=1, labels=True))
        assert equal(here, there)


def test_epochs_crops_and_seeds_augment_differently(config, train, root, cache):
    other_seed = create_dataset(config, "train", root=root, cache=cache, seed=4)
    draws = [
        train.batch([0], epoch=0),
        train.batch([0], epoch=1),
        train.batch([0], epoch=0, crop=1),
        other_seed.batch([0], epoch=0),
    ]
    for seen in ([batch.images for batch in draws], [batch.shapes.views for batch in draws]):
        assert len({pictures.numpy().tobytes() for pictures in seen}) == len(draws)
    assert other_seed.keys == train.keys
    assert other_seed.fingerprint() == train.fingerprint()


def test_a_cached_data_set_equals_a_fresh_one(config, splits, root):
    fresh = create_dataset(config, "validation", root=root, cache=None, seed=3)
    held_out = splits["validation"]
    assert fresh.fingerprint() == held_out.fingerprint()
    assert equal(fresh.batch([0], epoch=0), held_out.batch([0], epoch=0))


def test_options_survive_yaml_and_typing_errors_are_named(config):
    source = dataset_source(config)
    assert structure(type(source), plain(source), where="x") == source
    with pytest.raises(ConfigError, match=r"no option 'siez'; did you mean 'size'"):
        dataset_source(DataConfig(name=config.name, options={"siez": 3}))
    with pytest.raises(ConfigError, match=r"query_augmentation\.flip must be float"):
        dataset_source(DataConfig(name=config.name, options={"query_augmentation": {"flip": "often"}}))


def documented(cls):
    """Names of the fields, its own and inherited ones, that have a string below them or say themselves."""
    found = set()
    for each in cls.__mro__[:-1]:
        (body,) = ast.parse(textwrap.dedent(inspect.getsource(each))).body
        for field, text in zip(body.body, body.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
                found.add(field.target.id)
    return found


def test_every_option_is_documented(config):
    cls = DATASETS.load(config.name)
    alone = {"query_augmentation", "view_augmentation"}  # their types say what they are
    assert {field.name for field in dataclasses.fields(cls)} <= documented(cls) | alone


def test_the_description_counts_what_is_there(config, root, cache, splits):
    about = describe(config, root=root, cache=cache)
    assert about["available"]
    assert all(about[fact] for fact in ("title", "licence", "obtain"))
    for split, queries in splits.items():
        said = about["splits"][split]
        assert (said["objects"], said["shapes"]) == (len(queries), len(queries.repository))
        assert sum(said["classes"].values()) == len(queries)
        assert said["images"]["per_access"] == [1, 3, SIZE, SIZE]


@pytest.mark.parametrize("name", NEED_FILES)
def test_absent_files_are_an_error_that_says_where_they_are_had(name, tmp_path):
    config = DataConfig(name=name, options=OPTIONS[name])
    obtain = dataset_source(config).obtain
    for split in SPLITS:
        with pytest.raises(DataError) as error:
            create_dataset(config, split, root=tmp_path)
        assert str(tmp_path) in str(error.value)
        assert obtain in str(error.value)
    about = describe(config, root=tmp_path)
    assert not about["available"]
    assert about["missing"] == str(error.value)


def test_made_objects_need_no_files(tmp_path):
    config = DataConfig(name="procedural", options=OPTIONS["procedural"])
    assert len(create_dataset(config, "validation", root=tmp_path / "absent")) > 0


def test_unknown_splits_are_named(config, root):
    with pytest.raises(ConfigError, match="no split 'tests'; did you mean 'test'"):
        create_dataset(config, "tests", root=root)
