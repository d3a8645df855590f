import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.methods.cmic.colour_transfer import (
    ColourTransfer,
    region_statistics,
    region_weights,
    restyled,
)
from anaglyph.ops.colour import lab_to_rgb, rgb_to_lab
from anaglyph.randomness import seeded
from reference.colour_transfer import slow_restyled, slow_statistics

PARTS = ("picture", "parts")


def pictures(count, side=12, seed=0):
    """Pictures of different brightness and contrast, away from black and white."""
    generator = torch.Generator().manual_seed(seed)
    level = 0.3 + 0.4 * torch.rand(count, 3, 1, 1, generator=generator)
    spread = 0.05 + 0.15 * torch.rand(count, 3, 1, 1, generator=generator)
    return (level + spread * torch.randn(count, 3, side, side, generator=generator)).clamp(0.02, 0.98)


def masks(count, side=12, seed=0, soft=False):
    values = torch.rand(count, 1, side, side, generator=torch.Generator().manual_seed(seed + 50))
    return values if soft else (values > 0.6).float()


def moved(images, shares, style, **options):
    """Restyled L*a*b* pictures and their statistics."""
    lab = rgb_to_lab(images.double())
    out = restyled(lab, shares, region_statistics(lab, shares), style, **options)
    return out, region_statistics(out, shares)


@pytest.mark.parametrize("parts", PARTS)
@pytest.mark.parametrize("soft", [False, True])
def test_a_picture_in_its_own_colours_stays_as_it_is(parts, soft):
    images = pictures(3)
    lab = rgb_to_lab(images)
    shares = region_weights(masks(3, soft=soft), parts)
    own = region_statistics(lab, shares)
    again = lab_to_rgb(restyled(lab, shares, own, own))
    assert (again - images).abs().max() < 1e-4


@pytest.mark.parametrize("parts", PARTS)
def test_before_clipping_mean_and_deviation_are_those_of_the_style(parts):
    shares = region_weights(masks(3), parts).double()
    style = region_statistics(
        rgb_to_lab(pictures(3, seed=9).double()), region_weights(masks(3, seed=4), parts)
    )
    _, found = moved(pictures(3), shares, style)
    torch.testing.assert_close(found, style, rtol=1e-6, atol=1e-6)


def test_parts_change_the_object_by_the_object_and_the_background_by_the_background():
    images, mask = pictures(2), masks(2)
    shares = region_weights(mask, "parts").double()
    lab = rgb_to_lab(images.double())
    style = region_statistics(lab, shares).clone()
    style[:, 0, 0, 0] += 10.0  # the objects 10 lighter, nothing else
    out, _ = moved(images, shares, style)
    expected = lab.clone()
    expected[:, :1] += 10.0 * mask
    torch.testing.assert_close(out, expected)


@settings(deadline=None, max_examples=25)
@given(parts=st.sampled_from(PARTS), empty=st.booleans(), seed=st.integers(0, 2**16))
def test_statistics_and_transfer_equal_the_loops(parts, empty, seed):
    images = pictures(2, side=4, seed=seed).double()
    mask = torch.zeros(2, 1, 4, 4).double() if empty else masks(2, side=4, seed=seed, soft=True).double()
    shares, lab = region_weights(mask, parts), rgb_to_lab(images)
    found = region_statistics(lab, shares)
    slow = [slow_statistics(lab[b].tolist(), shares[b].tolist()) for b in range(2)]
    for b in range(2):
        for region, (mean, deviation) in enumerate(slow[b]):
            assert found[b, 0, region].tolist() == pytest.approx(mean)
            assert found[b, 1, region].tolist() == pytest.approx(deviation)
    out = restyled(lab, shares, found, found.flip(0))
    for b in range(2):
        expected = slow_restyled(lab[b].tolist(), shares[b].tolist(), slow[b], slow[1 - b])
        torch.testing.assert_close(out[b], torch.tensor(expected, dtype=torch.float64))


def test_statistics_of_a_whole_picture_are_mean_and_unbiased_deviation():
    lab = rgb_to_lab(pictures(3).double())
    found = region_statistics(lab, region_weights(masks(3).double(), "picture"))
    torch.testing.assert_close(found[:, 0, 0], lab.mean(dim=(2, 3)))
    torch.testing.assert_close(found[:, 1, 0], lab.std(dim=(2, 3)))


@pytest.mark.parametrize("parts", PARTS)
@pytest.mark.parametrize("mask_value", [0.0, 1.0, 0.5])
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_constant_pictures_and_empty_masks_give_colours(parts, mask_value, value):
    images = torch.cat([torch.full((2, 3, 8, 8), value), pictures(2, side=8)])
    mask = torch.full((4, 1, 8, 8), mask_value)
    layer = ColourTransfer(parts=parts)
    for step in range(4):
        with seeded(step):
            out = layer(images, mask)
        assert torch.isfinite(out).all()
        assert 0.0 <= out.min() <= out.max() <= 1.0


def test_each_picture_takes_the_colours_of_one_of_the_batch():
    images, mask = pictures(5), masks(5)
    layer = ColourTransfer()
    with seeded("here"):
        order = torch.randperm(5)
    with seeded("here"):
        out = layer(images, mask)
    shares = region_weights(mask, "picture").double()
    style = region_statistics(rgb_to_lab(images[order].double()), shares)
    expected = lab_to_rgb(moved(images, shares, style)[0]).clamp(0, 1)
    torch.testing.assert_close(out.double(), expected, rtol=0, atol=1e-3)
    assert sorted(order.tolist()) == list(range(5))


def test_a_probability_of_0_changes_nothing_and_a_half_changes_some():
    images, mask = pictures(64, side=4), masks(64, side=4)
    assert ColourTransfer(probability=0.0)(images, mask) is images
    with seeded("half"):
        out = ColourTransfer(probability=0.5)(images, mask)
    same = (out == images).flatten(1).all(dim=1).sum().item()
    assert 16 <= same <= 48


def test_draws_repeat_with_the_seed_and_differ_without():
    images, mask = pictures(8), masks(8)
    layer = ColourTransfer(probability=0.7)
    results = []
    for seed in (1, 1, 2):
        with seeded(seed):
            results.append(layer(images, mask))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_the_pool_holds_the_newest_pictures_and_lends_their_colours():
    layer = ColourTransfer(pool=6)
    seen = []
    for step in range(4):
        images, mask = pictures(4, seed=step), masks(4, seed=step)
        with seeded(step):
            layer(images, mask)
        layer.remember()
        seen.append(region_statistics(rgb_to_lab(images), region_weights(mask, "picture")))
    newest = torch.cat(seen)[-6:]
    assert int(layer.stored) == 16
    ordered = torch.cat([layer.pool[16 % 6 :], layer.pool[: 16 % 6]])
    torch.testing.assert_close(ordered, newest)
    own = torch.full((200, 2, 1, 3), 1000.0)
    with seeded("styles"):
        styles = layer._styles(own)
    lent = (styles != 1000.0).flatten(1).all(dim=1)
    assert 0 < lent.sum() < 30  # 6 of 206
    assert all((layer.pool == style).flatten(1).all(dim=1).any() for style in styles[lent])


def test_places_of_the_pool_that_hold_nothing_yet_are_never_a_style():
    layer = ColourTransfer(pool=50)
    own = torch.rand(8, 2, 1, 3, generator=torch.Generator().manual_seed(0)) + 1
    for step in range(20):
        with seeded(step):
            assert (layer._styles(own) != 0).all()


def test_a_step_that_was_refused_leaves_nothing_in_the_pool():
    layer = ColourTransfer(pool=6)
    broken = torch.full((4, 3, 8, 8), float("nan"))
    layer(broken, masks(4, side=8))  # the engine refuses the step and calls no after_step
    layer(pictures(4, side=8), masks(4, side=8))
    layer.remember()
    assert torch.isfinite(layer.pool).all()
    assert int(layer.stored) == 4


def test_a_batch_larger_than_the_pool_leaves_its_last_pictures():
    layer = ColourTransfer(pool=3)
    images, mask = pictures(8), masks(8)
    layer(images, mask)
    layer.remember()
    expected = region_statistics(rgb_to_lab(images), region_weights(mask, "picture"))[-3:]
    torch.testing.assert_close(layer.pool, expected)


def test_a_state_dict_holds_the_pool_and_nothing_without_one():
    layer, other = ColourTransfer(pool=5), ColourTransfer(pool=5)
    layer(pictures(4), masks(4))
    layer.remember()
    other.load_state_dict(layer.state_dict())
    results = []
    for one in (layer, other):
        with seeded("next"):
            results.append(one(pictures(4, seed=7), masks(4)))
    assert torch.equal(*results)
    assert not ColourTransfer().state_dict()


def test_the_release_stretches_values_first_and_comes_out_close():
    images, mask = torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(0)), masks(8, side=32)
    results = []
    for released in (False, True):
        with seeded("same"):
            results.append(ColourTransfer(released_lab=released)(images, mask))
    assert 0 < (results[0] - results[1]).abs().mean() < 0.02
    lab, shares = rgb_to_lab(255 * images.double()), region_weights(mask.double(), "picture")
    own = region_statistics(lab, shares)
    torch.testing.assert_close(lab_to_rgb(restyled(lab, shares, own, own)) / 255, images.double())


def test_a_largest_gain_limits_how_far_noise_is_stretched():
    flat = 0.5 + 0.001 * torch.randn(1, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    shares = region_weights(masks(1), "picture").double()
    style = region_statistics(rgb_to_lab(pictures(1, seed=3).double()), shares)
    own = region_statistics(rgb_to_lab(flat.double()), shares)
    _, free = moved(flat, shares, style)
    _, limited = moved(flat, shares, style, largest_gain=2.0)
    torch.testing.assert_close(free[:, 1], style[:, 1])
    torch.testing.assert_close(limited[:, 1], 2 * own[:, 1])
    torch.testing.assert_close(limited[:, 0], style[:, 0])


def test_autocast_and_gradients_do_not_reach_it():
    images, mask = pictures(4).requires_grad_(), masks(4)
    layer = ColourTransfer()
    with seeded("here"):
        expected = layer(images, mask)
    with seeded("here"), torch.autocast("cpu", dtype=torch.bfloat16):
        found = layer(images, mask)
    assert torch.equal(found, expected)
    assert not found.requires_grad
