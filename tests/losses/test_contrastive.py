import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.losses.contrastive import common_space_loss, multi_positive_nce, multi_view_nce, nt_xent
from reference.contrastive import slow_multi_view, slow_nce, slow_nt_xent


def unit(*shape, seed=0, dtype=torch.float32):
    rng = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(*shape, generator=rng, dtype=dtype), dim=-1)


def close(value, expected, tolerance=1e-4):
    return float(value) == pytest.approx(expected, rel=tolerance, abs=1e-5)


@settings(deadline=None, max_examples=40)
@given(b=st.integers(1, 5), k=st.integers(1, 6), temperature=st.floats(0.05, 1.0), seed=st.integers(0, 2**16))
def test_nce_equals_the_double_loop(b, k, temperature, seed):
    query, key = unit(b, 8, seed=seed), unit(k, 8, seed=seed + 1)
    positive = torch.rand(b, k, generator=torch.Generator().manual_seed(seed)) > 0.6
    fast = multi_positive_nce(query, key, positive, temperature=temperature)
    assert close(fast, slow_nce(query.tolist(), key.tolist(), positive.tolist(), temperature))


def test_a_batch_without_positives_gives_zero_and_a_gradient():
    query = unit(3, 8).requires_grad_()
    loss = multi_positive_nce(query, query.detach(), torch.zeros(3, 3, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert torch.isfinite(query.grad).all()


def test_a_wrong_mask_shape_names_both_shapes():
    with pytest.raises(ValueError, match=r"must be \(2, 3\), got \(3, 2\)"):
        multi_positive_nce(torch.eye(2, 4), torch.eye(3, 4), torch.ones(3, 2, dtype=torch.bool))


@settings(deadline=None, max_examples=40)
@given(b=st.integers(1, 5), temperature=st.floats(0.05, 1.0), seed=st.integers(0, 2**16))
def test_nt_xent_equals_the_double_loop_with_and_without_exclusions_and_weights(b, temperature, seed):
    first, second = unit(b, 6, seed=seed), unit(b, 6, seed=seed + 1)
    rng = torch.Generator().manual_seed(seed)
    exclude, weights = torch.rand(b, b, generator=rng) > 0.5, torch.rand(b, generator=rng)
    pair = first.tolist(), second.tolist()
    assert close(nt_xent(first, second, temperature=temperature), slow_nt_xent(*pair, temperature))
    fast = nt_xent(first, second, temperature=temperature, exclude=exclude, weights=weights)
    assert close(fast, slow_nt_xent(*pair, temperature, exclude.tolist(), weights.tolist()))


def test_the_common_space_loss_is_twice_the_reference_nt_xent():
    image, shape = unit(7, 16), unit(7, 16, seed=1)
    expected = 2 * slow_nt_xent(image.tolist(), shape.tolist(), 0.15)
    assert close(common_space_loss(image, shape, temperature=0.15), expected, 1e-6)


def test_the_common_space_loss_is_what_the_released_code_computes():
    image, shape = unit(6, 16, dtype=torch.float64), unit(6, 16, seed=1, dtype=torch.float64)
    items = torch.cat([image, shape])
    scores = (items @ items.T / 0.5).exp()
    partner = (image * shape).sum(dim=1).div(0.5).exp().repeat(2)
    direction = -(partner / (scores.sum(dim=1) - scores.diag())).log().mean()
    released = direction + direction
    torch.testing.assert_close(common_space_loss(image, shape, temperature=0.5), released)


def test_swapping_the_modalities_does_not_change_the_loss():
    image, shape = unit(9, 16), unit(9, 16, seed=1)
    exclude = torch.rand(9, 9, generator=torch.Generator().manual_seed(2)) > 0.7
    exclude = exclude | exclude.T
    forth = common_space_loss(image, shape, temperature=0.1, exclude=exclude)
    back = common_space_loss(shape, image, temperature=0.1, exclude=exclude)
    torch.testing.assert_close(forth, back, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_it_is_finite_at_temperature_one_hundredth_in_every_precision(dtype):
    image, shape = unit(32, 64).to(dtype).requires_grad_(), unit(32, 64, seed=1).to(dtype)
    loss = common_space_loss(image, shape, temperature=0.01)
    loss.backward()
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)
    assert torch.isfinite(image.grad).all()
    assert image.grad.abs().sum() > 0


def test_autocast_does_not_lower_the_precision_of_the_scores():
    image, shape = unit(8, 64), unit(8, 64, seed=1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = common_space_loss(image, shape, temperature=0.05)
    assert torch.equal(inside, common_space_loss(image, shape, temperature=0.05))


def test_one_pair_has_no_negatives_and_gives_zero_with_a_gradient():
    image = unit(1, 8).requires_grad_()
    loss = common_space_loss(image, unit(1, 8, seed=1), temperature=0.1)
    loss.backward()
    assert loss.item() == 0
    assert torch.isfinite(image.grad).all()


def test_no_pair_at_all_gives_zero_with_a_gradient():
    image = torch.zeros(0, 8, requires_grad=True)
    loss = common_space_loss(image, torch.zeros(0, 8), temperature=0.1)
    loss.backward()
    assert loss.item() == 0


def test_excluding_every_negative_gives_zero_with_a_finite_gradient():
    image = unit(4, 8).requires_grad_()
    everything = torch.ones(4, 4, dtype=torch.bool)
    loss = common_space_loss(image, unit(4, 8, seed=1), temperature=0.01, exclude=everything)
    loss.backward()
    assert loss.item() == 0
    assert torch.isfinite(image.grad).all()


def test_an_excluded_object_is_gone_from_all_four_blocks():
    image, shape = unit(3, 8), unit(3, 8, seed=1)
    exclude = torch.zeros(3, 3, dtype=torch.bool)
    exclude[:2, 2] = exclude[2, :2] = True
    masked = common_space_loss(
        image, shape, temperature=0.2, exclude=exclude, weights=torch.tensor([1.0, 1, 0])
    )
    alone = common_space_loss(image[:2], shape[:2], temperature=0.2)
    torch.testing.assert_close(masked, alone)


def test_weights_of_zero_give_zero_with_a_gradient():
    image = unit(3, 8).requires_grad_()
    loss = common_space_loss(image, unit(3, 8, seed=1), temperature=0.1, weights=torch.zeros(3))
    loss.backward()
    assert loss.item() == 0
    assert not image.grad.any()


@settings(deadline=None, max_examples=20)
@given(m=st.integers(2, 4), b=st.integers(1, 4), seed=st.integers(0, 2**16))
def test_multi_view_nce_equals_the_loops(m, b, seed):
    views = unit(m, b, 6, seed=seed)
    exclude = torch.rand(b, b, generator=torch.Generator().manual_seed(seed)) > 0.5
    assert close(multi_view_nce(views, temperature=0.2), slow_multi_view(views.tolist(), 0.2))
    fast = multi_view_nce(views, temperature=0.2, exclude=exclude)
    assert close(fast, slow_multi_view(views.tolist(), 0.2, exclude.tolist()))


def test_two_views_are_half_the_common_space_loss():
    views = unit(2, 6, 8)
    half = common_space_loss(views[0], views[1], temperature=0.1) / 2
    torch.testing.assert_close(multi_view_nce(views, temperature=0.1), half)


def test_identical_views_of_one_object_reach_the_documented_floor():
    views = unit(1, 1, 8).expand(4, 1, 8)
    assert close(multi_view_nce(views, temperature=0.1), math.log(3))


def test_the_order_of_objects_does_not_change_the_loss():
    views, order = unit(3, 5, 8, dtype=torch.float64), torch.tensor([3, 0, 4, 1, 2])
    expected = multi_view_nce(views, temperature=0.1)
    torch.testing.assert_close(multi_view_nce(views[:, order], temperature=0.1), expected)


def test_gradients_match_finite_differences():
    views = unit(3, 3, 4, dtype=torch.float64).requires_grad_()
    exclude = torch.tensor([[0, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=torch.bool)
    assert torch.autograd.gradcheck(lambda v: multi_view_nce(v, temperature=0.3, exclude=exclude), [views])


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan])
def test_a_temperature_that_is_not_positive_is_refused(temperature):
    with pytest.raises(ValueError, match="temperature must be > 0"):
        nt_xent(unit(2, 4), unit(2, 4), temperature=temperature)


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match=r"one shape, got \(2, 4\) and \(3, 4\)"):
        nt_xent(unit(2, 4), unit(3, 4), temperature=0.1)
    with pytest.raises(ValueError, match=r"exclude must be \(2, 2\), got \(4, 4\)"):
        nt_xent(unit(2, 4), unit(2, 4), temperature=0.1, exclude=torch.zeros(4, 4, dtype=torch.bool))
    with pytest.raises(ValueError, match="at least 2 views"):
        multi_view_nce(unit(1, 2, 4), temperature=0.1)
    with pytest.raises(ValueError, match=r"weights must be \(2,\)"):
        nt_xent(unit(2, 4), unit(2, 4), temperature=0.1, weights=torch.ones(3))
