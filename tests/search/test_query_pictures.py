"""What the tower sees of a user's picture: the object alone on white, or all of it."""

import io

import numpy as np
import pytest
from PIL import Image

from anaglyph.errors import DataError
from anaglyph.search.parts import PicturePart
from anaglyph.search.query_pictures import plain_background, prepared_picture

SIDE = 32
RED = (200, 30, 30)


def encoded(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def studio(background=(90, 120, 150), size=(200, 300), box=(60, 100, 120, 220)):
    """A red block, with an inner edge, before one colour."""
    pixels = np.full((*size, 3), background, dtype=np.uint8)
    top, left, bottom, right = box
    pixels[top:bottom, left:right] = RED
    return pixels


def cluttered(seed=0, size=(200, 300)):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3)).astype(np.uint8)


def seen(pixels, **values):
    made, notes = prepared_picture(PicturePart(data=encoded(pixels), name="a.png", **values), pixels=SIDE)
    assert made.shape == (3, SIDE, SIDE)
    return made.transpose(1, 2, 0), notes


def share_of(pixels, colour, within=12):
    return float((np.abs(pixels.astype(int) - colour).max(axis=-1) <= within).mean())


def test_a_plain_background_is_cut_away_and_said():
    made, notes = seen(studio())
    assert notes == ("the plain background of 'a.png' was cut away",)
    assert share_of(made, (90, 120, 150)) == 0
    assert share_of(made, (255, 255, 255)) > 0.3
    assert 0.35 < share_of(made, RED) < 0.55  # 120 x 60 with room around it


def test_a_cluttered_picture_is_taken_whole():
    pixels = cluttered()
    made, notes = seen(pixels)
    assert notes == ()
    assert plain_background(pixels) is None
    assert (made[:5] == 255).all()  # 300 x 200 in a square
    assert share_of(made[8:-8], (255, 255, 255)) < 0.05


def test_an_empty_scene_is_taken_whole():
    assert plain_background(np.full((100, 100, 3), 128, dtype=np.uint8)) is None


def test_transparency_says_where_the_object_is():
    pixels = np.zeros((80, 80, 4), dtype=np.uint8)
    pixels[20:40, 30:50] = (*RED, 255)
    made, notes = seen(pixels)
    assert notes == ()
    assert share_of(made, RED) > 0.7


def test_a_mask_says_where_the_object_is():
    pixels = cluttered()
    pixels[50:90, 100:140] = RED
    mask = np.zeros(pixels.shape[:2], dtype=np.uint8)
    mask[50:90, 100:140] = 255
    made, _ = seen(pixels, mask=encoded(mask))
    assert share_of(made, RED) > 0.7
    assert share_of(made, RED) + share_of(made, (255, 255, 255)) > 0.85


def test_a_box_says_where_the_object_is():
    pixels = cluttered()
    pixels[50:90, 100:140] = RED
    made, _ = seen(pixels, box=(100 / 300, 50 / 200, 140 / 300, 90 / 200))
    assert share_of(made, RED) > 0.95


def test_a_box_of_less_than_a_pixel_still_shows_something():
    assert seen(studio(), box=(0.5, 0.5, 0.5001, 0.5001))[0].shape == (SIDE, SIDE, 3)


def test_a_large_picture_is_looked_at_smaller():
    made, _ = seen(np.repeat(np.repeat(studio(), 8, axis=0), 8, axis=1))
    small, _ = seen(studio())
    assert abs(share_of(made, RED) - share_of(small, RED)) < 0.05


def test_an_empty_mask_is_refused():
    with pytest.raises(DataError, match="mask is empty"):
        seen(studio(), mask=encoded(np.zeros((200, 300), dtype=np.uint8)))


def test_a_mask_that_lies_across_is_refused():
    with pytest.raises(DataError, match="turned"):
        seen(studio(), mask=encoded(np.full((300, 200), 255, dtype=np.uint8)))
