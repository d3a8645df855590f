import math
from dataclasses import replace

import pytest
import torch

from anaglyph.config import plain, structure
from anaglyph.data.transforms.image import ImageAugmentation, augment_images, central_crop
from anaglyph.errors import ConfigError
from anaglyph.randomness import row_keys

EVERYTHING = ImageAugmentation(
    rotation=20, scale=(0.8, 1.2), stretch=(0.9, 1.1), shear=0.2, shift=0.1, elastic=0.05, flip=0.5,
    crop=12, brightness=0.1, contrast=0.2, gamma=0.3, boxes=2, noise=0.05, background=0.25,
)  # fmt: skip


def keys(count, *parts):
    return row_keys([f"key{i}" for i in range(count)], *parts)


def pictures(count=4, views=2, channels=3, size=16):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, views, channels, size, size, generator=generator)


def blob(size=33):
    """A soft spot right of and above the centre of one picture."""
    place = torch.linspace(-1, 1, size)
    return torch.exp(-((place[None] - 0.4) ** 2 + (place[:, None] + 0.2) ** 2) * 40)[None, None, None]


def centre_of(images):
    """(..., 2) x and y of the centre of mass in [-1, 1], y downwards."""
    place = torch.linspace(-1, 1, images.shape[-1])
    mass = images.sum(dim=(-1, -2))
    return (
        torch.stack([(images.sum(-2) * place).sum(-1), (images.sum(-1) * place).sum(-1)], -1)
        / mass[..., None]
    )


def test_the_defaults_change_nothing():
    images = pictures()
    assert torch.equal(augment_images(images, ImageAugmentation(), keys(4)), images)


def test_a_row_is_augmented_the_same_alone_and_in_a_batch():
    images, rows = pictures(), keys(4, 7, 3, 0)
    together = augment_images(images, EVERYTHING, rows)
    for row in range(4):
        alone = augment_images(images[row : row + 1], EVERYTHING, rows[row : row + 1])
        assert torch.equal(alone[0], together[row])


@pytest.mark.parametrize(
    "change",
    [
        {"rotation": 20.0}, {"scale": (0.5, 0.8)}, {"stretch": (0.5, 0.8)}, {"shear": 0.3}, {"shift": 0.2},
        {"elastic": 0.1}, {"flip": 1.0}, {"brightness": 0.3}, {"contrast": 0.5}, {"gamma": 0.5}, {"boxes": 1},
        {"noise": 0.1},
    ],
)  # fmt: skip
def test_each_change_changes_and_stays_within_the_range_and_differs_by_key_and_view(change):
    config = ImageAugmentation(**change)
    images = pictures(1).expand(2, -1, -1, -1, -1)
    images = images[:, :1].expand(-1, 2, -1, -1, -1).contiguous()
    changed = augment_images(images, config, keys(2))
    assert changed.shape == images.shape
    assert changed.min() >= 0
    assert changed.max() <= 1 + 1e-6
    assert (changed != images).flatten(2).any(dim=2).all()
    if "flip" not in change:
        assert not torch.equal(changed[0], changed[1])
        assert not torch.equal(changed[0, 0], changed[0, 1])
    assert (
        not torch.equal(changed, augment_images(images, config, keys(2, "other epoch"))) or "flip" in change
    )


def test_a_flip_mirrors_left_and_right():
    images = pictures()
    flipped = augment_images(images, ImageAugmentation(flip=1.0), keys(4))
    torch.testing.assert_close(flipped, images.flip(-1), atol=1e-5, rtol=0)


def test_a_rotation_turns_about_the_middle_by_at_most_its_angle():
    images = blob().expand(64, -1, -1, -1, -1)
    centres = centre_of(augment_images(images, ImageAugmentation(rotation=30), keys(64)))[:, 0, 0]
    start = centre_of(images)[0, 0, 0]
    torch.testing.assert_close(centres.norm(dim=1), start.norm().expand(64), atol=0.01, rtol=0)
    turned = torch.atan2(centres[:, 1], centres[:, 0]) - torch.atan2(start[1], start[0])
    degrees = turned * 180 / math.pi
    assert degrees.abs().max() < 30.5
    assert degrees.max() > 20
    assert degrees.min() < -20


def test_a_shift_moves_by_at_most_its_fraction_of_the_side():
    images = blob().expand(64, -1, -1, -1, -1)
    moved = centre_of(augment_images(images, ImageAugmentation(shift=0.1), keys(64)))[:, 0, 0]
    way = (moved - centre_of(images)[:, 0, 0]).abs() / 2
    assert 0.08 < way.max() < 0.105


def test_a_larger_scale_enlarges_the_content():
    small, large = (
        augment_images(blob(), ImageAugmentation(scale=(scale, scale)), keys(1)).sum() for scale in (0.5, 1.4)
    )
    assert small == pytest.approx(float(blob().sum()) * 0.25, rel=0.02)
    assert large == pytest.approx(float(blob().sum()) * 1.96, rel=0.05)


def test_the_background_fills_what_comes_from_outside():
    images = torch.full((3, 1, 1, 9, 9), 0.75)
    moved = augment_images(images, ImageAugmentation(shift=0.5, background=0.75), keys(3))
    torch.testing.assert_close(moved, images)
    assert augment_images(images, ImageAugmentation(shift=0.5), keys(3)).min() == 0


def test_a_random_crop_shows_parts_of_the_picture_in_its_own_resolution():
    size, side = 12, 6
    images = torch.arange(size * size).float().reshape(1, 1, 1, size, size).expand(40, -1, -1, -1, -1) / 1000
    cut = augment_images(images, ImageAugmentation(crop=side), keys(40))
    assert cut.shape == (40, 1, 1, side, side)
    step_x, step_y = cut.diff(dim=-1), cut.diff(dim=-2)
    torch.testing.assert_close(step_x, torch.full_like(step_x, 0.001), atol=1e-6, rtol=0)
    torch.testing.assert_close(step_y, torch.full_like(step_y, 0.012), atol=1e-6, rtol=0)
    corners = cut[:, 0, 0, 0, 0] * 1000
    assert corners.min() >= -1e-3
    assert corners.max() <= (size - side) * (size + 1) + 1e-3
    assert corners.unique().numel() > 30


def test_the_central_crop_is_the_middle():
    images = pictures(size=8)
    assert torch.equal(central_crop(images, 4), images[..., 2:6, 2:6])
    with pytest.raises(ConfigError, match="cannot crop 9 x 9 pixels from pictures of 8 x 8"):
        central_crop(images, 9)
    with pytest.raises(ConfigError, match="cannot crop"):
        augment_images(images, ImageAugmentation(crop=9), keys(4))


def test_boxes_blank_rectangles_of_the_sides_asked_for():
    images = torch.ones(50, 1, 1, 20, 20)
    blanked = augment_images(images, ImageAugmentation(boxes=1, box_size=(0.5, 0.5)), keys(50)) == 0
    assert blanked.any(dim=-1).sum(dim=-1).max() == 10
    assert blanked.any(dim=-2).sum(dim=-1).max() == 10
    assert set(blanked.sum(dim=(-1, -2)).flatten().tolist()) > {100}


def test_pictures_that_are_not_square_turn_without_shear():
    wide = torch.zeros(1, 1, 1, 21, 41)
    wide[..., 10, 10:31] = 1.0  # a line of 21 pixels through the middle
    config = ImageAugmentation(rotation=90.0)
    turned = augment_images(wide.expand(40, -1, -1, -1, -1), config, keys(40))
    mass = turned.sum(dim=(1, 2, 3, 4)) / 21.0
    assert mass.min() > 0.9
    assert mass.max() < 1.1


@pytest.mark.parametrize(
    "wrong",
    [
        {"rotation": -1},
        {"scale": (0.0, 1.0)},
        {"stretch": (1.2, 0.8)},
        {"flip": 1.5},
        {"elastic_grid": 1},
        {"crop": -1},
    ],
)
def test_ranges_that_cannot_be_meant_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        ImageAugmentation(**wrong)


def test_the_config_survives_yaml():
    assert structure(ImageAugmentation, plain(EVERYTHING), where="x") == EVERYTHING
    assert replace(EVERYTHING, crop=0) != EVERYTHING


def test_global_generators_are_neither_used_nor_changed(untouched_generators):
    first = augment_images(pictures(), EVERYTHING, keys(4))
    with torch.random.fork_rng():
        torch.manual_seed(6)
        assert torch.equal(first, augment_images(pictures(), EVERYTHING, keys(4)))


def test_some_pictures_lose_their_colours_and_keep_their_brightness():
    images = torch.rand(40, 2, 3, 8, 8)
    rows = row_keys([f"key{number}" for number in range(40)], 0)
    made = augment_images(images, ImageAugmentation(colourless=0.5), rows)
    plain = (made[:, :, :1] == made).all(dim=2).all(dim=-1).all(dim=-1)
    assert 20 < int(plain.sum()) < 60
    assert torch.equal(made[~plain], images[~plain])
    weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    torch.testing.assert_close(made[plain][:, 0], (images[plain] * weights).sum(dim=1))
    assert torch.equal(
        augment_images(images[:, :, :1], ImageAugmentation(colourless=1.0), rows), images[:, :, :1]
    )
