import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from anaglyph.config import plain, structure
from anaglyph.data.transforms.joint import (
    UNCHANGED_QUERIES,
    UNCHANGED_VIEWS,
    QueryAugmentation,
    ViewAugmentation,
    augment_queries,
    augment_views,
    random_cut,
)
from anaglyph.errors import ConfigError
from anaglyph.randomness import row_keys

SIZE = 24


def keys(count, *parts):
    return row_keys([f"key{i}" for i in range(count)], *parts)


def queries(count=6, size=SIZE):
    """Random pictures with blocky random masks."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(count, 3, size, size, generator=generator)
    coarse = (torch.rand(count, 1, size // 4, size // 4, generator=generator) > 0.5).float()
    return images, torch.nn.functional.interpolate(coarse, size=(size, size), mode="nearest")


def views(shapes=4, count=12, size=16):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(shapes, count, 1, size, size, generator=generator)


def ramps(count, height=SIZE, width=SIZE):
    """Pictures whose first two channels are the place of each pixel, x and y in [-1, 1]."""
    x = ((torch.arange(width) * 2 + 1) / width - 1).expand(height, width)
    y = ((torch.arange(height) * 2 + 1) / height - 1)[:, None].expand(height, width)
    return torch.stack([x, y, torch.zeros(height, width)]).expand(count, -1, -1, -1)


def test_a_mask_painted_into_the_image_still_coincides_after_every_change():
    _, masks = queries(64)
    images = masks.expand(-1, 3, -1, -1)
    config = QueryAugmentation(shift=0.2, area=(0.3, 0.95), background=0.0)
    moved, moved_masks = augment_queries(images, masks, config, keys(64))
    assert not torch.equal(moved_masks, masks)
    for channel in range(3):
        torch.testing.assert_close(moved[:, channel], moved_masks[:, 0], atol=1e-6, rtol=0)


def test_training_may_see_smaller_pictures_than_are_stored():
    config = QueryAugmentation(shift=0.0, area=(1.0, 1.0), aspect=(1.0, 1.0), flip=0.0, side=12)
    images, masks = augment_queries(ramps(3), torch.ones(3, 1, SIZE, SIZE), config, keys(3))
    assert masks.shape == (3, 1, 12, 12)
    torch.testing.assert_close(images, ramps(3, 12, 12), atol=1e-6, rtol=0)
    shown = ViewAugmentation(area=(1.0, 1.0), aspect=(1.0, 1.0), flip=0.0, side=8)
    grey = ramps(2, 16, 16)[:, None, :1].expand(2, 5, 1, 16, 16)
    expected = ramps(2, 8, 8)[:, None, :1].expand(2, 5, 1, 8, 8)
    torch.testing.assert_close(augment_views(grey, shown, keys(2)), expected, atol=1e-6, rtol=0)


def test_outside_the_picture_the_image_is_white_and_the_mask_empty():
    images, masks = torch.zeros(40, 3, SIZE, SIZE), torch.ones(40, 1, SIZE, SIZE)
    config = QueryAugmentation(shift=0.5, area=(1.0, 1.0), aspect=(1.0, 1.0))
    moved, moved_masks = augment_queries(images, masks, config, keys(40))
    torch.testing.assert_close(moved, (1.0 - moved_masks).expand(-1, 3, -1, -1))
    assert (moved_masks.amin(dim=(1, 2, 3)) == 0).sum() > 30


def test_nothing_changes_where_every_range_says_so():
    images, masks = queries()
    same, same_masks = augment_queries(images, masks, UNCHANGED_QUERIES, keys(6))
    assert torch.equal(same, images)
    assert torch.equal(same_masks, masks)
    assert torch.equal(augment_views(views(), UNCHANGED_VIEWS, keys(4)), views())


def test_a_query_is_augmented_the_same_alone_and_in_a_batch_and_differs_by_key_and_epoch():
    images, masks = queries()
    config, rows = replace(QueryAugmentation(), blank_background=0.5), keys(6, 3)
    together = augment_queries(images, masks, config, rows)
    for row in range(6):
        alone = augment_queries(images[row : row + 1], masks[row : row + 1], config, rows[row : row + 1])
        assert torch.equal(alone[0][0], together[0][row])
        assert torch.equal(alone[1][0], together[1][row])
    same = ramps(2)
    first = augment_queries(same, masks[:2], config, keys(2))[0]
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first, augment_queries(same, masks[:2], config, keys(2, "other epoch"))[0])


def test_the_release_ranges_are_the_defaults():
    assert QueryAugmentation() == QueryAugmentation(
        shift=0.05, area=(0.85, 0.95), aspect=(3 / 4, 4 / 3), flip=0.5, background=1.0, blank_background=0.0
    )
    assert ViewAugmentation() == ViewAugmentation(
        area=(0.65, 0.90), aspect=(3 / 4, 4 / 3), flip=0.5, flip_views="each", background=1.0
    )


def test_cuts_have_the_area_and_aspect_asked_for_and_stay_inside():
    half, centre = random_cut(keys(4000), "x", (0.5, 0.8), (0.75, 1.25), (SIZE, SIZE), ())
    area, aspect = half.prod(axis=1), half[:, 0] / half[:, 1]
    assert 0.5 - 1e-5 <= area.min() < 0.51
    assert 0.79 < area.max() <= 0.8 + 1e-5
    assert 0.75 - 1e-5 <= aspect.min() < 0.77
    assert 1.23 < aspect.max() <= 1.25 + 1e-5
    # log-uniform: as many below the geometric middle as above it, whatever does not fit apart
    assert abs((aspect < math.sqrt(0.75 * 1.25)).mean() - 0.5) < 0.03
    assert (np.abs(centre) + half).max() <= 1.0 + 1e-6
    assert np.abs(centre.mean(axis=0)).max() < 0.01
    # the place is even over its room: |centre| / room has mean 1/2
    room = np.abs(centre) / np.maximum(1.0 - half, 1e-6)
    assert np.abs(room[(1.0 - half) > 0.02].mean() - 0.5) < 0.02


def test_cuts_of_wide_pictures_have_their_aspect_in_pixels():
    half, _ = random_cut(keys(500), "x", (0.2, 0.3), (0.9, 1.1), (20, 40), ())
    aspect = half[:, 0] * 40 / (half[:, 1] * 20)
    assert 0.9 - 1e-5 <= aspect.min() < 0.92
    assert 1.08 < aspect.max() <= 1.1 + 1e-5
    np.testing.assert_array_less(np.abs(half.prod(axis=1) - 0.25), 0.05 + 1e-6)


def test_where_no_try_fits_the_largest_part_of_an_allowed_aspect_is_taken():
    half, centre = random_cut(keys(20), "x", (0.99, 1.0), (1.0, 1.0), (20, 40), ())  # squares from 40 x 20
    np.testing.assert_allclose(half, np.tile([0.5, 1.0], (20, 1)))
    assert np.abs(centre[:, 0]).max() <= 0.5
    assert (centre[:, 1] == 0).all()


def test_the_query_cut_is_enlarged_to_the_whole_picture():
    config = QueryAugmentation(shift=0.0, flip=0.0, area=(0.5, 0.6))
    images, rows = ramps(50), keys(50)
    moved, _ = augment_queries(images, torch.ones(50, 1, SIZE, SIZE), config, rows)
    half, centre = random_cut(rows, "query", config.area, config.aspect, (SIZE, SIZE), ())
    middle, side = (torch.from_numpy(part)[:, :, None, None] for part in (centre, half))
    expected = middle + side * images[:, :2]  # (50, 2, SIZE, SIZE)
    inner = (expected.abs() < 1 - 1 / SIZE).all(dim=1)  # farther out the white beyond the border mixes in
    for axis in range(2):
        torch.testing.assert_close(moved[:, axis][inner], expected[:, axis][inner], atol=1e-5, rtol=0)
    assert inner.float().mean() > 0.9


def test_a_flip_mirrors_image_and_mask_with_its_probability():
    images, masks = queries(1)
    count = 400
    config = replace(UNCHANGED_QUERIES, flip=0.3)
    moved, moved_masks = augment_queries(
        images.expand(count, -1, -1, -1), masks.expand(count, -1, -1, -1), config, keys(count)
    )
    mirrored = (moved - images.flip(-1)).abs().amax(dim=(1, 2, 3)) < 1e-5
    kept = (moved - images).abs().amax(dim=(1, 2, 3)) < 1e-5
    assert (mirrored ^ kept).all()
    assert 0.23 < mirrored.float().mean() < 0.37
    expected = torch.where(mirrored[:, None, None, None], masks.flip(-1), masks)
    torch.testing.assert_close(moved_masks, expected, atol=1e-5, rtol=0)


def test_a_shift_moves_by_at_most_its_fraction_of_the_side():
    config = replace(UNCHANGED_QUERIES, shift=0.05)
    moved, _ = augment_queries(ramps(300), torch.ones(300, 1, SIZE, SIZE), config, keys(300))
    middle = slice(SIZE // 2 - 2, SIZE // 2 + 2)
    way = (moved[:, :2, middle, middle] - ramps(300)[:, :2, middle, middle]).mean(dim=(2, 3)) / 2
    assert 0.045 < way.abs().max() <= 0.05 + 1e-6
    assert way.min() < -0.04


def test_views_are_cut_each_by_itself_and_flipped_one_by_one_or_all_together():
    base = views(1, 1).expand(30, 12, -1, -1, -1)
    each = replace(UNCHANGED_VIEWS, flip=0.5)

    def mirrored(config):
        moved = augment_views(base, config, keys(30))
        return (moved - base.flip(-1)).abs().amax(dim=(2, 3, 4)) < 1e-5

    counts = mirrored(each).sum(dim=1)
    assert ((counts > 0) & (counts < 12)).sum() > 25
    together = mirrored(replace(each, flip_views="together")).sum(dim=1)
    assert set(together.tolist()) == {0, 12}
    cut = augment_views(base, ViewAugmentation(flip=0.0), keys(30))
    assert not torch.equal(cut[0, 0], cut[0, 1])
    assert not torch.equal(cut[0, 0], cut[1, 0])


def test_views_of_a_shape_are_augmented_the_same_alone_and_in_a_batch():
    together = augment_views(views(), ViewAugmentation(), keys(4))
    for row in range(4):
        alone = augment_views(views()[row : row + 1], ViewAugmentation(), keys(4)[row : row + 1])
        assert torch.equal(alone[0], together[row])


def test_white_views_stay_white():
    white = torch.ones(8, 3, 1, 15, 15)
    torch.testing.assert_close(augment_views(white, ViewAugmentation(), keys(8)), white)


def test_a_blanked_background_is_one_colour_and_leaves_the_object_alone():
    images, masks = queries(200)
    config = replace(UNCHANGED_QUERIES, blank_background=0.5)
    moved, same = augment_queries(images, masks, config, keys(200))
    assert torch.equal(same, masks)
    inside = (masks > 0).expand(-1, 3, -1, -1)
    torch.testing.assert_close(moved[inside], images[inside])
    changed = (moved != images).any(dim=3).any(dim=2).any(dim=1)
    assert 70 < int(changed.sum()) < 130
    greys = 0
    for row in changed.nonzero().flatten().tolist():
        outside = moved[row][:, masks[row, 0] == 0]  # (3, outside)
        torch.testing.assert_close(outside, outside[:, :1].expand_as(outside))
        greys += bool((outside[:, 0] == outside[0, 0]).all())
    assert 0.3 < greys / int(changed.sum()) < 0.7


@pytest.mark.parametrize(
    ("config", "wrong"),
    [
        (QueryAugmentation, {"shift": -0.1}),
        (QueryAugmentation, {"area": (0.9, 1.2)}),
        (QueryAugmentation, {"area": (0.0, 1.0)}),
        (QueryAugmentation, {"aspect": (1.2, 1.0)}),
        (QueryAugmentation, {"flip": 1.5}),
        (QueryAugmentation, {"blank_background": 2.0}),
        (ViewAugmentation, {"area": (0.5, 0.4)}),
        (ViewAugmentation, {"flip": -1.0}),
    ],
)
def test_ranges_that_cannot_be_meant_are_refused(config, wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        config(**wrong)


def test_images_and_masks_of_different_sizes_are_refused():
    images, masks = queries()
    with pytest.raises(ValueError, match="must belong together"):
        augment_queries(images, masks[..., :-1], QueryAugmentation(), keys(6))


def test_the_configs_survive_yaml():
    for config in (QueryAugmentation(shift=0.1), ViewAugmentation(flip_views="together")):
        assert structure(type(config), plain(config), where="x") == config


def test_global_generators_are_neither_used_nor_changed(untouched_generators):
    images, masks = queries()
    config = QueryAugmentation(blank_background=0.5)
    first = augment_queries(images, masks, config, keys(6))
    with torch.random.fork_rng():
        torch.manual_seed(6)
        assert torch.equal(first[0], augment_queries(images, masks, config, keys(6))[0])
    augment_views(views(), ViewAugmentation(), keys(4))
