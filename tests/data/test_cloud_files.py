"""Published pickles of labelled clouds: converted in a child, read as shards and folds, or refused."""

import pickle

import numpy as np
import pytest

from anaglyph.data.catalog import DataConfig, create_dataset
from anaglyph.data.class_lists import class_list
from anaglyph.data.labelled_clouds import Episode
from anaglyph.data.prepare.prepare import prepare
from anaglyph.engine.encoder_of import FoundEncoder
from anaglyph.engine.probing import Probe, probe
from anaglyph.engine.recipe import EncoderSpec
from anaglyph.errors import ConfigError, DataError

NAMES = class_list("modelnet40").official


def cloud(seed, points=40):
    return np.random.default_rng(seed).normal(size=(points, 6)).astype(np.float32)


def write_modelnet(root, *, pickled=True):
    folder = root / "resampled"
    folder.mkdir(parents=True)
    (folder / "modelnet40_shape_names.txt").write_text("\n".join(NAMES))
    for split, count in (("train", 12), ("test", 4)):
        ids = [f"{NAMES[row % 4]}_{row:04d}" for row in range(count)]
        (folder / f"modelnet40_{split}.txt").write_text("\n".join(ids))
        clouds = [cloud((split == "test") * 100 + row) for row in range(count)]
        if pickled:
            labels = [np.array([row % 4]).astype(np.int32) for row in range(count)]
            (folder / f"modelnet40_{split}_40pts_fps.dat").write_bytes(pickle.dumps([clouds, labels]))
        else:
            for name, points in zip(ids, clouds, strict=True):
                place = folder / name.rpartition("_")[0]
                place.mkdir(exist_ok=True)
                np.savetxt(place / f"{name}.txt", points, delimiter=",", fmt="%.6f")
    return folder


def read(root, split="test", **options):
    config = DataConfig(
        name="modelnet40_clouds",
        options={"folder": "resampled", "up_axis": "y", "stored_points": 40, **options},
    )
    return create_dataset(config, split, root=root, cache=None)


@pytest.mark.parametrize("pickled", [True, False])
def test_both_published_forms_of_modelnet40_become_shards_with_their_names(tmp_path, pickled):
    write_modelnet(tmp_path, pickled=pickled)
    done = prepare("modelnet40_clouds", root=tmp_path, options={"folder": "resampled"})
    assert [path.name for path in done.written] == ["train_0.npz", "test_0.npz"]
    assert "12 train objects instead of the published 9,843" in done.missing
    test = read(tmp_path)
    assert test.keys == ("airplane_0000", "bathtub_0001", "bed_0002", "bench_0003")
    assert test.labels.tolist() == [0, 1, 2, 3]
    expected = cloud(101)[:, :3]
    expected = expected - expected.mean(axis=0)
    expected = expected / np.linalg.norm(expected, axis=1).max()
    found = test.points[1].astype(np.float32)
    assert np.abs(np.sort(found[:, 1]) - np.sort(expected[:, 1])).max() < 2e-3  # +y is up and stays


def test_a_list_of_another_length_than_the_clouds_is_refused(tmp_path):
    folder = write_modelnet(tmp_path)
    (folder / "modelnet40_train.txt").write_text("airplane_0000\n")
    with pytest.raises(DataError, match="holds 12 clouds, and the list beside it 1 names"):
        prepare("modelnet40_clouds", root=tmp_path, options={"folder": "resampled"})


class Evil:
    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return open, (str(self.place), "w")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([[cloud(0)], []], "1 clouds and 0 labels"),
        ([[cloud(0), cloud(1, 30)], [0, 1]], r"cloud 1 has shape \(30, 6\)"),
        ([[np.full((40, 6), np.nan, dtype=np.float32)], [0]], "expected are finite numbers"),
        ([[cloud(0)], [0.5]], "a label is not one whole number"),
        ("words", "no pair of a list of clouds"),
    ],
)
def test_another_value_is_refused_by_what_is_wrong_with_it(tmp_path, value, said):
    folder = write_modelnet(tmp_path)
    (folder / "modelnet40_train_40pts_fps.dat").write_bytes(pickle.dumps(value))
    with pytest.raises(DataError, match=said):
        prepare("modelnet40_clouds", root=tmp_path, options={"folder": "resampled"})


def test_a_pickle_that_would_run_something_is_refused_and_runs_nothing(tmp_path):
    folder = write_modelnet(tmp_path)
    (folder / "modelnet40_train_40pts_fps.dat").write_bytes(pickle.dumps(Evil(tmp_path / "ran")))
    with pytest.raises(DataError):
        prepare("modelnet40_clouds", root=tmp_path, options={"folder": "resampled"})
    assert not (tmp_path / "ran").exists()


@pytest.fixture
def folds(tmp_path):
    for fold in range(2):
        classes = [7 + fold, 3, 20, 11, 30]
        parts = {
            split: [(cloud(1000 * fold + 10 * way + shot), way, label) for way, label in enumerate(classes)
                    for shot in range(count)]
            for split, count in (("train", 10), ("test", 3))
        }  # fmt: skip
        path = tmp_path / "modelnet40_few_shot/5way_10shot" / f"{fold}.pkl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(parts))
    return tmp_path


def test_published_folds_are_converted_and_have_classes_of_their_own(folds):
    done = prepare("modelnet40_few_shot", root=folds)
    assert len(done.written) == 2
    assert done.missing == ("2 folds instead of the published 40",)
    config = DataConfig(name="modelnet40_few_shot", options={"fold": 1, "stored_points": 32})
    train, validation, test = (
        create_dataset(config, split, root=folds) for split in ("train", "validation", "test")
    )
    assert train.class_names == tuple(NAMES[label] for label in (3, 8, 11, 20, 30))
    assert np.bincount(train.labels).tolist() == [10] * 5
    assert np.bincount(test.labels).tolist() == [3] * 5
    assert not set(train.keys) & set(validation.keys)
    assert test.points.shape == (15, 32, 3)


def test_a_fold_that_is_not_there_says_where_it_is_had(folds):
    with pytest.raises(DataError, match=r"there is no fold .*anaglyph data prepare modelnet40_few_shot"):
        create_dataset(DataConfig(name="modelnet40_few_shot"), "train", root=folds)


def test_only_published_kinds_of_folds_are_asked_for(folds):
    with pytest.raises(ConfigError, match="way=7, shot=10, fold=0; published are"):
        create_dataset(DataConfig(name="modelnet40_few_shot", options={"way": 7}), "train", root=folds)


def test_a_linear_machine_is_measured_over_the_published_folds(folds):
    prepare("modelnet40_few_shot", root=folds)
    asked = Probe(
        encoder=FoundEncoder(EncoderSpec(name="pointnet_small", options={"embed_dim": 8}), "small"),
        data=DataConfig(name="modelnet40_few_shot", options={"stored_points": 40}),
        episode=Episode(way=5, shot=10),
        folds=2,
        device="cpu",
    )
    found = probe(asked, data_root=folds, cache=None)
    assert len(found["fold_accuracies"]) == 2
    assert found["episode"] == "5way10shot"
