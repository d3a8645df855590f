import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.ops.sinkhorn import sinkhorn
from reference.assignment import slow_sinkhorn


def scores(n, k, seed=0):
    return torch.rand(n, k, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@settings(deadline=None, max_examples=40)
@given(n=st.integers(1, 12), k=st.integers(1, 5), iterations=st.integers(1, 4), seed=st.integers(0, 2**16))
def test_the_plan_equals_scaling_in_turn(n, k, iterations, seed):
    table = scores(n, k, seed)
    fast = sinkhorn(table, epsilon=0.2, iterations=iterations)
    slow = torch.tensor(slow_sinkhorn(table, epsilon=0.2, iterations=iterations))
    torch.testing.assert_close(fast, slow, rtol=1e-4, atol=1e-5)


def test_after_many_rounds_every_column_has_the_same_mass():
    plan = sinkhorn(scores(60, 6), epsilon=0.3, iterations=200)
    torch.testing.assert_close(plan.sum(dim=0), torch.full((6,), 10.0), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(plan.sum(dim=1), torch.ones(60))


def test_items_that_all_prefer_one_cluster_are_spread_over_all():
    table = scores(40, 4)
    table[:, 0] += 5
    assert (table.argmax(dim=1) == 0).all()
    assert sinkhorn(table, iterations=50).argmax(dim=1).bincount(minlength=4).min() >= 5


def test_a_tiny_epsilon_stays_finite():
    assert torch.isfinite(sinkhorn(scores(10, 3) * 100, epsilon=1e-3)).all()


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((0, 3), {}, r"got \(0, 3\)"),
        ((2, 3), {"epsilon": 0.0}, "epsilon must be > 0, got 0.0"),
        ((2, 3), {"iterations": 0}, "iterations must be >= 1, got 0"),
    ],
)
def test_what_cannot_be_balanced_is_refused_by_name(shape, options, message):
    with pytest.raises(ValueError, match=message):
        sinkhorn(torch.zeros(shape), **options)
