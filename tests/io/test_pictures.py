import numpy as np
import pytest
from PIL import Image

from anaglyph.errors import DataError
from anaglyph.io.pictures import read_picture


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
