import numpy as np
import pytest
from sklearn.datasets import load_digits

from anaglyph.data.catalog import DataConfig, create_dataset
from anaglyph.errors import ConfigError, DataError
from anaglyph.geometry.extrude import digit_cloud


def make(split, tmp_path, **options):
    return create_dataset(DataConfig(name="digits3d", options=options), split, root=tmp_path)


def test_the_splits_are_1200_197_and_400_digits(tmp_path):
    test = make("test", tmp_path)
    assert len(test) == 400
    assert test.images.shape == (400, 1, 1, 16, 16)
    assert test.points.shape == (400, 2048, 3)
    assert np.bincount(test.labels).min() > 30


def test_labels_and_pictures_belong_to_the_digit_of_the_key(tmp_path):
    dataset = make("train", tmp_path, train=30, validation=1700, size=8, stored_points=300, points=8,
                   evaluation_points=8)  # fmt: skip
    bundle = load_digits()
    for row, key in enumerate(dataset.keys):
        assert dataset.labels[row] == bundle.target[int(key)]
        np.testing.assert_allclose(dataset.images[row, 0, 0], bundle.images[int(key)] * 255 / 16, atol=0.51)


def test_the_literal_generator_is_an_option(tmp_path):
    dataset = make("train", tmp_path, train=5, validation=1700, stored_points=3000, shape_enlargement=1,
                   shape_threshold=0.0)  # fmt: skip
    digit = load_digits().images[int(dataset.keys[0])]
    every = {tuple(point) for point in digit_cloud(digit).astype(np.float16).tolist()}
    assert {tuple(point) for point in dataset.points[0].tolist()} <= every


def test_renderings_take_the_place_of_the_digits(tmp_path):
    dataset = make("train", tmp_path, train=5, validation=1700, image="rendering")
    assert dataset.images.shape == (5, 1, 3, 30, 30)
    corner = dataset.images[:, 0, :, 0, 0]
    assert (corner > 240).all()  # off-white around, copper within
    assert dataset.images.min() < 40


def test_an_augmented_rendering_stays_off_white_around(tmp_path):
    small = {"scale": [0.5, 0.5], "rotation": 15.0}  # so that every corner lies outside the picture
    options = {"train": 5, "validation": 1700, "image": "rendering"}
    images = make("train", tmp_path, **options, image_augmentation=small).batch(range(5), epoch=0).images
    np.testing.assert_allclose(images[..., [0, 0, -1, -1], [0, -1, 0, -1]], 0.98, atol=1e-6)
    assert images.min() < 0.5
    assert make("train", tmp_path, **options).image_augmentation.background == 0.98
    chosen = make("train", tmp_path, **options, image_augmentation={**small, "background": 0.5})
    assert chosen.image_augmentation.background == 0.5
    assert make("train", tmp_path, train=5, validation=1700).image_augmentation.background == 0.0


def test_options_that_leave_no_test_split_or_too_few_points_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"train=1700 and validation=97 must .* leave some of the 1797"):
        make("train", tmp_path, train=1700, validation=97)
    with pytest.raises(
        DataError, match=r"the cloud of '\d+' has \d+ points, 90000 are to be stored; lower stored_points"
    ):
        make("train", tmp_path, stored_points=90000)
    with pytest.raises(DataError, match="4096 points per object are asked for, the clouds hold 2048"):
        make("train", tmp_path, train=5, validation=1700, points=4096)
