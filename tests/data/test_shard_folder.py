import logging

import numpy as np
import pytest

from anaglyph.data.catalog import DataConfig, create_dataset
from anaglyph.data.shards.class_vectors import read_class_vectors, write_class_vectors
from anaglyph.data.shards.writer import shard_path, write_shard, write_shards
from anaglyph.errors import DataError
from embedded_objects import made_up

NAMES = ("round", "flat", "long")


def items(rows):
    return [(f"object-{row}", made_up(row), {"label": NAMES[row % 3]}) for row in rows]


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "shards"
    write_shards(folder, items(range(20)), per_shard=8, name="train")
    write_shards(folder, items(range(20, 26)), name="test")
    write_class_vectors(folder / "classes.safetensors", NAMES, np.eye(3, 6, dtype=np.float32))
    return tmp_path


def load(root, split, **options):
    return create_dataset(DataConfig(name="shards", options=options), split, root=root)


def test_splits_are_shards_by_name_and_validation_is_carved_out(root):
    train, validation, test = (
        load(root, split, validation_fraction=0.3) for split in ("train", "validation", "test")
    )
    assert {*train.keys, *validation.keys} == {f"object-{row}" for row in range(20)}
    assert not set(train.keys) & set(validation.keys)
    assert test.keys == tuple(f"object-{row}" for row in range(20, 26))
    assert test.class_names == NAMES
    assert [test.class_names[label] for label in test.labels] == [NAMES[row % 3] for row in range(20, 26)]
    assert test.class_tensor().shape == (3, 6)


def test_shards_of_validation_are_taken_where_there_are_any(root):
    write_shard(shard_path(root / "shards", 0, name="validation"), items(range(30, 32)))
    assert load(root, "validation").keys == ("object-30", "object-31")
    assert len(load(root, "train")) == 20


def test_classes_are_those_of_the_labels_where_no_vectors_are_there(root):
    (root / "shards/classes.safetensors").unlink()
    test = load(root, "test")
    assert test.class_names == ("flat", "long", "round")
    assert test.class_features is None


def test_a_class_without_a_vector_is_named(root):
    write_class_vectors(root / "shards/classes.safetensors", NAMES[:2], np.eye(2, 6, dtype=np.float32))
    with pytest.raises(DataError, match="no vector of the class 'long'"):
        load(root, "test")


def test_a_damaged_record_is_left_out_when_that_is_asked_for(root, caplog):
    path = root / "shards/test-00000.tar"
    data = bytearray(path.read_bytes())
    data[700] ^= 255
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"used: 1 \(object-20\)"):
        load(root, "test")
    with caplog.at_level(logging.WARNING):
        assert len(load(root, "test", max_bad=1)) == 5
    assert "left out: object-20" in caplog.text


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"x" * 50, lambda data: b""])
def test_damaged_class_vectors_are_named(tmp_path, damage):
    path = tmp_path / "classes.safetensors"
    write_class_vectors(path, NAMES, np.eye(3, dtype=np.float32))
    assert read_class_vectors(path)[0] == NAMES
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=r"holds no class vectors.*Ask me\."):
        read_class_vectors(path, obtain="Ask me.")
