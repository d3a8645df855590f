import numpy as np
import pytest

from anaglyph.data.crop import crop_to_mask, mask_box
from anaglyph.errors import DataError


def painted(height, width, box, colour=(200, 40, 90)):
    """A picture of noise with one rectangle (left, top, right, bottom) of the object, and its mask."""
    image = np.random.default_rng(0).integers(0, 120, (height, width, 3)).astype(np.uint8)
    mask = np.zeros((height, width), dtype=np.uint8)
    left, top, right, bottom = box
    image[top:bottom, left:right] = colour
    mask[top:bottom, left:right] = 255
    return image, mask


def test_the_box_is_the_smallest_that_holds_the_mask():
    _, mask = painted(40, 50, (7, 3, 21, 30))
    assert mask_box(mask) == (7, 3, 21, 30)


def test_faint_noise_around_a_mask_does_not_widen_its_box():
    _, mask = painted(40, 50, (7, 3, 21, 30))
    mask[39, 49] = 100
    assert mask_box(mask) == (7, 3, 21, 30)


def test_a_mask_of_zeros_and_ones_has_the_same_box():
    _, mask = painted(40, 50, (7, 3, 21, 30))
    assert mask_box(mask // 255) == (7, 3, 21, 30)


def test_the_long_side_fills_the_crop_and_the_short_one_is_centred_with_its_aspect_kept():
    image, mask = painted(60, 90, (10, 20, 50, 30))  # 40 x 10
    crop, shown = crop_to_mask(image, mask, size=80)
    assert crop.shape == (80, 80, 3)
    assert shown.shape == (80, 80)
    columns, rows = np.flatnonzero(shown.any(axis=0)), np.flatnonzero(shown.any(axis=1))
    assert (columns[0], columns[-1]) == (0, 79)
    assert (rows[0], rows[-1]) == (30, 49)  # 20 high, in the middle
    assert (crop[:30] == 255).all()
    assert (crop[50:] == 255).all()
    assert (crop[30:50] == (200, 40, 90)).all()


def test_a_crop_at_its_own_size_keeps_every_pixel():
    image, mask = painted(60, 90, (10, 20, 42, 44))
    crop, shown = crop_to_mask(image, mask, size=32)
    np.testing.assert_array_equal(crop[4:28], image[20:44, 10:42])
    np.testing.assert_array_equal(shown[4:28], mask[20:44, 10:42])


def test_image_and_mask_still_coincide_after_the_resize():
    generator = np.random.default_rng(1)
    mask = np.zeros((70, 50), dtype=np.uint8)
    for _ in range(5):
        y, x = generator.integers(5, 40, 2)
        mask[y : y + 12, x : x + 9] = 255
    image = np.repeat(mask[:, :, None], 3, axis=2)
    crop, shown = crop_to_mask(image, mask, size=37, background=0)
    for channel in range(3):
        np.testing.assert_array_equal(crop[..., channel], shown)


def test_a_margin_shows_the_surroundings_and_pads_beyond_the_picture():
    image, mask = painted(40, 40, (0, 10, 20, 30))
    crop, shown = crop_to_mask(image, mask, size=30, margin=0.25)  # 5 pixels on each side: 30 x 30
    np.testing.assert_array_equal(shown[5:25, 5:25], np.full((20, 20), 255))
    assert shown.sum() == 400 * 255
    np.testing.assert_array_equal(crop[:, 5:], image[5:35, :25])
    assert (crop[:, :5] == 255).all()


def test_a_single_pixel_and_a_thin_line_are_cropped_too():
    image, mask = painted(9, 9, (4, 4, 5, 5))
    crop, shown = crop_to_mask(image, mask, size=6)
    assert (shown == 255).all()
    assert (crop == (200, 40, 90)).all()
    image, mask = painted(300, 9, (4, 0, 5, 300))
    _, shown = crop_to_mask(image, mask, size=32)
    assert (shown.any(axis=0).sum(), shown.any(axis=1).sum()) == (1, 32)


def test_an_empty_mask_is_an_error_that_says_so():
    image, mask = painted(9, 9, (4, 4, 5, 5))
    with pytest.raises(DataError, match="the mask is empty"):
        crop_to_mask(image, np.zeros_like(mask), size=6)


@pytest.mark.parametrize("wrong", [{"size": 0}, {"margin": -0.1}, {"margin": 1.5}])
def test_sizes_and_margins_that_cannot_be_meant_are_refused(wrong):
    image, mask = painted(9, 9, (4, 4, 5, 5))
    with pytest.raises(ValueError, match="size must be >= 1 and margin from 0 to 1"):
        crop_to_mask(image, mask, **{"size": 8, **wrong})


def test_a_mask_of_another_size_is_refused():
    image, mask = painted(9, 9, (4, 4, 5, 5))
    with pytest.raises(ValueError, match="image must be uint8"):
        crop_to_mask(image, mask[:8], size=8)
