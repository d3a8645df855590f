import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.losses.multi_positive import decoupled_nce, joint_nce, paired_sets_nce
from losses.test_paired_losses import mask, unit
from reference.paired import slow_multi_positive, slow_paired_nce, slow_paired_sets

FORMS = {"joint": joint_nce, "decoupled": decoupled_nce}
both = pytest.mark.parametrize("form", FORMS)


@both
@settings(deadline=None, max_examples=40)
@given(q=st.integers(1, 5), k=st.integers(1, 6), scale=st.floats(1.0, 50.0), seed=st.integers(0, 2**16))
def test_it_equals_the_loops(form, q, k, scale, seed):
    query, key = unit(q, 6, seed=seed), unit(k, 6, seed=seed + 1)
    positive, candidate = mask(q, k, seed=seed, share=0.4), mask(q, k, seed=seed + 1, share=0.8)
    weights = mask(q, seed=seed, share=0.8).float() * 2
    fast = FORMS[form](query, key, positive, scale=scale, candidate=candidate, weights=weights)
    slow = slow_multi_positive(
        query.tolist(),
        key.tolist(),
        positive.tolist(),
        scale,
        candidate.tolist(),
        weights.tolist(),
        form=form,
    )
    assert float(fast) == pytest.approx(slow, rel=1e-4, abs=1e-4)
    plain = FORMS[form](query, key, positive, scale=scale)
    slow = slow_multi_positive(query.tolist(), key.tolist(), positive.tolist(), scale, form=form)
    assert float(plain) == pytest.approx(slow, rel=1e-4, abs=1e-4)


@both
@settings(deadline=None, max_examples=30)
@given(b=st.integers(1, 4), m=st.integers(1, 3), t=st.integers(1, 3), seed=st.integers(0, 2**16))
def test_sets_equal_the_loops_with_items_missing_and_objects_excluded(form, b, m, t, seed):
    first, second = unit(b, m, 6, seed=seed), unit(b, t, 6, seed=seed + 1)
    here, there = mask(b, m, seed=seed, share=0.7), mask(b, t, seed=seed + 1, share=0.7)
    exclude = mask(b, b, seed=seed, share=0.3)
    fast = paired_sets_nce(
        first, second, scale=9.0, first_present=here, second_present=there, exclude=exclude, form=form
    )
    slow = slow_paired_sets(
        first.tolist(), second.tolist(), 9.0, here.tolist(), there.tolist(), exclude.tolist(), form=form
    )
    assert float(fast) == pytest.approx(slow, rel=1e-4, abs=1e-4)


@both
def test_with_one_item_on_each_side_it_is_the_paired_loss(form):
    first, second, present = unit(6, 8), unit(6, 8, seed=1), mask(6, seed=2, share=0.7)
    sets = paired_sets_nce(
        first[:, None], second[:, None], scale=14.0, second_present=present[:, None], form=form
    )
    expected = slow_paired_nce(first.tolist(), second.tolist(), 14.0, present.tolist())
    assert float(sets) == pytest.approx(expected, rel=1e-5)


def test_two_equal_positives_cost_log_two_in_one_softmax_and_nothing_apart():
    query, key = torch.eye(2)[:1], torch.tensor([[1.0, 0], [1, 0], [-1, 0]])
    positive = torch.tensor([[True, True, False]])
    assert float(joint_nce(query, key, positive, scale=50.0)) == pytest.approx(math.log(2), rel=1e-5)
    assert float(decoupled_nce(query, key, positive, scale=50.0)) == pytest.approx(0.0, abs=1e-6)


def test_an_easy_positive_is_not_pushed_away_by_a_hard_one():
    query = torch.eye(3)[:1]
    key = torch.tensor([[0.9, 0.1, 0], [0.2, 0.8, 0], [-1.0, 0, 0]], requires_grad=True)
    positive = torch.tensor([[True, True, False]])
    joint_nce(query, key, positive, scale=10.0).backward()
    assert key.grad[0, 0] > 0  # descending moves it away from the query
    key.grad = None
    decoupled_nce(query, key, positive, scale=10.0).backward()
    assert key.grad[0, 0] <= 0


@both
def test_an_object_counts_once_however_many_texts_it_has(form):
    shapes, texts = unit(3, 1, 8, dtype=torch.float64), unit(3, 1, 8, seed=1, dtype=torch.float64)
    copies, own = texts.repeat(1, 2, 1), torch.eye(3, dtype=torch.bool).repeat_interleave(2, 1)
    from_texts = []
    for there in ([[True, False]] * 3, [[True, True], [True, False], [True, False]]):
        present = torch.tensor(there)
        whole = paired_sets_nce(shapes, copies, scale=5.0, second_present=present, form=form)
        from_shapes = FORMS[form](
            shapes[:, 0], copies.flatten(0, 1), own, scale=5.0, candidate=present.flatten().expand(3, 6)
        )
        from_texts.append(2 * whole - from_shapes)
    torch.testing.assert_close(from_texts[0], from_texts[1])


@both
@pytest.mark.parametrize("count", [0, 3])
def test_without_any_positive_the_loss_is_zero_with_a_gradient(form, count):
    query = unit(count, 8).requires_grad_()
    loss = FORMS[form](query, unit(4, 8), torch.zeros(count, 4, dtype=torch.bool), scale=10.0)
    loss.backward()
    assert loss.item() == 0
    assert not query.grad.any()
    first = unit(count, 2, 8).requires_grad_()
    loss = paired_sets_nce(
        first,
        unit(count, 3, 8),
        scale=10.0,
        second_present=torch.zeros(count, 3, dtype=torch.bool),
        form=form,
    )
    loss.backward()
    assert loss.item() == 0
    assert not first.grad.any()


@both
def test_a_query_without_candidates_or_negatives_is_finite(form):
    query, key = unit(2, 8).requires_grad_(), unit(3, 8)
    positive = torch.tensor([[True, True, False], [True, True, True]])
    candidate = torch.tensor([[False, False, False], [True, True, True]])
    loss = FORMS[form](query, key, positive, scale=100.0, candidate=candidate)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(query.grad).all()
    assert not query.grad[0].any()
    if form == "decoupled":
        assert loss.item() == 0  # the second query has positives alone


@both
def test_objects_and_items_may_be_permuted(form):
    first, second = unit(4, 2, 8, dtype=torch.float64), unit(4, 3, 8, seed=1, dtype=torch.float64)
    order, within = torch.tensor([2, 0, 3, 1]), torch.tensor([1, 2, 0])
    loss = paired_sets_nce(first, second, scale=8.0, form=form)
    turned = paired_sets_nce(first[order].flip(1), second[order][:, within], scale=8.0, form=form)
    torch.testing.assert_close(turned, loss)
    torch.testing.assert_close(paired_sets_nce(second, first, scale=8.0, form=form), loss)


@both
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_it_is_finite_at_the_largest_scale_in_every_precision(form, dtype):
    first, second = unit(16, 2, 64).to(dtype).requires_grad_(), unit(16, 3, 64, seed=1).to(dtype)
    loss = paired_sets_nce(first, second, scale=100.0, form=form)
    loss.backward()
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)
    assert torch.isfinite(first.grad).all()


@both
def test_gradients_match_finite_differences_the_scale_included(form):
    first, second = (unit(3, n, 4, seed=n, dtype=torch.float64).requires_grad_() for n in (2, 3))
    scale = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    there = torch.tensor([[True, True, False], [True, True, True], [False, False, False]])
    assert torch.autograd.gradcheck(
        lambda a, b, s: paired_sets_nce(a, b, scale=s, second_present=there, form=form),
        (first, second, scale),
    )


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match=r"positive must be \(2, 3\), got \(3, 2\)"):
        joint_nce(unit(2, 4), unit(3, 4), torch.ones(3, 2, dtype=torch.bool), scale=1.0)
    with pytest.raises(ValueError, match=r"candidate must be \(2, 3\)"):
        joint_nce(
            unit(2, 4), unit(3, 4), torch.ones(2, 3, dtype=torch.bool), scale=1.0,
            candidate=torch.ones(3, 3, dtype=torch.bool),
        )  # fmt: skip
    with pytest.raises(ValueError, match="of the same objects"):
        paired_sets_nce(unit(2, 1, 4), unit(3, 1, 4), scale=1.0)
    with pytest.raises(ValueError, match=r"second_present must be \(2, 3\), got \(2, 1\)"):
        paired_sets_nce(
            unit(2, 1, 4), unit(2, 3, 4), scale=1.0, second_present=torch.ones(2, 1, dtype=torch.bool)
        )
    with pytest.raises(ValueError, match=r"exclude must be \(2, 2\)"):
        paired_sets_nce(unit(2, 1, 4), unit(2, 3, 4), scale=1.0, exclude=torch.ones(3, 3, dtype=torch.bool))
