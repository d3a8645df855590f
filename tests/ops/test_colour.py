import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.ops.colour import lab_to_rgb, luma, rgb_to_lab
from reference.colour import slow_lab

PUBLISHED = {  # sRGB -> L*a*b* with white D65, as colour tables print them
    (1.0, 0.0, 0.0): (53.24, 80.09, 67.20),
    (0.0, 1.0, 0.0): (87.74, -86.18, 83.18),
    (0.0, 0.0, 1.0): (32.30, 79.19, -107.86),
    (1.0, 1.0, 1.0): (100.0, 0.0, 0.0),
    (0.0, 0.0, 0.0): (0.0, 0.0, 0.0),
}


def pixel(*values, dtype=torch.float64):
    return torch.tensor(values, dtype=dtype)[:, None, None]


def pictures(*shape, seed=0, dtype=torch.float64):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize(("rgb", "lab"), PUBLISHED.items())
def test_primary_colours_have_their_published_values(rgb, lab):
    assert rgb_to_lab(pixel(*rgb)).flatten().tolist() == pytest.approx(lab, abs=0.02)


@settings(deadline=None, max_examples=60)
@given(rgb=st.tuples(*[st.floats(0, 1)] * 3))
def test_every_colour_equals_the_standards_formulas(rgb):
    assert rgb_to_lab(pixel(*rgb)).flatten().tolist() == pytest.approx(slow_lab(*rgb), abs=2e-3)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-0.5, 2.0), (0.0, 255.0)])
def test_there_and_back_is_the_identity_also_beyond_the_screen(low, high):
    rgb = low + (high - low) * pictures(4, 3, 16, 16)
    torch.testing.assert_close(lab_to_rgb(rgb_to_lab(rgb)), rgb, rtol=1e-6, atol=1e-6)


def test_single_precision_comes_back_within_a_ten_thousandth():
    rgb = pictures(4, 3, 16, 16, dtype=torch.float32)
    assert (lab_to_rgb(rgb_to_lab(rgb)) - rgb).abs().max() < 1e-4


def test_grey_has_no_colour_and_lightness_rises_with_it():
    greys = torch.linspace(0, 1, 21, dtype=torch.float64).expand(3, 1, 21)
    lab = rgb_to_lab(greys)
    assert lab[1:].abs().max() < 1e-3
    assert (lab[0].diff() > 0).all()


def test_leading_dimensions_do_not_matter():
    rgb = pictures(2, 5, 3, 4, 6)
    expected = torch.stack([torch.stack([rgb_to_lab(p) for p in row]) for row in rgb])
    torch.testing.assert_close(rgb_to_lab(rgb), expected)
    assert rgb_to_lab(rgb).shape == rgb.shape


@pytest.mark.parametrize("value", [0.0, 0.04045, 0.5, 1.0, -0.2, 1.5])
def test_gradients_are_finite_everywhere(value):
    rgb = torch.full((3, 2, 2), value, dtype=torch.float64, requires_grad=True)
    lab_to_rgb(rgb_to_lab(rgb)).sum().backward()
    torch.testing.assert_close(rgb.grad, torch.ones_like(rgb), rtol=1e-3, atol=1e-3)


def test_half_precision_is_computed_in_single():
    rgb = pictures(3, 4, 4).bfloat16()
    assert rgb_to_lab(rgb).dtype == torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(rgb_to_lab(rgb.float()), rgb_to_lab(rgb))


def test_luma_weighs_green_most_and_keeps_grey():
    rgb = pixel(0.2, 0.6, 0.9)
    assert luma(rgb).item() == pytest.approx(0.299 * 0.2 + 0.587 * 0.6 + 0.114 * 0.9)
    assert luma(rgb).shape == (1, 1, 1)
    assert luma(pixel(0.4, 0.4, 0.4)).item() == pytest.approx(0.4)


@pytest.mark.parametrize("shape", [(3,), (3, 4), (1, 4, 4), (2, 4, 4, 3)])
def test_pictures_of_another_form_are_refused_with_their_shape(shape):
    with pytest.raises(ValueError, match=r"must be \(\.\.\., 3, H, W\), got"):
        rgb_to_lab(torch.zeros(shape))
