import numpy as np
import pytest
from PIL import Image

from anaglyph.errors import DataError
from anaglyph.io.pictures import read_mask, read_masked_picture, read_picture


@pytest.mark.parametrize("suffix", ["png", "webp", "jpg"])
def test_colour_and_gray_pictures_are_channels_first(tmp_path, suffix):
    Image.new("RGB", (40, 20), (200, 100, 50)).save(tmp_path / f"a.{suffix}", quality=95)
    colour = read_picture(tmp_path / f"a.{suffix}", size=8)
    assert colour.shape == (3, 8, 8)
    np.testing.assert_allclose(colour.mean(axis=(1, 2)), [200, 100, 50], atol=3)
    gray = read_picture(tmp_path / f"a.{suffix}", size=8, gray=True)
    assert gray.shape == (1, 8, 8)
    np.testing.assert_allclose(gray, round(0.299 * 200 + 0.587 * 100 + 0.114 * 50), atol=3)


def test_other_formats_damaged_and_missing_files_are_errors(tmp_path):
    Image.new("RGB", (9, 9)).save(tmp_path / "a.bmp")
    (tmp_path / "a.bmp").rename(tmp_path / "a.png")
    with pytest.raises(DataError, match="not a readable PNG, JPEG, WEBP"):
        read_picture(tmp_path / "a.png", size=4)
    Image.effect_noise((64, 64), 50).save(tmp_path / "b.png")
    data = (tmp_path / "b.png").read_bytes()
    (tmp_path / "b.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match=r"b\.png"):
        read_picture(tmp_path / "b.png", size=4)
    with pytest.raises(DataError, match="No such file"):
        read_picture(tmp_path / "c.png", size=4)


def test_pictures_beyond_the_pixel_limit_are_refused_before_decoding(tmp_path):
    Image.new("1", (8000, 7000)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="at most 50000000 pixels"):
        read_picture(tmp_path / "a.png", size=4)
    Image.new("1", (14000, 14000)).save(tmp_path / "bomb.png")
    with pytest.raises(DataError, match="more than 50000000 pixels"):
        read_picture(tmp_path / "bomb.png", size=4)


def colours(height=12, width=20, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


def test_a_picture_without_any_mask_has_a_full_one(tmp_path):
    pixels = colours()
    Image.fromarray(pixels).save(tmp_path / "a.png")
    rgb, mask = read_masked_picture(tmp_path / "a.png")
    np.testing.assert_array_equal(rgb, pixels)
    np.testing.assert_array_equal(mask, np.full((12, 20), 255))


def test_transparency_is_the_mask_and_shows_white(tmp_path):
    pixels, alpha = colours(), np.where(colours(seed=1)[..., 0] > 128, 255, 0).astype(np.uint8)
    Image.fromarray(np.dstack([pixels, alpha])).save(tmp_path / "a.png")
    rgb, mask = read_masked_picture(tmp_path / "a.png")
    np.testing.assert_array_equal(mask, alpha)
    np.testing.assert_array_equal(rgb, np.where(alpha[..., None] > 0, pixels, 255))
    small = read_picture(tmp_path / "a.png", size=12)
    expected = Image.fromarray(rgb).resize((12, 12), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(small, np.asarray(expected).transpose(2, 0, 1))


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "P"])
def test_a_mask_file_goes_before_transparency_and_may_be_of_any_mode(tmp_path, mode):
    shown = np.zeros((12, 20), dtype=np.uint8)
    shown[3:8, 4:15] = 255
    Image.fromarray(np.dstack([colours(), np.full((12, 20), 7, dtype=np.uint8)])).save(tmp_path / "a.png")
    Image.fromarray(shown).convert(mode).save(tmp_path / "mask.png")
    _, mask = read_masked_picture(tmp_path / "a.png", mask_path=tmp_path / "mask.png")
    np.testing.assert_array_equal(mask, shown)


def test_what_is_transparent_in_a_mask_file_is_not_the_object(tmp_path):
    shown = np.zeros((12, 20), dtype=np.uint8)
    shown[3:8, 4:15] = 255
    Image.fromarray(np.dstack([np.full((12, 20, 3), 255, dtype=np.uint8), shown])).save(tmp_path / "mask.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png"), shown)


def test_a_mask_of_another_size_is_resized_and_the_log_says_so(tmp_path, caplog):
    Image.fromarray(colours(12, 20)).save(tmp_path / "a.png")
    shown = np.zeros((24, 40), dtype=np.uint8)
    shown[:, :20] = 255
    Image.fromarray(shown).save(tmp_path / "mask.png")
    _, mask = read_masked_picture(tmp_path / "a.png", mask_path=tmp_path / "mask.png")
    assert mask.shape == (12, 20)
    assert (mask[:, :9] == 255).all()
    assert (mask[:, 11:] == 0).all()
    assert "40 x 24, not 20 x 12" in caplog.text


def test_a_mask_that_lies_across_its_picture_is_an_error(tmp_path):
    Image.fromarray(colours(12, 20)).save(tmp_path / "a.png")
    Image.new("L", (12, 20), 255).save(tmp_path / "mask.png")
    with pytest.raises(DataError, match="one of them is turned"):
        read_masked_picture(tmp_path / "a.png", mask_path=tmp_path / "mask.png")


def test_an_error_names_the_mask_when_the_mask_is_wrong(tmp_path):
    Image.fromarray(colours()).save(tmp_path / "a.png")
    (tmp_path / "mask.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"mask\.png' is not a readable"):
        read_masked_picture(tmp_path / "a.png", mask_path=tmp_path / "mask.png")


def test_a_large_jpeg_is_decoded_small_but_never_below_what_is_asked_for(tmp_path):
    y, x = np.mgrid[0:1600, 0:1200]
    picture = np.dstack([x * 255 // 1200, y * 255 // 1600, np.full_like(x, 60)]).astype(np.uint8)
    Image.fromarray(picture).save(tmp_path / "a.jpg", quality=95)
    small = read_picture(tmp_path / "a.jpg", size=64).astype(float)
    middles = (np.arange(64) + 0.5) * 255 / 64
    np.testing.assert_allclose(small[0], np.tile(middles, (64, 1)), atol=4)
    np.testing.assert_allclose(small[1], np.tile(middles[:, None], (1, 64)), atol=4)


def test_pictures_of_the_real_data_are_read(shared_data):
    paths = sorted((shared_data / "cc0_objects" / "images").glob("*.png"))
    assert len(paths) > 1000
    # Four of them lack the last, empty chunk; their pixels are whole.
    for path in (*paths[::20], *(path for path in paths if path.stat().st_size < 400)):
        rgb, mask = read_masked_picture(path)
        assert rgb.shape[:2] == mask.shape
        assert (mask > 127).any()
