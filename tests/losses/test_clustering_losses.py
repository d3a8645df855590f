import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.losses.clustering import balance_entropy, mutual_information
from reference.clustering import slow_mutual_information


def soft(b, k, seed):
    return torch.randn(b, k, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).softmax(
        dim=1
    )


@settings(deadline=None, max_examples=30)
@given(b=st.integers(1, 6), k=st.integers(1, 5), seed=st.integers(0, 2**16))
def test_mutual_information_is_minus_the_loop(b, k, seed):
    p, q = soft(b, k, seed), soft(b, k, seed + 1)
    expected = -slow_mutual_information(p.tolist(), q.tolist())
    assert mutual_information(p, q).item() == pytest.approx(expected, abs=1e-9)


def test_certain_agreement_on_balanced_clusters_reaches_minus_log_k():
    p = torch.eye(4).repeat(3, 1)
    assert mutual_information(p, p).item() == pytest.approx(-math.log(4), rel=1e-5)


def test_collapse_to_one_cluster_has_no_information():
    p = torch.eye(4)[:1].repeat(12, 1)
    assert mutual_information(p, p).item() == pytest.approx(0, abs=1e-6)
    assert balance_entropy(p).item() == pytest.approx(0, abs=1e-6)


def test_balance_entropy_is_the_entropy_of_the_mean():
    p = torch.tensor([[1.0, 0], [0.5, 0.5]])
    expected = -0.75 * math.log(0.75) - 0.25 * math.log(0.25)
    assert balance_entropy(p).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_exact_zeros_have_finite_gradients_in_every_precision(dtype):
    p = torch.eye(4, dtype=dtype).requires_grad_()
    (mutual_information(p, p) - balance_entropy(p)).backward()
    assert torch.isfinite(p.grad).all()


def test_an_empty_batch_gives_zero_with_a_gradient():
    p = torch.zeros(0, 3, requires_grad=True)
    loss = mutual_information(p, p) - balance_entropy(p)
    loss.backward()
    assert loss.item() == 0


def test_gradients_match_finite_differences():
    p, q = soft(4, 3, 0).requires_grad_(), soft(4, 3, 1).requires_grad_()
    assert torch.autograd.gradcheck(mutual_information, [p, q])
    assert torch.autograd.gradcheck(balance_entropy, [p])


def test_different_shapes_are_refused():
    with pytest.raises(ValueError, match=r"got \(2, 3\) and \(2, 4\)"):
        mutual_information(torch.ones(2, 3), torch.ones(2, 4))
