import numpy as np
import pytest

from anaglyph.data.cut_out import cut_out
from anaglyph.errors import DataError


def studio(height=80, width=100):
    """A grey background that grows brighter downwards and to the middle."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    grey = 200 + 20 * y - 15 * x * x
    return np.repeat(grey[..., None], 3, axis=2)


def overlap(first, second):
    return (first & second).sum() / (first | second).sum()


def test_an_object_before_a_studio_is_cut_out_with_its_holes():
    picture = studio()
    y, x = np.mgrid[0:80, 0:100]
    shown = np.hypot(x - 50, y - 40) < 25
    picture[shown] = (150, 60, 40)
    picture[np.hypot(x - 45, y - 38) < 6] = (20, 30, 40)  # something on it
    mask = cut_out(picture.astype(np.uint8))
    assert set(np.unique(mask)) == {0, 255}
    assert overlap(mask == 255, shown) > 0.9


def test_a_soft_shadow_belongs_to_the_background():
    picture = studio()
    y, x = np.mgrid[0:80, 0:100]
    picture -= 30 * np.exp(-(((x - 60) / 14) ** 2) - ((y - 62) / 12) ** 2)[..., None]
    shown = (abs(x - 40) < 12) & (abs(y - 40) < 15)
    picture[shown] = (40, 90, 200)
    assert overlap(cut_out(np.clip(picture, 0, 255).astype(np.uint8)) == 255, shown) > 0.85


def test_specks_beside_the_object_are_left_out():
    picture = studio()
    picture[20:60, 30:70] = (10, 80, 30)
    picture[8:13, 85:90] = (10, 80, 30)
    mask = cut_out(picture.astype(np.uint8))
    assert mask[:15, 80:].max() == 0
    assert mask[40, 50] == 255


def test_a_picture_of_nothing_is_an_error():
    with pytest.raises(DataError, match="nothing in this picture stands out"):
        cut_out(studio().astype(np.uint8))


def test_thumbnails_of_the_real_data_are_cut_out(shared_data):
    from anaglyph.io.pictures import read_masked_picture

    paths = sorted((shared_data / "cc0_objects" / "images").glob("p_market_assets_*__thumb.png"))
    opaque = [path for path in paths if (read_masked_picture(path)[1] == 255).all()]
    assert len(opaque) > 20
    for path in opaque[::8]:
        mask = cut_out(read_masked_picture(path)[0])
        assert 0.01 < (mask == 255).mean() < 0.5
        assert not mask[:20].any()
