import gzip
import shutil

import h5py
import numpy as np
import pytest

from anaglyph.data.catalog import DataConfig, create_dataset, describe
from anaglyph.errors import ConfigError, DataError
from anaglyph.geometry.extrude import digit_cloud
from anaglyph.io.idx import read_idx
from reference.tiny_data import OPTIONS, write_mnist

SMALL = {"stored_points": 400, "points": 64, "evaluation_points": 64}


@pytest.fixture
def root(tmp_path):
    write_mnist(tmp_path / "mnist")
    return tmp_path


def make(root, split="train", **options):
    return create_dataset(
        DataConfig(name="mnist3d", options={**OPTIONS["mnist3d"], **options}), split, root=root
    )


def test_each_split_is_its_range_of_the_files(root):
    digits = read_idx(root / "mnist" / "images-idx3-ubyte.gz")
    labels = read_idx(root / "mnist" / "labels-idx1-ubyte.gz")
    for split, low, high in (("train", 0, 24), ("validation", 24, 30), ("test", 30, 40)):
        dataset = make(root, split)
        assert dataset.keys == tuple(f"{row:06d}" for row in range(low, high))
        np.testing.assert_array_equal(dataset.images[:, 0, 0], digits[low:high])
        np.testing.assert_array_equal(dataset.labels, labels[low:high])


def test_clouds_are_points_of_the_exact_generator_in_an_order_by_key(root):
    dataset = make(root)
    whole = digit_cloud(dataset.images[3, 0, 0]).astype(np.float16)
    assert {tuple(p) for p in dataset.points[3].tolist()} <= {tuple(p) for p in whole.tolist()}
    shifted = make(root, train=[3, 10])
    np.testing.assert_array_equal(shifted.points[0], dataset.points[3])


def test_plain_files_are_found_beside_gzipped_names(root):
    for file in (root / "mnist").glob("*.gz"):
        file.with_suffix("").write_bytes(gzip.decompress(file.read_bytes()))
        file.unlink()
    assert len(make(root)) == 24


def test_a_separate_test_file_has_its_own_range(root):
    for kind in ("images-idx3", "labels-idx1"):
        shutil.copy(root / "mnist" / f"{kind}-ubyte.gz", root / "mnist" / f"t10k-{kind}-ubyte.gz")
    files = {"test_images": "t10k-images-idx3-ubyte", "test_labels": "t10k-labels-idx1-ubyte"}
    assert make(root, "test", **files, test=[0, 5]).keys[0] == "000000"
    with pytest.raises(ConfigError, match="give both or neither"):
        make(root, "test", test_images="x")


def test_missing_truncated_and_mismatched_files_say_what_to_do(root):
    labels = root / "mnist" / "labels-idx1-ubyte.gz"
    images = root / "mnist" / "images-idx3-ubyte.gz"
    with pytest.raises(DataError, match=r"no folder .*elsewhere'\. Put MNIST's idx files"):
        make(root, folder="elsewhere")
    write_mnist(root / "other", count=39)
    shutil.copy(root / "other" / labels.name, labels)
    with pytest.raises(
        DataError, match=r"has 39 labels for the 40 digits of .*take the two files of one set"
    ):
        make(root)
    images.write_bytes(images.read_bytes()[:500])
    with pytest.raises(DataError, match=r"images-idx3-ubyte.gz' is a damaged gzip file.*Download it again"):
        make(root)
    images.unlink()
    with pytest.raises(DataError, match=r"images-idx3-ubyte.gz' does not exist\. Put the MNIST file there"):
        make(root)
    about = describe(DataConfig(name="mnist3d"), root=root)
    assert not about["available"]
    assert "does not exist" in about["missing"]


def test_labels_given_as_images_are_noticed(root):
    with pytest.raises(DataError, match=r"holds uint8 of shape \(40,\), not pictures"):
        make(root, images="labels-idx1-ubyte.gz")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train": [0, 25]}, "the ranges of train and validation share digits 24 to 24"),
        ({"test": [5, 9]}, "share digits 5 to"),
        ({"train": [4, 4]}, r"the train range is \(4, 4\)"),
        ({"train": [-1, 4]}, r"the train range is \(-1, 4\)"),
    ],
)
def test_ranges_that_cannot_be_meant_are_refused(root, options, message):
    with pytest.raises(ConfigError, match=message):
        make(root, **options)


def test_a_range_beyond_the_file_is_an_error(root):
    with pytest.raises(DataError, match=r"the test range \(30, 41\) goes beyond the 40 digits"):
        make(root, "test", test=[30, 41])


def test_an_empty_picture_is_named(root):
    file = root / "mnist" / "images-idx3-ubyte.gz"
    data = bytearray(gzip.decompress(file.read_bytes()))
    data[16 + 784 * 7 : 16 + 784 * 8] = bytes(784)
    file.write_bytes(gzip.compress(bytes(data)))
    with pytest.raises(DataError, match="the picture of '000007' cannot be made a shape"):
        make(root)


def write_kaggle(file, digits, labels):
    with h5py.File(file, "w") as groups:
        for number, (digit, label) in enumerate(zip(digits, labels, strict=True)):
            group = groups.create_group(str(number))
            group["points"] = digit_cloud(digit)
            group["normals"] = digit_cloud(digit)
            group["img"] = np.pad(digit, 1) / 255.0
            group.attrs["label"] = label


@pytest.fixture
def kaggle(root):
    digits = read_idx(root / "mnist" / "images-idx3-ubyte.gz")
    labels = read_idx(root / "mnist" / "labels-idx1-ubyte.gz")
    write_kaggle(root / "mnist" / "train_point_clouds.h5", digits[:24], labels[:24])
    write_kaggle(root / "mnist" / "test_point_clouds.h5", digits[30:], labels[30:])
    return root


def test_the_kaggle_files_give_the_same_objects_in_numerical_order(kaggle):
    train, validation = (make(kaggle, split, source="kaggle") for split in ("train", "validation"))
    assert sorted(train.keys + validation.keys) == [f"{row:06d}" for row in range(24)]
    assert len(validation) >= 1
    ours = make(kaggle)
    rows = [int(key) for key in train.keys]
    np.testing.assert_array_equal(train.images, ours.images[rows])
    np.testing.assert_array_equal(train.labels, ours.labels[rows])
    np.testing.assert_array_equal(train.points, ours.points[rows])
    test = make(kaggle, "test", source="kaggle")
    np.testing.assert_array_equal(test.images, make(kaggle, "test").images)


def test_a_damaged_or_foreign_kaggle_file_is_an_error(kaggle):
    file = kaggle / "mnist" / "train_point_clouds.h5"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="not a readable 3D MNIST file"):
        make(kaggle, source="kaggle")
    with h5py.File(file, "w") as groups:
        groups["X_train"] = np.zeros(3)
    with pytest.raises(DataError, match="not a readable 3D MNIST file"):
        make(kaggle, source="kaggle")
    file.unlink()
    with pytest.raises(DataError, match=r"does not exist\. Put MNIST"):
        make(kaggle, source="kaggle")


def test_a_kaggle_group_in_another_file_is_refused(kaggle):
    file = kaggle / "mnist" / "train_point_clouds.h5"
    with h5py.File(file, "a") as groups:
        del groups["3"]
        groups["3"] = h5py.ExternalLink(str(kaggle / "mnist" / "test_point_clouds.h5"), "/3")
    with pytest.raises(DataError, match=r"train_point_clouds\.h5' is not .*'3' of '3/points' is a link"):
        make(kaggle, source="kaggle")


def test_renderings_of_kaggle_clouds_are_augmented_on_off_white(kaggle):
    assert make(kaggle, source="kaggle", image="rendering").image_augmentation.background == 0.98


def test_the_real_files_give_the_ranges_of_the_issue(shared_data, tmp_path):
    dataset = create_dataset(
        DataConfig(name="mnist3d", options={"train": [0, 200], "stored_points": 1024}),
        "train",
        root=shared_data,
    )
    assert dataset.labels[:5].tolist() == [9, 0, 2, 5, 1]
    assert dataset.points.shape == (200, 1024, 3)
    assert np.abs(dataset.points).max() < 0.75
