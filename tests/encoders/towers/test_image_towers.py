"""How towers see pictures, and encoders of the catalog as towers."""

import numpy as np
import pytest
import torch
from PIL import Image

from anaglyph.encoders.towers.catalog import check_tower, open_image_tower, open_text_tower, parse_tower
from anaglyph.encoders.towers.tower import PicturePreparation, prepare_pictures
from anaglyph.errors import ConfigError, DataError, WeightsError


def test_a_picture_of_the_right_size_is_only_normalised():
    pictures = torch.rand(2, 3, 8, 8)
    how = PicturePreparation(pixels=8, mean=(0.1, 0.2, 0.3), std=(0.5, 1.0, 2.0))
    expected = torch.stack([(pictures[:, c] - how.mean[c]) / how.std[c] for c in range(3)], dim=1)
    torch.testing.assert_close(prepare_pictures(pictures, how), expected)


@pytest.mark.parametrize(("height", "width"), [(20, 40), (40, 20), (33, 50)])
def test_crop_keeps_the_middle_and_stretch_keeps_everything(height, width):
    picture = torch.zeros(1, 3, height, width)
    picture[:, 0, :, : width // 4] = 1.0  # a red border on the left
    stretched = prepare_pictures(picture, PicturePreparation(pixels=10, resize="stretch"))
    assert stretched.shape == (1, 3, 10, 10)
    assert stretched[0, 0, 5, 0] > 0.9
    cropped = prepare_pictures(picture, PicturePreparation(pixels=10, resize="crop"))
    assert cropped.shape == (1, 3, 10, 10)
    if width >= 2 * height:
        assert cropped.abs().max() < 0.1


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_shrinking_is_that_of_pillow(mode):
    array = np.random.default_rng(0).integers(0, 256, size=(40, 40, 3), dtype=np.uint8)
    expected = np.asarray(Image.fromarray(array).resize((16, 16), getattr(Image, mode.upper()))) / 255.0
    picture = torch.from_numpy(array).permute(2, 0, 1)[None] / 255.0
    found = prepare_pictures(picture, PicturePreparation(pixels=16, interpolation=mode))
    assert np.abs(found[0].permute(1, 2, 0).numpy() - expected).max() < 1.01 / 255


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        (torch.rand(2, 1, 8, 8), r"reads \(B, 3, H, W\) floats, got \(2, 1, 8, 8\)"),
        (torch.zeros(2, 3, 8, 8, dtype=torch.uint8), "torch.uint8"),
        (torch.full((1, 3, 8, 8), 255.0), "expected are 0 to 1: divide bytes by 255"),
    ],
)
def test_pictures_that_cannot_be_meant_are_refused(pictures, message):
    with pytest.raises(DataError, match=message):
        prepare_pictures(pictures, PicturePreparation(pixels=8))


def test_real_imagenet_weights_serve_as_a_tower(shared_data):
    options = {"source": "weights/mobilenet_v2_imagenet_int8.npz", "pixels": 64}
    tower = open_image_tower("encoder", options, root=shared_data)
    assert (tower.dim, tower.preparation.pixels, tower.preparation.mean) == (1280, 64, (0.5, 0.5, 0.5))
    pictures = torch.rand(3, 3, 80, 90, generator=torch.Generator().manual_seed(0))
    vectors = tower(pictures)
    torch.testing.assert_close(vectors[1:2], tower(pictures[1:2]), rtol=1e-4, atol=1e-4)
    other = open_image_tower("encoder", {**options, "pixels": 96}, root=shared_data)
    assert other.fingerprint != tower.fingerprint


def test_weights_of_clouds_or_none_at_all_are_refused(shared_data, tmp_path):
    with pytest.raises(WeightsError, match="no file"):
        open_image_tower("encoder", {"source": "gone.safetensors"}, root=tmp_path)
    with pytest.raises(WeightsError, match="an encoder of clouds; pictures are asked"):
        open_image_tower("encoder", {"source": "weights/pointnet_modelnet40_cls.t7"}, root=shared_data)


@pytest.mark.parametrize(
    ("name", "options", "side", "message"),
    [
        ("clp", {}, "image", r"towers.image.name: no image tower 'clp'; did you mean 'clip'"),
        ("sentence", {}, "image", "'sentence' reads no images; image towers are clip, dual, encoder"),
        ("encoder", {"source": "x"}, "text", "'encoder' reads no texts"),
        ("clip", {"sauce": "x"}, "text", "no option 'sauce'; did you mean 'source'"),
        ("encoder", {}, "image", "'source' is required"),
    ],
)
def test_a_tower_that_cannot_be_meant_is_a_config_error(name, options, side, message):
    with pytest.raises(ConfigError, match=message):
        check_tower(name, options, side=side, where=f"towers.{side}")


def test_a_kind_and_its_source_stand_in_one_word():
    assert parse_tower("clip:laion/x") == ("clip", {"source": "laion/x"})
    assert parse_tower("sentence") == ("sentence", {})
    assert parse_tower("dual:C:/x") == ("dual", {"source": "C:/x"})


def test_a_text_tower_is_not_opened_as_an_image_tower(tmp_path):
    with pytest.raises(ConfigError, match="reads no texts"):
        open_text_tower("encoder", {"source": "x"}, root=tmp_path)
